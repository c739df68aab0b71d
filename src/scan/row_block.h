/*
 * row_block.h
 *	  Rows of a table by column, as a Winback Scan gives them to an aggregate.
 */
#ifndef WINBACK_ROW_BLOCK_H
#define WINBACK_ROW_BLOCK_H

#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"

/* The most rows of a block: those of a page. */
#define ROW_BLOCK_MAX	MaxHeapTuplesPerPage

/*
 * A column stands in the place of the argument of the transition function that it is.
 * Arguments with one value for all rows are NULL here, and stand in the call's fcinfo.
 */
typedef struct RowBlock
{
	int			nrows;
	Datum	   *values[FUNC_MAX_ARGS];
	bool	   *nulls[FUNC_MAX_ARGS];
} RowBlock;

#endif							/* WINBACK_ROW_BLOCK_H */
