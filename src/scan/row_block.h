/*
 * row_block.h
 *	  A block of rows, stored by column, that a Winback Scan passes to an aggregate.
 */
#ifndef WINBACK_ROW_BLOCK_H
#define WINBACK_ROW_BLOCK_H

#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"

/* The largest number of rows in a block.  They come from one page. */
#define ROW_BLOCK_MAX	MaxHeapTuplesPerPage

/*
 * values[i] and nulls[i] are arrays of nrows elements if argument i of the transition
 * function is a column.  Both are NULL if the argument has one value for all rows; this
 * value is in the fcinfo of the call.
 */
typedef struct RowBlock
{
	int			nrows;
	Datum	   *values[FUNC_MAX_ARGS];
	bool	   *nulls[FUNC_MAX_ARGS];
} RowBlock;

/* Return an argument of a call for a row: from the block, or from the fcinfo of all rows. */
static inline NullableDatum
RowBlockArg(const RowBlock *rows, int row, FunctionCallInfo fcinfo, int arg)
{
	NullableDatum value;

	if (rows->values[arg] == NULL)
		return fcinfo->args[arg];
	value.value = rows->values[arg][row];
	value.isnull = rows->nulls[arg][row];
	return value;
}

#endif							/* WINBACK_ROW_BLOCK_H */
