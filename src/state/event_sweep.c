/*
 * event_sweep.c
 *	  Count a customer, given all their events, in the periods of a series.
 *
 * The events are sorted once.  pasts[n] sums up the first n events, so that the standing at any
 * instant takes a binary search for the number of events before it.  The search serves the
 * later instants: they do not come in order, and they may lie any number of events after the
 * period.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "state/sweep.h"
#include "table/large_memory.h"

/* Return the standing at a boundary after a purchase in a zone, and perhaps a cancellation. */
static inline Standing
StandingInSilence(const Calendar *calendar, int boundary, int zone, bool cancelled)
{
	History		history = {
		.known = true,
		.cancelled_since = cancelled,
		.silence = StandingAfterZone(calendar, boundary, zone)
	};

	return StandingOf(&history);
}

/* Return the standing at a boundary, given the first boundary of each worse standing. */
static inline Standing
StandingFromBoundaries(int boundary, int inactive_at, int churned_at, int lost_at)
{
	return boundary >= lost_at ? STANDING_LOST : boundary >= churned_at ? STANDING_CHURNED :
		boundary >= inactive_at ? STANDING_INACTIVE : STANDING_ACTIVE;
}

/* Count customers in any silent periods, as CountSilence() does. */
void
CountLongSilence(Sweep *sweep, int zone, bool cancelled, int from, int until, int64 customers)
{
	const Calendar *calendar = sweep->calendar;
	int			inactive_at;
	int			churned_at;
	int			lost_at;
	Standing	before;

	if (calendar->inactive_at == NULL)
	{
		for (; from < until; from++)
			SeriesTallyCount(sweep->tally, from,
							 StandingInSilence(calendar, from, zone, cancelled), false,
							 StandingInSilence(calendar, from + 1, zone, cancelled), customers);
		return;
	}
	/* who has cancelled is churned from the start */
	inactive_at = cancelled ? from : calendar->inactive_at[zone];
	churned_at = cancelled ? from : calendar->churned_at[zone];
	lost_at = calendar->lost_at[zone];
	before = StandingFromBoundaries(from, inactive_at, churned_at, lost_at);
	while (from < until)
	{
		int			changes = before == STANDING_ACTIVE ? inactive_at :
			before == STANDING_INACTIVE ? churned_at :
			before == STANDING_CHURNED ? lost_at : until + 1;
		int			last = Min(changes - 1, until);
		Standing	after;

		if (from < last)
			SeriesTallyCountSteady(sweep->tally, before, from, last, customers);
		if (last == until)
			break;
		/* the standing changes at the end of this period */
		after = StandingFromBoundaries(changes, inactive_at, churned_at, lost_at);
		SeriesTallyCount(sweep->tally, last, before, false, after, customers);
		before = after;
		from = changes;
	}
}

/* One customer may have millions of events, so sorting can be interrupted. */
#define ST_SORT			SortEvents
#define ST_ELEMENT_TYPE	SweptEvent
#define ST_COMPARE(a, b) (((a)->at > (b)->at) - ((a)->at < (b)->at))
#define ST_SCOPE		extern
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Fill in pasts[]. */
static void
SumUpPasts(EventSweep *events)
{
	Past		past = {0};
	bool		cancelled = false;
	int64		last_cancellation = 0;

	if (events->nevents >= events->allocated)
	{
		events->allocated = Max(events->allocated * 2, events->nevents + 1);
		events->pasts = MoveToLarger(CurrentMemoryContext, events->pasts, 0, 0,
									 events->allocated * sizeof(Past));
	}
	events->pasts[0] = past;
	for (Size e = 0; e < events->nevents; e++)
	{
		const SweptEvent *event = &events->events[e];

		if (e % 65536 == 65535)
			CHECK_FOR_INTERRUPTS();
		past.known |= IsHistory(event->event);
		if (event->event == EVENT_PURCHASE)
		{
			past.bought = true;
			past.last_purchase = event->at;
		}
		else if (event->event == EVENT_CANCELLATION)
		{
			cancelled = true;
			last_cancellation = event->at;
		}
		/* a cancellation at the same instant as a purchase counts as after it */
		past.cancelled_since = past.bought && cancelled &&
			last_cancellation >= past.last_purchase;
		events->pasts[e + 1] = past;
	}
}

