/*
 * rate_effects.c
 *	  The SQL functions over tallies: how certain a rate is, what a treatment
 *	  changed, and how many customers such a test needs.
 *
 * A column is NULL if a side that it depends on has no customers.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "statistics/distributions.h"
#include "statistics/proportions.h"
#include "statistics/sql_function.h"
#include "types/rate_tally.h"

PG_FUNCTION_INFO_V1(rate_tally_interval);
PG_FUNCTION_INFO_V1(rate_effect);
PG_FUNCTION_INFO_V1(rate_effect_stratified);
PG_FUNCTION_INFO_V1(sample_size);

/* The columns of rate_effect, in order. */
typedef enum RateEffectColumn
{
	RATE_TREATED_RATE,
	RATE_CONTROL_RATE,
	RATE_DIFFERENCE,
	RATE_LOWER,
	RATE_UPPER,
	RATE_RATIO,
	RATE_RATIO_LOWER,
	RATE_RATIO_UPPER,
	RATE_P_VALUE,
	RATE_P_EXACT,
	RATE_INCREMENTAL,
	RATE_INCREMENTAL_LOWER,
	RATE_INCREMENTAL_UPPER,
	RATE_NCOLUMNS
} RateEffectColumn;

/* The columns of rate_effect_stratified, in order. */
typedef enum StratifiedColumn
{
	STRATIFIED_DIFFERENCE,
	STRATIFIED_LOWER,
	STRATIFIED_UPPER,
	STRATIFIED_P_VALUE,
	STRATIFIED_INCREMENTAL,
	STRATIFIED_INCREMENTAL_LOWER,
	STRATIFIED_INCREMENTAL_UPPER,
	STRATIFIED_NCOLUMNS
} StratifiedColumn;

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

/* Return the method with the name in an argument, or raise an error that lists all methods. */
static const DifferenceMethod *
ArgMethod(FunctionCallInfo fcinfo, int arg)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(arg));
	StringInfoData known;

	initStringInfo(&known);
	for (const DifferenceMethod *method = difference_methods; method->name; method++)
	{
		if (strcmp(name, method->name) == 0)
			return method;
		appendStringInfo(&known, "%s%s", known.len > 0 ? ", " : "", method->name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown method: \"%s\"", name),
			 errhint("Methods are %s.", known.data)));
	return NULL;
}

/*
 * Set the columns of the ratio, where nobody returned of the control, too: the
 * ratio is then infinite, or not defined if nobody returned on either side.
 */
static void
SetRatio(Row *row, const Tally *treated, const Tally *control, float8 z)
{
	Limits		limits = KoopmanLimits(treated, control, z);

	if (control->returned > 0)
		RowSet(row, RATE_RATIO, TallyRate(treated) / TallyRate(control));
	else if (treated->returned > 0)
		RowSet(row, RATE_RATIO, INFINITY);
	RowSet(row, RATE_RATIO_LOWER, limits.lower);
	RowSet(row, RATE_RATIO_UPPER, limits.upper);
}

/* SQL function rate_effect(treated, control, confidence, method). */
Datum
rate_effect(PG_FUNCTION_ARGS)
{
	Tally	   *treated = PG_GETARG_TALLY_P(0);
	Tally	   *control = PG_GETARG_TALLY_P(1);
	float8		confidence = ArgConfidence(fcinfo, 2);
	const DifferenceMethod *method = ArgMethod(fcinfo, 3);
	Row			row = RowOfNulls(RATE_NCOLUMNS);

	if (treated->eligible > 0)
		RowSet(&row, RATE_TREATED_RATE, TallyRate(treated));
	if (control->eligible > 0)
		RowSet(&row, RATE_CONTROL_RATE, TallyRate(control));
	if (treated->eligible > 0 && control->eligible > 0)
	{
		float8		z = NormalQuantile(confidence);
		float8		difference = RateDifference(treated, control);
		Limits		limits = method->limits(treated, control, z);
		float8		customers = (float8) treated->eligible;

		RowSet(&row, RATE_DIFFERENCE, difference);
		RowSet(&row, RATE_LOWER, limits.lower);
		RowSet(&row, RATE_UPPER, limits.upper);
		SetRatio(&row, treated, control, z);
		RowSet(&row, RATE_P_VALUE, NormalTail(PooledZ(treated, control)));
		RowSet(&row, RATE_P_EXACT, FisherTest(treated, control));
		RowSet(&row, RATE_INCREMENTAL, customers * difference);
		RowSet(&row, RATE_INCREMENTAL_LOWER, customers * limits.lower);
		RowSet(&row, RATE_INCREMENTAL_UPPER, customers * limits.upper);
	}
	return ReturnRow(fcinfo, &row);
}

