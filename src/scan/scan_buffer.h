/*
 * scan_buffer.h
 *	  Rows of several pages, which wait to be entered into the states of their groups.
 */
#ifndef WINBACK_SCAN_BUFFER_H
#define WINBACK_SCAN_BUFFER_H

#include "postgres.h"

#include "scan/scan_rows.h"

/* The number of rows in a full buffer. */
#define BUFFER_ROWS		65536

/* Rows, by column.  Each array has BUFFER_ROWS elements. */
typedef struct RowBuffer
{
	int			nrows;
	int			ncolumns;		/* the first columns of the scan: those of the aggregates */
	int			naggregates;
	Datum	  **values;			/* of each column */
	bool	  **nulls;
	bool	  **accepted;		/* of each aggregate: its FILTER accepts the row; NULL if each FILTER
								 * has accepted all rows so far */
	uint32	   *groups;			/* the number of each row's group */
	uint32	   *order;			/* the places of the rows, sorted by group */
	uint32	   *ends;			/* of each group, the end of its rows in `order` */
	uint32		ends_allocated;
	MemoryContext context;		/* copies of the values that are passed by reference */
} RowBuffer;

/* The rows of one group in a buffer. */
typedef struct RowRun
{
	uint32		group;
	int			nrows;
	const uint32 *rows;			/* their places in the buffer */
} RowRun;

extern void RowBufferInit(RowBuffer *buffer, int ncolumns, int naggregates);
extern void RowBufferAppend(RowBuffer *buffer, const ScanRows *rows, const uint32 *groups);
extern void RowBufferSort(RowBuffer *buffer, uint32 ngroups);
extern bool RowBufferNextRun(const RowBuffer *buffer, uint32 ngroups, RowRun *run);
extern void RowBufferGather(const RowBuffer *buffer, const uint32 *rows, int nrows,
							const ScanColumns *columns);
extern void RowBufferClear(RowBuffer *buffer);

/* Return whether the rows of one more page may not fit. */
static inline bool
RowBufferIsFull(const RowBuffer *buffer)
{
	return buffer->nrows > BUFFER_ROWS - MaxHeapTuplesPerPage;
}

#endif							/* WINBACK_SCAN_BUFFER_H */
