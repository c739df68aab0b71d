/*
 * timeline.c
 *	  Time cut into zones, so that a customer is a handful of bits.
 *
 * See timeline.h for the idea.  The functions here run once a query or once a
 * distinct combination of bits; the one that runs for every row is in the
 * header.
 */
#include "postgres.h"

#include "timeline.h"

/* The earliest instant of a zone: what stands for all purchases in it. */
static int64
ZoneStart(const Timeline *timeline, int zone)
{
	return zone == 0 ? BEGINNING_OF_TIME : timeline->edges[zone - 1];
}

/* Add an edge, keeping them in order. */
void
TimelineAddEdge(Timeline *timeline, int64 edge)
{
	int			i = timeline->nzones;

	if (i >= TIMELINE_MAX_ZONES)
		elog(ERROR, "timeline has no room for another edge");

	for (; i > 0 && timeline->edges[i - 1] > edge; i--)
		timeline->edges[i] = timeline->edges[i - 1];
	timeline->edges[i] = edge;
	timeline->nzones++;
}

/* Did the customer buy in [from, to)?  Both must be edges. */
bool
TimelineBoughtIn(const Timeline *timeline, ZoneBits facts, int64 from, int64 to)
{
	for (int zone = 0; zone < timeline->nzones; zone++)
	{
		if ((facts & (1 << zone)) &&
			ZoneStart(timeline, zone) >= from &&
			timeline->edges[zone] <= to)
			return true;
	}
	return false;
}

/*
 * What the customer did before the instant `at`, which must be an edge.
 *
 * The last purchase is given as the start of its zone.  That is exact for the
 * rules, because every instant they compare it with is an edge as well.
 */
void
TimelineHistory(const Timeline *timeline, ZoneBits facts, int64 at,
				History *before)
{
	memset(before, 0, sizeof(*before));

	for (int zone = timeline->nzones - 1; zone >= 0; zone--)
	{
		if ((facts & (1 << zone)) && timeline->edges[zone] <= at)
		{
			before->known = true;
			before->bought = true;
			before->last_purchase = ZoneStart(timeline, zone);
			return;
		}
	}
}