/* SQL function rate_effect_stratified(treated[], control[], confidence). */
Datum
rate_effect_stratified(PG_FUNCTION_ARGS)
{
	Elements	treated = ArgElements(fcinfo, 0, "treated");
	Elements	control = ArgElements(fcinfo, 1, "control");
	float8		confidence = ArgConfidence(fcinfo, 2);
	const Tally **tallies[2];
	Row			row = RowOfNulls(STRATIFIED_NCOLUMNS);
	Stratified	stratified;

	CheckSameLength(&treated, "treated", &control, "control");
	for (int side = 0; side < 2; side++)
	{
		const Elements *elements = side == 0 ? &treated : &control;

		CheckNoNulls(elements, side == 0 ? "treated" : "control");
		tallies[side] = palloc(sizeof(Tally *) * (elements->count + 1));
		for (int k = 0; k < elements->count; k++)
			tallies[side][k] = (const Tally *) DatumGetPointer(elements->values[k]);
	}
	if (MantelHaenszel(tallies[0], tallies[1], treated.count, &stratified))
	{
		RowSet(&row, STRATIFIED_DIFFERENCE, stratified.difference);
		RowSet(&row, STRATIFIED_P_VALUE, NormalTail(stratified.z));
		RowSet(&row, STRATIFIED_INCREMENTAL, stratified.treated * stratified.difference);
		/* an interval without width would claim that nothing is uncertain */
		if (stratified.variance > 0)
		{
			float8		half = NormalQuantile(confidence) * sqrt(stratified.variance);
			float8		lower = Max(-1, stratified.difference - half);
			float8		upper = Min(1, stratified.difference + half);

			RowSet(&row, STRATIFIED_LOWER, lower);
			RowSet(&row, STRATIFIED_UPPER, upper);
			RowSet(&row, STRATIFIED_INCREMENTAL_LOWER, stratified.treated * lower);
			RowSet(&row, STRATIFIED_INCREMENTAL_UPPER, stratified.treated * upper);
		}
	}
	return ReturnRow(fcinfo, &row);
}

/*
 * SQL function sample_size(control_rate, treated_rate, power, confidence): the
 * customers that each of two equal groups needs, so that the score test finds the
 * difference with this probability (J. L. Fleiss, Statistical Methods for Rates
 * and Proportions, without correction for continuity).
 */
Datum
sample_size(PG_FUNCTION_ARGS)
{
	float8		control = ArgShare(fcinfo, 0, "control_rate");
	float8		treated = ArgShare(fcinfo, 1, "treated_rate");
	float8		power = PG_GETARG_FLOAT8(2);
	float8		confidence = ArgConfidence(fcinfo, 3);
	float8		mean = (control + treated) / 2;
	float8		z_power,
				size;

	if (!(power > 0 && power < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("power must lie between 0 and 1"),
				 errhint("Use 0.8 to find a difference that exists in 80 percent of all tests.")));
	if (control == treated)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("treated_rate must differ from control_rate"),
				 errdetail("Both are %g.", control),
				 errhint("Pass the smallest difference that would be worth the campaign.")));

	/* the quantile of one side */
	z_power = power >= 0.5 ? NormalQuantile(2 * power - 1) : -NormalQuantile(1 - 2 * power);
	size = NormalQuantile(confidence) * sqrt(2 * mean * (1 - mean)) +
		z_power * sqrt(control * (1 - control) + treated * (1 - treated));
	/* a power below the test's own error needs no customers; a group has at least one */
	size = size <= 0 ? 1 : ceil(pow(size / (treated - control), 2));
	size = Max(size, 1);
	if (size >= 9.2e18)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sample size out of range"),
				 errhint("Pass rates that differ more.")));
	PG_RETURN_INT64((int64) size);
}
