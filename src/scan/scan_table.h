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

typedef struct ScanTable
{
	Relation	relation;
	TableScanDesc desc;			/* NULL while it is not read */
	TupleTableSlot *slot;		/* a row, for expressions */
	HeapTupleData tuple;		/* where that points to */
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
extern void ScanTableFetch(const ScanTable *table, AttrNumber column,
						   const HeapTupleHeader *rows, int nrows, Datum *values, bool *nulls);
extern void ScanTableEnd(ScanTable *table);

#endif							/* WINBACK_SCAN_TABLE_H */
