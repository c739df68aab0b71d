/*
 * lifecycle.c
 *	  The aggregates over the rows of one customer: lifecycle_at,
 *	  lifecycle_during and explain_lifecycle.
 *
 * The state is small and does not grow with the rows.  So a GROUP BY over all
 * customers takes as much memory as a GROUP BY with max(), and spills to disk in the same way.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/fmgrprotos.h"

#include "aggregates/call_site.h"

PG_FUNCTION_INFO_V1(lifecycle_at_trans);
PG_FUNCTION_INFO_V1(lifecycle_at_final);
PG_FUNCTION_INFO_V1(lifecycle_during_trans);
PG_FUNCTION_INFO_V1(lifecycle_during_final);
PG_FUNCTION_INFO_V1(lifecycle_combine);
PG_FUNCTION_INFO_V1(lifecycle_serial);
PG_FUNCTION_INFO_V1(lifecycle_deserial);
PG_FUNCTION_INFO_V1(explain_lifecycle_trans);
PG_FUNCTION_INFO_V1(explain_lifecycle_final);

#define LIFECYCLE_WIRE_VERSION	1

static const Signature at_signature = {
	.scope = SCOPE_INSTANT, .inactive_after = true, .churned_after = true
};
static const Signature during_signature = {
	.scope = SCOPE_BOUNDED, .inactive_after = true, .churned_after = true
};
static const Signature explain_signature = {
	.scope = SCOPE_BOTH, .inactive_after = true, .churned_after = true
};

/* The state of one customer, in one allocation of at most 64 bytes. */
typedef struct LifecycleState
{
	uint64		fingerprint;	/* of the judge */
	EventFacts	facts;
} LifecycleState;

/* The state of explain_lifecycle. */
typedef struct Explanation
{
	LifecycleState state;		/* must be first: LifecycleTrans fills it */
	PeriodJudge judge;
	int64		first_purchase; /* in the period; END_OF_TIME if there is none */
} Explanation;

StaticAssertDecl(sizeof(LifecycleState) <= 64, "the state of one customer must stay small");

/* Add a row to the state.  A new state gets `size` bytes. */
static LifecycleState *
LifecycleTrans(FunctionCallInfo fcinfo, CallSite *site, Size size)
{
	LifecycleState *state = ArgState(fcinfo, 0);
	const PeriodJudge *judge;
	PurchaseFacts verdict;
	int64		at;

	if (CallSiteIgnores(fcinfo, site->signature, site))
		return state;

	judge = CallSiteJudge(fcinfo, site);
	if (state == NULL)
	{
		state = MemoryContextAllocZero(AggregateContext(fcinfo), size);
		state->fingerprint = judge->fingerprint;
	}
	else if (state->fingerprint != judge->fingerprint)
		QuestionChanged();

	at = CallSiteInstant(fcinfo, site->signature, site);
	verdict = JudgePurchase(judge, at);
	if (verdict != 0)
		EventFactsAdd(&state->facts, at, CallSiteEvent(fcinfo, site), verdict,
					  judge->period.from);
	return state;
}

Datum
lifecycle_at_trans(PG_FUNCTION_ARGS)
{
	CallSite   *site = CallSiteGet(fcinfo, &at_signature);

	return ReturnState(fcinfo, LifecycleTrans(fcinfo, site, sizeof(LifecycleState)));
}

Datum
lifecycle_during_trans(PG_FUNCTION_ARGS)
{
	CallSite   *site = CallSiteGet(fcinfo, &during_signature);

	return ReturnState(fcinfo, LifecycleTrans(fcinfo, site, sizeof(LifecycleState)));
}

static Datum
ReturnStatus(FunctionCallInfo fcinfo, LifecycleStatus status)
{
	if (status == LIFECYCLE_NONE)
		PG_RETURN_NULL();
	PG_RETURN_CHAR(status);
}

static Outcome
FinalOutcome(FunctionCallInfo fcinfo)
{
	static const EventFacts nothing = {0};

	return OutcomeFromEvents(PG_ARGISNULL(0) ? &nothing :
							 &((LifecycleState *) PG_GETARG_POINTER(0))->facts);
}

Datum
lifecycle_at_final(PG_FUNCTION_ARGS)
{
	Outcome		outcome = FinalOutcome(fcinfo);

	return ReturnStatus(fcinfo, StatusOfStanding(outcome.before));
}

