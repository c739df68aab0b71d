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

static const Signature counts_signature = {
	.customer = true,.scope = SCOPE_BOTH,.inactive_after = true,.churned_after = true
};
static const Signature series_signature = {
	.customer = true,.scope = SCOPE_SERIES,.inactive_after = true,.churned_after = true
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
	COUNTS_NCOLUMNS
} CountsColumn;

/* One period, as it is filled in. */
typedef struct Counts
{
	int64		customers[COUNTS_NCOLUMNS];
	Tally		reactivation;
	Tally		winback;
	Numeric		revenue[COUNTS_NCOLUMNS];	/* NULL for zero */
} Counts;

static inline SeriesState *
ArgState(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : (SeriesState *) PG_GETARG_POINTER(arg);
}

/* Enter a row into the state. */
static void
EnterRow(FunctionCallInfo fcinfo, CallSite *site, SeriesState *state, int64 at, int zone)
{
	CustomerType *customer_type = site->family.customer_type;
	Datum		customer = PG_GETARG_DATUM(CUSTOMER_ARG);

	if (site->event || site->amount)
		SeriesStateEnterEvent(state, customer_type, customer, at, CallSiteEvent(fcinfo, site),
							  site->amount && !PG_ARGISNULL(site->amount) ?
							  PG_GETARG_NUMERIC(site->amount) : NULL);
	else
		SeriesStateEnterZone(state, customer_type, customer, zone);
}

/* The transition function: take a row. */
static Datum
Transition(FunctionCallInfo fcinfo, const Signature *signature)
{
	SeriesState *state = ArgState(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, signature);
	int64		at;
	int			zone;

	if (CallSiteIgnores(fcinfo, signature, site))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}

	if (unlikely(state == NULL))
	{
		MemoryContext context = AggregateContext(fcinfo);

		state = SeriesStateCreate(context, &site->family, CallSiteQuestion(fcinfo, site),
								  site->event != 0, site->amount != 0);
	}
	else if (!site->constant && state->calendar->question.fingerprint !=
			 CallSiteQuestion(fcinfo, site)->fingerprint)
		QuestionChanged();

	at = CallSiteInstant(fcinfo, signature, site);
	SeriesStateNote(state, at);
	zone = CalendarZone(state->calendar, at);
	if (zone < state->calendar->nedges)
		EnterRow(fcinfo, site, state, at, zone);
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

/*
 * Take rows of a Winback Scan: as Transition does with most of them, in a loop.  Rows
 * that go to a log are left to Transition; to keep one costs more than the call.
 */
