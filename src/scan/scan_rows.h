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

/* A column of the scan that has the same value in all rows of a table. */
typedef struct ConstantColumn
{
	int			column;			/* index in ScanColumns */
	Datum		value;
	bool		isnull;
} ConstantColumn;

/*
 * A table to read, and the expressions to evaluate on its rows.  Each column of the aggregates and
 * of GROUP BY is a column of the table (attnos), a constant or an expression.
 */
typedef struct TableToScan
{
	ScanTable	table;
	List	   *conditions;		/* all conditions of WHERE, for EXPLAIN */
	List	   *filters;		/* the first conditions of WHERE, evaluated on columns */
	bool		by_column;		/* there are conditions evaluated on columns, or computed columns, or
								 * a FILTER that waits for a join */
	bool		by_row;			/* there is a qual or another FILTER evaluated row by row */
	bool		filtered;		/* every aggregate has such a FILTER, and rows have no group */
	int			join_column;	/* the key of the join: index in ScanColumns; -1 if there is no join */
	ExprState  *qual;			/* the other conditions; NULL if none */
	ScanSource *sources;		/* one for each aggregate of the scan */
	AttrNumber *attnos;			/* for each column of the scan, its number in the table; 0 if it is
								 * not a column of the table */
	int			nconstants;
	ConstantColumn *constants;
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
	MemoryContext computed;		/* the values that are computed for the current page */

	/* the rows that at least one aggregate takes, set by ScanRowsChoose */
	int			nrows;
	const uint16 *all;			/* their places in the columns; NULL if 0..nrows-1 */
	uint64		naccepted;		/* rows of all pages so far that satisfy WHERE */
} ScanRows;

extern void ScanRowsInit(ScanRows *rows, int naggregates);
extern void TableSetColumn(TableToScan *table, int column, Expr *expr, PlanState *ps);
extern void ScanRowsFillConstants(ScanRows *rows, const TableToScan *table);
extern void ScanRowsChoose(ScanRows *rows, TableToScan *table, PlanState *ps);
extern void ScanRowsEvaluateJoined(ScanRows *rows, TableToScan *table, ExprContext *econtext);

/* Return the place of row i of a page in the columns. */
static inline uint16
PlaceOf(const ScanRows *rows, int i)
{
	return rows->all != NULL ? rows->all[i] : i;
}

/* Return the array of the rows that the FILTER of an aggregate accepts. */
static inline uint16 *
ChosenRows(const ScanRows *rows, int aggregate)
{
	return rows->chosen + (Size) aggregate * MaxHeapTuplesPerPage;
}

/*
 * Return the places of the rows that an aggregate takes, NULL if 0..n-1, and set *n to the number of
 * these rows.
 */
static inline const uint16 *
RowsOfAggregate(const ScanRows *rows, int aggregate, int *n)
{
	*n = rows->filtered[aggregate] ? rows->nchosen[aggregate] : rows->nrows;
	return rows->filtered[aggregate] ? ChosenRows(rows, aggregate) : rows->all;
}

#endif							/* WINBACK_SCAN_ROWS_H */
