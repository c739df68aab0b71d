/*
 * series_summary.c
 *	  Count the customers of a series in each of its periods.
 *
 * In every period a customer is counted by the standing at the start, whether they bought,
 * and the standing at the end.  A SeriesTally holds these numbers.  The facts of a customer are
 * either zones of purchases, which the sweep in this file counts, or events in a log, which this
 * file collects for the sweep of event_sweep.c.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

#include "compat.h"
#include "state/series_state.h"
#include "state/sweep.h"
#include "table/large_memory.h"

/* Load 64 bits of a customer's facts, from byte `offset` on; bits behind the facts are 0. */
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

/* Return whether the customer bought in one of the zones [from, to). */
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
 * The sweep over zones of purchases.
 *
 * The outcome of a customer in a period depends on two zones: the zone of the last purchase
 * before the period, and the zone of the last purchase in it.  So the sweep counts pairs of
 * zones: it goes from one period with a purchase to the next, and adds 1 to the pair of their
 * last purchases.  ZoneSweepFinish then computes the standings once for each pair and adds them
 * to the periods.
 *
 * The pairs are not kept if there are more than PAIRS_MAX of them, or if there are so few
 * customers that it is less work to compute the standings for each customer.
 */
#define PAIRS_MAX	((Size) 4 * 1024 * 1024)	/* counters of 8 bytes */

typedef struct ZoneSweep
{
	Sweep		sweep;

	/*
	 * Numbers of customers, or NULL: row = the zone of the earlier purchase, column = the zone of
	 * the next one.  The last row and the last column, `none`, mean no purchase.
	 */
	int64	   *pairs;
	int			none;

	/*
	 * For each period in which the customer being swept bought, the part of the revenue to which
	 * their amounts belong.  NULL if there are no amounts.
	 */
	uint8	   *parts;
} ZoneSweep;

static void
ZoneSweepInit(ZoneSweep *zones, const Calendar *calendar, SeriesTally *tally, uint64 ncustomers)
{
	Size		npairs = (Size) (calendar->nedges + 1) * (calendar->nedges + 1);

	zones->sweep = (Sweep) {calendar, tally};
	zones->none = calendar->nedges;
	if (npairs <= PAIRS_MAX && npairs <= ncustomers * calendar->nperiods)
		zones->pairs = palloc0(npairs * sizeof(int64));
}

/*
 * Count customers from one purchase to the next: in the silent periods between the two, and
 * in the period of the second.  Each of the two is the last purchase of its period, or `none`.
 */
static void
CountPair(ZoneSweep *zones, int earlier, int zone, int64 customers)
{
	Sweep	   *sweep = &zones->sweep;
	const Calendar *calendar = sweep->calendar;
	int			period = zone == zones->none ? calendar->nperiods : sweep->calendar->period_of[zone];

	if (period >= 0 && period < calendar->nperiods)
		SeriesTallyCount(sweep->tally, period,
					  earlier == zones->none ? STANDING_NONE :
					  StandingAfterZone(calendar, period, earlier),
					  true, StandingAfterZone(calendar, period + 1, zone), customers);
	if (earlier != zones->none)
		CountSilence(sweep, earlier, false, sweep->calendar->period_of[earlier] + 1, period, customers);
}

/* Count a customer as CountPair does, or leave that to ZoneSweepFinish. */
static inline void
AddPair(ZoneSweep *zones, int earlier, int zone)
{
	if (likely(zones->pairs != NULL))
		zones->pairs[(Size) earlier * (zones->none + 1) + zone]++;
	else
		CountPair(zones, earlier, zone, 1);
}

/*
 * The parts of the revenue of customers who bought are the first four.  So a customer takes two bits
 * for each period: half as much as the zones.
 */
#define PART_BITS			2
#define PARTS_IN_BYTE		(8 / PART_BITS)
#define PARTS_SIZE(nperiods) ((nperiods) / PARTS_IN_BYTE + 1)

StaticAssertDecl(REVENUE_WON_BACK < 1 << PART_BITS, "the part of a customer who bought has two bits");

static inline void
SetPart(uint8 *parts, int period, RevenuePart part)
{
	parts[period / PARTS_IN_BYTE] |= part << (period % PARTS_IN_BYTE * PART_BITS);
}

