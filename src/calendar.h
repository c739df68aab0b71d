/*
 * calendar.h
 *	  How customers are judged over a series of periods.
 */
#ifndef WINBACK_CALENDAR_H
#define WINBACK_CALENDAR_H

#include "postgres.h"

#include "question.h"
#include "rules.h"

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
	Boundary   *boundaries;		/* nperiods + 1 */
	Boundary   *zones;			/* the same, in zones */
	Boundary   *later;			/* nperiods: when a return has lasted */
	Boundary   *later_zones;
} Calendar;

extern Calendar *CalendarCreate(MemoryContext context, const Question *question);
extern int64 CalendarReach(const Calendar *calendar, int period);

/*
 * The zone of an instant; nedges for one at or after the last edge, which no
 * question is about.
 */
static inline int
CalendarZone(const Calendar *calendar, int64 at)
{
	const int64 *edges = calendar->edges;
	int			low = 0;
	int			n = calendar->nedges;

	/* a binary search of which the steps depend on n alone */
	while (n > 1)
	{
		int			half = n / 2;

		low += (edges[low + half - 1] <= at) ? half : 0;
		n -= half;
	}
	return low + (edges[low] <= at);
}

#endif							/* WINBACK_CALENDAR_H */
