/*
 * counts.c
 *	  The aggregates lifecycle_counts and lifecycle_series, and those that return their tallies.
 *
 * Counts are a series of one period.  An aggregate and its form that returns a tally differ in the
 * final function only.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "aggregates/aggregates.h"
#include "aggregates/call_site.h"
#include "aggregates/signatures.h"
#include "state/series_state.h"
#include "types/lifecycle_counts.h"
#include "types/lifecycle_tally.h"

PG_FUNCTION_INFO_V1(lifecycle_counts_trans);
PG_FUNCTION_INFO_V1(lifecycle_counts_final);
PG_FUNCTION_INFO_V1(lifecycle_series_trans);
PG_FUNCTION_INFO_V1(lifecycle_series_final);
PG_FUNCTION_INFO_V1(lifecycle_tally_final);
PG_FUNCTION_INFO_V1(lifecycle_counts_lost_after_trans);
PG_FUNCTION_INFO_V1(lifecycle_series_lost_after_trans);

/* Return the amount of a row; raise an error if its event must not have an amount. */
static Amount
RowAmount(FunctionCallInfo fcinfo, const CallSite *site, LifecycleEvent event)
{
	Amount		amount = {.form = AMOUNT_NONE};

	if (!site->amount || PG_ARGISNULL(site->amount))
		return amount;
	amount = AmountFromDatum(PG_GETARG_DATUM(site->amount));
	(void) AmountCheck(event, &amount, ERRCODE_INVALID_PARAMETER_VALUE, NULL);
	return amount;
}

/* The body of all transition functions: enter a row into the state. */
static Datum
Transition(FunctionCallInfo fcinfo, const Signature *signature)
{
	SeriesState *state = ArgState(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, signature);
	LifecycleEvent event;
	Amount		amount;
	int64		at;
	int			zone;

	if (CallSiteIgnores(fcinfo, signature, site))
		return ReturnState(fcinfo, state);

	if (unlikely(state == NULL))
	{
		MemoryContext context = AggregateContext(fcinfo);

		state = SeriesStateCreate(context, &site->family, CallSiteQuestion(fcinfo, site),
								  site->event != 0, site->amount != 0);
	}
	else
		CallSiteCheckQuestion(fcinfo, site, state->calendar->question.fingerprint);

	at = CallSiteInstant(fcinfo, signature, site);
	event = CallSiteEvent(fcinfo, site);
	amount = RowAmount(fcinfo, site, event);
	if (IsHistory(event))
		SeriesStateNote(state, at);
	zone = CalendarZone(state->calendar, at);
	if (zone < state->calendar->nedges)
	{
		CustomerType *customer_type = site->family.customer_type;
		Datum		customer = PG_GETARG_DATUM(CUSTOMER_ARG);

		if (site->event)
			SeriesStateEnterEvent(state, customer_type, customer, at, zone, event, &amount);
		else if (site->amount)
			SeriesStateEnterAmount(state, customer_type, customer, zone, &amount);
		else
			SeriesStateEnterZone(state, customer_type, customer, zone);
	}
	PG_RETURN_POINTER(state);
}

Datum
lifecycle_counts_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &counts_signature);
}

Datum
lifecycle_series_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &series_signature);
}

Datum
lifecycle_counts_lost_after_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &counts_lost_signature);
}

Datum
lifecycle_series_lost_after_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &series_lost_signature);
}