static inline RevenuePart
GetPart(const uint8 *parts, int period)
{
	return parts[period / PARTS_IN_BYTE] >> (period % PARTS_IN_BYTE * PART_BITS) &
		((1 << PART_BITS) - 1);
}

/* Return the part for purchases in a period, given the last purchase before it. */
static inline RevenuePart
PartOfPurchase(const ZoneSweep *zones, int period, int earlier)
{
	Standing	before = earlier == zones->none ? STANDING_NONE :
		StandingAfterZone(zones->sweep.calendar, period, earlier);

	/* of a customer who bought, the standing at the end does not matter */
	return RevenuePartOf(StatusOver(before, true, STANDING_NONE));
}

/*
 * Count the period of a purchase: `zone` is the last purchase in the period, `earlier` the
 * last one before the period.
 */
static inline void
SweepPurchase(ZoneSweep *zones, const uint8 *facts, int size, int earlier, int zone)
{
	Sweep	   *sweep = &zones->sweep;
	int			period = sweep->calendar->period_of[zone];

	AddPair(zones, earlier, zone);
	if (zones->parts != NULL && period >= 0)
		SetPart(zones->parts, period, PartOfPurchase(zones, period, earlier));
	/* the return lasted if there is a purchase since the cut-off of the later instant */
	if (period >= 0 && earlier < sweep->calendar->came_back[period] &&
		CalendarHasLater(sweep->calendar, period))
	{
		const Boundary *later = &sweep->calendar->later_zones[period];

		sweep->tally->periods[period].sustained +=
			BoughtInZones(facts, size, later->cutoffs.inactive_from, later->at);
	}
}

/* Count a customer whose facts are zones with a purchase. */
static void
SweepZones(ZoneSweep *zones, const uint8 *facts, int size)
{
	const Sweep *sweep = &zones->sweep;
	uint64		bits = LoadBits(facts, 0, size) & ~(uint64) SLOT_TAKEN;
	int			offset = 0;
	int			earlier = zones->none;	/* the last purchase of an earlier period */
	int			zone = zones->none; /* the last purchase so far */

	for (;;)
	{
		int			next;

		while (bits == 0 && (offset += sizeof(bits)) < size)
			bits = LoadBits(facts, offset, size);
		if (bits == 0)
			break;
		next = offset * 8 + pg_rightmost_one_pos64(bits) - 1;
		bits &= bits - 1;

		/* purchases after the end only decide whether a return lasted: SweepPurchase */
		if (sweep->calendar->period_of[next] >= sweep->calendar->nperiods)
			break;
		if (zone != zones->none && sweep->calendar->period_of[next] != sweep->calendar->period_of[zone])
		{
			SweepPurchase(zones, facts, size, earlier, zone);
			earlier = zone;
		}
		zone = next;
	}
	if (zone != zones->none)
	{
		SweepPurchase(zones, facts, size, earlier, zone);
		AddPair(zones, zone, zones->none);
	}
}

/* Add the pairs to the periods, and free the sweep's memory. */
static void
ZoneSweepFinish(ZoneSweep *zones)
{
	const int64 *pair = zones->pairs;

	for (int earlier = 0; pair != NULL && earlier <= zones->none; earlier++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int zone = 0; zone <= zones->none; zone++, pair++)
		{
			if (*pair != 0)
				CountPair(zones, earlier, zone, *pair);
		}
	}
	if (zones->pairs != NULL)
		pfree(zones->pairs);
}

/* The events of one customer. */
typedef struct Lane
{
	SweptEvent *events;
	Size		nevents;
	Size		allocated;		/* room for events */
	uint32		next;			/* place in the log of the next event to collect, plus 1 */
	bool		only_purchases;
} Lane;

/*
 * The events of a customer lie far apart in the log, so each step along a chain waits for main
 * memory.  So the events of several customers are collected together: while one chain waits, the
 * others go on.  (Measured with 4 to 64 lanes: 16 and more are the same.)
 */
#define NLANES	16

