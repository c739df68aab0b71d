/*
 * calendar.h
 *	  How customers are judged over a series of periods.
 */
#ifndef WINBACK_CALENDAR_H
#define WINBACK_CALENDAR_H

#include "postgres.h"

#include "rules/question.h"
#include "rules/rules.h"

/* 27 years of days */
#define CALENDAR_MAX_PERIODS	10000

/* A boundary brings three edges, and when a return has lasted another two. */
#define EDGES_A_PERIOD			5
#define CALENDAR_MAX_EDGES		((CALENDAR_MAX_PERIODS + 1) * EDGES_A_PERIOD)

/* An instant at which customers are judged. */
typedef struct Boundary
{
	int64		at;
	CutOffs		cutoffs;
} Boundary;

/*
 * Period k lies between boundaries k and k + 1.  There is one period where no
 * step was asked for, and then it may have no end.
 *
 * Whether a return lasted is judged at an instant of its own, inactive_after
 * later than the period's end.
 *
 * All these instants and their cut-offs are edges that cut time into zones, in
 * which all purchases are judged alike: zone z begins at edges[z - 1] and ends
 * before edges[z].  What is judged in instants can be judged in numbers of zones
 * as well, so there is a second set of boundaries in those: a purchase is before
 * a boundary when its zone is less than the boundary's `at`, and so on.
 */
typedef struct Calendar
{
	Question	question;
	bool		has_end;
	int			nperiods;
	int			nedges;
	int64	   *edges;			/* ascending, no ties */
	int			index_shift;	/* where to look an instant up: see CalendarZone */
	int			index_size;
	int		   *index;
	Boundary   *boundaries;		/* nperiods + 1 */
	Boundary   *zones;			/* the same, in zones */
	Boundary   *later;			/* nperiods: when a return has lasted */
	Boundary   *later_zones;	/* without churned_from, which is no edge */
} Calendar;

extern Calendar *CalendarCreate(MemoryContext context, const Question *question);
extern int64 CalendarReach(const Calendar *calendar, int period);

/*
 * The zone of an instant; nedges for one at or after the last edge, which no
 * question is about.
 *
 * The time between the first and the last edge is divided into equal stretches,
 * several times as many as there are zones, and the index has the zone in which
 * each begins. From there it is seldom more than a step; a binary search, with
 * its branches that nobody can foresee, took twice as long as all the rest.
 */
static inline int
CalendarZone(const Calendar *calendar, int64 at)
{
	const int64 *edges = calendar->edges;
	int			zone;

	if (at < edges[0])
		return 0;
	if (at >= edges[calendar->nedges - 1])
		return calendar->nedges;

	zone = calendar->index[((uint64) at - (uint64) edges[0]) >> calendar->index_shift];
	while (edges[zone] <= at)
		zone++;
	return zone;
}

#endif							/* WINBACK_CALENDAR_H */
