/*
 * history_call.h
 *	  The question of a function over histories.
 */
#ifndef WINBACK_HISTORY_CALL_H
#define WINBACK_HISTORY_CALL_H

#include "postgres.h"

#include "pgtime.h"

#include "aggregates/call_site.h"
#include "types/customer_history.h"

#define NTIME_UNITS		(UNIT_TIMESTAMPTZ + 1)

/* The arguments whose type must suit the times of a history. */
typedef enum HistoryWhenKind
{
	WHEN_PERIOD,
	WHEN_AS_OF,
	WHEN_UNTIL
} HistoryWhenKind;

/* A literal of a call, and its value in a unit. */
typedef struct HistoryLiteral
{
	text	   *text;			/* NULL before the first call */
	Datum		value;
} HistoryLiteral;

/*
 * The data that all calls of one function in one plan share.  The type of the instants is known
 * when a history is there, and may differ from call to call.  So there is a CallSite for each.
 */
typedef struct HistoryCall
{
	Oid			when_type;		/* of the period or as_of */
	CallSite	sites[NTIME_UNITS];
	HistoryLiteral literals[NTIME_UNITS];

	/* settings with which the judges and literals were made */
	pg_tz	   *timezone;
	int			date_order;
} HistoryCall;

extern HistoryCall *HistoryCallGet(FunctionCallInfo fcinfo, const Signature *signature);
extern const PeriodJudge *HistoryCallJudge(FunctionCallInfo fcinfo, HistoryCall *call,
										   TimeUnit unit);
extern const Question *HistoryCallQuestion(FunctionCallInfo fcinfo, HistoryCall *call,
										   TimeUnit unit);
extern Datum HistoryWhen(Datum when, Oid type, TimeUnit unit, HistoryWhenKind kind);
extern Datum HistoryWhenOfUnit(Datum when, Oid type, TimeUnit unit, HistoryWhenKind kind);

#endif							/* WINBACK_HISTORY_CALL_H */
