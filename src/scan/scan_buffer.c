/*
 * scan_buffer.c
 *	  Rows that wait to be entered into the states of their groups.
 *
 * The rows of a page belong to many groups.  To enter each of them at once would call the
 * functions of the aggregate for a single row, and each call would wait for the state and its
 * table to arrive from main memory.  So the rows of each group wait, by column, until there are
 * many of them, and are entered together.
 *
 * How many rows of a group wait depends on the number of groups, so that all of them together
 * stay within a budget.
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"

#include "compat.h"
#include "scan/scan_buffer.h"
#include "scan/scan_group.h"

/* The smallest and the largest number of rows of a group that wait. */
#define MIN_CAPACITY		8
#define MAX_CAPACITY		1024

/* The largest size of copies of values that are passed by reference. */
#define MAX_COPIES			((Size) 8 * 1024 * 1024)

/*
 * Set up a buffer for the first `ncolumns` columns in `columns`.  `filtered` says which aggregates
 * have a FILTER.
 */
void
RowBufferInit(RowBuffer *buffer, const ScanColumns *columns, int ncolumns, int naggregates,
			  const bool *filtered, EnterWaiting enter, void *arg)
{
	buffer->columns = columns;
	buffer->ncolumns = ncolumns;
	buffer->naggregates = naggregates;
	buffer->filters = palloc(naggregates * sizeof(int));
	for (int i = 0; i < naggregates; i++)
		buffer->filters[i] = filtered[i] ? buffer->nfilters++ : -1;
	buffer->accepts = palloc((Size) buffer->nfilters * MaxHeapTuplesPerPage);
	for (int c = 0; c < buffer->ncolumns; c++)
		buffer->has_copies |= !columns->columns[c].byval;
	buffer->enter = enter;
	buffer->arg = arg;
	buffer->copies = GenerationContextCreate(CurrentMemoryContext, "Winback Scan copies",
											 ALLOCSET_DEFAULT_SIZES);
	buffer->context = AllocSetContextCreate(CurrentMemoryContext, "Winback Scan rows",
											ALLOCSET_DEFAULT_SIZES);
}

/* Remove all rows, and prepare for rows of other groups. */
void
RowBufferStart(RowBuffer *buffer, Size budget)
{
	MemoryContextReset(buffer->copies);
	MemoryContextReset(buffer->context);
	buffer->budget = budget;
	buffer->allocated = 256;
	buffer->rows = MemoryContextAllocZero(buffer->context,
										  buffer->allocated * sizeof(WaitingRows));
}

/* Return the bytes of one row. */
static inline Size
RowSize(const RowBuffer *buffer)
{
	return buffer->ncolumns * (sizeof(Datum) + sizeof(bool)) + buffer->nfilters * sizeof(bool);
}

/* Make room for the groups up to number `ngroups`. */
static void
ReserveGroups(RowBuffer *buffer, uint32 ngroups)
{
	uint32		allocated = buffer->allocated;

	if (ngroups <= allocated)
		return;
	buffer->allocated = Max(2 * allocated, ngroups);
	buffer->rows = repalloc_huge(buffer->rows, buffer->allocated * sizeof(WaitingRows));
	memset(buffer->rows + allocated, 0, (buffer->allocated - allocated) * sizeof(WaitingRows));
}

/* Allocate the rows of a group, when the first one arrives. */
static void
AllocateRows(RowBuffer *buffer, WaitingRows *rows, uint32 ngroups)
{
	/* without columns, a row has no bytes */
	Size		capacity = buffer->budget / (ngroups * Max(RowSize(buffer), 1));

	rows->capacity = Min(Max(capacity, MIN_CAPACITY), MAX_CAPACITY);
	rows->data = MemoryContextAlloc(buffer->context, rows->capacity * RowSize(buffer));
	rows->has_nulls = true;		/* the flags are undefined */
}

/* Return the values of a column in the rows of a group. */
static inline Datum *
ValuesOf(const WaitingRows *rows, int column)
{
	return (Datum *) rows->data + (Size) column * rows->capacity;
}

/* Return the null flags of a column in the rows of a group. */
static inline bool *
NullsOf(const RowBuffer *buffer, const WaitingRows *rows, int column)
{
	return (bool *) (rows->data + (buffer->ncolumns * sizeof(Datum) + column) * rows->capacity);
}

/* Return the flags of a FILTER in the rows of a group. */
static inline bool *
AcceptsOf(const RowBuffer *buffer, const WaitingRows *rows, int filter)
{
	return NullsOf(buffer, rows, buffer->ncolumns + filter);
}

/* Enter the rows of a group. */
static void
EnterRows(RowBuffer *buffer, uint32 group)
{
	buffer->enter(buffer->arg, group);
	buffer->rows[group].nrows = 0;
}

