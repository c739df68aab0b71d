/*
 * scan_table.c
 *	  Read a heap table, or a plan, for a Winback Scan, page by page and column by column.
 *
 * PostgreSQL's heap scan does the same work as for a sequential scan: it chooses the
 * blocks and their order, divides them among processes, finds the visible rows of a page,
 * takes the locks of serializable transactions and sets hint bits.  heap_getnextslot
 * prepares a page and returns its first visible row.  This file reads the other visible
 * rows of the page from the scan descriptor, and moves the descriptor's index past them.
 *
 * Each column that begins at the same offset in all rows is fetched in a loop of its own.
 * Most of the time is spent on cache misses, and the loop is so short that the processor
 * loads several rows from memory at the same time.  The columns behind a value of varying
 * length are fetched together, by one walk along each row.
 *
 * The rows of a plan are copied, as many together as fit on a page, and fetched as those of a page.
 *
 * Limits: the table must be a heap, and the snapshot must allow page-at-a-time scans, as
 * every MVCC snapshot does.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "scan/scan_table.h"

/* Open a table of the plan, which is locked already, and make a slot for its rows. */
void
ScanTableOpen(ScanTable *table, EState *estate, Index relid, int eflags)
{
	table->relation = ExecOpenScanRelation(estate, relid, eflags);
	table->tupdesc = RelationGetDescr(table->relation);
	table->slot = ExecInitExtraTupleSlot(estate, table->tupdesc, &TTSOpsBufferHeapTuple);
}

/* Make a plan the source of rows, and a slot for them. */
void
ScanTableOpenPlan(ScanTable *table, EState *estate, PlanState *state)
{
	table->plan = palloc0(sizeof(ScanPlan));
	table->plan->state = state;
	table->plan->context = AllocSetContextCreate(CurrentMemoryContext, "Winback Scan rows",
												 ALLOCSET_DEFAULT_SIZES);
	table->tupdesc = ExecGetResultType(state);
	table->slot = ExecInitExtraTupleSlot(estate, table->tupdesc, &TTSOpsHeapTuple);
}

/* Begin to read a plan. */
static void
BeginPlan(ScanPlan *plan)
{
	if (plan->has_begun)
		ExecReScan(plan->state);
	plan->has_begun = true;
	plan->has_ended = false;
}

/* Read the next rows of a plan, as many as fit into `page`.  Return false if there are none. */
static bool
NextRowsOfPlan(ScanTable *table, ScanPage *page)
{
	ScanPlan   *plan = table->plan;
	/* a node may allocate what it needs until its end */
	MemoryContext old_context = MemoryContextSwitchTo(plan->state->state->es_query_cxt);

	ExecClearTuple(table->slot);
	MemoryContextReset(plan->context);
	page->nrows = 0;
	while (!plan->has_ended && page->nrows < MaxHeapTuplesPerPage)
	{
		TupleTableSlot *slot = ExecProcNode(plan->state);
		HeapTuple	row;

		plan->has_ended = TupIsNull(slot);
		if (plan->has_ended)
			break;
		slot_getallattrs(slot);
		MemoryContextSwitchTo(plan->context);
		row = heap_form_tuple(table->tupdesc, slot->tts_values, slot->tts_isnull);
		MemoryContextSwitchTo(plan->state->state->es_query_cxt);
		plan->rows[page->nrows] = row;
		page->rows[page->nrows++] = row->t_data;
	}
	MemoryContextSwitchTo(old_context);
	return page->nrows > 0;
}

/* Begin to read a table or a plan.  `shared` is NULL unless the scan is parallel. */
void
ScanTableBegin(ScanTable *table, Snapshot snapshot, ParallelTableScanDesc shared)
{
	table->is_open = true;
	if (table->plan != NULL)
	{
		BeginPlan(table->plan);
		return;
	}
	table->desc = shared != NULL ? table_beginscan_parallel(table->relation, shared) :
		table_beginscan(table->relation, snapshot, 0, NULL);
	if ((table->desc->rs_flags & SO_ALLOW_PAGEMODE) == 0)
		elog(ERROR, "cannot scan pages with this kind of snapshot");
}

/* Read the next page with visible rows.  Return false at the end. */
bool
ScanTableNextPage(ScanTable *table, ScanPage *page)
{
	HeapScanDesc heap = (HeapScanDesc) table->desc;
	const OffsetNumber *offsets;
	Page		content;
	int			nrows;

	if (table->plan != NULL)
		return NextRowsOfPlan(table, page);
	if (!heap_getnextslot(table->desc, ForwardScanDirection, table->slot))
		return false;

	content = BufferGetPage(heap->rs_cbuf);
	offsets = heap->rs_vistuples + heap->rs_cindex;
	nrows = heap->rs_ntuples - heap->rs_cindex;
	for (int i = 0; i < nrows; i++)
		page->rows[i] = (HeapTupleHeader) PageGetItem(content, PageGetItemId(content, offsets[i]));
	page->nrows = nrows;

	/* heap_getnextslot has counted the first row */
	for (int i = 1; i < nrows; i++)
		pgstat_count_heap_getnext(table->relation);
	heap->rs_cindex = heap->rs_ntuples - 1; /* heap_getnextslot goes on to the next page */
	return true;
}

