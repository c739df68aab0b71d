/*
 * sql_function.c
 *	  The arguments and results that the SQL functions of this directory share.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "statistics/sql_function.h"

Row
RowOfNulls(int ncolumns)
{
	Row			row = {.ncolumns = ncolumns};

	Assert(ncolumns <= ROW_MAX_COLUMNS);
	for (int column = 0; column < ncolumns; column++)
		row.nulls[column] = true;
	return row;
}

/* Return the row as the result of an SQL function, whose type must have its columns. */
Datum
ReturnRow(FunctionCallInfo fcinfo, Row *row)
{
	TupleDesc	tupdesc;
	Datum		values[ROW_MAX_COLUMNS] = {0};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != row->ncolumns)
		elog(ERROR, "unexpected result type of a function of winback");
	tupdesc = BlessTupleDesc(tupdesc);
	for (int column = 0; column < row->ncolumns; column++)
	{
		if (!row->nulls[column])
			values[column] = Float8GetDatum(row->values[column]);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, values, row->nulls)));
}

/* Return the argument that is a confidence, or raise an error if it is none. */
float8
ArgConfidence(FunctionCallInfo fcinfo, int arg)
{
	float8		confidence = PG_GETARG_FLOAT8(arg);

	if (!(confidence > 0 && confidence < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("confidence must lie between 0 and 1"),
				 errhint("Use 0.95 for 95 percent.")));
	return confidence;
}

/* Return the argument that is a share of all customers, or raise an error if it is none. */
float8
ArgShare(FunctionCallInfo fcinfo, int arg, const char *name)
{
	float8		share = PG_GETARG_FLOAT8(arg);

	if (!(share >= 0 && share <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must lie between 0 and 1", name),
				 errdetail("It is %g.", share),
				 errhint("Use 0.05 for 5 percent.")));
	return share;
}

/* Return the elements of an argument that is an array of at most one dimension. */
Elements
ArgElements(FunctionCallInfo fcinfo, int arg, const char *name)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(arg);
	Elements	elements;
	int16		length;
	bool		by_value;
	char		align;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s must have one dimension", name),
				 errdetail("It has %d.", ARR_NDIM(array)),
				 errhint("Pass an array such as that of array_agg().")));
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align,
					  &elements.values, &elements.nulls, &elements.count);
	return elements;
}

/* Raise an error if an element is NULL. */
void
CheckNoNulls(const Elements *elements, const char *name)
{
	for (int i = 0; i < elements->count; i++)
	{
		if (elements->nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not contain null", name),
					 errdetail("Element %d is null.", i + 1),
					 errhint("Leave the element out of all arrays, or replace it by coalesce().")));
	}
}

/* Raise an error if two arrays have different numbers of elements. */
void
CheckSameLength(const Elements *first, const char *first_name,
				const Elements *second, const char *second_name)
{
	if (first->count != second->count)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s and %s must have the same number of elements",
						first_name, second_name),
				 errdetail("They have %d and %d.", first->count, second->count),
				 errhint("Build both with array_agg() in the same order over the same rows.")));
}
