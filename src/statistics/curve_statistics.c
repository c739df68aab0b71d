/*
 * curve_statistics.c
 *	  The SQL functions that answer questions from a return_curve.
 *
 * Lengths are intervals of whole days, because a curve has no hours, and a month no fixed number of
 * days.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "statistics/distributions.h"
#include "statistics/sql_function.h"
#include "statistics/survival.h"
#include "types/return_curve.h"

PG_FUNCTION_INFO_V1(return_curve_unnest);
PG_FUNCTION_INFO_V1(chance_of_return);
PG_FUNCTION_INFO_V1(silence_for);
PG_FUNCTION_INFO_V1(median_return);
PG_FUNCTION_INFO_V1(median_return_interval);
PG_FUNCTION_INFO_V1(restricted_mean_return);
PG_FUNCTION_INFO_V1(log_rank);
PG_FUNCTION_INFO_V1(own_threshold);

/* The confidence of unnest(return_curve), which has no argument for it. */
#define UNNEST_CONFIDENCE	0.95

/* Return an interval of days.  A part of a day becomes hours. */
static Datum
DaysDatum(float8 days)
{
	Interval   *interval = palloc0(sizeof(Interval));
	float8		whole = floor(days);

	interval->day = (int32) whole;
	interval->time = (int64) rint((days - whole) * USECS_PER_DAY);
	if (interval->time == USECS_PER_DAY)
	{
		interval->day++;
		interval->time = 0;
	}
	return IntervalPGetDatum(interval);
}

/*
 * Return an interval as a number of whole days.  It must not be below `least`, 0 or 1.
 *
 * A month has no fixed number of days, and a curve has no hours.
 */
static int64
DaysOfInterval(const Interval *interval, const char *name, int least)
{
	int64		days;

	if (!IntervalIsFinite(interval))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be finite", name),
				 errhint("Use a number of days such as '90 days'.")));
	days = interval->day + interval->time / USECS_PER_DAY;
	if (interval->month != 0 || interval->time % USECS_PER_DAY != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a number of whole days", name),
				 errdetail("It is %s.",
						   DatumGetCString(DirectFunctionCall1(interval_out,
															   IntervalPGetDatum(interval)))),
				 errhint("Use a number of days such as '90 days'. "
						 "Months and years have no fixed number of days.")));
	if (days < least)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 least == 0 ? errmsg("%s must not be negative", name) :
				 errmsg("%s must be positive", name),
				 errdetail("It is %s.",
						   DatumGetCString(DirectFunctionCall1(interval_out,
															   IntervalPGetDatum(interval)))),
				 errhint("Use a number of days such as '90 days'.")));
	return days;
}

/* Return the descriptor of the row that a function returns. */
static TupleDesc
ResultRow(FunctionCallInfo fcinfo)
{
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "function %u does not return a row", fcinfo->flinfo->fn_oid);
	return BlessTupleDesc(tupdesc);
}

/* Set the three columns of an estimate. */
static void
SetEstimate(const Estimate *estimate, Datum *values, bool *nulls)
{
	values[0] = Float8GetDatum(estimate->value);
	values[1] = Float8GetDatum(estimate->lower);
	values[2] = Float8GetDatum(estimate->upper);
	nulls[0] = false;
	nulls[1] = nulls[2] = !estimate->has_bounds;
}

/* SQL function unnest(return_curve): the rows of the Kaplan-Meier estimate. */
Datum
return_curve_unnest(PG_FUNCTION_ARGS)
{
	enum
	{
		SILENCE, AT_RISK, RETURNED, CENSORED, SURVIVAL, LOWER, UPPER, NCOLUMNS
	};
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	float8		z = NormalQuantile(UNNEST_CONFIDENCE);
	Curve		curve;
	CurveWalk	walk;

	InitMaterializedSRF(fcinfo, 0);
	curve = CurveFromDatum(PG_GETARG_DATUM(0));
	CurveWalkInit(&walk, &curve);
	while (CurveWalkNext(&walk))
	{
		Estimate	survival = CurveSurvival(&walk, z);
		Datum		values[NCOLUMNS];
		bool		nulls[NCOLUMNS] = {0};

		values[SILENCE] = DaysDatum(walk.point->days);
		values[AT_RISK] = Int64GetDatum(walk.at_risk);
		values[RETURNED] = Int64GetDatum(walk.point->returned);
		values[CENSORED] = Int64GetDatum(walk.point->censored);
		SetEstimate(&survival, &values[SURVIVAL], &nulls[SURVIVAL]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		pfree(DatumGetPointer(values[SILENCE]));
	}
	return (Datum) 0;
}

/* SQL function chance_of_return(curve, silence, within, confidence). */
Datum
chance_of_return(PG_FUNCTION_ARGS)
{
	Curve		curve = CurveFromDatum(PG_GETARG_DATUM(0));
	int64		silence = DaysOfInterval(PG_GETARG_INTERVAL_P(1), "silence", 0);
	int64		within = DaysOfInterval(PG_GETARG_INTERVAL_P(2), "within", 1);
	float8		z = NormalQuantile(ArgConfidence(fcinfo, 3));
	Datum		values[4] = {0};
	bool		nulls[4] = {true, true, true, false};
	ReturnChance chance;

	chance = CurveChance(&curve, silence, within, z);
	if (chance.is_known)
		SetEstimate(&chance.chance, values, nulls);
	values[3] = Int64GetDatum(chance.at_risk);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(ResultRow(fcinfo), values, nulls)));
}

