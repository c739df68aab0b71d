/*
 * transitions.c
 *	  The aggregate lifecycle_transitions, which counts the customers for each pair
 *	  of a status before and a status after.
 *
 * The state is a matrix of counts with a row for each status before and a column for
 * each status after, as an array of bigint.  As this is a concrete type, other nodes
 * can compute and send partial states.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "rules/rules.h"

PG_FUNCTION_INFO_V1(lifecycle_transitions_trans);
PG_FUNCTION_INFO_V1(lifecycle_transitions_combine);
PG_FUNCTION_INFO_V1(lifecycle_transitions_final);

/* the seven statuses, and LIFECYCLE_NONE as index 0 */
#define NSTATUSES		(LIFECYCLE_WON_BACK / 16 + 1)
#define NCELLS			(NSTATUSES * NSTATUSES)

/* Return the cells of a matrix, or raise an error if the array is not a matrix. */
static int64 *
Cells(ArrayType *matrix)
{
	if (ARR_NDIM(matrix) != 1 || ARR_DIMS(matrix)[0] != NCELLS ||
		ARR_HASNULL(matrix) || ARR_ELEMTYPE(matrix) != INT8OID)
		elog(ERROR, "unexpected state of lifecycle_transitions");
	return (int64 *) ARR_DATA_PTR(matrix);
}

static void
AddToCell(int64 *cell, int64 customers)
{
	if (pg_add_s64_overflow(*cell, customers, cell))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint out of range")));
}

/* Return the index of a status argument, or 0 if it is NULL. */
static int
ArgStatus(FunctionCallInfo fcinfo, int arg)
{
	int			index = PG_ARGISNULL(arg) ? 0 : (uint8) PG_GETARG_CHAR(arg) / 16;

	/* only a damaged table contains another code */
	if (index >= NSTATUSES)
		elog(ERROR, "invalid code for lifecycle_status: %d", (uint8) PG_GETARG_CHAR(arg));
	return index;
}

/* Return the first argument if it is the state of an aggregate, else a copy of it. */
static ArrayType *
WritableMatrix(FunctionCallInfo fcinfo)
{
	return AggCheckCallContext(fcinfo, NULL) ? PG_GETARG_ARRAYTYPE_P(0) :
		PG_GETARG_ARRAYTYPE_P_COPY(0);
}

Datum
lifecycle_transitions_trans(PG_FUNCTION_ARGS)
{
	int			before = ArgStatus(fcinfo, 1);
	int			after = ArgStatus(fcinfo, 2);
	ArrayType  *matrix;

	/* the customer has no event before the end: ignore the row */
	if (before == 0 && after == 0)
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}

	if (PG_ARGISNULL(0))
	{
		Datum		zeroes[NCELLS] = {0};

		matrix = construct_array(zeroes, NCELLS, INT8OID, sizeof(int64),
								 FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	}
	else
		matrix = WritableMatrix(fcinfo);

	AddToCell(&Cells(matrix)[before * NSTATUSES + after], 1);
	PG_RETURN_ARRAYTYPE_P(matrix);
}

Datum
lifecycle_transitions_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *matrix = WritableMatrix(fcinfo);
	int64	   *cells = Cells(matrix);
	const int64 *others = Cells(PG_GETARG_ARRAYTYPE_P(1));

	for (int i = 0; i < NCELLS; i++)
		AddToCell(&cells[i], others[i]);
	PG_RETURN_ARRAYTYPE_P(matrix);
}

/* Return an array with a row for each cell that is not 0. */
Datum
lifecycle_transitions_final(PG_FUNCTION_ARGS)
{
	const int64 *cells;
	Oid			row_type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	TupleDesc	tupdesc;
	Datum		rows[NCELLS];
	int			nrows = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	cells = Cells(PG_GETARG_ARRAYTYPE_P(0));

	if (!OidIsValid(row_type))
		elog(ERROR, "unexpected result type of lifecycle_transitions");
	tupdesc = lookup_rowtype_tupdesc(row_type, -1);

	for (int i = 0; i < NCELLS; i++)
	{
		int			before = i / NSTATUSES;
		int			after = i % NSTATUSES;

		if (cells[i] != 0)
		{
			Datum		values[] = {
				CharGetDatum(before * 16), CharGetDatum(after * 16), Int64GetDatum(cells[i])
			};
			bool		nulls[] = {before == 0, after == 0, false};

			rows[nrows++] = HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
		}
	}
	ReleaseTupleDesc(tupdesc);
	PG_RETURN_ARRAYTYPE_P(construct_array(rows, nrows, row_type, -1, false, TYPALIGN_DOUBLE));
}
