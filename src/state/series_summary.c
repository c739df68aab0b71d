/*
 * series_summary.c
 *	  What the customers of a series did in each of its periods.
 *
 * Each customer is swept once, over all boundaries of the calendar, and counted in
 * every period by what they were before, whether they bought, and what they were
 * after.  The rules say what follows from that once a period, for all customers who
 * are alike.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

#include "state/series_state.h"
#include "table/large_memory.h"

/* The customer's facts from a byte on, 64 bits of them. */
static inline uint64
LoadBits(const uint8 *facts, int offset, int size)
{
	uint64		bits = 0;

	if (likely(size - offset >= (int) sizeof(bits)))
		memcpy(&bits, facts + offset, sizeof(bits));
	else
		memcpy(&bits, facts + offset, size - offset);
#ifdef WORDS_BIGENDIAN
	bits = pg_bswap64(bits);
#endif
	return bits;
}

/* Did the customer buy in one of the zones [from, to)? */
static bool
BoughtInZones(const uint8 *facts, int size, int from, int to)
{
	while (from < to)
	{
		int			first = from + 1;	/* zone z is bit z + 1 */
		int			nbits = Min(to - from, 64 - first % 8);

		if ((LoadBits(facts, first / 8, size) >> (first % 8)) << (64 - nbits) != 0)
			return true;
		from += nbits;
	}
	return false;
}

/*
 * Counting customers of whom only zones are known.
 *
 * What a customer is in a period follows from two zones: that of the last purchase
 * before it, and that of the last one in it.  So of each customer only the pairs of
 * such zones are counted, from each period with a purchase to the next; that is one
 * addition a period in which they bought, and nothing for all the others.  What the
 * pairs mean is asked once a pair in the end, for all customers who have it.
 *
 * Of thousands of periods that would be more pairs than there is memory for
 * (PAIRS_MAX), and of a few customers it is more work than to go through all periods
 * of each; then each pair is taken by itself.
 */
#define PAIRS_MAX	((Size) 4 * 1024 * 1024)	/* counters of 8 bytes */

typedef struct ZoneSweep
{
	const Calendar *calendar;
	PeriodSummary *periods;
	int		   *period_of;		/* of each zone: -1 before the first, nperiods after the last */
	int		   *came_back;		/* of each period: from a purchase in a zone before this, and none
								 * since */

	/*
	 * Customers by zones: a row for each zone of the earlier purchase, and one for none; a column
	 * for each zone of the next one, and one for none.  NULL if it is not worth it.
	 */
	int64	   *pairs;
	int			none;
} ZoneSweep;

/* The standing at a boundary after a purchase in a zone, as an index. */
static inline int
StandingAfterZone(const Calendar *calendar, int boundary, int zone)
{
	return StandingIndex(StandingBySilence(&calendar->zones[boundary].cutoffs, zone));
}

/* Has who buys in a period, and before that last did in a zone, come back? */
static inline bool
CameBackAfterZone(const Calendar *calendar, int period, int zone)
{
	return CameBack(StandingFromIndex(StandingAfterZone(calendar, period, zone)));
}

static void
ZoneSweepInit(ZoneSweep *sweep, const Calendar *calendar, PeriodSummary *periods,
			  uint64 ncustomers)
{
	int			passed = 0;
	Size		npairs = (Size) (calendar->nedges + 1) * (calendar->nedges + 1);

	sweep->calendar = calendar;
	sweep->periods = periods;
	sweep->none = calendar->nedges;
	if (npairs <= PAIRS_MAX && npairs <= ncustomers * calendar->nperiods)
		sweep->pairs = palloc0(npairs * sizeof(int64));

	sweep->period_of = palloc(calendar->nedges * sizeof(int));
	for (int zone = 0; zone < calendar->nedges; zone++)
	{
		while (passed <= calendar->nperiods && calendar->zones[passed].at <= zone)
			passed++;
		sweep->period_of[zone] = passed - 1;
	}

	/*
	 * The longer the silence, the more one has come back.  From period to period the zone is
	 * mostly later, but not always: a month before 30 March 12:00 is 29 February 12:00, and a
	 * month before 31 March 00:00 is 29 February 00:00.
	 */
	sweep->came_back = palloc0(calendar->nperiods * sizeof(int));
	for (int i = 0, zone = 0; calendar->has_end && i < calendar->nperiods; i++)
	{
		while (zone > 0 && !CameBackAfterZone(calendar, i, zone - 1))
			zone--;
		while (zone < calendar->nedges && sweep->period_of[zone] < i &&
			   CameBackAfterZone(calendar, i, zone))
			zone++;
		sweep->came_back[i] = zone;
	}
}

/* Count customers in a period: what they were, whether they bought, what they are. */
static inline void
CountInPeriod(ZoneSweep *sweep, int period, int before, bool bought, int after, int64 customers)
{
	sweep->periods[period].customers[before][bought][after] += customers;
}

