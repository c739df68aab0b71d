/*
 * timeline.h
 *	  Time cut into zones, so that a customer is a handful of bits.
 *
 * The definitions compare purchases with a few fixed instants only: where the
 * period begins and ends, and the cut-offs that lie a threshold before.  Two
 * purchases between the same two of these edges are alike in every question
 * that can be asked, so it is enough to know in which zones a customer bought:
 *
 *			zone 0		|	zone 1		|	zone 2		|	(later: ignored)
 *					edges[0]		edges[1]		edges[2]
 *
 * One bit a zone.  Merging what two workers know is OR: it does not matter in
 * which order the rows came, how often, or who saw them.
 *
 * Limits: at most TIMELINE_MAX_ZONES zones, so that the facts of a customer fit
 * a byte and one bit is left for the ledger.
 */
#ifndef WINBACK_TIMELINE_H
#define WINBACK_TIMELINE_H

#include "postgres.h"

#include "rules.h"

#define TIMELINE_MAX_ZONES	6

/* Facts of a customer: bit z says that they bought in zone z. */
typedef uint8 ZoneBits;

#define ZONE_BITS_MASK		((ZoneBits) ((1 << TIMELINE_MAX_ZONES) - 1))

typedef struct Timeline
{
	int			nzones;			/* zone z ends before edges[z] */
	int64		edges[TIMELINE_MAX_ZONES];	/* ascending, ties allowed */
} Timeline;

/* The zone of an instant; nzones for one at or after the last edge. */
static inline int
TimelineZone(const Timeline *timeline, int64 at)
{
	int			zone = 0;

	/* a loop without a branch: a guess about the next row would often be wrong */
	for (int i = 0; i < timeline->nzones; i++)
		zone += (timeline->edges[i] <= at);
	return zone;
}

extern void TimelineAddEdge(Timeline *timeline, int64 edge);
extern bool TimelineBoughtIn(const Timeline *timeline, ZoneBits facts,
							 int64 from, int64 to);
extern void TimelineHistory(const Timeline *timeline, ZoneBits facts,
							int64 at, History *before);

#endif							/* WINBACK_TIMELINE_H */
