/*
 * rate_effects.c
 *	  The SQL functions that say how certain a rate is.
 */
#include "postgres.h"

#include "fmgr.h"

#include "statistics/distributions.h"
#include "statistics/proportions.h"
#include "statistics/sql_function.h"
#include "types/rate_tally.h"

PG_FUNCTION_INFO_V1(rate_tally_interval);

/* SQL function rate_interval(tally, confidence): the Wilson score interval. */
Datum
rate_tally_interval(PG_FUNCTION_ARGS)
{
	Tally	   *tally = PG_GETARG_TALLY_P(0);
	float8		confidence = ArgConfidence(fcinfo, 1);
	Row			row = RowOfNulls(2);

	if (tally->eligible > 0)
	{
		Limits		wilson = WilsonLimits(tally, NormalQuantile(confidence));

		RowSet(&row, 0, wilson.lower);
		RowSet(&row, 1, wilson.upper);
	}
	return ReturnRow(fcinfo, &row);
}
