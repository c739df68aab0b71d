/*
 * calendar.h
 *	  The periods of a series, and the instants at which customers are judged.
 */
#ifndef WINBACK_CALENDAR_H
#define WINBACK_CALENDAR_H

#include "postgres.h"

#include "rules/question.h"
#include "rules/rules.h"

/* The largest number of periods in a series: 27 years of days. */
#define CALENDAR_MAX_PERIODS	10000

/* A boundary has four edges, and a later instant has two. */
#define EDGES_A_PERIOD			6
#define CALENDAR_MAX_EDGES		((CALENDAR_MAX_PERIODS + 1) * EDGES_A_PERIOD)

/* An instant at which customers are judged. */
typedef struct Boundary
{
	int64		at;
	CutOffs		cutoffs;
} Boundary;

/*
 * Period k lies between boundaries k and k + 1.  If the question has no step there is
 * one period, and only that one may be without an end.
 *
 * Whether a return lasted is judged at the later instant of its period: inactive_after
 * after the end of the period.  The instant is unknown, and its `at` is END_OF_TIME, if
 * the period has no end, if the instant or its cut-offs lie outside of the type's range,
 * or if the thresholds are in the wrong order there.
 *
 * The edges are all these instants and their cut-offs.  They divide time into zones, and
 * all purchases in one zone are judged alike: zone z begins at edges[z - 1] and ends
 * before edges[z].  Customers can be judged by the numbers of zones instead of instants:
 * zones[] and later_zones[] hold each instant as the number of the zone that begins
 * there, so that comparing two such numbers gives the same as comparing the instants.
 */
typedef struct Calendar
{
	Question	question;
	const char *timezone;		/* in which days and months were counted; "" unless timestamptz */
	bool		has_end;		/* the last period has an end */
	int			nperiods;
	int			nedges;
	int64	   *edges;			/* ascending, without duplicates */
	int			index_shift;	/* the index of CalendarZone: see there */
	int			index_size;
	int		   *index;
	Boundary   *boundaries;		/* nperiods + 1, in instants */
	Boundary   *zones;			/* nperiods + 1, in zones */
	Boundary   *later;			/* nperiods, in instants */
	Boundary   *later_zones;	/* nperiods, in zones; without churned_from and lost_from, which
								 * are no edges */

	/*
	 * What follows for purchases in each zone; nedges + 1 of each.  inactive_at, churned_at
	 * and lost_at are the first boundary at which a customer whose last purchase is in the zone
	 * is inactive, churned or lost; nperiods + 1 if there is none.  They are NULL if a cut-off
	 * lies before the one of an earlier boundary.
	 */
	int		   *period_of;		/* -1 before the first period, nperiods after the last */
	int		   *inactive_at;
	int		   *churned_at;
	int		   *lost_at;

	/*
	 * For each period: a purchase in it is a return if the last purchase before the period
	 * was in a zone before this one.
	 */
	int		   *came_back;
} Calendar;

extern Calendar *CalendarCreate(MemoryContext context, const Question *question);
extern int64 CalendarReach(const Calendar *calendar, int period);
extern int	CalendarSearchZone(const Calendar *calendar, int zone, int64 at);

/* The number of edges that CalendarZone compares one by one before it searches. */
#define CALENDAR_STEPS		8

/*
 * Return the zone of an instant, or nedges if it is at or after the last edge.  No period
 * depends on events at such an instant.
 *
 * The index divides the time from the first to the last edge into equal stretches,
 * several times as many as there are zones, and holds the zone in which each stretch
 * begins.  The zone of an instant is seldom more than one after it.  (A binary search for
 * every row took twice as long as everything else, because its branches cannot be
 * predicted.)  Where one stretch holds many edges, as with seconds beside a threshold of
 * years, CalendarSearchZone searches the rest of it.
 */
static inline int
CalendarZone(const Calendar *calendar, int64 at)
{
	const int64 *edges = calendar->edges;
	int			zone;
	int			last;

	if (at < edges[0])
		return 0;
	if (at >= edges[calendar->nedges - 1])
		return calendar->nedges;

	zone = calendar->index[((uint64) at - (uint64) edges[0]) >> calendar->index_shift];
	last = zone + CALENDAR_STEPS;
	while (edges[zone] <= at)
	{
		if (unlikely(++zone == last))
			return CalendarSearchZone(calendar, zone, at);
	}
	return zone;
}

/* Return whether the later instant of a period, which decides if a return lasted, is known. */
static inline bool
CalendarHasLater(const Calendar *calendar, int period)
{
	return calendar->later[period].at != END_OF_TIME;
}

#endif							/* WINBACK_CALENDAR_H */
