/*
 * call_site.h
 *	  The arguments of a transition function.
 */
#ifndef WINBACK_CALL_SITE_H
#define WINBACK_CALL_SITE_H

#include "postgres.h"

#include "fmgr.h"

#include "rules/local_day.h"
#include "rules/period_judge.h"
#include "rules/question.h"
#include "scan/row_block.h"
#include "state/customer_state.h"

/* The instants at which an aggregate needs the standing of a customer. */
typedef enum Scope
{
	SCOPE_INSTANT,				/* as_of */
	SCOPE_START,				/* the start of the period */
	SCOPE_BOTH,					/* its start, and its end if it has one */
	SCOPE_BOUNDED,				/* its start and its end, which it must have */
	SCOPE_SERIES,				/* start and end of each step of a period with an end */
	SCOPE_UNTIL,				/* until, an instant up to which customers are observed */
	SCOPE_BETWEEN,				/* as_of and until */
	SCOPE_ALWAYS				/* all instants; there is no such argument */
} Scope;

/* Return whether the answer depends on the standings at the end of the period. */
static inline bool
ScopeHasEnd(Scope scope)
{
	return scope == SCOPE_BOTH || scope == SCOPE_BOUNDED || scope == SCOPE_SERIES;
}

/* Return whether the period must have an end. */
static inline bool
ScopeNeedsEnd(Scope scope)
{
	return scope == SCOPE_BOUNDED || scope == SCOPE_SERIES;
}

/*
 * The signature of an aggregate:
 * ([customer,] at, [event,] [amount,] period or as_of or until, [until or step,]
 *  [inactive_after,] [churned_after,] [lost_after])
 * The arguments of the call decide whether it has an event and an amount.
 */
typedef struct Signature
{
	bool		customer;
	Scope		scope;
	bool		inactive_after;
	bool		churned_after;
	bool		lost_after;
	bool		counts_days;	/* the calendar days of instants matter */
} Signature;

/*
 * The data that all calls of one transition function in one plan share.  It holds
 * nothing of a group, because PostgreSQL calls the function for all groups and
 * grouping sets by turns.  The judge is that of the last row, of any group.
 */
typedef struct CallSite
{
	const Signature *signature;
	TimeUnit	unit;
	StateFamily family;			/* customer_type is NULL without a customer argument */

	/* positions of the arguments that differ between signatures; 0 if absent */
	int			event;
	int			amount;
	int			period;			/* or as_of, or until without as_of */
	int			until;			/* behind as_of */
	int			step;
	int			inactive_after;
	int			churned_after;
	int			lost_after;

	bool		constant;		/* the question cannot change */
	bool		asked;			/* question is set */
	bool		has_judge;		/* judge is set, and belongs to the question */
	Question	question;
	PeriodJudge judge;
	LocalDays	days;			/* set if the aggregate counts days */
	const Question *shared;		/* CallSiteShareQuestion; NULL before the first call */
} CallSite;

extern CallSite *CallSiteCreate(FunctionCallInfo fcinfo, const Signature *signature);
extern MemoryContext AggregateContext(FunctionCallInfo fcinfo);
extern StateFamily *CombineFamily(FunctionCallInfo fcinfo, Oid customer_type);
extern const Question *CallSiteReadQuestion(FunctionCallInfo fcinfo, CallSite *site);
extern const Question *CallSiteShareQuestion(FunctionCallInfo fcinfo, CallSite *site);
extern const PeriodJudge *CallSiteMakeJudge(CallSite *site);

static inline CallSite *
CallSiteGet(FunctionCallInfo fcinfo, const Signature *signature)
{
	if (likely(fcinfo->flinfo->fn_extra != NULL))
		return (CallSite *) fcinfo->flinfo->fn_extra;
	return CallSiteCreate(fcinfo, signature);
}

/* Positions of arguments.  They are constants if the compiler can see the signature. */
#define CUSTOMER_ARG		1
#define AtArg(signature)	((signature)->customer ? 2 : 1)

/* Return whether to ignore a row because of its event: an adjustment is an amount only. */
static inline bool
IgnoresEvent(const CallSite *site, Datum event, bool isnull)
{
	return isnull || (!site->amount && !IsHistory((LifecycleEvent) DatumGetChar(event)));
}

/* Return whether to ignore a row because of its event, or a customer or time that is NULL. */
static inline bool
CallSiteIgnores(FunctionCallInfo fcinfo, const Signature *signature,
				const CallSite *site)
{
	return (signature->customer && PG_ARGISNULL(CUSTOMER_ARG)) ||
		PG_ARGISNULL(AtArg(signature)) ||
		(site->event &&
		 IgnoresEvent(site, PG_GETARG_DATUM(site->event), PG_ARGISNULL(site->event)));
}

/* Do the same as CallSiteIgnores for a row in a block. */
static inline bool
RowBlockIgnores(const RowBlock *rows, int row, const Signature *signature, const CallSite *site)
{
	return rows->nulls[CUSTOMER_ARG][row] | rows->nulls[AtArg(signature)][row] |
		(site->event &&
		 IgnoresEvent(site, rows->values[site->event][row], rows->nulls[site->event][row]));
}

/*
 * Return whether the block has columns for customer, time and event, and the question
 * is the same for all rows.
 */
static inline bool
RowBlockServes(const RowBlock *rows, const Signature *signature, const CallSite *site)
{
	return site->constant && rows->values[CUSTOMER_ARG] != NULL &&
		rows->values[AtArg(signature)] != NULL &&
		(!site->event || rows->values[site->event] != NULL);
}

/* Return the question of a row.  It is valid until the next row. */
static inline const Question *
CallSiteQuestion(FunctionCallInfo fcinfo, CallSite *site)
{
	if (likely(site->constant && site->asked))
		return &site->question;
	return CallSiteReadQuestion(fcinfo, site);
}

/* Raise an error if the question of a row is not the one with that fingerprint. */
static inline void
CallSiteCheckQuestion(FunctionCallInfo fcinfo, CallSite *site, uint64 fingerprint)
{
	if (unlikely(!site->constant) &&
		CallSiteQuestion(fcinfo, site)->fingerprint != fingerprint)
		QuestionChanged();
}

/* Return the judge for the question of a row about one period. */
static inline const PeriodJudge *
CallSiteJudge(FunctionCallInfo fcinfo, CallSite *site)
{
	CallSiteQuestion(fcinfo, site);
	if (likely(site->has_judge))
		return &site->judge;
	return CallSiteMakeJudge(site);
}

/* Get an argument that is a state; NULL if there is none. */
static inline void *
ArgState(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : PG_GETARG_POINTER(arg);
}

/* Return a state from a function; NULL in SQL if there is none. */
static inline Datum
ReturnState(FunctionCallInfo fcinfo, void *state)
{
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

static inline int64
CallSiteInstant(FunctionCallInfo fcinfo, const Signature *signature,
				const CallSite *site)
{
	return InstantFromDatum(site->unit, PG_GETARG_DATUM(AtArg(signature)));
}

static inline LifecycleEvent
CallSiteEvent(FunctionCallInfo fcinfo, const CallSite *site)
{
	return site->event ? (LifecycleEvent) PG_GETARG_CHAR(site->event) : EVENT_PURCHASE;
}

#endif							/* WINBACK_CALL_SITE_H */