/* Fill buffer->accepts for the rows of a page. */
static void
FindAccepted(RowBuffer *buffer, const ScanRows *rows)
{
	for (int i = 0; i < buffer->naggregates; i++)
	{
		bool	   *accepts;

		if (buffer->filters[i] < 0)
			continue;
		accepts = buffer->accepts + (Size) buffer->filters[i] * MaxHeapTuplesPerPage;
		memset(accepts, !rows->filtered[i], MaxHeapTuplesPerPage);
		for (int row = 0; rows->filtered[i] && row < rows->nchosen[i]; row++)
			accepts[ChosenRows(rows, i)[row]] = true;
	}
}

/* Copy a value that is passed by reference. */
static Datum
CopyValue(RowBuffer *buffer, Datum value, int16 typlen)
{
	MemoryContext old_context = MemoryContextSwitchTo(buffer->copies);
	Datum		copy = datumCopy(value, false, typlen);

	MemoryContextSwitchTo(old_context);
	return copy;
}

/*
 * Begin to load the memory where the next row of a group is appended.  Null flags are written only
 * if there are any, so they are not loaded.
 */
static inline void
PrefetchRow(const RowBuffer *buffer, const WaitingRows *rows)
{
	for (int c = 0; c < buffer->ncolumns; c++)
		PrefetchForUpdate(ValuesOf(rows, c) + rows->nrows);
}

/* Clear the null flags of a group. */
static void
ClearNulls(const RowBuffer *buffer, WaitingRows *rows)
{
	memset(NullsOf(buffer, rows, 0), false, (Size) buffer->ncolumns * rows->capacity);
	rows->has_nulls = false;
}

/* Append the row at a place in the columns to the rows of a group. */
static inline void
AppendRow(RowBuffer *buffer, WaitingRows *rows, int place)
{
	uint32		n = rows->nrows++;

	if (unlikely(n == 0 && rows->has_nulls))
		ClearNulls(buffer, rows);
	for (int c = 0; c < buffer->ncolumns; c++)
	{
		const ScanColumn *column = &buffer->columns->columns[c];

		if (unlikely(column->nulls[place]))
			NullsOf(buffer, rows, c)[n] = rows->has_nulls = true;
		else
			ValuesOf(rows, c)[n] = column->byval ? column->values[place] :
				CopyValue(buffer, column->values[place], column->typlen);
	}
	for (int filter = 0; filter < buffer->nfilters; filter++)
		AcceptsOf(buffer, rows, filter)[n] =
			buffer->accepts[filter * MaxHeapTuplesPerPage + place];
}

/*
 * Append the rows of a page, and groups[i], the number of the group of each row i; there are
 * `ngroups` groups.  Enter the rows of groups that are full.
 */
void
RowBufferAppend(RowBuffer *buffer, const ScanRows *rows, const uint32 *groups, uint32 ngroups)
{
	ReserveGroups(buffer, ngroups);
	FindAccepted(buffer, rows);
	for (int i = 0; i < rows->nrows; i++)
	{
		WaitingRows *waiting;

		if (groups[i] == NO_GROUP)
			continue;
		waiting = &buffer->rows[groups[i]];
		if (unlikely(waiting->data == NULL))
			AllocateRows(buffer, waiting, ngroups);
		PrefetchRow(buffer, waiting);
	}
	for (int i = 0; i < rows->nrows; i++)
	{
		WaitingRows *waiting;

		if (groups[i] == NO_GROUP)
			continue;
		waiting = &buffer->rows[groups[i]];
		AppendRow(buffer, waiting, PlaceOf(rows, i));
		if (unlikely(waiting->nrows == waiting->capacity))
			EnterRows(buffer, groups[i]);
	}
	if (buffer->has_copies && MemoryContextMemAllocated(buffer->copies, false) > MAX_COPIES)
		RowBufferEnterAll(buffer);
}

/* Let columns point to the rows of a group, from number `first` on. */
void
RowBufferSetColumns(const RowBuffer *buffer, uint32 group, uint32 first, ScanColumn *columns)
{
	const WaitingRows *rows = &buffer->rows[group];

	for (int c = 0; c < buffer->ncolumns; c++)
	{
		columns[c].values = ValuesOf(rows, c) + first;
		columns[c].nulls = NullsOf(buffer, rows, c) + first;
	}
}

/*
 * Return flags of the rows of a group, from number `first` on, that an aggregate's FILTER accepts
 * them; NULL if the aggregate has no FILTER.
 */
const bool *
RowBufferAccepts(const RowBuffer *buffer, uint32 group, uint32 first, int aggregate)
{
	if (buffer->filters[aggregate] < 0)
		return NULL;
	return AcceptsOf(buffer, &buffer->rows[group], buffer->filters[aggregate]) + first;
}

/* Enter all rows. */
void
RowBufferEnterAll(RowBuffer *buffer)
{
	for (uint32 group = 0; group < buffer->allocated; group++)
	{
		if (buffer->rows[group].nrows == 0)
			continue;
		EnterRows(buffer, group);
	}
	MemoryContextReset(buffer->copies);
}