/* Return how many events lie before an instant, given that the first n do. */
static Size
CountEventsBefore(const EventSweep *events, Size n, int64 at)
{
	Size		last = events->nevents;

	while (n < last)
	{
		Size		middle = n + (last - n) / 2;

		if (events->events[middle].at < at)
			n = middle + 1;
		else
			last = middle;
	}
	return n;
}

/* Return the standing after the first n events. */
static Standing
StandingAfterEvents(const EventSweep *events, Size n, const CutOffs *cutoffs)
{
	const Past *past = &events->pasts[n];
	History		history = {
		.known = past->known,
		.cancelled_since = past->cancelled_since,
		.silence = past->bought ? StandingBySilence(cutoffs, past->last_purchase) :
		STANDING_NONE
	};

	return StandingOf(&history);
}

/* Add the amounts of events [first, until) to the revenue. */
static void
AddAmounts(const EventSweep *events, int period, RevenuePart part, Size first, Size until)
{
	for (Size e = first; e < until; e++)
	{
		const SweptEvent *event = &events->events[e];

		if (e % 4096 == 4095)
			CHECK_FOR_INTERRUPTS();
		if (IsRevenue(event->event) && event->amount.form != AMOUNT_NONE)
			SeriesTallyAddAmount(events->sweep.tally, period, part, &event->amount);
	}
}

/*
 * Count a customer in the silent periods [from, until), after the first n events, all of
 * which lie before period `from`.
 */
static void
CountSilenceAfterEvents(EventSweep *events, Size n, Standing standing, int from, int until)
{
	const Past *past = &events->pasts[n];

	if (past->bought)
		CountSilence(&events->sweep,
					 CalendarZone(events->sweep.calendar, past->last_purchase),
					 past->cancelled_since, from, until, 1);
	else
		SeriesTallyCountSteady(events->sweep.tally, standing, from, until, 1);
}

/* Count a customer, whose events are in order of time. */
void
SweepEvents(EventSweep *events, const SweptEvent *swept, Size nevents)
{
	const Calendar *calendar = events->sweep.calendar;
	const Boundary *boundaries = calendar->boundaries;
	Size		n;				/* events before the period */

	events->events = swept;
	events->nevents = nevents;
	SumUpPasts(events);

	n = CountEventsBefore(events, 0, boundaries[0].at);
	for (int i = 0; i < calendar->nperiods; i++)
	{
		Size		first = n;
		Standing	before = StandingAfterEvents(events, n, &boundaries[i].cutoffs);
		Standing	after;
		bool		bought = false;
		int			next = calendar->nperiods;	/* the period of the next event */

		if (n < events->nevents)
			next = calendar->period_of[CalendarZone(calendar, events->events[n].at)];
		if (next > i)
		{
			next = Min(next, calendar->nperiods);
			CountSilenceAfterEvents(events, n, before, i, next);
			if (next == calendar->nperiods)
				break;
			i = next;
			before = StandingAfterEvents(events, n, &boundaries[i].cutoffs);
		}

		for (; n < events->nevents && events->events[n].at < boundaries[i + 1].at; n++)
		{
			if (n % 65536 == 65535)
				CHECK_FOR_INTERRUPTS();
			bought |= events->events[n].event == EVENT_PURCHASE;
		}
		after = StandingAfterEvents(events, n, &boundaries[i + 1].cutoffs);

		SeriesTallyCount(events->sweep.tally, i, before, bought, after, 1);
		if (n > first && events->sweep.tally->has_amounts)
			AddAmounts(events, i,
					   RevenuePartOf(bought || calendar->has_end ?
									 StatusOver(before, bought, after) : LIFECYCLE_NONE),
					   first, n);
		if (bought && CameBack(before) && CalendarHasLater(calendar, i))
		{
			const Boundary *later = &calendar->later[i];
			Size		nlater = CountEventsBefore(events, n, later->at);

			if (StandingAfterEvents(events, nlater, &later->cutoffs) == STANDING_ACTIVE)
				events->sweep.tally->periods[i].sustained++;
		}
	}
}

/* Free the memory of a sweep. */
void
EventSweepFinish(EventSweep *events)
{
	if (events->pasts != NULL)
		pfree(events->pasts);
}
