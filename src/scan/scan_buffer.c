/*
 * scan_buffer.c
 *	  Rows of several pages, which wait to be entered into the states of their groups.
 *
 * The rows of a page belong to many groups.  To enter each of them into another state would
 * call the functions of the aggregate for a single row, and each call would wait for the state
 * and its table to arrive from main memory.  So rows wait in a buffer, which is small enough for
 * the caches.  When it is full, its rows are sorted by group, and all rows of a group are entered
 * together.
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"

#include "scan/scan_buffer.h"
#include "scan/scan_group.h"

void
RowBufferInit(RowBuffer *buffer, int ncolumns, int naggregates)
{
	buffer->ncolumns = ncolumns;
	buffer->naggregates = naggregates;
	buffer->values = palloc(ncolumns * sizeof(Datum *));
	buffer->nulls = palloc(ncolumns * sizeof(bool *));
	for (int i = 0; i < ncolumns; i++)
	{
		buffer->values[i] = palloc(BUFFER_ROWS * sizeof(Datum));
		buffer->nulls[i] = palloc(BUFFER_ROWS * sizeof(bool));
	}
	buffer->accepted = palloc0(naggregates * sizeof(bool *));
	buffer->groups = palloc(BUFFER_ROWS * sizeof(uint32));
	buffer->order = palloc(BUFFER_ROWS * sizeof(uint32));
	buffer->ends_allocated = 1024;
	buffer->ends = palloc(buffer->ends_allocated * sizeof(uint32));
	buffer->context = GenerationContextCreate(CurrentMemoryContext, "Winback Scan rows",
											  ALLOCSET_DEFAULT_SIZES);
}

/* Append the values of a column in the rows of a page that have a group. */
static void
AppendColumn(RowBuffer *buffer, int c, const ScanRows *rows, const uint32 *groups)
{
	const ScanColumn *column = &rows->columns.columns[c];
	Datum	   *values = buffer->values[c] + buffer->nrows;
	bool	   *nulls = buffer->nulls[c] + buffer->nrows;

	for (int i = 0; i < rows->nrows; i++)
	{
		int			place = rows->all != NULL ? rows->all[i] : i;

		if (groups[i] == NO_GROUP)
			continue;
		*nulls = column->nulls[place];
		*values = column->byval || *nulls ? column->values[place] :
			datumCopy(column->values[place], false, column->typlen);
		values++;
		nulls++;
	}
}

/* Append, for each row of a page that has a group, whether an aggregate accepts it. */
static void
AppendAccepted(RowBuffer *buffer, int aggregate, const ScanRows *rows, const uint32 *groups)
{
	bool		chosen[MaxHeapTuplesPerPage];	/* by place in the columns */
	bool	   *accepted = buffer->accepted[aggregate];

	if (accepted == NULL)
	{
		if (!rows->filtered[aggregate])
			return;
		accepted = MemoryContextAlloc(GetMemoryChunkContext(buffer->accepted), BUFFER_ROWS);
		memset(accepted, true, buffer->nrows);
		buffer->accepted[aggregate] = accepted;
	}
	memset(chosen, !rows->filtered[aggregate], sizeof(chosen));
	for (int i = 0; rows->filtered[aggregate] && i < rows->nchosen[aggregate]; i++)
		chosen[ChosenRows(rows, aggregate)[i]] = true;

	accepted += buffer->nrows;
	for (int i = 0; i < rows->nrows; i++)
	{
		if (groups[i] != NO_GROUP)
			*accepted++ = chosen[rows->all != NULL ? rows->all[i] : i];
	}
}

/* Append the rows of a page, and groups[i], the number of the group of each row i. */
void
RowBufferAppend(RowBuffer *buffer, const ScanRows *rows, const uint32 *groups)
{
	MemoryContext old_context = MemoryContextSwitchTo(buffer->context);
	uint32	   *appended = buffer->groups + buffer->nrows;

	for (int c = 0; c < buffer->ncolumns; c++)
		AppendColumn(buffer, c, rows, groups);
	for (int i = 0; i < buffer->naggregates; i++)
		AppendAccepted(buffer, i, rows, groups);
	for (int i = 0; i < rows->nrows; i++)
	{
		if (groups[i] != NO_GROUP)
			*appended++ = groups[i];
	}
	buffer->nrows = appended - buffer->groups;
	MemoryContextSwitchTo(old_context);
}

/* Sort the rows by group, of which there are `ngroups`. */
void
RowBufferSort(RowBuffer *buffer, uint32 ngroups)
{
	uint32		begin = 0;

	if (ngroups > buffer->ends_allocated)
	{
		buffer->ends_allocated = Max(ngroups, 2 * buffer->ends_allocated);
		buffer->ends = repalloc_huge(buffer->ends,
									 (Size) buffer->ends_allocated * sizeof(uint32));
	}
	memset(buffer->ends, 0, ngroups * sizeof(uint32));
	for (int row = 0; row < buffer->nrows; row++)
		buffer->ends[buffer->groups[row]]++;
	/* first the beginning of each group, which moves to its end as rows are put there */
	for (uint32 group = 0; group < ngroups; group++)
	{
		uint32		nrows = buffer->ends[group];

		buffer->ends[group] = begin;
		begin += nrows;
	}
	for (int row = 0; row < buffer->nrows; row++)
		buffer->order[buffer->ends[buffer->groups[row]]++] = row;
}

/*
 * Go on to the next group that has rows in a sorted buffer.  A run whose `rows` is NULL is before
 * the first one.  Return false at the end.
 */
bool
RowBufferNextRun(const RowBuffer *buffer, uint32 ngroups, RowRun *run)
{
	uint32		group = run->rows == NULL ? 0 : run->group + 1;
	uint32		begin = group == 0 ? 0 : buffer->ends[group - 1];

	while (group < ngroups && buffer->ends[group] == begin)
		group++;
	if (group == ngroups)
		return false;
	run->group = group;
	run->nrows = buffer->ends[group] - begin;
	run->rows = buffer->order + begin;
	return true;
}

/* Copy the values of rows of the buffer to places 0..nrows-1 of columns. */
void
RowBufferGather(const RowBuffer *buffer, const uint32 *rows, int nrows, const ScanColumns *columns)
{
	for (int c = 0; c < buffer->ncolumns; c++)
	{
		const ScanColumn *column = &columns->columns[c];

		for (int i = 0; i < nrows; i++)
			column->values[i] = buffer->values[c][rows[i]];
		for (int i = 0; i < nrows; i++)
			column->nulls[i] = buffer->nulls[c][rows[i]];
	}
}

/* Remove all rows. */
void
RowBufferClear(RowBuffer *buffer)
{
	buffer->nrows = 0;
	MemoryContextReset(buffer->context);
}
