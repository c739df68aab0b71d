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
 * A column that begins at the same offset in all rows is fetched from them in a loop
 * of its own.  It is short enough for the processor to ask memory for many rows at the
 * same time, which is what most of the time is spent on.  For columns behind values
 * of varying length the scan walks along each row, once for all of them.
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

/* The place of a column among those that are needed. */
int
ScanColumnsAdd(ScanColumns *columns, AttrNumber attno)
{
	ScanColumn *column;

	for (int i = 0; i < columns->ncolumns; i++)
	{
		if (columns->columns[i].attno == attno)
			return i;
	}
	column = &columns->columns[columns->ncolumns];
	column->attno = attno;
	column->values = palloc(MaxHeapTuplesPerPage * sizeof(Datum));
	column->nulls = palloc(MaxHeapTuplesPerPage * sizeof(bool));
	column->chosen_values = palloc(MaxHeapTuplesPerPage * sizeof(Datum));
	column->chosen_nulls = palloc(MaxHeapTuplesPerPage * sizeof(bool));
	return columns->ncolumns++;
}

static uint8
AlignmentOf(char typalign)
{
	switch (typalign)
	{
		case TYPALIGN_CHAR:
			return 1;
		case TYPALIGN_SHORT:
			return ALIGNOF_SHORT;
		case TYPALIGN_INT:
			return ALIGNOF_INT;
		case TYPALIGN_DOUBLE:
			return ALIGNOF_DOUBLE;
		default:
			elog(ERROR, "unknown alignment \"%c\"", typalign);
	}
}

/*
 * Prepare to fetch columns: which of the table's is each of the scan's?
 */
void
ScanTableSetColumns(ScanTable *table, const AttrNumber *attnos, int ncolumns)
{
	TupleDesc	tupdesc = RelationGetDescr(table->relation);
	int			offset = 0;

	table->attnos = attnos;
	table->nsteps = 0;
	for (int i = 0; i < ncolumns; i++)
		table->nsteps = Max(table->nsteps, attnos[i]);
	table->steps = palloc(table->nsteps * sizeof(ScanStep));

	table->nfixed = 0;
	for (int i = 0; i < table->nsteps; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		ScanStep   *step = &table->steps[i];

		step->length = att->attlen;
		step->alignment = AlignmentOf(att->attalign);
		step->byval = att->attbyval;
		step->column = -1;
		step->offset = -1;
		if (offset >= 0)
		{
			int			aligned = TYPEALIGN(step->alignment, offset);

			/* a value of varying length may be packed, and then begins unaligned */
			if (step->length > 0 || aligned == offset)
			{
				step->offset = aligned;
				table->nfixed = i + 1;
			}
			offset = step->length > 0 ? aligned + step->length : -1;
		}
	}
	for (int i = 0; i < ncolumns; i++)
		table->steps[attnos[i] - 1].column = i;
}

/* Are the first columns of a row all on disk, and none of them NULL? */
static inline bool
IsWhole(const HeapTupleHeaderData *row, int ncolumns)
{
	if (unlikely(HeapTupleHeaderGetNatts(row) < ncolumns))
		return false;
	if (row->t_infomask & HEAP_HASNULL)
	{
		int			mask = (1 << ncolumns % 8) - 1;

		for (int i = 0; i < ncolumns / 8; i++)
		{
			if (row->t_bits[i] != 0xFF)
				return false;
		}
		return mask == 0 || (mask & ~row->t_bits[ncolumns / 8]) == 0;
	}
	return true;
}

/* Where the value of a column begins, if that before it ends at an offset. */
static inline uint32
BeginOf(const ScanStep *step, const char *data, uint32 offset)
{
	if (step->length == -1 && VARATT_NOT_PAD_BYTE(data + offset))
		return offset;
	return TYPEALIGN(step->alignment, offset);
}

static inline uint32
EndOf(const ScanStep *step, const char *data, uint32 begin)
{
	if (step->length > 0)
		return begin + step->length;
	if (step->length == -1)
		return begin + VARSIZE_ANY(data + begin);
	return begin + strlen(data + begin) + 1;
}

static inline void
Store(const ScanColumn *column, int i, Datum value, bool isnull)
{
	column->values[i] = value;
	column->nulls[i] = isnull;
}

