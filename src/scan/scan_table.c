/*
 * scan_table.c
 *	  A heap table as a Winback Scan reads it: page by page, and by column.
 *
 * The heap does what it does for a sequential scan: which blocks, in what order,
 * who of several processes reads which, which rows are visible, locks of
 * serializable transactions, hint bits.  heap_getnextslot prepares a page and
 * returns its first visible row; the others we take from the scan descriptor
 * ourselves, and tell it that they have been returned.
 *
 * A column is fetched from all rows of a page in a loop of its own.  It is short
 * enough for the processor to ask memory for many rows at the same time, which is
 * what most of the time is spent on.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "pgstat.h"
#include "storage/bufmgr.h"

#include "compat.h"
#include "scan/scan_table.h"

/* A table of the plan, which holds a lock on it. */
void
ScanTableOpen(ScanTable *table, EState *estate, Index relid, int eflags)
{
	table->relation = ExecOpenScanRelation(estate, relid, eflags);
	table->slot = ExecInitExtraTupleSlot(estate, RelationGetDescr(table->relation),
										 &TTSOpsBufferHeapTuple);
}

/* Begin to read, alone or with the other processes of a parallel scan. */
void
ScanTableBegin(ScanTable *table, Snapshot snapshot, ParallelTableScanDesc shared)
{
	table->desc = shared != NULL ? table_beginscan_parallel(table->relation, shared) :
		table_beginscan(table->relation, snapshot, 0, NULL);
	if ((table->desc->rs_flags & SO_ALLOW_PAGEMODE) == 0)
		elog(ERROR, "cannot scan pages with this kind of snapshot");
}

/* The rows of the next page that has any; false at the end. */
bool
ScanTableNextPage(ScanTable *table, ScanPage *page)
{
	HeapScanDesc heap = (HeapScanDesc) table->desc;
	const OffsetNumber *offsets;
	Page		content;
	int			nrows;

	if (!heap_getnextslot(table->desc, ForwardScanDirection, table->slot))
		return false;

	content = BufferGetPage(heap->rs_cbuf);
	offsets = heap->rs_vistuples + heap->rs_cindex;
	nrows = heap->rs_ntuples - heap->rs_cindex;
	for (int i = 0; i < nrows; i++)
		page->rows[i] = (HeapTupleHeader) PageGetItem(content, PageGetItemId(content, offsets[i]));
	page->nrows = nrows;

	/* the first has been counted */
	for (int i = 1; i < nrows; i++)
		pgstat_count_heap_getnext(table->relation);
	heap->rs_cindex = heap->rs_ntuples - 1; /* all of them have been returned */
	return true;
}

/* A row of the page that was read last, in the table's slot. */
TupleTableSlot *
ScanTableRow(ScanTable *table, const ScanPage *page, int row)
{
	HeapScanDesc heap = (HeapScanDesc) table->desc;
	OffsetNumber offset = heap->rs_vistuples[heap->rs_ntuples - page->nrows + row];
	table->tuple.t_data = page->rows[row];
	table->tuple.t_len = ItemIdGetLength(PageGetItemId(BufferGetPage(heap->rs_cbuf), offset));
	table->tuple.t_tableOid = RelationGetRelid(table->relation);
	ItemPointerSet(&table->tuple.t_self, heap->rs_cblock, offset);
	return ExecStoreBufferHeapTuple(&table->tuple, table->slot, heap->rs_cbuf);
}

/*
 * A column of some rows, given where it begins in each row that has the same in
 * front of it (attcacheoff); others are left to heap_getattr.
 */
static pg_attribute_always_inline void
FetchAt(TupleDesc tupdesc, AttrNumber column, int offset, bool byval, int length,
		const HeapTupleHeader *rows, int nrows, Datum *values, bool *nulls)
{
	for (int i = 0; i < nrows; i++)
	{
		HeapTupleHeader row = rows[i];

		if (likely(offset >= 0 && (row->t_infomask & HEAP_HASNULL) == 0 &&
				   HeapTupleHeaderGetNatts(row) >= column))
		{
			values[i] = fetch_att((char *) row + row->t_hoff + offset, byval, length);
			nulls[i] = false;
		}
		else
		{
			HeapTupleData tuple = {.t_data = row};

			values[i] = heap_getattr(&tuple, column, tupdesc, &nulls[i]);
		}
	}
}

/* A column of some rows. */
void
ScanTableFetch(const ScanTable *table, AttrNumber column, const HeapTupleHeader *rows,
			   int nrows, Datum *values, bool *nulls)
{
	TupleDesc	tupdesc = RelationGetDescr(table->relation);
	const CompactAttribute *att = TupleDescCompactAttr(tupdesc, column - 1);

	/* bigint and timestamps: a loop in which that is known */
	if (att->attbyval && att->attlen == sizeof(Datum))
		FetchAt(tupdesc, column, att->attcacheoff, true, sizeof(Datum), rows, nrows, values, nulls);
	else
		FetchAt(tupdesc, column, att->attcacheoff, att->attbyval, att->attlen,
				rows, nrows, values, nulls);
}

void
ScanTableEnd(ScanTable *table)
{
	ExecClearTuple(table->slot);
	table_endscan(table->desc);
	table->desc = NULL;
}
