/*
 * lifecycle_counts.c
 *	  The rows of the type lifecycle_counts: one for each period of a tally.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/typcache.h"

#include "types/lifecycle_counts.h"
#include "types/rate_tally.h"

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

/* Count customers of one cell of a PeriodTally in all columns. */
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

/* The columns of revenue, in the order of RevenuePart. */
static const CountsColumn revenue_columns[NREVENUES] = {
	COUNTS_REVENUE_NEW, COUNTS_REVENUE_RETAINED, COUNTS_REVENUE_REACTIVATED,
	COUNTS_REVENUE_WON_BACK, COUNTS_REVENUE_OTHER
};

/* Make the row of one period, given its bounds for display. */
static Datum
CountsDatum(SeriesTally *tally, int i, TimestampTz period_start, TimestampTz period_end,
			TupleDesc tupdesc)
{
	const PeriodTally *period = &tally->periods[i];
	TimeUnit	unit = tally->question.unit;
	int64		returned;
	Counts		counts = {0};
	Datum		values[COUNTS_NCOLUMNS];
	bool		nulls[COUNTS_NCOLUMNS] = {0};

	for (int before = 0; before < NSTANDINGS; before++)
		for (int bought = 0; bought < 2; bought++)
			for (int after = 0; after < NSTANDINGS; after++)
			{
				int64		customers = period->customers[before][bought][after];

				if (customers != 0)
					CountAlike(&counts, before, bought, after, customers);
			}

	for (int column = 0; column < COUNTS_NCOLUMNS; column++)
		values[column] = Int64GetDatum(counts.customers[column]);

	values[COUNTS_PERIOD_START] = TimestampTzGetDatum(period_start);
	values[COUNTS_PERIOD_END] = TimestampTzGetDatum(period_end);
	values[COUNTS_REACTIVATION] = TallyDatum(&counts.reactivation);
	values[COUNTS_WIN_BACK] = TallyDatum(&counts.winback);
	values[COUNTS_REACTIVATION_RATE] = Float8GetDatum(TallyRate(&counts.reactivation));
	nulls[COUNTS_REACTIVATION_RATE] = counts.reactivation.eligible == 0;
	values[COUNTS_WINBACK_RATE] = Float8GetDatum(TallyRate(&counts.winback));
	nulls[COUNTS_WINBACK_RATE] = counts.winback.eligible == 0;
	values[COUNTS_HISTORY_COMPLETE] = BoolGetDatum(tally->first_at < period->reach);
	values[COUNTS_PERIOD_COMPLETE] = BoolGetDatum(tally->last_at >= period->to - 1);

	returned = counts.customers[COUNTS_REACTIVATED] + counts.customers[COUNTS_WON_BACK];
	values[COUNTS_SUSTAINED] = Int64GetDatum(period->sustained);
	values[COUNTS_LAPSED_AGAIN] = Int64GetDatum(returned - period->sustained);
	if (period->later == END_OF_TIME || tally->last_at < period->later - 1)
		nulls[COUNTS_SUSTAINED] = nulls[COUNTS_LAPSED_AGAIN] = true;

	for (int part = 0; part < NREVENUES; part++)
	{
		nulls[revenue_columns[part]] = !tally->has_amounts;
		if (tally->has_amounts)
			values[revenue_columns[part]] = AmountSumGet(&tally->revenue[i][part], tally->caller);
	}

	values[COUNTS_STEP] = IntervalPGetDatum(&tally->question.step);
	nulls[COUNTS_STEP] = !tally->question.has_step;
	values[COUNTS_STARTS_ON] = DateADTGetDatum(InstantToDate(unit, period->from));
	values[COUNTS_DATA_START] = TimestampTzGetDatum(InstantToTimestampTzOrInfinity(unit,
																				   tally->first_at));
	values[COUNTS_DATA_END] = TimestampTzGetDatum(InstantToTimestampTzOrInfinity(unit,
																				 tally->last_at));
	/* the first is after the last only if no row has a finite time */
	nulls[COUNTS_DATA_START] = nulls[COUNTS_DATA_END] = tally->first_at > tally->last_at;
	nulls[COUNTS_LOST_START] = nulls[COUNTS_LOST_END] = !tally->question.has_lost_after;

	if (period->to == END_OF_TIME)
	{
		nulls[COUNTS_PERIOD_END] = true;
		nulls[COUNTS_LOST_END] = true;
		for (int column = COUNTS_PROSPECTS_END; column <= COUNTS_CHURNED_END; column++)
			nulls[column] = true;
		nulls[COUNTS_PERIOD_COMPLETE] = true;
	}

	return HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
}

/* Make the rows of all periods, an array of nperiods; row_type is lifecycle_counts. */
Datum *
CountsRows(SeriesTally *tally, Oid row_type)
{
	TimeUnit	unit = tally->question.unit;
	Datum	   *rows = palloc(tally->nperiods * sizeof(Datum));
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

	start = InstantToTimestampTz(unit, tally->periods[0].from);
	for (int i = 0; i < tally->nperiods; i++)
	{
		TimestampTz end = InstantToTimestampTz(unit, tally->periods[i].to);

		if (i % 1024 == 1023)
			CHECK_FOR_INTERRUPTS();
		rows[i] = CountsDatum(tally, i, start, end, tupdesc);
		start = end;
	}
	ReleaseTupleDesc(tupdesc);
	return rows;
}