/* The columns of row i, any of which may be NULL or not on disk. */
static void
FetchFromOddRow(const ScanTable *table, const ScanColumn *columns, HeapTupleHeader row, int i)
{
	const char *data = (const char *) row + row->t_hoff;
	bool		has_nulls = (row->t_infomask & HEAP_HASNULL) != 0;
	int			natts = Min(HeapTupleHeaderGetNatts(row), table->nsteps);
	uint32		offset = 0;

	for (int s = 0; s < natts; s++)
	{
		const ScanStep *step = &table->steps[s];
		bool		isnull = has_nulls && att_isnull(s, row->t_bits);

		if (!isnull)
			offset = BeginOf(step, data, offset);
		if (step->column >= 0)
			Store(&columns[step->column], i,
				  isnull ? (Datum) 0 : fetch_att(data + offset, step->byval, step->length), isnull);
		if (!isnull)
			offset = EndOf(step, data, offset);
	}
	/* the row is older than these */
	for (int s = natts; s < table->nsteps; s++)
	{
		const ScanStep *step = &table->steps[s];

		if (step->column >= 0)
		{
			bool		isnull;
			Datum		value = getmissingattr(RelationGetDescr(table->relation), s + 1, &isnull);

			Store(&columns[step->column], i, value, isnull);
		}
	}
}

/* A column at the same offset in all rows. */
static pg_attribute_always_inline void
FetchAt(const ScanColumn *column, int offset, bool byval, int length,
		const HeapTupleHeader *rows, const uint16 *whole, int nwhole)
{
	for (int w = 0; w < nwhole; w++)
	{
		int			i = whole[w];
		const char *data = (const char *) rows[i] + rows[i]->t_hoff;

		Store(column, i, fetch_att(data + offset, byval, length), false);
	}
}

/* The columns behind those at fixed offsets: walk along each row once. */
static void
FetchByWalk(const ScanTable *table, const ScanColumn *columns,
			const HeapTupleHeader *rows, const uint16 *whole, int nwhole)
{
	const ScanStep *from = &table->steps[table->nfixed - 1];
	const ScanStep *to = &table->steps[table->nsteps];

	for (int w = 0; w < nwhole; w++)
	{
		int			i = whole[w];
		const char *data = (const char *) rows[i] + rows[i]->t_hoff;
		uint32		offset = EndOf(from, data, from->offset);

		for (const ScanStep *step = from + 1; step < to; step++)
		{
			offset = BeginOf(step, data, offset);
			if (step->column >= 0)
				Store(&columns[step->column], i,
					  fetch_att(data + offset, step->byval, step->length), false);
			offset = EndOf(step, data, offset);
		}
	}
}

/* The columns that are needed, of some rows of a page. */
void
ScanTableFetch(const ScanTable *table, const ScanColumns *columns,
			   const HeapTupleHeader *rows, int nrows)
{
	uint16		whole[MaxHeapTuplesPerPage];
	int			nwhole = 0;

	for (int i = 0; i < nrows; i++)
	{
		if (likely(IsWhole(rows[i], table->nsteps)))
			whole[nwhole++] = i;
		else
			FetchFromOddRow(table, columns->columns, rows[i], i);
	}
	for (int s = 0; s < table->nfixed; s++)
	{
		const ScanStep *step = &table->steps[s];
		const ScanColumn *column;

		if (step->column < 0)
			continue;
		column = &columns->columns[step->column];
		/* bigint and timestamps: a loop in which that is known */
		if (step->byval && step->length == sizeof(Datum))
			FetchAt(column, step->offset, true, sizeof(Datum), rows, whole, nwhole);
		else
			FetchAt(column, step->offset, step->byval, step->length, rows, whole, nwhole);
	}
	if (table->nfixed < table->nsteps)
		FetchByWalk(table, columns->columns, rows, whole, nwhole);
}

/*
 * Is it faster to copy the columns that are needed from the slot?  Yes if its row has
 * been taken apart most of the way: a walk would go there from the start.
 */
bool
ScanTableShouldCopy(const ScanTable *table)
{
	return 2 * table->slot->tts_nvalid >= table->nsteps;
}

/* The columns that are needed, of the row in the slot, as row i. */
void
ScanTableCopy(const ScanTable *table, const ScanColumns *columns, int i)
{
	TupleTableSlot *slot = table->slot;

	slot_getsomeattrs(slot, table->nsteps);
	for (int c = 0; c < columns->ncolumns; c++)
	{
		int			attno = table->attnos[c];

		Store(&columns->columns[c], i, slot->tts_values[attno - 1], slot->tts_isnull[attno - 1]);
	}
}

void
ScanTableEnd(ScanTable *table)
{
	ExecClearTuple(table->slot);
	table_endscan(table->desc);
	table->desc = NULL;
}
