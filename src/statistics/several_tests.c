/*
 * several_tests.c
 *	  The SQL functions over arrays of numbers: p-values of several tests, and the
 *	  check of a split into several groups.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"

#include "statistics/distributions.h"
#include "statistics/sql_function.h"

PG_FUNCTION_INFO_V1(holm);
PG_FUNCTION_INFO_V1(split_check);

/* A p-value, and its place in the array. */
typedef struct PlacedValue
{
	float8		p;
	int			place;
} PlacedValue;

static int
ComparePlacedValues(const void *a, const void *b)
{
	float8		first = ((const PlacedValue *) a)->p;
	float8		second = ((const PlacedValue *) b)->p;

	return (first > second) - (first < second);
}

/*
 * SQL function holm(p_values): the p-values, adjusted for the number of tests
 * (S. Holm, Scandinavian Journal of Statistics 6, 1979).  The smallest is
 * multiplied by the number of tests, the next one by one less, and so on; none
 * becomes smaller than one before it.  A NULL is no test, and stays NULL.
 */
Datum
holm(PG_FUNCTION_ARGS)
{
	Elements	elements = ArgElements(fcinfo, 0, "p_values");
	PlacedValue *sorted = palloc(sizeof(PlacedValue) * (elements.count + 1));
	int			tests = 0;
	float8		largest = 0;
	int			lower_bound = 1;

	for (int i = 0; i < elements.count; i++)
	{
		float8		p;

		if (elements.nulls[i])
			continue;
		p = DatumGetFloat8(elements.values[i]);
		if (!(p >= 0 && p <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a p-value must lie between 0 and 1"),
					 errdetail("Element %d is %g.", i + 1, p),
					 errhint("Pass the p-values of the tests, and no other numbers.")));
		sorted[tests++] = (PlacedValue) {.p = p, .place = i};
	}
	qsort(sorted, tests, sizeof(PlacedValue), ComparePlacedValues);
	for (int i = 0; i < tests; i++)
	{
		largest = Max(largest, Min(1, sorted[i].p * (tests - i)));
		elements.values[sorted[i].place] = Float8GetDatum(largest);
	}
	if (elements.count == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(FLOAT8OID));
	PG_RETURN_ARRAYTYPE_P(construct_md_array(elements.values, elements.nulls, 1, &elements.count,
											 &lower_bound, FLOAT8OID, sizeof(float8),
											 FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* Raise the error of an element that is negative or not a number. */
static void
ReportElement(const char *name, int i, float8 value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must not contain a negative or infinite number", name),
			 errdetail("Element %d is %g.", i + 1, value),
			 errhint("Pass the numbers of customers, and the shares that they should have.")));
}

/*
 * SQL function split_check(observed, expected): the p-value of Pearson's
 * chi-square test that customers were divided as planned.  The expected shares
 * need not add up to 1.
 */
Datum
split_check(PG_FUNCTION_ARGS)
{
	Elements	observed = ArgElements(fcinfo, 0, "observed");
	Elements	expected = ArgElements(fcinfo, 1, "expected");
	float8		customers = 0,
				shares = 0,
				square = 0;
	int			groups = 0;

	CheckSameLength(&observed, "observed", &expected, "expected");
	CheckNoNulls(&observed, "observed");
	CheckNoNulls(&expected, "expected");
	for (int i = 0; i < observed.count; i++)
	{
		int64		count = DatumGetInt64(observed.values[i]);
		float8		share = DatumGetFloat8(expected.values[i]);

		if (count < 0)
			ReportElement("observed", i, (float8) count);
		/* the sum of larger shares might be infinite */
		if (!(share >= 0 && share <= 1e300))
			ReportElement("expected", i, share);
		customers += (float8) count;
		shares += share;
		groups += share > 0;
	}
	if (groups < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("expected must give a share to two groups or more"),
				 errdetail("It gives a share to %d.", groups),
				 errhint("Pass one element for each group, such as '{0.9,0.1}'.")));
	if (customers == 0)
		PG_RETURN_NULL();
	for (int i = 0; i < observed.count; i++)
	{
		float8		count = (float8) DatumGetInt64(observed.values[i]);
		float8		wanted = customers * (DatumGetFloat8(expected.values[i]) / shares);

		/* customers in a group that should have none make the square infinite */
		if (count != wanted)
			square += (count - wanted) * (count - wanted) / wanted;
	}
	PG_RETURN_FLOAT8(ChiSquareTail(square, groups - 1));
}
