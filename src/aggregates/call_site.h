/*
 * call_site.h
 *	  The arguments of a transition function.
 */
#ifndef WINBACK_CALL_SITE_H
#define WINBACK_CALL_SITE_H

#include "postgres.h"

#include "fmgr.h"

#include "rules/period_judge.h"
#include "rules/question.h"
#include "scan/row_block.h"
#include "state/customer_state.h"

/* What an aggregate asks about time. */
typedef enum Scope
{
	SCOPE_INSTANT,				/* as_of: standing at an instant */
	SCOPE_START,				/* period: the standing at its start */
	SCOPE_BOTH,					/* and at its end, if it has one */
	SCOPE_BOUNDED,				/* and it must have one */
	SCOPE_SERIES				/* period and step, and it must have one */
} Scope;

/*
 * The signature of an aggregate:
 * ([customer,] at, [event,] [amount,] period or as_of, [step,]
 *  [inactive_after,] [churned_after])
 * An event and an amount are there or not by the arguments of the call.
 */
typedef struct Signature
{
	bool		customer;
	Scope		scope;
	bool		inactive_after;
	bool		churned_after;
} Signature;

/*
 * What is the same for all calls of one transition function in one plan: types,
 * and never anything of a group, because groups and grouping sets take turns.
 * The judge is that of the last row, whatever group it was in.
 */
typedef struct CallSite
{
	const Signature *signature;
	TimeUnit	unit;
	StateFamily family;			/* what its states share; no type without a customer */

	/* positions of arguments that are not always at one, 0 where there is none */
	int			event;
	int			amount;
	int			period;			/* or as_of */
	int			step;
	int			inactive_after;
	int			churned_after;

	bool		constant;		/* the question cannot change */
	bool		asked;			/* the question is set */
	bool		has_judge;		/* and the judge that follows from it */
	Question	question;
	PeriodJudge judge;
} CallSite;

extern CallSite *CallSiteCreate(FunctionCallInfo fcinfo, const Signature *signature);
extern MemoryContext AggregateContext(FunctionCallInfo fcinfo);
extern StateFamily *CombineFamily(FunctionCallInfo fcinfo, Oid customer_type);
extern const Question *CallSiteReadQuestion(FunctionCallInfo fcinfo, CallSite *site);
extern const PeriodJudge *CallSiteMakeJudge(CallSite *site);

static inline CallSite *
CallSiteGet(FunctionCallInfo fcinfo, const Signature *signature)
{
	if (likely(fcinfo->flinfo->fn_extra != NULL))
		return (CallSite *) fcinfo->flinfo->fn_extra;
	return CallSiteCreate(fcinfo, signature);
}

/* Positions of arguments; known to the compiler where the signature is. */
#define CUSTOMER_ARG		1
#define AtArg(signature)	((signature)->customer ? 2 : 1)

/* A row without customer, time or event is ignored altogether. */
static inline bool
CallSiteIgnores(FunctionCallInfo fcinfo, const Signature *signature,
				const CallSite *site)
{
	return (signature->customer && PG_ARGISNULL(CUSTOMER_ARG)) ||
		PG_ARGISNULL(AtArg(signature)) ||
		(site->event && PG_ARGISNULL(site->event));
}

/* The same of a row in a block. */
static inline bool
RowBlockIgnores(const RowBlock *rows, int row, const Signature *signature, const CallSite *site)
{
	return rows->nulls[CUSTOMER_ARG][row] | rows->nulls[AtArg(signature)][row] |
		(site->event && rows->nulls[site->event][row]);
}

/*
 * Are the customer, time and event of a block columns, and the same asked about all
 * rows?
 */
static inline bool
RowBlockServes(const RowBlock *rows, const Signature *signature, const CallSite *site)
{
	return site->constant && rows->values[CUSTOMER_ARG] != NULL &&
		rows->values[AtArg(signature)] != NULL &&
		(!site->event || rows->values[site->event] != NULL);
}

/* The question of a row; valid until the next row. */
static inline const Question *
CallSiteQuestion(FunctionCallInfo fcinfo, CallSite *site)
{
	if (likely(site->constant && site->asked))
		return &site->question;
	return CallSiteReadQuestion(fcinfo, site);
}

/* The judge that follows from it, if one period is asked about. */
static inline const PeriodJudge *
CallSiteJudge(FunctionCallInfo fcinfo, CallSite *site)
{
	CallSiteQuestion(fcinfo, site);
	if (likely(site->has_judge))
		return &site->judge;
	return CallSiteMakeJudge(site);
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
