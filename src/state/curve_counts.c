/*
 * curve_counts.c
 *	  The numbers of silences by their length.
 *
 * Most lengths are days of a few years, and many of them occur.  So the counts are an array of
 * pages, of which those that are needed are allocated.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "state/curve_counts.h"

/* A page has at least this many lengths, and there are at most so many pages. */
#define MIN_PAGE_BITS	6
#define MAX_PAGES		65536

/* Allocate counts of silences of up to `longest` days. */
void
CurveCountsInit(CurveCounts *counts, int64 longest)
{
	counts->page_bits = MIN_PAGE_BITS;
	while (longest >> counts->page_bits >= MAX_PAGES)
		counts->page_bits++;
	counts->npages = (int) (longest >> counts->page_bits) + 1;
	counts->pages = palloc_extended(counts->npages * sizeof(CurvePoint *),
									MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* Allocate the points around a length. */
CurvePoint *
CurveCountsNewPage(CurveCounts *counts, int days)
{
	int			page = days >> counts->page_bits;
	int			size = 1 << counts->page_bits;

	counts->pages[page] = palloc0(size * sizeof(CurvePoint));
	for (int i = 0; i < size; i++)
		counts->pages[page][i].days = (int32) ((int64) page * size + i);
	return counts->pages[page];
}

static inline bool
IsCounted(const CurvePoint *point)
{
	return (point->returned | point->censored | point->entered) != 0;
}

/* Return the points of all lengths that occur, allocated in a context. */
Curve
CurveCountsPoints(const CurveCounts *counts, MemoryContext context)
{
	Curve		curve = {0};
	Size		npoints = 0;
	int			size = 1 << counts->page_bits;

	for (int page = 0; page < counts->npages; page++)
	{
		for (int i = 0; counts->pages[page] != NULL && i < size; i++)
			npoints += IsCounted(&counts->pages[page][i]);
	}
	curve.points = MemoryContextAllocHuge(context, Max(npoints, 1) * sizeof(CurvePoint));
	for (int page = 0; page < counts->npages; page++)
	{
		for (int i = 0; counts->pages[page] != NULL && i < size; i++)
		{
			if (IsCounted(&counts->pages[page][i]))
				curve.points[curve.npoints++] = counts->pages[page][i];
		}
	}
	return curve;
}