/* Store a row of the current page in the table's slot, and return the slot. */
TupleTableSlot *
ScanTableRow(ScanTable *table, const ScanPage *page, int row)
{
	HeapScanDesc heap = (HeapScanDesc) table->desc;
	OffsetNumber offset;

	if (table->plan != NULL)
		return ExecStoreHeapTuple(table->plan->rows[row], table->slot, false);
	offset = heap->rs_vistuples[heap->rs_ntuples - page->nrows + row];
	table->tuple.t_data = page->rows[row];
	table->tuple.t_len = ItemIdGetLength(PageGetItemId(BufferGetPage(heap->rs_cbuf), offset));
	table->tuple.t_tableOid = RelationGetRelid(table->relation);
	ItemPointerSet(&table->tuple.t_self, heap->rs_cblock, offset);
	return ExecStoreBufferHeapTuple(&table->tuple, table->slot, heap->rs_cbuf);
}

/*
 * Return the index of a column in ScanColumns.  Add the column if it is missing, or if it is
 * computed (attno 0).
 */
int
ScanColumnsAdd(ScanColumns *columns, AttrNumber attno, Oid type)
{
	ScanColumn *column;

	for (int i = 0; attno != 0 && i < columns->ncolumns; i++)
	{
		if (columns->columns[i].attno == attno)
			return i;
	}
	ScanColumnsReserve(columns, columns->ncolumns);
	column = &columns->columns[columns->ncolumns];
	column->attno = attno;
	get_typlenbyval(type, &column->typlen, &column->byval);
	return columns->ncolumns++;
}

/* Allocate column n and its arrays. */
void
ScanColumnsReserve(ScanColumns *columns, int n)
{
	ScanColumn *column;

	if (n >= columns->nallocated)
	{
		int			nallocated = Max(n + 1, 2 * columns->nallocated);
		ScanColumn *enlarged = palloc0(nallocated * sizeof(ScanColumn));

		for (int i = 0; i < columns->nallocated; i++)
			enlarged[i] = columns->columns[i];
		columns->columns = enlarged;
		columns->nallocated = nallocated;
	}
	column = &columns->columns[n];
	if (column->values != NULL)
		return;
	column->values = palloc(MaxHeapTuplesPerPage * sizeof(Datum));
	column->nulls = palloc(MaxHeapTuplesPerPage * sizeof(bool));
	column->chosen_values = palloc(MaxHeapTuplesPerPage * sizeof(Datum));
	column->chosen_nulls = palloc(MaxHeapTuplesPerPage * sizeof(bool));
}

/* Return the alignment of a type in bytes. */
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

/* Prepare to fetch the columns with these numbers in the table; number 0 is not fetched. */
void
ScanTableSetColumns(ScanTable *table, const AttrNumber *attnos, int ncolumns)
{
	int			offset = 0;

	table->attnos = attnos;
	table->ncolumns = ncolumns;
	table->nsteps = 0;
	for (int i = 0; i < ncolumns; i++)
		table->nsteps = Max(table->nsteps, attnos[i]);
	table->steps = palloc(table->nsteps * sizeof(ScanStep));

	table->nfixed = 0;
	for (int i = 0; i < table->nsteps; i++)
	{
		Form_pg_attribute att = TupleDescAttr(table->tupdesc, i);
		ScanStep   *step = &table->steps[i];

		step->length = att->attlen;
		step->alignment = AlignmentOf(att->attalign);
		step->byval = att->attbyval;
		step->column = -1;
		step->offset = -1;
		if (offset >= 0)
		{
			int			aligned = TYPEALIGN(step->alignment, offset);

			/* rows differ in the padding before a value of varying length */
			if (step->length > 0 || aligned == offset)
			{
				step->offset = aligned;
				table->nfixed = i + 1;
			}
			offset = step->length > 0 ? aligned + step->length : -1;
		}
	}
	table->ncopies = 0;
	table->copies = palloc(ncolumns * sizeof(ScanCopy));
	for (int i = 0; i < ncolumns; i++)
	{
		ScanStep   *step;

		if (attnos[i] == 0)
			continue;
		step = &table->steps[attnos[i] - 1];
		if (step->column < 0)
			step->column = i;
		else
			table->copies[table->ncopies++] = (ScanCopy)
		{
			.from = step->column, .to = i
		};
	}
}