/* SQL function silence_for(curve, chance, within). */
Datum
silence_for(PG_FUNCTION_ARGS)
{
	Curve		curve = CurveFromDatum(PG_GETARG_DATUM(0));
	float8		chance = PG_GETARG_FLOAT8(1);
	int64		within = DaysOfInterval(PG_GETARG_INTERVAL_P(2), "within", 1);
	int32		silence;

	if (!(chance >= 0 && chance <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("chance must lie between 0 and 1"),
				 errhint("Use 0.1 for 10 percent.")));
	if (!CurveSilenceFor(&curve, chance, within, &silence))
		PG_RETURN_NULL();
	return DaysDatum(silence);
}

/* SQL function median_return(curve). */
Datum
median_return(PG_FUNCTION_ARGS)
{
	Curve		curve = CurveFromDatum(PG_GETARG_DATUM(0));
	float8		days;

	if (!CurveMedian(&curve, 0, 0, &days))
		PG_RETURN_NULL();
	return DaysDatum(days);
}

/* SQL function median_return_interval(curve, confidence). */
Datum
median_return_interval(PG_FUNCTION_ARGS)
{
	Curve		curve = CurveFromDatum(PG_GETARG_DATUM(0));
	float8		z = NormalQuantile(ArgConfidence(fcinfo, 1));
	Datum		values[2] = {0};
	bool		nulls[2];

	for (int i = 0; i < 2; i++)
	{
		float8		days;

		nulls[i] = !CurveMedian(&curve, z, i == 0 ? -1 : 1, &days);
		if (!nulls[i])
			values[i] = DaysDatum(days);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(ResultRow(fcinfo), values, nulls)));
}

/* SQL function restricted_mean_return(curve, within). */
Datum
restricted_mean_return(PG_FUNCTION_ARGS)
{
	Curve		curve = CurveFromDatum(PG_GETARG_DATUM(0));
	int64		within = DaysOfInterval(PG_GETARG_INTERVAL_P(1), "within", 1);
	float8		days;

	if (!CurveRestrictedMean(&curve, within, &days))
		PG_RETURN_NULL();
	return DaysDatum(days);
}

/* SQL function log_rank(curve, curve). */
Datum
log_rank(PG_FUNCTION_ARGS)
{
	Curve		a = CurveFromDatum(PG_GETARG_DATUM(0));
	Curve		b = CurveFromDatum(PG_GETARG_DATUM(1));
	LogRank		test = CurveLogRank(&a, &b);
	Row			row = RowOfNulls(2);

	if (test.is_known)
	{
		RowSet(&row, 0, test.chi_squared);
		RowSet(&row, 1, test.p_value);
	}
	return ReturnRow(fcinfo, &row);
}

/* Return an interval as days, where a month is 30 days as in PostgreSQL's comparison. */
static float8
DaysOf(const Interval *interval)
{
	return interval->month * (float8) DAYS_PER_MONTH + interval->day +
		(float8) interval->time / USECS_PER_DAY;
}

/*
 * SQL function own_threshold(returns, curve, k, prior_gaps): k times the median gap of a customer,
 * shrunk to the median of the curve.
 *
 * This is credibility theory (H. Buehlmann, ASTIN Bulletin 4, 1967): the customer's own n gaps have
 * the weight n / (n + prior_gaps), and the curve of the shop has the rest, as if each customer had
 * shown as many gaps of the shop before the own ones.
 */
Datum
own_threshold(PG_FUNCTION_ARGS)
{
	HeapTupleHeader row = PG_GETARG_HEAPTUPLEHEADER(0);
	Curve		curve = CurveFromDatum(PG_GETARG_DATUM(1));
	float8		k = PG_GETARG_FLOAT8(2);
	float8		prior_gaps = PG_GETARG_FLOAT8(3);
	float8		shop = 0;
	float8		own = 0;
	float8		ngaps;
	float8		days;
	bool		isnull;
	Datum		value;

	if (!(k > 0) || isinf(k))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be positive and finite"),
				 errhint("Use 3 for a silence that is three times as long as usual.")));
	if (!(prior_gaps >= 0) || isinf(prior_gaps))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("prior_gaps must be finite and not negative"),
				 errhint("Use 0 to judge customers by their own gaps alone.")));

	value = GetAttributeByName(row, "gaps", &isnull);
	ngaps = isnull ? 0 : (float8) DatumGetInt64(value);
	value = GetAttributeByName(row, "median_gap", &isnull);
	if (isnull || ngaps <= 0)
		ngaps = 0;
	else
		own = DaysOf(DatumGetIntervalP(value));
	if (ngaps + prior_gaps == 0 ||
		(prior_gaps > 0 && !CurveMedian(&curve, 0, 0, &shop)))
		PG_RETURN_NULL();

	/* a rounding error must not make it a day longer */
	days = ceil(k * (ngaps * own + prior_gaps * shop) / (ngaps + prior_gaps) - 1e-9);
	if (days > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("interval out of range")));
	return DaysDatum(days);
}
