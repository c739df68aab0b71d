/*
 * scan_table.h
 *	  Read a heap table, or a plan, for a Winback Scan, page by page and column by column.
 */
#ifndef WINBACK_SCAN_TABLE_H
#define WINBACK_SCAN_TABLE_H

#include "postgres.h"

#include "access/htup_details.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

/*
 * The values of a column in the rows of a page.  Each array has MaxHeapTuplesPerPage
 * elements.
 */
typedef struct ScanColumn
{
	AttrNumber	attno;			/* in what the query names, a table or a UNION ALL; 0 if it is
								 * computed */
	bool		byval;			/* as in pg_type */
	int16		typlen;
	Datum	   *values;
	bool	   *nulls;
	Datum	   *chosen_values;	/* only of the rows that a FILTER accepts */
	bool	   *chosen_nulls;
} ScanColumn;

/*
 * The columns that the aggregates of a scan need, without duplicates, and behind them the columns
 * that only conditions on a table read (scan_filter.h).
 */
typedef struct ScanColumns
{
	int			ncolumns;		/* of the aggregates */
	int			nallocated;		/* elements of `columns` */
	ScanColumn *columns;
} ScanColumns;

/* A column of the scan whose values in a table are those of another column of the scan. */
typedef struct ScanCopy
{
	int			from;			/* indexes in ScanColumns */
	int			to;
} ScanCopy;

/* One step of a walk along a row: one column of the table, whether needed or not. */
typedef struct ScanStep
{
	int			offset;			/* bytes from the start of the row's data, if no column before is
								 * NULL; -1 if it varies from row to row */
	int16		length;			/* bytes, as in pg_type: -1 for a varlena, -2 for a C string */
	uint8		alignment;		/* bytes */
	bool		byval;
	int			column;			/* index in ScanColumns, -1 if the column is not needed */
} ScanStep;

/* A plan of PostgreSQL whose rows are read like those of a table. */
typedef struct ScanPlan
{
	PlanState  *state;
	bool		has_begun;		/* it must be rescanned before it is read again */
	bool		has_ended;		/* it has returned its last row */
	MemoryContext context;		/* contains the rows of the page */
	HeapTuple	rows[MaxHeapTuplesPerPage];
} ScanPlan;

typedef struct ScanTable
{
	Relation	relation;		/* NULL if the rows come from a plan */
	ScanPlan   *plan;			/* NULL if they come from a table */
	TupleDesc	tupdesc;		/* of the rows */
	bool		is_open;		/* between ScanTableBegin and ScanTableEnd */
	TableScanDesc desc;			/* of a table that is open */
	TupleTableSlot *slot;		/* contains the row on which expressions are evaluated */
	HeapTupleData tuple;		/* the row that the slot points to */
	const AttrNumber *attnos;	/* for each column of ScanColumns, its number in this table; 0 if it
								 * is not a column of this table */
	int			ncolumns;		/* number of columns that are needed */
	int			nsteps;			/* number of columns up to the last one that is needed */
	int			nfixed;			/* number of columns, from the first on, with a fixed offset */
	ScanStep   *steps;			/* nsteps elements */
	int			ncopies;
	ScanCopy   *copies;
} ScanTable;

/* The visible rows of a page.  The pointers are valid until the next page is read. */
typedef struct ScanPage
{
	int			nrows;
	HeapTupleHeader rows[MaxHeapTuplesPerPage];
} ScanPage;

extern void ScanTableOpen(ScanTable *table, EState *estate, Index relid, int eflags);
extern void ScanTableOpenPlan(ScanTable *table, EState *estate, PlanState *state);
extern void ScanTableBegin(ScanTable *table, Snapshot snapshot, ParallelTableScanDesc shared);
extern bool ScanTableNextPage(ScanTable *table, ScanPage *page);
extern TupleTableSlot *ScanTableRow(ScanTable *table, const ScanPage *page, int row);
extern int	ScanColumnsAdd(ScanColumns *columns, AttrNumber attno, Oid type);
extern void ScanColumnsReserve(ScanColumns *columns, int n);
extern void ScanTableSetColumns(ScanTable *table, const AttrNumber *attnos, int ncolumns);
extern void ScanTableFetch(const ScanTable *table, const ScanColumns *columns,
						   const HeapTupleHeader *rows, int nrows);
extern bool ScanTableShouldCopy(const ScanTable *table);
extern void ScanTableCopy(const ScanTable *table, const ScanColumns *columns, int i);
extern void ScanTableEnd(ScanTable *table);

#endif							/* WINBACK_SCAN_TABLE_H */