/* Copy the next event of a customer out of the log, and begin to load the one after it. */
static inline void
CollectEvent(const EventLog *log, Lane *lane)
{
	uint32		place = lane->next - 1;
	const LoggedEvent *event = &log->events[place];

	if (lane->nevents == lane->allocated)
	{
		Size		allocated = Max(lane->allocated * 2, 64);

		lane->events = MoveToLarger(CurrentMemoryContext, lane->events,
									lane->nevents * sizeof(SweptEvent), 0,
									allocated * sizeof(SweptEvent));
		lane->allocated = allocated;
	}
	lane->events[lane->nevents++] = (SweptEvent) {
		.at = event->at, .amount = EventLogAmount(log, place), .event = event->event,
		.zone = event->zone
	};
	lane->only_purchases &= event->event == EVENT_PURCHASE;
	lane->next = event->next;
	if (lane->next != 0)
	{
		PrefetchForReading(&log->events[lane->next - 1]);
		if (log->has_amounts)
			PrefetchForReading(&log->amounts[lane->next - 1]);
	}
}

/* Collect the events of all lanes.  Their `next` is the head of a chain. */
static void
CollectEvents(const EventLog *log, Lane *lanes, int nlanes)
{
	bool		more = true;

	for (Size round = 1; more; round++)
	{
		if (round % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		more = false;
		for (int i = 0; i < nlanes; i++)
		{
			Lane	   *lane = &lanes[i];

			if (lane->next != 0)
				CollectEvent(log, lane);
			more |= lane->next != 0;
		}
	}
}

/* Check for interrupts after this many periods and events of customers. */
#define WORK_BETWEEN_CHECKS		65536

/* Count the work for a customer, who may have thousands of periods and events. */
static inline void
CountWork(int64 *work, int64 more)
{
	*work += more;
	if (*work > WORK_BETWEEN_CHECKS)
	{
		CHECK_FOR_INTERRUPTS();
		*work = 0;
	}
}

/* Prefetch what this many customers, or amounts, need. */
#define CUSTOMERS_AHEAD			32
#define AMOUNTS_AHEAD			16

/* Count the customers of a state whose facts are zones with a purchase. */
void
SummarizePurchases(SeriesState *state, SeriesTally *tally)
{
	const CustomerTable *table = &state->base.table;
	uint64		cursor = 0;
	const uint8 *facts;
	ZoneSweep	zones = {0};
	int64		work = 0;

	ZoneSweepInit(&zones, state->calendar, tally, table->ntaken);
	while ((facts = CustomerTableNextFacts(table, &cursor)) != NULL)
	{
		CountWork(&work, state->calendar->nperiods);
		SweepZones(&zones, facts, table->facts_size);
	}
	ZoneSweepFinish(&zones);
}

/* Add the amounts of a log to the revenue.  `parts` has PARTS_SIZE bytes for each customer. */
static void
AddLoggedAmounts(const AmountLog *log, const uint8 *parts, SeriesTally *tally)
{
	Size		size = PARTS_SIZE(tally->nperiods);
	uint32		place = 0;

	for (uint32 s = 0; s < log->nsegments; s++)
	{
		const LoggedAmount *amounts = log->segments[s];
		uint32		namounts = Min(SegmentSize(s), log->namounts - place);

		for (uint32 i = 0; i < namounts; i++, place++)
		{
			int			period = amounts[i].period;
			Amount		amount = {.form = amounts[i].form, .value = amounts[i].value};

			if (place % WORK_BETWEEN_CHECKS == 0)
				CHECK_FOR_INTERRUPTS();
			if (i + AMOUNTS_AHEAD < namounts)
				PrefetchForReading(parts + amounts[i + AMOUNTS_AHEAD].customer * size);
			SeriesTallyAddAmount(tally, period, GetPart(parts + amounts[i].customer * size, period),
								 &amount);
		}
	}
}

/* Count the customers of a state whose facts are zones and amounts, and add up their amounts. */
void
SummarizeAmounts(SeriesState *state, SeriesTally *tally)
{
	const CustomerTable *table = &state->base.table;
	const AmountLog *log = &state->amounts;
	Size		size = PARTS_SIZE(tally->nperiods);
	uint8	   *parts;
	const uint8 *ahead[CUSTOMERS_AHEAD];
	uint8	   *parts_of[CUSTOMERS_AHEAD];
	uint64		cursor = 0;
	ZoneSweep	zones = {0};
	int64		work = 0;
	int			n;

	SeriesStateNumber(state);
	/* number 0, which no customer has, is for those without amounts */
	parts = AllocateLarge(CurrentMemoryContext, ((Size) log->highest + 1) * size);
	ClearMemory((char *) parts, ((Size) log->highest + 1) * size);
	ZoneSweepInit(&zones, state->calendar, tally, table->ntaken);
	do
	{
		for (n = 0; n < CUSTOMERS_AHEAD; n++)
		{
			ahead[n] = CustomerTableNextFacts(table, &cursor);
			if (ahead[n] == NULL)
				break;
			parts_of[n] = parts + LoadNumber(LogFacts(state, ahead[n])) * size;
			PrefetchForUpdate(parts_of[n]);
		}
		for (int i = 0; i < n; i++)
		{
			CountWork(&work, state->calendar->nperiods);
			zones.parts = parts_of[i];
			SweepZones(&zones, ahead[i], ZoneBytes(state));
		}
	} while (n == CUSTOMERS_AHEAD);
	ZoneSweepFinish(&zones);
	AddLoggedAmounts(log, parts, tally);
	pfree(parts);
}

/*
 * A customer who has only purchases, and one for each of so many bytes of zones, is counted by zones:
 * then the events need not be sorted, and the pairs of all customers are judged together.
 */
#define BYTES_AN_EVENT			64

/*
 * Count a customer, whose events are purchases in any order, by way of `facts`: bytes for zones,
 * which are zero before and afterwards, as are the parts.
 */
static void
SweepPurchases(ZoneSweep *zones, uint8 *facts, int size, const SweptEvent *events, Size nevents)
{
	const Calendar *calendar = zones->sweep.calendar;

	for (Size e = 0; e < nevents; e++)
	{
		uint32		bit = events[e].zone + 1;

		/* a received event may lie after the last zone */
		if (likely(events[e].zone < calendar->nedges))
			facts[bit / 8] |= 1 << (bit % 8);
	}
	SweepZones(zones, facts, size);

	for (Size e = 0; zones->parts != NULL && e < nevents; e++)
	{
		int			period = calendar->period_of[events[e].zone];

		if (events[e].amount.form != AMOUNT_NONE && period >= 0 && period < calendar->nperiods)
			SeriesTallyAddAmount(zones->sweep.tally, period, GetPart(zones->parts, period),
								 &events[e].amount);
	}
	memset(facts, 0, size);
	if (zones->parts != NULL)
		memset(zones->parts, 0, PARTS_SIZE(calendar->nperiods));
}

/* Count the customers of a state whose facts are in a log, and add up their amounts. */
void
SummarizeEvents(SeriesState *state, SeriesTally *tally)
{
	EventSweep	sweep = {0};
	Lane		lanes[NLANES] = {0};
	uint64		cursor = 0;
	Size		facts_size = ZoneBytes(state);
	uint8	   *facts = palloc0(facts_size);
	ZoneSweep	zones = {0};
	int64		work = 0;
	int			nlanes;

	sweep.sweep = (Sweep) {state->calendar, tally};
	ZoneSweepInit(&zones, state->calendar, tally, state->base.table.ntaken);
	if (tally->has_amounts)
		zones.parts = palloc0(PARTS_SIZE(tally->nperiods));
	do
	{
		for (nlanes = 0; nlanes < NLANES; nlanes++)
		{
			const uint8 *log_facts = CustomerTableNextFacts(&state->base.table, &cursor);

			if (log_facts == NULL)
				break;
			lanes[nlanes].nevents = 0;
			lanes[nlanes].only_purchases = true;
			lanes[nlanes].next = LoadHead(log_facts);
			if (lanes[nlanes].next != 0)
				PrefetchForReading(&state->log.events[lanes[nlanes].next - 1]);
		}
		CollectEvents(&state->log, lanes, nlanes);
		for (int i = 0; i < nlanes; i++)
		{
			if (lanes[i].only_purchases && facts_size <= BYTES_AN_EVENT * lanes[i].nevents)
				SweepPurchases(&zones, facts, facts_size, lanes[i].events, lanes[i].nevents);
			else
			{
				SortEvents(lanes[i].events, lanes[i].nevents);
				SweepEvents(&sweep, lanes[i].events, lanes[i].nevents);
			}
			CountWork(&work, state->calendar->nperiods + lanes[i].nevents);
		}
	} while (nlanes == NLANES);

	ZoneSweepFinish(&zones);
	for (int i = 0; i < NLANES; i++)
	{
		if (lanes[i].events != NULL)
			pfree(lanes[i].events);
	}
	if (zones.parts != NULL)
		pfree(zones.parts);
	pfree(facts);
	EventSweepFinish(&sweep);
}
