/*
 * counts.c
 *	  The aggregates lifecycle_counts and lifecycle_series.
 *
 * Counts are a series of one period.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "aggregates/aggregates.h"
#include "aggregates/call_site.h"
#include "state/series_state.h"
#include "types/rate_tally.h"

PG_FUNCTION_INFO_V1(lifecycle_counts_trans);
PG_FUNCTION_INFO_V1(lifecycle_counts_final);
PG_FUNCTION_INFO_V1(lifecycle_series_trans);
PG_FUNCTION_INFO_V1(lifecycle_series_final);
PG_FUNCTION_INFO_V1(lifecycle_counts_lost_after_trans);
PG_FUNCTION_INFO_V1(lifecycle_series_lost_after_trans);

static const Signature counts_signature = {
	.customer = true, .scope = SCOPE_BOTH, .inactive_after = true, .churned_after = true
};
static const Signature series_signature = {
	.customer = true, .scope = SCOPE_SERIES, .inactive_after = true, .churned_after = true
};
static const Signature counts_lost_signature = {
	.customer = true, .scope = SCOPE_BOTH, .inactive_after = true, .churned_after = true,
	.lost_after = true
};
static const Signature series_lost_signature = {
	.customer = true, .scope = SCOPE_SERIES, .inactive_after = true, .churned_after = true,
	.lost_after = true
};

/* The columns of lifecycle_counts, in order. */
typedef enum CountsColumn
{
	COUNTS_PERIOD_START,
	COUNTS_PERIOD_END,
	COUNTS_PROSPECTS_START,
	COUNTS_ACTIVE_START,
	COUNTS_INACTIVE_START,
	COUNTS_CHURNED_START,
	COUNTS_NEW_CUSTOMERS,
	COUNTS_CONVERTED,
	COUNTS_RETAINED,
	COUNTS_REACTIVATED,
	COUNTS_WON_BACK,
	COUNTS_PROSPECTS_END,
	COUNTS_ACTIVE_END,
	COUNTS_INACTIVE_END,
	COUNTS_CHURNED_END,
	COUNTS_REACTIVATION,
	COUNTS_WIN_BACK,
	COUNTS_REACTIVATION_RATE,
	COUNTS_WINBACK_RATE,
	COUNTS_HISTORY_COMPLETE,
	COUNTS_PERIOD_COMPLETE,
	COUNTS_SUSTAINED,
	COUNTS_LAPSED_AGAIN,
	COUNTS_REVENUE_NEW,
	COUNTS_REVENUE_RETAINED,
	COUNTS_REVENUE_REACTIVATED,
	COUNTS_REVENUE_WON_BACK,
	COUNTS_STEP,
	COUNTS_STARTS_ON,
	COUNTS_DATA_START,
	COUNTS_DATA_END,
	COUNTS_LOST_START,
	COUNTS_LOST_END,
	COUNTS_REVENUE_OTHER,
	COUNTS_NCOLUMNS
} CountsColumn;

/* The columns of one period, except those that follow from the calendar alone. */
typedef struct Counts
{
	int64		customers[COUNTS_NCOLUMNS]; /* the columns of type bigint */
	Tally		reactivation;
	Tally		winback;
} Counts;

/* Return the amount of a row; raise an error if its event must not have an amount. */
static Amount
RowAmount(FunctionCallInfo fcinfo, const CallSite *site, LifecycleEvent event)
{
	Amount		amount = {.form = AMOUNT_NONE};

	if (!site->amount || PG_ARGISNULL(site->amount))
		return amount;
	amount = AmountFromDatum(PG_GETARG_DATUM(site->amount));
	if (unlikely(!IsRevenue(event)) && !AmountIsZero(&amount))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not have an amount",
						event == EVENT_INTEREST ? "interest" : "cancellation"),
				 errdetail("The amount is %s.",
						   DatumGetCString(DirectFunctionCall1(numeric_out,
															   PG_GETARG_DATUM(site->amount)))),
				 errhint("Pass NULL, or pass money that a customer got back as the amount of "
						 "an event of its own, 'adjustment'.")));
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
			SeriesStateEnterEvent(state, customer_type, customer, at, event, &amount);
		else if (site->amount)
			SeriesStateEnterAmount(state, customer_type, customer, at, zone, &amount);
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

