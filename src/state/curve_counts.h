/*
 * curve_counts.h
 *	  The numbers of silences by their length.
 */
#ifndef WINBACK_CURVE_COUNTS_H
#define WINBACK_CURVE_COUNTS_H

#include "postgres.h"

/*
 * The silences of one length.
 *
 * A silence that entered late was not observed from its first day on.  It is counted in `entered`
 * of the last day before the observation began, and is at risk from the next day on, as in R's
 * Surv(start, stop, event).  It is counted as returned or censored besides, at a greater length.
 */
typedef struct CurvePoint
{
	int32		days;			/* the length */
	int64		returned;		/* silences that ended with a return on this day */
	int64		censored;		/* silences that were still open on this day, and not observed
								 * further */
	int64		entered;		/* silences that were observed from the next day on */
} CurvePoint;

/* Points by ascending length. */
typedef struct Curve
{
	CurvePoint *points;
	int			npoints;
} Curve;

/*
 * The numbers of silences by their length, while they are being counted.  The points of a page of
 * lengths are allocated together, when the first of them occurs.
 */
typedef struct CurveCounts
{
	CurvePoint **pages;			/* of the lengths from i << page_bits on, or NULL */
	int			npages;
	int			page_bits;
} CurveCounts;

extern void CurveCountsInit(CurveCounts *counts, int64 longest);
extern CurvePoint *CurveCountsNewPage(CurveCounts *counts, int days);
extern Curve CurveCountsPoints(const CurveCounts *counts, MemoryContext context);

/* Return the point of a length, which is not longer than the longest. */
static inline CurvePoint *
CurveCountsPoint(CurveCounts *counts, int days)
{
	CurvePoint *page = counts->pages[days >> counts->page_bits];

	if (unlikely(page == NULL))
		page = CurveCountsNewPage(counts, days);
	return &page[days & ((1 << counts->page_bits) - 1)];
}

#endif							/* WINBACK_CURVE_COUNTS_H */