static pg_attribute_always_inline int
TakeBlock(FunctionCallInfo fcinfo, const Signature *signature, const RowBlock *rows, int first)
{
	SeriesState *state = ArgState(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, signature);
	int			row;

	if (site->event || site->amount || !RowBlockServes(rows, signature, site))
		return first;
	/* a scan has one group */
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
		if (zone < state->calendar->nedges &&
			!SeriesStateQueueZone(state, site->family.customer_type,
								  rows->values[CUSTOMER_ARG][row], zone))
			break;
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

const OnePassAggregate counts_aggregate = {lifecycle_counts_trans, TakeCountsRows};
const OnePassAggregate series_aggregate = {lifecycle_series_trans, TakeSeriesRows};

/* Count a standing in one of four neighbouring columns. */
static void
CountStanding(int64 *columns, LifecycleStatus standing, int64 customers)
{
	switch (standing)
	{
		case LIFECYCLE_PROSPECT:
			columns[0] += customers;
			break;
		case LIFECYCLE_ACTIVE:
			columns[1] += customers;
			break;
		case LIFECYCLE_INACTIVE:
			columns[2] += customers;
			break;
		case LIFECYCLE_CHURNED:
			columns[3] += customers;
			break;
		default:
			break;
	}
}

/* Count customers who are alike. */
static void
CountAlike(Counts *counts, LifecycleStatus before, bool bought, LifecycleStatus after,
		   int64 customers)
{
	CountStanding(&counts->customers[COUNTS_PROSPECTS_START], before, customers);
	CountStanding(&counts->customers[COUNTS_PROSPECTS_END], after, customers);

	if (bought)
	{
		switch (StatusOver(before, bought, after))
		{
			case LIFECYCLE_NEW:
				counts->customers[COUNTS_NEW_CUSTOMERS] += customers;
				if (before == LIFECYCLE_PROSPECT)
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

	if (ReactivationEligible(before))
		TallyAdd(&counts->reactivation, bought ? customers : 0, customers);
	if (WinbackEligible(before))
		TallyAdd(&counts->winback, bought ? customers : 0, customers);
}

/* Add an amount to the revenue of the period from customers of a status. */
static void
AddRevenue(void *arg, int period, LifecycleStatus status, Numeric amount)
{
	Counts	   *counts = (Counts *) arg + period;
	CountsColumn column = status == LIFECYCLE_NEW ? COUNTS_REVENUE_NEW :
		status == LIFECYCLE_ACTIVE ? COUNTS_REVENUE_RETAINED :
		status == LIFECYCLE_REACTIVATED ? COUNTS_REVENUE_REACTIVATED :
		COUNTS_REVENUE_WON_BACK;
	Numeric    *revenue = &counts->revenue[column];
	Numeric		before = *revenue;

	*revenue = DatumGetNumeric(before == NULL ?
							   DirectFunctionCall1(numeric_uplus, NumericGetDatum(amount)) :
							   DirectFunctionCall2(numeric_add, NumericGetDatum(before),
												   NumericGetDatum(amount)));
	if (before != NULL)
		pfree(before);
}

static Datum
CountsDatum(const SeriesState *state, int period, Counts *counts,
			const PeriodSummary *summary, TupleDesc tupdesc)
{
	const Calendar *calendar = state->calendar;
	TimeUnit	unit = calendar->question.unit;
	int64		from = calendar->boundaries[period].at;
	int64		to = calendar->boundaries[period + 1].at;
	int64		returned;
	Datum		values[COUNTS_NCOLUMNS];
	bool		nulls[COUNTS_NCOLUMNS] = {0};

	for (int before = 0; before < STANDINGS; before++)
		for (int bought = 0; bought < 2; bought++)
			for (int after = 0; after < STANDINGS; after++)
				CountAlike(counts, StandingFromIndex(before), bought,
						   StandingFromIndex(after), summary->customers[before][bought][after]);

	for (int i = 0; i < COUNTS_NCOLUMNS; i++)
		values[i] = Int64GetDatum(counts->customers[i]);

	values[COUNTS_PERIOD_START] = TimestampTzGetDatum(InstantToTimestampTz(unit, from));
	values[COUNTS_PERIOD_END] = TimestampTzGetDatum(InstantToTimestampTz(unit, to));
	values[COUNTS_REACTIVATION] = TallyDatum(&counts->reactivation);
	values[COUNTS_WIN_BACK] = TallyDatum(&counts->winback);
	values[COUNTS_REACTIVATION_RATE] = Float8GetDatum(TallyRate(&counts->reactivation));
	nulls[COUNTS_REACTIVATION_RATE] = counts->reactivation.eligible == 0;
	values[COUNTS_WINBACK_RATE] = Float8GetDatum(TallyRate(&counts->winback));
	nulls[COUNTS_WINBACK_RATE] = counts->winback.eligible == 0;
	values[COUNTS_HISTORY_COMPLETE] =
		BoolGetDatum(state->first_at < CalendarReach(calendar, period));
	values[COUNTS_PERIOD_COMPLETE] = BoolGetDatum(state->last_at >= to - 1);

	returned = counts->customers[COUNTS_REACTIVATED] + counts->customers[COUNTS_WON_BACK];
	values[COUNTS_SUSTAINED] = Int64GetDatum(summary->sustained);
	values[COUNTS_LAPSED_AGAIN] = Int64GetDatum(returned - summary->sustained);
	if (!calendar->has_end || state->last_at < calendar->later[period].at - 1)
		nulls[COUNTS_SUSTAINED] = nulls[COUNTS_LAPSED_AGAIN] = true;

	for (int i = COUNTS_REVENUE_NEW; i <= COUNTS_REVENUE_WON_BACK; i++)
	{
		nulls[i] = !state->log.has_amounts;
		values[i] = counts->revenue[i] ? NumericGetDatum(counts->revenue[i]) :
			DirectFunctionCall1(int4_numeric, Int32GetDatum(0));
	}

	if (!calendar->has_end)
	{
		nulls[COUNTS_PERIOD_END] = true;
		for (int i = COUNTS_PROSPECTS_END; i <= COUNTS_CHURNED_END; i++)
			nulls[i] = true;
		nulls[COUNTS_PERIOD_COMPLETE] = true;
	}

	return HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
}

/* The rows of a series; their number is that of the periods. */
static Datum *
CountPeriods(SeriesState *state, Oid row_type)
{
	int			nperiods = state->calendar->nperiods;
	PeriodSummary *summaries = palloc0(nperiods * sizeof(PeriodSummary));
	Counts	   *counts = palloc0(nperiods * sizeof(Counts));
	Datum	   *rows = palloc(nperiods * sizeof(Datum));
	TupleDesc	tupdesc = lookup_rowtype_tupdesc(row_type, -1);

	if (tupdesc->natts != COUNTS_NCOLUMNS)
		elog(ERROR, "unexpected number of columns of lifecycle_counts");

	SeriesStateSummarize(state, summaries, AddRevenue, counts);
	for (int i = 0; i < nperiods; i++)
		rows[i] = CountsDatum(state, i, &counts[i], &summaries[i], tupdesc);
	ReleaseTupleDesc(tupdesc);
	return rows;
}

Datum
lifecycle_counts_final(PG_FUNCTION_ARGS)
{
	SeriesState *state = ArgState(fcinfo, 0);

	/* without a row there is no period either */
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
