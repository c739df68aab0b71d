/*
 * sql_function.c
 *	  The arguments and results that the SQL functions of this directory share.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"

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
