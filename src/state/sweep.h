/*
 * sweep.h
 *	  Count customers in the periods of a series.
 *
 * A sweep visits the periods in which a customer has events.  The silent periods between two of
 * them are counted as a few runs of equal standing, so that a series of 10,000 days costs a
 * customer no more than their events do.
 *
 * There are two sweeps: one over the zones of purchases (ZoneSweep, in series_summary.c), and one
 * over all events of a customer (EventSweep).
 */
#ifndef WINBACK_SWEEP_H
#define WINBACK_SWEEP_H

#include "postgres.h"

#include "rules/calendar.h"
#include "state/series_tally.h"

/* The data that both sweeps use. */
typedef struct Sweep
{
	const Calendar *calendar;
	SeriesTally *tally;
} Sweep;

/* An event, with its amount. */
typedef struct SweptEvent
{
	int64		at;
	Amount		amount;
	uint8		event;			/* LifecycleEvent */
	uint16		zone;			/* of the calendar, if the event is from a log */
} SweptEvent;

/* The sum of the first events of a customer. */
typedef struct Past
{
	int64		last_purchase;	/* if bought */
	bool		known;			/* an event other than an adjustment */
	bool		bought;
	bool		cancelled_since;	/* a cancellation, not before the last purchase */
} Past;

/* Set `sweep`, and leave the rest zero. */
typedef struct EventSweep
{
	Sweep		sweep;

	/* of the customer being swept */
	const SweptEvent *events;
	Size		nevents;
	Past	   *pasts;			/* nevents + 1 */
	Size		allocated;		/* room for pasts */
} EventSweep;

extern void CountLongSilence(Sweep *sweep, int zone, bool cancelled, int from, int until,
							 int64 customers);
extern void SortEvents(SweptEvent *events, Size nevents);
extern void SweepEvents(EventSweep *events, const SweptEvent *swept, Size nevents);
extern void EventSweepFinish(EventSweep *events);

/* Return the standing at a boundary if the last purchase was in a zone. */
static inline Standing
StandingAfterZone(const Calendar *calendar, int boundary, int zone)
{
	return StandingBySilence(&calendar->zones[boundary].cutoffs, zone);
}

/*
 * Count customers in the silent periods [from, until) after their last purchase in a zone.
 * `cancelled` is whether they have cancelled since, before the first of these periods.
 *
 * Most silences end before the customer is inactive; nobody is churned or lost earlier than that.
 */
static inline void
CountSilence(Sweep *sweep, int zone, bool cancelled, int from, int until, int64 customers)
{
	const int  *inactive_at = sweep->calendar->inactive_at;

	if (!cancelled && inactive_at != NULL && until < inactive_at[zone] && from <= until)
		SeriesTallyCountSteady(sweep->tally, STANDING_ACTIVE, from, until, customers);
	else
		CountLongSilence(sweep, zone, cancelled, from, until, customers);
}

#endif							/* WINBACK_SWEEP_H */
