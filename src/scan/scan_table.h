/*
 * scan_table.h
 *	  A heap table as a Winback Scan reads it: page by page, and by column.
 */
#ifndef WINBACK_SCAN_TABLE_H
#define WINBACK_SCAN_TABLE_H

#include "postgres.h"

#include "access/htup_details.h"
#include "access/relscan.h"
#include "executor/tuptable.h"
#include "nodes/execnodes.h"
#include "utils/rel.h"

/* A column of some rows, at most those of a page. */
typedef struct ScanColumn
{
	AttrNumber	attno;			/* in the table that the query names */
	Datum	   *values;
	bool	   *nulls;
	Datum	   *chosen_values;	/* of the rows that a FILTER has chosen */
	bool	   *chosen_nulls;
} ScanColumn;

/* The columns that the aggregates of a scan need, each once. */
typedef struct ScanColumns
{
	int			ncolumns;
	ScanColumn *columns;
} ScanColumns;

/* A column of a table, as a walk along a row passes it. */
typedef struct ScanStep
{
	int			offset;			/* in rows without NULLs before it, -1 if that varies */
	int16		length;			/* -1 if it varies, -2 of a C string */
	uint8		alignment;		/* bytes */
	bool		byval;
	int			column;			/* of ScanColumns, -1 if none */
} ScanStep;

typedef struct ScanTable
{
	Relation	relation;
	TableScanDesc desc;			/* NULL while it is not read */
	TupleTableSlot *slot;		/* a row, for expressions */
	HeapTupleData tuple;		/* where that points to */
	const AttrNumber *attnos;	/* of the columns that are needed */
	int			nsteps;			/* up to the last column that is needed */
	int			nfixed;			/* of them, those whose offset is fixed */
	ScanStep   *steps;
} ScanTable;

/* The visible rows of a page; they stay where they are until the next page. */
typedef struct ScanPage
{
	int			nrows;
	HeapTupleHeader rows[MaxHeapTuplesPerPage];
} ScanPage;

extern void ScanTableOpen(ScanTable *table, EState *estate, Index relid, int eflags);
extern void ScanTableBegin(ScanTable *table, Snapshot snapshot, ParallelTableScanDesc shared);
extern bool ScanTableNextPage(ScanTable *table, ScanPage *page);
extern TupleTableSlot *ScanTableRow(ScanTable *table, const ScanPage *page, int row);
extern int	ScanColumnsAdd(ScanColumns *columns, AttrNumber attno);
extern void ScanTableSetColumns(ScanTable *table, const AttrNumber *attnos, int ncolumns);
extern void ScanTableFetch(const ScanTable *table, const ScanColumns *columns,
						   const HeapTupleHeader *rows, int nrows);
extern bool ScanTableShouldCopy(const ScanTable *table);
extern void ScanTableCopy(const ScanTable *table, const ScanColumns *columns, int i);
extern void ScanTableEnd(ScanTable *table);

#endif							/* WINBACK_SCAN_TABLE_H */