Datum
lifecycle_during_final(PG_FUNCTION_ARGS)
{
	Outcome		outcome = FinalOutcome(fcinfo);

	return ReturnStatus(fcinfo, OutcomeStatus(&outcome));
}

/* Merge the second state into the first, or copy the second, whose memory is short-lived. */
Datum
lifecycle_combine(PG_FUNCTION_ARGS)
{
	LifecycleState *state = ArgState(fcinfo, 0);
	LifecycleState *other = ArgState(fcinfo, 1);
	MemoryContext context = AggregateContext(fcinfo);

	if (other == NULL)
		return ReturnState(fcinfo, state);
	if (state == NULL)
	{
		state = MemoryContextAlloc(context, sizeof(LifecycleState));
		*state = *other;
		PG_RETURN_POINTER(state);
	}
	if (state->fingerprint != other->fingerprint)
		QuestionChanged();
	EventFactsMerge(&state->facts, &other->facts);
	PG_RETURN_POINTER(state);
}

Datum
lifecycle_serial(PG_FUNCTION_ARGS)
{
	LifecycleState *state = (LifecycleState *) PG_GETARG_POINTER(0);
	StringInfoData wire;

	(void) AggregateContext(fcinfo);

	pq_begintypsend(&wire);
	pq_sendint8(&wire, LIFECYCLE_WIRE_VERSION);
	pq_sendint64(&wire, state->fingerprint);
	pq_sendint8(&wire, state->facts.purchases);
	pq_sendint8(&wire, state->facts.events);
	pq_sendint64(&wire, state->facts.last_purchase);
	pq_sendint64(&wire, state->facts.last_cancellation);
	pq_sendint64(&wire, state->facts.period_purchase);
	pq_sendint64(&wire, state->facts.period_cancellation);
	PG_RETURN_BYTEA_P(pq_endtypsend(&wire));
}

Datum
lifecycle_deserial(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	LifecycleState *state = palloc0(sizeof(LifecycleState));
	StringInfoData wire = {
		.data = VARDATA_ANY(bytes),
		.len = VARSIZE_ANY_EXHDR(bytes)
	};

	(void) AggregateContext(fcinfo);

	if (pq_getmsgbyte(&wire) != LIFECYCLE_WIRE_VERSION)
		elog(ERROR, "unknown version of a serialized state");
	state->fingerprint = pq_getmsgint64(&wire);
	state->facts.purchases = pq_getmsgbyte(&wire);
	state->facts.events = pq_getmsgbyte(&wire);
	state->facts.last_purchase = pq_getmsgint64(&wire);
	state->facts.last_cancellation = pq_getmsgint64(&wire);
	state->facts.period_purchase = pq_getmsgint64(&wire);
	state->facts.period_cancellation = pq_getmsgint64(&wire);
	pq_getmsgend(&wire);
	PG_RETURN_POINTER(state);
}

/* The columns of explain_lifecycle, in the order of the composite type. */
typedef enum ExplainColumn
{
	EXPLAIN_LAST_PURCHASE,
	EXPLAIN_SILENCE,
	EXPLAIN_INACTIVE_BEFORE,
	EXPLAIN_CHURNED_BEFORE,
	EXPLAIN_LAST_CANCELLATION,
	EXPLAIN_STANDING_AT_START,
	EXPLAIN_FIRST_PURCHASE,
	EXPLAIN_STATUS,
	EXPLAIN_REACTIVATION_ELIGIBLE,
	EXPLAIN_REACTIVATION_RETURNED,
	EXPLAIN_WINBACK_ELIGIBLE,
	EXPLAIN_WINBACK_RETURNED,
	EXPLAIN_NCOLUMNS
} ExplainColumn;