/* Count the period in which customers bought, given the zones of two purchases. */
static void
CountPurchase(ZoneSweep *sweep, int earlier, int zone, int64 customers)
{
	const Calendar *calendar = sweep->calendar;
	int			period = sweep->period_of[zone];

	if (period >= 0 && period < calendar->nperiods)
		CountInPeriod(sweep, period,
					  earlier == sweep->none ? StandingIndex(LIFECYCLE_NONE) :
					  StandingAfterZone(calendar, period, earlier),
					  true, StandingAfterZone(calendar, period + 1, zone), customers);
}

/* Count a period in which customers did not buy, given the zone of the purchase before. */
static void
CountSilence(ZoneSweep *sweep, int earlier, int period, int64 customers)
{
	CountInPeriod(sweep, period, StandingAfterZone(sweep->calendar, period, earlier),
				  false, StandingAfterZone(sweep->calendar, period + 1, earlier), customers);
}

/* Count a customer's way from one purchase to the next; either may be none. */
static inline void
CountPair(ZoneSweep *sweep, int earlier, int zone)
{
	int			until;

	if (likely(sweep->pairs != NULL))
	{
		sweep->pairs[(Size) earlier * (sweep->none + 1) + zone]++;
		return;
	}

	if (zone != sweep->none)
		CountPurchase(sweep, earlier, zone, 1);
	until = zone == sweep->none ? sweep->calendar->nperiods : sweep->period_of[zone];
	for (int i = earlier == sweep->none ? until : sweep->period_of[earlier] + 1; i < until; i++)
		CountSilence(sweep, earlier, i, 1);
}

/* The last purchase of a period, and the last one before that. */
static inline void
SweepPurchase(ZoneSweep *sweep, const uint8 *facts, int size, int earlier, int zone)
{
	int			period = sweep->period_of[zone];

	CountPair(sweep, earlier, zone);
	/* active when they are judged: a purchase since the cut-off */
	if (period >= 0 && earlier < sweep->came_back[period])
	{
		const Boundary *later = &sweep->calendar->later_zones[period];

		sweep->periods[period].sustained +=
			BoughtInZones(facts, size, later->cutoffs.inactive_from, later->at);
	}
}

/* Sweep a customer whose facts are zones with a purchase. */
static void
SweepZones(ZoneSweep *sweep, const uint8 *facts, int size)
{
	uint64		bits = LoadBits(facts, 0, size) & ~(uint64) SLOT_TAKEN;
	int			offset = 0;
	int			earlier = sweep->none;	/* the last purchase of an earlier period */
	int			zone = sweep->none; /* the last purchase so far */

	for (;;)
	{
		int			next;

		while (bits == 0 && (offset += sizeof(bits)) < size)
			bits = LoadBits(facts, offset, size);
		if (bits == 0)
			break;
		next = offset * 8 + pg_rightmost_one_pos64(bits) - 1;
		bits &= bits - 1;

		/* what comes after the end matters only for whether a return lasted */
		if (sweep->period_of[next] >= sweep->calendar->nperiods)
			break;
		if (zone != sweep->none && sweep->period_of[next] != sweep->period_of[zone])
		{
			SweepPurchase(sweep, facts, size, earlier, zone);
			earlier = zone;
		}
		zone = next;
	}
	if (zone != sweep->none)
	{
		SweepPurchase(sweep, facts, size, earlier, zone);
		CountPair(sweep, zone, sweep->none);
	}
}

/* Say what the pairs mean. */
static void
ZoneSweepFinish(ZoneSweep *sweep)
{
	int			none = sweep->none;

	for (int earlier = 0; sweep->pairs != NULL && earlier <= none; earlier++)
	{
		const int64 *pairs = sweep->pairs + (Size) earlier * (none + 1);
		int			bought = earlier == none ? -1 : sweep->period_of[earlier];
		int64		silent = pairs[none];	/* customers, after the period being looked at */
		int			zone = none - 1;

		CHECK_FOR_INTERRUPTS();
		for (int i = sweep->calendar->nperiods - 1; i > bought; i--)
		{
			int64		customers = silent;

			for (; zone >= 0 && sweep->period_of[zone] >= i; zone--)
			{
				if (pairs[zone] != 0)
					CountPurchase(sweep, earlier, zone, pairs[zone]);
				silent += pairs[zone];
			}
			if (customers != 0 && earlier != none)
				CountSilence(sweep, earlier, i, customers);
		}
	}
	pfree(sweep->period_of);
	pfree(sweep->came_back);
	if (sweep->pairs != NULL)
		pfree(sweep->pairs);
}

/* What happened to a customer up to some instant. */
typedef struct Past
{
	int			nentries;		/* taken in */
	bool		bought;
	bool		cancelled;
	int64		last_purchase;
	int64		last_cancellation;
} Past;

