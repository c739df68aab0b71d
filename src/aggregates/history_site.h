/*
 * history_site.h
 *	  The arguments of a transition function over histories.
 *
 * The arguments of such an aggregate are (history, period, [step,] [inactive_after,]
 * [churned_after,] [lost_after]).  The period is a range, and then all histories must have instants
 * of its type; or it is a text, which is read as a range of the type of each history.  Curves have
 * (history, [as_of,] until), which are instants of that type, or texts.
 *
 * The types of the arguments come from the catalogue, and not from fn_expr: Citus calls the
 * functions of an aggregate without it, and with a new FmgrInfo for each row.
 */
#ifndef WINBACK_HISTORY_SITE_H
#define WINBACK_HISTORY_SITE_H

#include "postgres.h"

#include "aggregates/history_call.h"
#include "scan/scan_call.h"

/* as_of and until */
#define MAX_WHENS	2

/* The data that all calls of one transition function in one plan share; nothing of a group. */
typedef struct HistorySite
{
	MemoryContext context;		/* of the site, and of everything that it points to */
	Oid			when_type;		/* of the period, or of as_of and until */
	int			nwhens;			/* arguments of that type */
	int64		marks[NTIME_UNITS]; /* of the last question: see HistoryQuestionsDiffer */
	CallSite	sites[NTIME_UNITS]; /* for histories of each unit */
	HistoryLiteral literals[MAX_WHENS][NTIME_UNITS];
} HistorySite;

/* The positions of arguments. */
#define HISTORY_ARG			1
#define HISTORY_WHEN_ARG	2	/* the period, or as_of or until, and until behind as_of */

/* A mark is a hash of a question, of so many bits, and not 0. */
#define HISTORY_MARK_BITS	21

extern void *HistorySiteCreate(FunctionCallInfo fcinfo, const Signature *signature, Size size);
extern const Question *HistorySiteReadQuestion(FunctionCallInfo fcinfo, HistorySite *history_site,
											   TimeUnit unit);
pg_noreturn extern void HistoryQuestionsDiffer(void);

/* Return whether a function is called by an aggregate, whose state it may change in place. */
static inline bool
IsInAggregate(FunctionCallInfo fcinfo)
{
	return GetScanCall(fcinfo) != NULL || AggCheckCallContext(fcinfo, NULL);
}

/* Return a state, argument 0, that may be changed in place: outside of an aggregate it is a copy. */
static inline Datum
WritableState(FunctionCallInfo fcinfo)
{
	return likely(IsInAggregate(fcinfo)) ? PG_GETARG_DATUM(0) :
		PointerGetDatum(PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0)));
}

/* Return the site of a call: a struct of so many bytes, which begins with a HistorySite. */
static inline void *
HistorySiteGet(FunctionCallInfo fcinfo, const Signature *signature, Size size)
{
	if (likely(fcinfo->flinfo->fn_extra != NULL))
		return fcinfo->flinfo->fn_extra;
	return HistorySiteCreate(fcinfo, signature, size);
}

/* Return the question about a history of a unit.  It is valid until the next one. */
static inline const Question *
HistorySiteQuestion(FunctionCallInfo fcinfo, HistorySite *history_site, TimeUnit unit)
{
	CallSite   *site = &history_site->sites[unit];

	if (likely(site->constant && site->asked))
		return &site->question;
	return HistorySiteReadQuestion(fcinfo, history_site, unit);
}

#endif							/* WINBACK_HISTORY_SITE_H */