Datum
explain_lifecycle_trans(PG_FUNCTION_ARGS)
{
	CallSite   *site = CallSiteGet(fcinfo, &explain_signature);
	bool		is_new = PG_ARGISNULL(0);
	Explanation *why = (Explanation *) LifecycleTrans(fcinfo, site, sizeof(Explanation));
	int64		at;

	if (why == NULL)
		PG_RETURN_NULL();
	if (is_new)
	{
		why->judge = *CallSiteJudge(fcinfo, site);
		why->first_purchase = END_OF_TIME;
	}
	if (!CallSiteIgnores(fcinfo, site->signature, site) &&
		CallSiteEvent(fcinfo, site) == EVENT_PURCHASE)
	{
		at = CallSiteInstant(fcinfo, site->signature, site);
		if (at >= why->judge.period.from && at < why->judge.period.to)
			why->first_purchase = Min(why->first_purchase, at);
	}
	PG_RETURN_POINTER(why);
}

/* Return the time between two instants of a unit as an interval. */
static Datum
Elapsed(TimeUnit unit, int64 from, int64 to)
{
	if (from == BEGINNING_OF_TIME)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("cannot compute the silence since -infinity")));
	if (unit == UNIT_DAY)
	{
		from *= USECS_PER_DAY;
		to *= USECS_PER_DAY;
	}
	return DirectFunctionCall2(timestamp_mi, TimestampGetDatum(to), TimestampGetDatum(from));
}

/* A row of the result.  A column is NULL until Set gives it a value. */
typedef struct Row
{
	Datum		values[EXPLAIN_NCOLUMNS];
	bool		nulls[EXPLAIN_NCOLUMNS];
} Row;

static void
Set(Row *row, ExplainColumn column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static void
SetInstant(Row *row, ExplainColumn column, TimeUnit unit, int64 at)
{
	Set(row, column, TimestampTzGetDatum(InstantToTimestampTz(unit, at)));
}

static void
SetStatus(Row *row, ExplainColumn column, LifecycleStatus status)
{
	if (status != LIFECYCLE_NONE)
		Set(row, column, CharGetDatum(status));
}

Datum
explain_lifecycle_final(PG_FUNCTION_ARGS)
{
	Explanation *why;
	const PeriodJudge *judge;
	const EventFacts *facts;
	Outcome		outcome;
	TupleDesc	tupdesc;
	Row			row = {0};

	/* all rows were ignored, or there was none */
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	why = (Explanation *) PG_GETARG_POINTER(0);
	judge = &why->judge;
	facts = &why->state.facts;
	outcome = OutcomeFromEvents(facts);

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != EXPLAIN_NCOLUMNS)
		elog(ERROR, "unexpected result type of explain_lifecycle");
	tupdesc = BlessTupleDesc(tupdesc);

	memset(row.nulls, true, sizeof(row.nulls));

	if (facts->purchases & FACT_START)
	{
		int64		last = LaterInstantGet(facts->last_purchase);

		SetInstant(&row, EXPLAIN_LAST_PURCHASE, judge->unit, last);
		Set(&row, EXPLAIN_SILENCE, Elapsed(judge->unit, last, judge->period.from));
	}
	SetInstant(&row, EXPLAIN_INACTIVE_BEFORE, judge->unit, judge->start.inactive_from);
	if (judge->start.churned_from != BEGINNING_OF_TIME)
		SetInstant(&row, EXPLAIN_CHURNED_BEFORE, judge->unit, judge->start.churned_from);
	if (facts->events & EVENT_CANCELLED)
		SetInstant(&row, EXPLAIN_LAST_CANCELLATION, judge->unit,
				   LaterInstantGet(facts->last_cancellation));
	SetStatus(&row, EXPLAIN_STANDING_AT_START, StatusOfStanding(outcome.before));
	if (outcome.bought)
		SetInstant(&row, EXPLAIN_FIRST_PURCHASE, judge->unit, why->first_purchase);
	if (outcome.bought || judge->has_end)
		SetStatus(&row, EXPLAIN_STATUS, OutcomeStatus(&outcome));
	Set(&row, EXPLAIN_REACTIVATION_ELIGIBLE,
		BoolGetDatum(ReactivationEligible(outcome.before)));
	Set(&row, EXPLAIN_REACTIVATION_RETURNED,
		BoolGetDatum(ReactivationEligible(outcome.before) && outcome.bought));
	Set(&row, EXPLAIN_WINBACK_ELIGIBLE,
		BoolGetDatum(WinbackEligible(outcome.before)));
	Set(&row, EXPLAIN_WINBACK_RETURNED,
		BoolGetDatum(WinbackEligible(outcome.before) && outcome.bought));

	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, row.values, row.nulls)));
}
