/*
 * history.c
 *	  The functions of one history: lifecycle_at, lifecycle_during, explain_lifecycle and unnest.
 *
 * The first three return what the aggregates of the same name (lifecycle.c) return over the rows
 * from which the history was made.  They judge its events by the same rules, and raise the same
 * errors: like an aggregate that has met no row, they do not read the question of a history that
 * has adjustments only.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"

#include "aggregates/history_call.h"
#include "aggregates/lifecycle.h"
#include "aggregates/signatures.h"
#include "types/customer_history.h"

PG_FUNCTION_INFO_V1(customer_history_lifecycle_at);
PG_FUNCTION_INFO_V1(customer_history_lifecycle_during);
PG_FUNCTION_INFO_V1(customer_history_explain_lifecycle);
PG_FUNCTION_INFO_V1(customer_history_unnest);

/* What is known of the customer of a history in a period. */
typedef struct HistoryFacts
{
	const PeriodJudge *judge;	/* NULL if there is no event but adjustments */
	EventFacts	facts;
	int64		first_purchase; /* in the period; END_OF_TIME if there is none */
} HistoryFacts;

/* Collect the facts from the history in argument 0. */
static HistoryFacts
CollectFacts(FunctionCallInfo fcinfo, const Signature *signature)
{
	HistoryCall *call = HistoryCallGet(fcinfo, signature);
	HistoryFacts known = {.first_purchase = END_OF_TIME};
	const PeriodJudge *judge = NULL;
	HistoryReader reader;
	HistoryEvent event;

	HistoryOpen(&reader, PG_GETARG_DATUM(0));
	while (HistoryNext(&reader, &event))
	{
		PurchaseFacts verdict;

		if (!IsHistory((LifecycleEvent) event.event))
			continue;
		if (judge == NULL)
			judge = known.judge = HistoryCallJudge(fcinfo, call, reader.head.unit);
		verdict = JudgePurchase(judge, event.at);
		/* events are in order, so all others are at or after the end, too */
		if (verdict == 0)
			break;
		EventFactsAdd(&known.facts, event.at, (LifecycleEvent) event.event, verdict,
					  judge->period.from);
		if (event.event == EVENT_PURCHASE && event.at >= judge->period.from)
			known.first_purchase = Min(known.first_purchase, event.at);
	}
	return known;
}

static Datum
ReturnStatus(FunctionCallInfo fcinfo, LifecycleStatus status)
{
	if (status == LIFECYCLE_NONE)
		PG_RETURN_NULL();
	PG_RETURN_CHAR(status);
}

Datum
customer_history_lifecycle_at(PG_FUNCTION_ARGS)
{
	HistoryFacts known;
	Outcome		outcome;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	known = CollectFacts(fcinfo, &at_signature);
	outcome = OutcomeFromEvents(&known.facts);
	return ReturnStatus(fcinfo, StatusOfStanding(outcome.before));
}

Datum
customer_history_lifecycle_during(PG_FUNCTION_ARGS)
{
	HistoryFacts known;
	Outcome		outcome;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	known = CollectFacts(fcinfo, &during_signature);
	outcome = OutcomeFromEvents(&known.facts);
	return ReturnStatus(fcinfo, OutcomeStatus(&outcome));
}

Datum
customer_history_explain_lifecycle(PG_FUNCTION_ARGS)
{
	HistoryFacts known;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	known = CollectFacts(fcinfo, &explain_signature);
	if (known.judge == NULL)
		PG_RETURN_NULL();
	return ExplainFacts(fcinfo, known.judge, &known.facts, known.first_purchase);
}

/* The columns of unnest. */
#define UNNEST_NCOLUMNS		3

/* SQL function unnest(history): its events as rows. */
Datum
customer_history_unnest(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	HistoryReader *reader;
	HistoryEvent event;
	Datum		values[UNNEST_NCOLUMNS];
	bool		nulls[UNNEST_NCOLUMNS] = {0};

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		reader = palloc(sizeof(HistoryReader));
		/* copy it: the argument may not live until the last call */
		HistoryOpen(reader, PointerGetDatum(PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0))));
		call->user_fctx = reader;
		if (get_call_result_type(fcinfo, NULL, &call->tuple_desc) != TYPEFUNC_COMPOSITE ||
			call->tuple_desc->natts != UNNEST_NCOLUMNS)
			elog(ERROR, "unexpected result type of unnest");
		call->tuple_desc = BlessTupleDesc(call->tuple_desc);
		MemoryContextSwitchTo(caller);
	}

	call = SRF_PERCALL_SETUP();
	reader = call->user_fctx;
	if (!HistoryNext(reader, &event))
		SRF_RETURN_DONE(call);

	values[0] = TimestampTzGetDatum(InstantToTimestampTz(reader->head.unit, event.at));
	values[1] = CharGetDatum((char) event.event);
	nulls[2] = event.form == AMOUNT_NONE;
	if (!nulls[2])
	{
		Amount		amount = {.form = event.form, .value = event.value};

		values[2] = NumericGetDatum(AmountToNumeric(&amount));
	}
	SRF_RETURN_NEXT(call, HeapTupleGetDatum(heap_form_tuple(call->tuple_desc, values, nulls)));
}
