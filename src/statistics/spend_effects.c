/*
 * spend_effects.c
 *	  The SQL function spend_effect: what a treatment changed in the money that
 *	  customers spent.
 *
 * B. L. Welch's test (Biometrika 34, 1947) does not assume that both groups spend
 * with the same variance.  The amounts need not be normally distributed if there
 * are many customers, because their means then are.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"

#include "statistics/distributions.h"
#include "statistics/sql_function.h"
#include "types/spend_tally.h"

PG_FUNCTION_INFO_V1(spend_effect);

/* The columns of spend_effect, in order. */
typedef enum SpendEffectColumn
{
	SPEND_TREATED_MEAN,
	SPEND_CONTROL_MEAN,
	SPEND_DIFFERENCE,
	SPEND_LOWER,
	SPEND_UPPER,
	SPEND_RATIO,
	SPEND_RATIO_LOWER,
	SPEND_RATIO_UPPER,
	SPEND_P_VALUE,
	SPEND_INCREMENTAL,
	SPEND_INCREMENTAL_LOWER,
	SPEND_INCREMENTAL_UPPER,
	SPEND_NCOLUMNS
} SpendEffectColumn;

/* Set the columns that need customers on both sides. */
static void
SetDifference(Row *row, const Spend *treated_spend, const Spend *control_spend, float8 confidence)
{
	SpendMoments treated = SpendGetMoments(treated_spend);
	SpendMoments control = SpendGetMoments(control_spend);
	float8		difference = SpendMeanDifference(treated_spend, control_spend);
	float8		treated_square = treated.variance / treated.customers;
	float8		control_square = control.variance / control.customers;
	float8		square = treated_square + control_square;
	float8		freedom,
				t;

	RowSet(row, SPEND_DIFFERENCE, difference);
	RowSet(row, SPEND_INCREMENTAL, treated.customers * difference);
	if (control.mean > 0)
		RowSet(row, SPEND_RATIO, treated.mean / control.mean);

	/* the variance is not a number for one customer, and 0 where all spent the same amount */
	if (!(square > 0))
		return;
	/* shares of the variance, so that small ones do not underflow when they are squared */
	freedom = 1 / (pow(treated_square / square, 2) / (treated.customers - 1) +
				   pow(control_square / square, 2) / (control.customers - 1));
	t = StudentQuantile(confidence, freedom);
	RowSet(row, SPEND_LOWER, difference - t * sqrt(square));
	RowSet(row, SPEND_UPPER, difference + t * sqrt(square));
	RowSet(row, SPEND_P_VALUE, StudentTail(difference / sqrt(square), freedom));
	RowSet(row, SPEND_INCREMENTAL_LOWER, treated.customers * row->values[SPEND_LOWER]);
	RowSet(row, SPEND_INCREMENTAL_UPPER, treated.customers * row->values[SPEND_UPPER]);
	if (control.mean > 0)
	{
		float8		ratio = treated.mean / control.mean;
		float8		half = t * sqrt(treated_square + ratio * ratio * control_square) /
			control.mean;

		RowSet(row, SPEND_RATIO_LOWER, ratio - half);
		RowSet(row, SPEND_RATIO_UPPER, ratio + half);
	}
}

/* SQL function spend_effect(treated, control, confidence). */
Datum
spend_effect(PG_FUNCTION_ARGS)
{
	Spend		treated = SpendFromDatum(PG_GETARG_DATUM(0));
	Spend		control = SpendFromDatum(PG_GETARG_DATUM(1));
	float8		confidence = ArgConfidence(fcinfo, 2);
	Row			row = RowOfNulls(SPEND_NCOLUMNS);

	if (treated.customers > 0)
		RowSet(&row, SPEND_TREATED_MEAN, SpendGetMoments(&treated).mean);
	if (control.customers > 0)
		RowSet(&row, SPEND_CONTROL_MEAN, SpendGetMoments(&control).mean);
	if (treated.customers > 0 && control.customers > 0)
		SetDifference(&row, &treated, &control, confidence);
	return ReturnRow(fcinfo, &row);
}