/* Take in the entries before an instant; they are in order. */
static void
PastAdvance(Past *past, const LoggedEvent *entries, int nentries, int64 until)
{
	for (; past->nentries < nentries && entries[past->nentries].at < until; past->nentries++)
	{
		const LoggedEvent *entry = &entries[past->nentries];

		if (past->nentries % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (entry->event == EVENT_PURCHASE)
		{
			past->bought = true;
			past->last_purchase = entry->at;
		}
		else if (entry->event == EVENT_CANCELLATION)
		{
			past->cancelled = true;
			past->last_cancellation = entry->at;
		}
	}
}

static LifecycleStatus
PastStanding(const Past *past, const CutOffs *cutoffs)
{
	History		history = {
		.known = past->nentries > 0,
		.cancelled_since = past->bought && past->cancelled &&
		past->last_cancellation >= past->last_purchase,
		.silence = past->bought ? StandingBySilence(cutoffs, past->last_purchase) :
		LIFECYCLE_NONE
	};

	return StandingOf(&history);
}

/* One customer may have millions of entries: sorting them can be interrupted. */
#define ST_SORT			SortEntries
#define ST_ELEMENT_TYPE	LoggedEvent
#define ST_COMPARE(a, b) (((a)->at > (b)->at) - ((a)->at < (b)->at))
#define ST_SCOPE		static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* A customer's entries in order of time; next becomes the index of the amount. */
static int
GatherEntries(const SeriesState *state, const uint8 *facts, LoggedEvent **entries,
			  int *allocated)
{
	int			n = 0;
	uint32		next;

	for (uint32 e = LoadHead(facts); e != 0; e = next)
	{
		if (n % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (n == *allocated)
		{
			*allocated *= 2;
			*entries = MoveToLarger(GetMemoryChunkContext(*entries), *entries, n * sizeof(LoggedEvent),
									0, *allocated * sizeof(LoggedEvent));
		}
		next = state->log.events[e - 1].next;
		(*entries)[n] = state->log.events[e - 1];
		(*entries)[n++].next = e - 1;
	}
	SortEntries(*entries, n);
	return n;
}

/* Sweep a customer of whom every event is known. */
static void
SweepEntries(const SeriesState *state, const LoggedEvent *entries, int nentries,
			 PeriodSummary *periods, AmountVisitor visitor, void *arg)
{
	const Calendar *calendar = state->calendar;
	LifecycleStatus before = LIFECYCLE_NONE;
	Past		past = {0};

	for (int i = 0; i <= calendar->nperiods; i++)
	{
		const Boundary *boundary = &calendar->boundaries[i];
		LifecycleStatus after;
		bool		bought = false;
		int			first = past.nentries;

		PastAdvance(&past, entries, nentries, boundary->at);
		after = PastStanding(&past, &boundary->cutoffs);

		for (int e = first; e < past.nentries; e++)
		{
			if (entries[e].event != EVENT_PURCHASE)
				continue;
			bought = true;
			if (e % 4096 == 0)
				CHECK_FOR_INTERRUPTS();
			if (i > 0 && entries[e].has_amount)
				visitor(arg, i - 1, StatusOver(before, true, after),
						state->log.amounts[entries[e].next]);
		}

		if (i > 0)
		{
			PeriodSummary *period = &periods[i - 1];

			period->customers[StandingIndex(before)][bought][StandingIndex(after)]++;
			if (bought && calendar->has_end && CameBack(before))
			{
				const Boundary *later = &calendar->later[i - 1];
				Past		future = past;

				PastAdvance(&future, entries, nentries, later->at);
				if (PastStanding(&future, &later->cutoffs) == LIFECYCLE_ACTIVE)
					period->sustained++;
			}
		}
		before = after;
	}
}

/*
 * Loops over customers look for interrupts once for so many boundaries and events.
 */
#define WORK_BETWEEN_CHECKS		65536

/* Count the customers of a state whose facts are zones. */
void
SummarizePurchases(SeriesState *state, PeriodSummary *periods,
				   AmountVisitor visitor pg_attribute_unused(), void *arg pg_attribute_unused())
{
	const CustomerTable *table = &state->base.table;
	uint64		cursor = 0;
	const uint8 *facts;
	ZoneSweep	sweep = {0};
	int64		work = 0;

	ZoneSweepInit(&sweep, state->calendar, periods, table->ntaken);
	while ((facts = CustomerTableNextFacts(table, &cursor)) != NULL)
	{
		work += state->calendar->nperiods;
		if (work > WORK_BETWEEN_CHECKS)
		{
			CHECK_FOR_INTERRUPTS();
			work = 0;
		}
		SweepZones(&sweep, facts, table->facts_size);
	}
	ZoneSweepFinish(&sweep);
}

/* Count the customers of a state whose facts are in a log. */
void
SummarizeEvents(SeriesState *state, PeriodSummary *periods, AmountVisitor visitor, void *arg)
{
	uint64		cursor = 0;
	const uint8 *facts;
	int			allocated = 64;
	LoggedEvent *entries = palloc(allocated * sizeof(LoggedEvent));
	int64		work = 0;

	while ((facts = CustomerTableNextFacts(&state->base.table, &cursor)) != NULL)
	{
		int			n = GatherEntries(state, facts, &entries, &allocated);

		work += state->calendar->nperiods + n;
		if (work > WORK_BETWEEN_CHECKS)
		{
			CHECK_FOR_INTERRUPTS();
			work = 0;
		}
		SweepEntries(state, entries, n, periods, visitor, arg);
	}
	pfree(entries);
}
