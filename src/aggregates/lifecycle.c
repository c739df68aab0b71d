/*
 * lifecycle.c
 *	  The aggregates over the rows of one customer: lifecycle_at,
 *	  lifecycle_during and explain_lifecycle.
 *
 * The state is small and does not grow with the rows.  So a GROUP BY over all
 * customers takes as much memory as a GROUP BY with max(), and spills to disk in the same way.
 *
 * A Winback Scan keeps the facts of all customers in one table instead (list_aggregate.h): a byte
 * for each customer, or 34 bytes if rows have events.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/fmgrprotos.h"

#include "aggregates/aggregates.h"
#include "aggregates/call_site.h"
#include "aggregates/lifecycle.h"
#include "aggregates/signatures.h"

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

/*
 * Return the row that explains the facts of a customer.  fcinfo is that of an SQL function with
 * this result.
 */
Datum
ExplainFacts(FunctionCallInfo fcinfo, const PeriodJudge *judge, const EventFacts *facts,
			 int64 first_purchase)
{
	Outcome		outcome = OutcomeFromEvents(facts);
	TupleDesc	tupdesc;
	Row			row = {0};

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
		SetInstant(&row, EXPLAIN_FIRST_PURCHASE, judge->unit, first_purchase);
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

Datum
explain_lifecycle_final(PG_FUNCTION_ARGS)
{
	Explanation *why;

	/* all rows were ignored, or there was none */
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	why = (Explanation *) PG_GETARG_POINTER(0);
	return ExplainFacts(fcinfo, &why->judge, &why->state.facts, why->first_purchase);
}

/*
 * In a list of customers.
 */

/* Three arguments are the same for all rows: the period or as_of, and two thresholds. */
#define NCONSTANT_ARGS		3

/* The position of `at`, as in AtArg: these aggregates have no customer argument. */
#define LIST_AT_ARG			1

/* Whether an aggregate has an event: its arguments are at, event, and the constants. */
#define ListHasEvent(nargs)	((nargs) > LIST_AT_ARG + NCONSTANT_ARGS)

/* The facts of explain_lifecycle in a list. */
#define EXPLAIN_HAS_ROW			0	/* a byte: a row was not ignored */
#define EXPLAIN_EVENTS			1	/* EventFacts, packed */
#define EXPLAIN_FIRST			(EXPLAIN_EVENTS + EVENT_FACTS_SIZE)	/* first_purchase */
#define EXPLAIN_SIZE			(EXPLAIN_FIRST + sizeof(int64))

StaticAssertDecl(EXPLAIN_SIZE <= LIST_MAX_FACTS, "the facts of explain_lifecycle are too large");

static int
StatusFactsSize(int nargs)
{
	return ListHasEvent(nargs) ? EVENT_FACTS_SIZE : sizeof(PurchaseFacts);
}

static int
ExplainFactsSize(int nargs pg_attribute_unused())
{
	return EXPLAIN_SIZE;
}

/* Get the time and the event of a row.  Return false if the row is ignored. */
static pg_attribute_always_inline bool
ListRow(FunctionCallInfo fcinfo, const CallSite *site, const RowBlock *rows, int row, int64 *at,
		LifecycleEvent *event)
{
	NullableDatum time = RowBlockArg(rows, row, fcinfo, LIST_AT_ARG);

	if (time.isnull)
		return false;
	*at = InstantFromDatum(site->unit, time.value);
	*event = EVENT_PURCHASE;
	if (site->event)
	{
		NullableDatum kind = RowBlockArg(rows, row, fcinfo, site->event);

		if (IgnoresEvent(site, kind.value, kind.isnull))
			return false;
		*event = (LifecycleEvent) DatumGetChar(kind.value);
	}
	return true;
}

/* Add an event to packed EventFacts. */
static inline void
AddPackedEvent(uint8 *packed, const PeriodJudge *judge, int64 at, LifecycleEvent event,
			   PurchaseFacts verdict)
{
	EventFacts	facts;

	EventFactsLoad(&facts, packed);
	EventFactsAdd(&facts, at, event, verdict, judge->period.from);
	EventFactsStore(&facts, packed);
}

/* Add rows to PurchaseFacts or EventFacts, as LifecycleTrans does. */
static void
ListAdd(FunctionCallInfo fcinfo, const Signature *signature, const RowBlock *rows,
		uint8 *const *facts, int offset)
{
	CallSite   *site = CallSiteGet(fcinfo, signature);
	const PeriodJudge *judge = NULL;

	for (int row = 0; row < rows->nrows; row++)
	{
		uint8	   *own = facts[row] + offset;
		int64		at;
		LifecycleEvent event;
		PurchaseFacts verdict;

		if (!ListRow(fcinfo, site, rows, row, &at, &event))
			continue;
		/* the question is not read before a row needs it: it may be invalid */
		if (unlikely(judge == NULL))
			judge = CallSiteJudge(fcinfo, site);
		verdict = JudgePurchase(judge, at);
		if (!site->event)
			*own |= verdict;
		else if (verdict != 0)
			AddPackedEvent(own, judge, at, event, verdict);
	}
}

static void
AddToAtList(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts, int offset)
{
	ListAdd(fcinfo, &at_signature, rows, facts, offset);
}

static void
AddToDuringList(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts, int offset)
{
	ListAdd(fcinfo, &during_signature, rows, facts, offset);
}

/* Add rows to the facts of explain_lifecycle, as explain_lifecycle_trans does. */
static void
AddToExplainList(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts, int offset)
{
	CallSite   *site = CallSiteGet(fcinfo, &explain_signature);

	for (int row = 0; row < rows->nrows; row++)
	{
		uint8	   *own = facts[row] + offset;
		const PeriodJudge *judge;
		int64		at;
		int64		first = END_OF_TIME;
		LifecycleEvent event;
		PurchaseFacts verdict;

		if (!ListRow(fcinfo, site, rows, row, &at, &event))
			continue;
		judge = CallSiteJudge(fcinfo, site);
		verdict = JudgePurchase(judge, at);
		if (verdict != 0)
			AddPackedEvent(own + EXPLAIN_EVENTS, judge, at, event, verdict);

		if (own[EXPLAIN_HAS_ROW])
			memcpy(&first, own + EXPLAIN_FIRST, sizeof(first));
		own[EXPLAIN_HAS_ROW] = true;
		if (event == EVENT_PURCHASE && at >= judge->period.from && at < judge->period.to)
			first = Min(first, at);
		memcpy(own + EXPLAIN_FIRST, &first, sizeof(first));
	}
}

static Outcome
ListOutcome(FunctionCallInfo fcinfo, const uint8 *facts)
{
	EventFacts	events;

	/* an argument of the transition function is the state */
	if (!ListHasEvent(fcinfo->nargs - 1))
		return OutcomeFromPurchases(*facts);
	EventFactsLoad(&events, facts);
	return OutcomeFromEvents(&events);
}

static Datum
ListStatus(LifecycleStatus status, bool *isnull)
{
	*isnull = status == LIFECYCLE_NONE;
	return CharGetDatum(status);
}

static Datum
FinishAtList(FunctionCallInfo fcinfo, FunctionCallInfo final pg_attribute_unused(),
			 const uint8 *facts, bool *isnull)
{
	Outcome		outcome = ListOutcome(fcinfo, facts);

	return ListStatus(StatusOfStanding(outcome.before), isnull);
}

static Datum
FinishDuringList(FunctionCallInfo fcinfo, FunctionCallInfo final pg_attribute_unused(),
				 const uint8 *facts, bool *isnull)
{
	Outcome		outcome = ListOutcome(fcinfo, facts);

	return ListStatus(OutcomeStatus(&outcome), isnull);
}

/* Make the state of a customer from the facts, and return the result of the final function. */
static Datum
FinishExplainList(FunctionCallInfo fcinfo, FunctionCallInfo final, const uint8 *facts,
				  bool *isnull)
{
	Explanation why = {.first_purchase = END_OF_TIME};
	Datum		result;

	final->args[0].isnull = !facts[EXPLAIN_HAS_ROW];
	if (facts[EXPLAIN_HAS_ROW])
	{
		why.judge = *CallSiteJudge(fcinfo, CallSiteGet(fcinfo, &explain_signature));
		EventFactsLoad(&why.state.facts, facts + EXPLAIN_EVENTS);
		memcpy(&why.first_purchase, facts + EXPLAIN_FIRST, sizeof(why.first_purchase));
		final->args[0].value = PointerGetDatum(&why);
	}
	final->isnull = false;
	result = explain_lifecycle_final(final);
	*isnull = final->isnull;
	return result;
}

const ListAggregate lifecycle_at_list = {
	.transition = lifecycle_at_trans,
	.final = lifecycle_at_final,
	.nconstant = NCONSTANT_ARGS,
	.facts_size = StatusFactsSize,
	.add_rows = AddToAtList,
	.finish = FinishAtList
};

const ListAggregate lifecycle_during_list = {
	.transition = lifecycle_during_trans,
	.final = lifecycle_during_final,
	.nconstant = NCONSTANT_ARGS,
	.facts_size = StatusFactsSize,
	.add_rows = AddToDuringList,
	.finish = FinishDuringList
};

const ListAggregate explain_lifecycle_list = {
	.transition = explain_lifecycle_trans,
	.final = explain_lifecycle_final,
	.nconstant = NCONSTANT_ARGS,
	.facts_size = ExplainFactsSize,
	.add_rows = AddToExplainList,
	.finish = FinishExplainList
};