/* Do what TakeBlock does, for blocks with or without events. */
static pg_attribute_always_inline int
TakeBlockOf(FunctionCallInfo fcinfo, const Signature *signature, CallSite *site,
			bool has_events, const RowBlock *rows, int first)
{
	SeriesState *state = ArgState(fcinfo, 0);
	int			row;

	if (!RowBlockServes(rows, signature, site) ||
		(site->amount && rows->values[site->amount] == NULL))
		return first;
	/* a scan without groups has one table; with groups it lends a batch */
	if (unlikely(state->base.batch == NULL))
		CustomerStateBeginBatch(&state->base, true);

	for (row = first; row < rows->nrows; row++)
	{
		LifecycleEvent event = EVENT_PURCHASE;
		Amount		amount = {.form = AMOUNT_NONE};
		int64		at;
		int			zone;

		if (RowBlockIgnores(rows, row, signature, site))
			continue;
		at = InstantFromDatum(site->unit, rows->values[AtArg(signature)][row]);
		zone = CalendarZone(state->calendar, at);
		if (has_events)
			event = (LifecycleEvent) DatumGetChar(rows->values[site->event][row]);
		if (site->amount && !rows->nulls[site->amount][row])
			amount = AmountFromDatum(rows->values[site->amount][row]);
		/* perhaps the transition function raises an error */
		if (has_events && unlikely(!IsRevenue(event)) && amount.form != AMOUNT_NONE)
			break;
		if (zone < state->calendar->nedges)
		{
			int			place = CustomerStateQueue(&state->base, site->family.customer_type,
												   rows->values[CUSTOMER_ARG][row]);

			if (place < 0)
				break;
			if (has_events)
				((uint32 *) state->base.batch->rows)[place] =
					SeriesStateEventRow(state, at, zone, event, &amount);
			else if (site->amount)
				((AmountRow *) state->base.batch->rows)[place] =
					SeriesStateAmountRow(state, zone, &amount);
			else
				((uint32 *) state->base.batch->rows)[place] = zone;
		}
		if (IsHistory(event))
			SeriesStateNote(state, at);
	}
	return row;
}

/*
 * Queue the rows of a block from `first` on, and return the first row that must go
 * through the transition function, or nrows.
 */
static pg_attribute_always_inline int
TakeBlock(FunctionCallInfo fcinfo, const Signature *signature, const RowBlock *rows, int first)
{
	CallSite   *site = CallSiteGet(fcinfo, signature);

	return site->event != 0 ? TakeBlockOf(fcinfo, signature, site, true, rows, first) :
		TakeBlockOf(fcinfo, signature, site, false, rows, first);
}

static int
TakeCountsRows(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return TakeBlock(fcinfo, &counts_signature, rows, first);
}

static int
TakeSeriesRows(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return TakeBlock(fcinfo, &series_signature, rows, first);
}

static int
TakeCountsLostRows(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return TakeBlock(fcinfo, &counts_lost_signature, rows, first);
}

static int
TakeSeriesLostRows(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return TakeBlock(fcinfo, &series_lost_signature, rows, first);
}

const OnePassAggregate counts_aggregate = {
	lifecycle_counts_trans, TakeCountsRows, .nargs = 5, .keeps_rows = true
};
const OnePassAggregate series_aggregate = {
	lifecycle_series_trans, TakeSeriesRows, .nargs = 6, .keeps_rows = true
};
const OnePassAggregate counts_lost_aggregate = {
	lifecycle_counts_lost_after_trans, TakeCountsLostRows, .nargs = 6, .keeps_rows = true
};
const OnePassAggregate series_lost_aggregate = {
	lifecycle_series_lost_after_trans, TakeSeriesLostRows, .nargs = 7, .keeps_rows = true
};

Datum
lifecycle_counts_final(PG_FUNCTION_ARGS)
{
	SeriesState *state = ArgState(fcinfo, 0);

	/* no row, no question: the aggregate is NULL */
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(CountsRows(SeriesStateTally(state),
							   get_func_rettype(fcinfo->flinfo->fn_oid))[0]);
}

Datum
lifecycle_series_final(PG_FUNCTION_ARGS)
{
	SeriesState *state = ArgState(fcinfo, 0);
	Oid			row_type;

	if (state == NULL)
		PG_RETURN_NULL();

	row_type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	if (!OidIsValid(row_type))
		elog(ERROR, "unexpected result type of lifecycle_series");
	PG_RETURN_ARRAYTYPE_P(construct_array(CountsRows(SeriesStateTally(state), row_type),
										  state->calendar->nperiods, row_type,
										  -1, false, TYPALIGN_DOUBLE));
}

Datum
lifecycle_tally_final(PG_FUNCTION_ARGS)
{
	SeriesState *state = ArgState(fcinfo, 0);

	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(LifecycleTallyDatum(SeriesStateTally(state)));
}
