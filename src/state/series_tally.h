/*
 * series_tally.h
 *	  The numbers of customers in the periods of a series, and their revenue.
 *
 * A tally is what the rows of lifecycle_counts are made from.  It has no customers, and it needs
 * no calendar: it holds the few instants of each period that decide which columns are known.  The
 * tallies of two sets of customers without a common customer can be merged, and the result is the
 * tally of all of them.
 */
#ifndef WINBACK_SERIES_TALLY_H
#define WINBACK_SERIES_TALLY_H

#include "postgres.h"

#include "rules/calendar.h"
#include "state/amount.h"

/* One period.  The instants are in the unit of the question. */
typedef struct PeriodTally
{
	int64		from;
	int64		to;				/* END_OF_TIME if the period has no end */
	int64		reach;			/* CalendarReach: the data are complete if they begin before it */
	int64		later;			/* when it is decided which returns lasted; END_OF_TIME if unknown */

	/* customers by the standing at the start, whether they bought, and the standing at the end */
	int64		customers[NSTANDINGS][2][NSTANDINGS];
	int64		sustained;		/* customers who came back and were still active at `later` */
} PeriodTally;

#define NCELLS_A_PERIOD		(NSTANDINGS * 2 * NSTANDINGS)

/* The parts of the revenue of a period, by the status of the customers over it. */
typedef enum RevenuePart
{
	REVENUE_NEW,
	REVENUE_RETAINED,
	REVENUE_REACTIVATED,
	REVENUE_WON_BACK,
	REVENUE_OTHER,
	NREVENUES
} RevenuePart;

typedef struct SeriesTally
{
	Question	question;
	const char *timezone;		/* of the calendar; "" unless timestamptz */
	bool		has_amounts;
	int64		first_at;		/* the first and the last finite instant of all events; the first */
	int64		last_at;		/* is END_OF_TIME and the last BEGINNING_OF_TIME if there is none */
	int			nperiods;
	PeriodTally *periods;

	/*
	 * Customers who keep a standing through silent periods, until SeriesTallySettle: a row for each
	 * period and one more, a column for each standing.  A cell holds how many more there are than in
	 * the period before.
	 */
	int64		(*steady)[NSTANDINGS];

	AmountSum	(*revenue)[NREVENUES];	/* of each period, if has_amounts */
	Node	   *caller;			/* of AmountSumAdd */
	bool		has_numerics;	/* a sum has a part that is a numeric */
} SeriesTally;

extern void SeriesTallyAllocate(SeriesTally *tally, int nperiods);
extern SeriesTally *SeriesTallyCreate(const Calendar *calendar, bool has_amounts);
extern void SeriesTallySettle(SeriesTally *tally);
extern bool PeriodTallyIsPossible(const PeriodTally *period);
extern void SeriesTallyMerge(SeriesTally *tally, SeriesTally *other);

/* Count customers in a period. */
static inline void
SeriesTallyCount(SeriesTally *tally, int period, Standing before, bool bought, Standing after,
				 int64 customers)
{
	tally->periods[period].customers[before][bought][after] += customers;
}

/* Count customers who keep a standing in the silent periods [from, until). */
static inline void
SeriesTallyCountSteady(SeriesTally *tally, Standing standing, int from, int until,
					   int64 customers)
{
	tally->steady[from][standing] += customers;
	tally->steady[until][standing] -= customers;
}

/*
 * Return the part of the revenue to which the amounts of customers of a status belong: LIFECYCLE_NONE
 * if nothing is known of the customer, or if they did not buy and the period has no end.
 */
static inline RevenuePart
RevenuePartOf(LifecycleStatus status)
{
	switch (status)
	{
		case LIFECYCLE_NEW:
			return REVENUE_NEW;
		case LIFECYCLE_ACTIVE:
			return REVENUE_RETAINED;
		case LIFECYCLE_REACTIVATED:
			return REVENUE_REACTIVATED;
		case LIFECYCLE_WON_BACK:
			return REVENUE_WON_BACK;
		default:
			return REVENUE_OTHER;
	}
}

/* Add an amount to a part of the revenue of a period. */
static inline void
SeriesTallyAddAmount(SeriesTally *tally, int period, RevenuePart part, const Amount *amount)
{
	AmountSum  *sum = &tally->revenue[period][part];

	AmountSumAdd(sum, amount, tally->caller);
	tally->has_numerics |= sum->numeric != 0;
}

/* Extend first_at and last_at to an instant, unless it is infinite. */
static inline void
NoteInstant(int64 *first_at, int64 *last_at, int64 at)
{
	if (at != BEGINNING_OF_TIME && at != END_OF_TIME)
	{
		*first_at = Min(*first_at, at);
		*last_at = Max(*last_at, at);
	}
}

#endif							/* WINBACK_SERIES_TALLY_H */