/* Return whether a row stores its first `ncolumns` columns, none of them NULL. */
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

/* Return where the value of a column begins, if the value before it ends at `offset`. */
static inline uint32
BeginOf(const ScanStep *step, const char *data, uint32 offset)
{
	if (step->length == -1 && VARATT_NOT_PAD_BYTE(data + offset))
		return offset;
	return TYPEALIGN(step->alignment, offset);
}

/* Return where the value of a column ends, if it begins at `begin`. */
static inline uint32
EndOf(const ScanStep *step, const char *data, uint32 begin)
{
	if (step->length > 0)
		return begin + step->length;
	if (step->length == -1)
		return begin + VARSIZE_ANY(data + begin);
	return begin + strlen(data + begin) + 1;
}

/* Store the value of a column in row i. */
static inline void
Store(const ScanColumn *column, int i, Datum value, bool isnull)
{
	column->values[i] = value;
	column->nulls[i] = isnull;
}

/* Fetch the columns of row i for which IsWhole is false. */
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
	/* these columns were added to the table after the row was stored */
	for (int s = natts; s < table->nsteps; s++)
	{
		const ScanStep *step = &table->steps[s];

		if (step->column >= 0)
		{
			bool		isnull;
			Datum		value = getmissingattr(table->tupdesc, s + 1, &isnull);

			Store(&columns[step->column], i, value, isnull);
		}
	}
}

/* Fetch a column that begins at the same offset in all rows. */
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

/* Fetch the columns without a fixed offset, by one walk along each row. */
static void
FetchByWalk(const ScanTable *table, const ScanColumn *columns,
			const HeapTupleHeader *rows, const uint16 *whole, int nwhole)
{
	const ScanStep *from = &table->steps[table->nfixed - 1];
	const ScanStep *to = &table->steps[table->nsteps];
	uint32		length = 0;

	for (int w = 0; w < nwhole; w++)
	{
		int			i = whole[w];
		const char *data = (const char *) rows[i] + rows[i]->t_hoff;
		uint32		offset = EndOf(from, data, from->offset);

		/* begin to load the next row, which is about as long as the one before */
		if (w + 1 < nwhole)
		{
			const char *next = (const char *) rows[whole[w + 1]];

			for (uint32 line = 0; line < length; line += CACHE_LINE)
				PrefetchForReading(next + line);
		}

		for (const ScanStep *step = from + 1; step < to; step++)
		{
			offset = BeginOf(step, data, offset);
			if (step->column >= 0)
				Store(&columns[step->column], i,
					  fetch_att(data + offset, step->byval, step->length), false);
			offset = EndOf(step, data, offset);
		}
		length = offset;
	}
}

/* Fetch the columns that are needed from rows of a page. */
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
		/* compile the loop for bigint and timestamps separately, with constant arguments */
		if (step->byval && step->length == sizeof(Datum))
			FetchAt(column, step->offset, true, sizeof(Datum), rows, whole, nwhole);
		else
			FetchAt(column, step->offset, step->byval, step->length, rows, whole, nwhole);
	}
	if (table->nfixed < table->nsteps)
		FetchByWalk(table, columns->columns, rows, whole, nwhole);
	for (int i = 0; i < table->ncopies; i++)
	{
		const ScanColumn *from = &columns->columns[table->copies[i].from];
		const ScanColumn *to = &columns->columns[table->copies[i].to];

		memcpy(to->values, from->values, nrows * sizeof(Datum));
		memcpy(to->nulls, from->nulls, nrows * sizeof(bool));
	}
}

/*
 * Return true if the evaluation of WHERE and FILTER has deformed at least half of the
 * columns up to the last one that is needed.  To copy from the slot is then faster than a
 * fetch, which begins at the first column of the row again.
 */
bool
ScanTableShouldCopy(const ScanTable *table)
{
	return 2 * table->slot->tts_nvalid >= table->nsteps;
}

/* Copy the columns that are needed from the slot to row i. */
void
ScanTableCopy(const ScanTable *table, const ScanColumns *columns, int i)
{
	TupleTableSlot *slot = table->slot;

	slot_getsomeattrs(slot, table->nsteps);
	for (int c = 0; c < table->ncolumns; c++)
	{
		int			attno = table->attnos[c];

		if (attno != 0)
			Store(&columns->columns[c], i, slot->tts_values[attno - 1],
				  slot->tts_isnull[attno - 1]);
	}
}

/* End the scan of a table or a plan.  PostgreSQL closes the table itself. */
void
ScanTableEnd(ScanTable *table)
{
	ExecClearTuple(table->slot);
	table->is_open = false;
	if (table->plan != NULL)
		MemoryContextReset(table->plan->context);
	else
		table_endscan(table->desc);
}
