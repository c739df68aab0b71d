/*
 * scan_rows.h
 *	  The rows of a page that satisfy WHERE, and those of them that each aggregate takes.
 */
#ifndef WINBACK_SCAN_ROWS_H
#define WINBACK_SCAN_ROWS_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "scan/scan_aggregate.h"
#include "scan/scan_table.h"

/* A column of the scan that is not a column of the table, but an expression. */
typedef struct ComputedColumn
{
	int			column;			/* index in ScanColumns */
	ExprState  *expr;
} ComputedColumn;

/* A table to read, and the expressions to evaluate on its rows. */
typedef struct TableToScan
{
	ScanTable	table;
	List	   *filters;		/* the first conditions of WHERE, evaluated on columns */
	bool		by_column;		/* there are conditions evaluated on columns, or computed columns */
	bool		by_row;			/* there is a qual or a FILTER evaluated row by row */
	bool		filtered;		/* every aggregate has such a FILTER, and rows have no group */
	ExprState  *qual;			/* the other conditions; NULL if none */
	ScanSource *sources;		/* one for each aggregate of the scan */
	int			ncomputed;
	ComputedColumn *computed;
} TableToScan;

typedef struct ScanRows
{
	ScanColumns columns;
	ScanPage	page;
	int			naggregates;
	uint16	   *selected;		/* if by_column: the numbers of the rows that WHERE accepts, and after
								 * ChooseSelected at least one aggregate */
	HeapTupleHeader *taken;		/* otherwise: the rows that at least one aggregate takes */
	uint16	   *chosen;			/* for each aggregate, an array (ChosenRows) of the rows that its
								 * FILTER accepts: numbers in the page, or indexes in `taken` */
	int		   *nchosen;		/* for each aggregate, the number of these rows */
	bool	   *filtered;		/* for each aggregate: it takes the chosen rows only */

	/* the rows that at least one aggregate takes, set by ScanRowsChoose */
	int			nrows;
	const uint16 *all;			/* their places in the columns; NULL if 0..nrows-1 */
	uint64		naccepted;		/* rows of all pages so far that satisfy WHERE */
} ScanRows;

extern void ScanRowsInit(ScanRows *rows, int naggregates);
extern void ScanRowsChoose(ScanRows *rows, TableToScan *table, PlanState *ps);

/* Return the array of the rows that the FILTER of an aggregate accepts. */
static inline uint16 *
ChosenRows(const ScanRows *rows, int aggregate)
{
	return rows->chosen + (Size) aggregate * MaxHeapTuplesPerPage;
}

#endif							/* WINBACK_SCAN_ROWS_H */