/*
 * Queue the rows of a block from `first` on, and return the first row that must go
 * through the transition function, or nrows.  All rows with events go through
 * it, because adding an event costs more than the call.
 */
static pg_attribute_always_inline int
TakeBlock(FunctionCallInfo fcinfo, const Signature *signature, const RowBlock *rows, int first)
{
	SeriesState *state = ArgState(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, signature);
	int			row;

	if (site->event || !RowBlockServes(rows, signature, site) ||
		(site->amount && rows->values[site->amount] == NULL))
		return first;
	/* a scan without groups has one table; with groups it lends a batch */
	if (unlikely(state->base.batch == NULL))
		CustomerStateBeginBatch(&state->base, true);

	for (row = first; row < rows->nrows; row++)
	{
		int64		at;
		int			zone;

		if (RowBlockIgnores(rows, row, signature, site))
			continue;
		at = InstantFromDatum(site->unit, rows->values[AtArg(signature)][row]);
		zone = CalendarZone(state->calendar, at);
		if (zone < state->calendar->nedges)
		{
			int			place = CustomerStateQueue(&state->base, site->family.customer_type,
												   rows->values[CUSTOMER_ARG][row]);

			if (place < 0)
				break;
			if (site->amount)
			{
				Amount		amount = {.form = AMOUNT_NONE};

				if (!rows->nulls[site->amount][row])
					amount = AmountFromDatum(rows->values[site->amount][row]);
				((AmountRow *) state->base.batch->rows)[place] =
					SeriesStateAmountRow(state, at, zone, &amount);
			}
			else
				((uint32 *) state->base.batch->rows)[place] = zone;
		}
		SeriesStateNote(state, at);
	}
	return row;
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

/*
 * Count a standing in one of the four columns from `columns` on: prospects, active,
 * inactive and churned customers.  Count lost customers, who are churned, in `lost` as well.
 */
static void
CountStanding(int64 *columns, int64 *lost, Standing standing, int64 customers)
{
	switch (standing)
	{
		case STANDING_NONE:
			break;
		case STANDING_PROSPECT:
			columns[0] += customers;
			break;
		case STANDING_ACTIVE:
			columns[1] += customers;
			break;
		case STANDING_INACTIVE:
			columns[2] += customers;
			break;
		case STANDING_LOST:
			*lost += customers;
			columns[3] += customers;
			break;
		case STANDING_CHURNED:
			columns[3] += customers;
			break;
	}
}

/* Count customers of one cell of a PeriodSummary in all columns. */
static void
CountAlike(Counts *counts, Standing before, bool bought, Standing after, int64 customers)
{
	CountStanding(&counts->customers[COUNTS_PROSPECTS_START],
				  &counts->customers[COUNTS_LOST_START], before, customers);
	CountStanding(&counts->customers[COUNTS_PROSPECTS_END],
				  &counts->customers[COUNTS_LOST_END], after, customers);

	if (bought)
	{
		switch (StatusOver(before, bought, after))
		{
			case LIFECYCLE_NEW:
				counts->customers[COUNTS_NEW_CUSTOMERS] += customers;
				if (before == STANDING_PROSPECT)
					counts->customers[COUNTS_CONVERTED] += customers;
				break;
			case LIFECYCLE_ACTIVE:
				counts->customers[COUNTS_RETAINED] += customers;
				break;
			case LIFECYCLE_REACTIVATED:
				counts->customers[COUNTS_REACTIVATED] += customers;
				break;
			case LIFECYCLE_WON_BACK:
				counts->customers[COUNTS_WON_BACK] += customers;
				break;
			default:
				break;
		}
	}

	TallyCount(&counts->reactivation, ReactivationEligible(before), bought, customers);
	TallyCount(&counts->winback, WinbackEligible(before), bought, customers);
}

/* The columns of revenue. */
static const CountsColumn revenue_columns[] = {
	COUNTS_REVENUE_NEW, COUNTS_REVENUE_RETAINED, COUNTS_REVENUE_REACTIVATED,
	COUNTS_REVENUE_WON_BACK, COUNTS_REVENUE_OTHER
};

#define REVENUE_NCOLUMNS	((int) lengthof(revenue_columns))

/* Return the index in revenue_columns of the revenue from customers of a status. */
static int
RevenueIndex(LifecycleStatus status)
{
	switch (status)
	{
		case LIFECYCLE_NEW:
			return 0;
		case LIFECYCLE_ACTIVE:
			return 1;
		case LIFECYCLE_REACTIVATED:
			return 2;
		case LIFECYCLE_WON_BACK:
			return 3;
		default:
			return 4;
	}
}

/* The revenue of all periods. */
typedef struct Revenue
{
	Node	   *caller;			/* of AmountSumAdd */
	AmountSum  *sums;			/* a row of REVENUE_NCOLUMNS for each period */
} Revenue;

/* Prepare to add up revenue in the current memory context. */
static void
RevenueInit(Revenue *revenue, int nperiods)
{
	revenue->caller = AmountSumCaller();
	revenue->sums = palloc0((Size) nperiods * REVENUE_NCOLUMNS * sizeof(AmountSum));
}

/* Add an amount to the revenue that a period has from customers of a status. */
static void
AddRevenue(void *arg, int period, LifecycleStatus status, const Amount *amount)
{
	Revenue    *revenue = (Revenue *) arg;

	AmountSumAdd(&revenue->sums[period * REVENUE_NCOLUMNS + RevenueIndex(status)], amount,
				 revenue->caller);
}

/*
 * Make the row of one period.  period_start and period_end are its bounds for display;
 * revenue is NULL if the aggregate has no amounts.
 */
static Datum
CountsDatum(const SeriesState *state, int period, const PeriodSummary *summary,
			const Revenue *revenue, TimestampTz period_start, TimestampTz period_end,
			TupleDesc tupdesc)
{
	const Calendar *calendar = state->calendar;
	TimeUnit	unit = calendar->question.unit;
	int64		to = calendar->boundaries[period + 1].at;
	int64		returned;
	Counts		counts = {0};
	Datum		values[COUNTS_NCOLUMNS];
	bool		nulls[COUNTS_NCOLUMNS] = {0};

	for (int before = 0; before < NSTANDINGS; before++)
		for (int bought = 0; bought < 2; bought++)
			for (int after = 0; after < NSTANDINGS; after++)
			{
				int64		customers = summary->customers[before][bought][after];

				if (customers != 0)
					CountAlike(&counts, before, bought, after, customers);
			}

	for (int i = 0; i < COUNTS_NCOLUMNS; i++)
		values[i] = Int64GetDatum(counts.customers[i]);

	values[COUNTS_PERIOD_START] = TimestampTzGetDatum(period_start);
	values[COUNTS_PERIOD_END] = TimestampTzGetDatum(period_end);
	values[COUNTS_REACTIVATION] = TallyDatum(&counts.reactivation);
	values[COUNTS_WIN_BACK] = TallyDatum(&counts.winback);
	values[COUNTS_REACTIVATION_RATE] = Float8GetDatum(TallyRate(&counts.reactivation));
	nulls[COUNTS_REACTIVATION_RATE] = counts.reactivation.eligible == 0;
	values[COUNTS_WINBACK_RATE] = Float8GetDatum(TallyRate(&counts.winback));
	nulls[COUNTS_WINBACK_RATE] = counts.winback.eligible == 0;
	values[COUNTS_HISTORY_COMPLETE] =
		BoolGetDatum(state->first_at < CalendarReach(calendar, period));
	values[COUNTS_PERIOD_COMPLETE] = BoolGetDatum(state->last_at >= to - 1);

	returned = counts.customers[COUNTS_REACTIVATED] + counts.customers[COUNTS_WON_BACK];
	values[COUNTS_SUSTAINED] = Int64GetDatum(summary->sustained);
	values[COUNTS_LAPSED_AGAIN] = Int64GetDatum(returned - summary->sustained);
	if (!CalendarHasLater(calendar, period) ||
		state->last_at < calendar->later[period].at - 1)
		nulls[COUNTS_SUSTAINED] = nulls[COUNTS_LAPSED_AGAIN] = true;

	for (int i = 0; i < REVENUE_NCOLUMNS; i++)
	{
		nulls[revenue_columns[i]] = revenue == NULL;
		if (revenue != NULL)
			values[revenue_columns[i]] =
				AmountSumGet(&revenue->sums[period * REVENUE_NCOLUMNS + i], revenue->caller);
	}

	values[COUNTS_STEP] = IntervalPGetDatum(&calendar->question.step);
	nulls[COUNTS_STEP] = !calendar->question.has_step;
	values[COUNTS_STARTS_ON] =
		DateADTGetDatum(InstantToDate(unit, calendar->boundaries[period].at));
	values[COUNTS_DATA_START] = TimestampTzGetDatum(InstantToTimestampTzOrInfinity(unit,
																				   state->first_at));
	values[COUNTS_DATA_END] = TimestampTzGetDatum(InstantToTimestampTzOrInfinity(unit,
																				 state->last_at));
	/* the first is after the last only if no row has a finite time */
	nulls[COUNTS_DATA_START] = nulls[COUNTS_DATA_END] = state->first_at > state->last_at;
	nulls[COUNTS_LOST_START] = nulls[COUNTS_LOST_END] = !calendar->question.has_lost_after;

	if (!calendar->has_end)
	{
		nulls[COUNTS_PERIOD_END] = true;
		nulls[COUNTS_LOST_END] = true;
		for (int i = COUNTS_PROSPECTS_END; i <= COUNTS_CHURNED_END; i++)
			nulls[i] = true;
		nulls[COUNTS_PERIOD_COMPLETE] = true;
	}

	return HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
}

/* Make the rows of all periods; row_type is lifecycle_counts. */
static Datum *
CountPeriods(SeriesState *state, Oid row_type)
{
	const Calendar *calendar = state->calendar;
	TimeUnit	unit = calendar->question.unit;
	int			nperiods = calendar->nperiods;
	PeriodSummary *summaries = palloc0(nperiods * sizeof(PeriodSummary));
	Revenue		revenue;
	Datum	   *rows = palloc(nperiods * sizeof(Datum));
	TupleDesc	tupdesc = lookup_rowtype_tupdesc(row_type, -1);
	TimestampTz start;

	if (tupdesc->natts != COUNTS_NCOLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("type lifecycle_counts has %d columns instead of %d",
						tupdesc->natts, COUNTS_NCOLUMNS),
				 errdetail("The objects of the extension are older than its library."),
				 errhint("Run ALTER EXTENSION winback UPDATE.  Objects of an unreleased version "
						 "must be dropped and created again.")));

	if (state->log.has_amounts)
		RevenueInit(&revenue, nperiods);
	SeriesStateSummarize(state, summaries, AddRevenue, &revenue);

	start = InstantToTimestampTz(unit, calendar->boundaries[0].at);
	for (int i = 0; i < nperiods; i++)
	{
		TimestampTz end = InstantToTimestampTz(unit, calendar->boundaries[i + 1].at);

		if (i % 1024 == 1023)
			CHECK_FOR_INTERRUPTS();
		rows[i] = CountsDatum(state, i, &summaries[i],
							  state->log.has_amounts ? &revenue : NULL, start, end, tupdesc);
		start = end;
	}
	ReleaseTupleDesc(tupdesc);
	return rows;
}

Datum
lifecycle_counts_final(PG_FUNCTION_ARGS)
{
	SeriesState *state = ArgState(fcinfo, 0);

	/* no row, no question: the aggregate is NULL */
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(CountPeriods(state, get_fn_expr_rettype(fcinfo->flinfo))[0]);
}

Datum
lifecycle_series_final(PG_FUNCTION_ARGS)
{
	SeriesState *state = ArgState(fcinfo, 0);
	Oid			row_type;

	if (state == NULL)
		PG_RETURN_NULL();

	row_type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	if (!OidIsValid(row_type))
		elog(ERROR, "unexpected result type of lifecycle_series");
	PG_RETURN_ARRAYTYPE_P(construct_array(CountPeriods(state, row_type),
										  state->calendar->nperiods, row_type,
										  -1, false, TYPALIGN_DOUBLE));
}
