/*
 * scan_buffer.h
 *	  Rows that wait to be entered into the states of their groups.
 */
#ifndef WINBACK_SCAN_BUFFER_H
#define WINBACK_SCAN_BUFFER_H

#include "postgres.h"

#include "scan/scan_rows.h"

/*
 * The rows of one group that wait.  `data` contains, one behind the other, `capacity` values of
 * each column, `capacity` null flags of each column, and for each aggregate with a FILTER
 * `capacity` flags that it accepts the row.
 */
typedef struct WaitingRows
{
	uint32		nrows;
	uint32		capacity;
	char	   *data;			/* NULL before the first row */
	bool		has_nulls;		/* a null flag is set */
} WaitingRows;

/* A function that enters the waiting rows of a group into its states. */
typedef void (*EnterWaiting) (void *arg, uint32 group);

typedef struct RowBuffer
{
	/* set by RowBufferInit */
	const ScanColumns *columns; /* of the scan; the first ones are those of the aggregates */
	int			ncolumns;		/* how many these are */
	int			naggregates;
	int		   *filters;		/* of each aggregate: the number of its FILTER, or -1 */
	int			nfilters;
	bool	   *accepts;		/* for each FILTER, which rows of the current page it accepts */
	bool		has_copies;		/* values of a column are passed by reference */
	EnterWaiting enter;
	void	   *arg;
	MemoryContext copies;		/* contains these values */
	MemoryContext context;		/* contains the rows */

	/* set by RowBufferStart */
	Size		budget;			/* bytes that the rows should not exceed */
	WaitingRows *rows;			/* of each group */
	uint32		allocated;		/* number of groups */
} RowBuffer;

extern void RowBufferInit(RowBuffer *buffer, const ScanColumns *columns, int ncolumns,
						  int naggregates, const bool *filtered, EnterWaiting enter, void *arg);
extern void RowBufferStart(RowBuffer *buffer, Size budget);
extern void RowBufferAppend(RowBuffer *buffer, const ScanRows *rows, const uint32 *groups,
							uint32 ngroups);
extern void RowBufferSetColumns(const RowBuffer *buffer, uint32 group, uint32 first,
								ScanColumn *columns);
extern const bool *RowBufferAccepts(const RowBuffer *buffer, uint32 group, uint32 first,
									int aggregate);
extern void RowBufferEnterAll(RowBuffer *buffer);

#endif							/* WINBACK_SCAN_BUFFER_H */
