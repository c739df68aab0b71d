/*
 * chronicle.c
 *	  The state of an aggregate over a series of periods: the calendar, and what
 *	  each customer did.
 *
 * Of purchases alone it is enough to know in which zones of the calendar they
 * lie: a bit a zone, some four zones a period. Merging is OR, as in facts.h.
 *
 * Where the order of a purchase and a cancellation matters, or amounts are to be
 * added up, that is not enough. Then every row is kept, 16 bytes (24 and the
 * amount with one) in an array, chained by customer. Merging is appending.
 *
 * Either way, in the end each customer is swept once, over all boundaries of the
 * calendar, and counted in every period by what they were before, whether they
 * bought, and what they were after. The rules say what follows from that once a
 * period, for all customers who are alike.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "chronicle.h"

/* A chronicle without customers.  customer_type must live as long. */
Chronicle *
ChronicleCreate(MemoryContext context, Calendar *calendar, bool has_events,
				bool has_amounts, CustomerType *customer_type)
{
	Chronicle  *chronicle = MemoryContextAllocZero(context, sizeof(Chronicle));

	chronicle->calendar = calendar;
	chronicle->customer_type = customer_type->type;
	chronicle->has_entries = has_events || has_amounts;
	chronicle->has_amounts = has_amounts;
	chronicle->first_at = END_OF_TIME;
	chronicle->last_at = BEGINNING_OF_TIME;
	LedgerInit(&chronicle->ledger, context, customer_type->form,
			   chronicle->has_entries ? (int) ENTRY_FACTS_SIZE : ZONE_FACTS_SIZE(calendar));
	chronicle->ledger.same = CustomerSame;
	chronicle->ledger.same_arg = customer_type;
	return chronicle;
}

/* A zone is a bit; an entry goes before the customer's others. */
static inline void
TakeIn(Chronicle *chronicle, uint8 *facts, uint32 mark)
{
	uint32		head = mark + 1;

	if (!chronicle->has_entries)
	{
		facts[(mark + 1) / 8] |= 1 << ((mark + 1) % 8);
		return;
	}
	chronicle->entries[mark].next = LoadHead(facts);
	memcpy(facts + 1, &head, sizeof(head));
}

/* Keep a row; returns its index. */
static uint32
AddEntry(Chronicle *chronicle, int64 at, uint8 event, Numeric amount)
{
	MemoryContext context = chronicle->ledger.context;
	Entry	   *entry;

	if (chronicle->nentries % 65536 == 0)
		CHECK_FOR_INTERRUPTS();
	if (chronicle->nentries == chronicle->allocated)
	{
		Size		allocated = chronicle->allocated == 0 ? 8 : (Size) chronicle->allocated * 2;

		if (allocated > PG_UINT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many rows with events or amounts in one group"),
					 errhint("Filter by customers, or use a table of purchases alone.")));
		if (chronicle->entries == NULL)
			chronicle->entries = MemoryContextAllocHuge(context, allocated * sizeof(Entry));
		else
			chronicle->entries = repalloc_huge(chronicle->entries, allocated * sizeof(Entry));
		if (chronicle->has_amounts && chronicle->amounts == NULL)
			chronicle->amounts = MemoryContextAllocHuge(context, allocated * sizeof(Numeric));
		else if (chronicle->has_amounts)
			chronicle->amounts = repalloc_huge(chronicle->amounts, allocated * sizeof(Numeric));
		chronicle->allocated = allocated;
	}

	entry = &chronicle->entries[chronicle->nentries];
	memset(entry, 0, sizeof(*entry));
	entry->at = at;
	entry->event = event;
	entry->has_amount = amount != NULL;
	if (amount != NULL)
	{
		Size		size = VARSIZE(amount);

		chronicle->amounts[chronicle->nentries] =
			memcpy(MemoryContextAlloc(context, size), amount, size);
	}
	return chronicle->nentries++;
}

/* Enter what waits in the batch. */
void
ChronicleFlush(Chronicle *chronicle)
{
	int			nrows;

	if (chronicle->batch == NULL)
		return;

	nrows = BatchLocate(chronicle->batch, &chronicle->ledger);
	for (int i = 0; i < nrows; i++)
		TakeIn(chronicle, chronicle->batch->found[i], chronicle->marks[i]);
	LedgerSettle(&chronicle->ledger, BATCH_ROWS);
}

/* Enter a row that lies in the given zone of the calendar. */
void
ChronicleEnter(Chronicle *chronicle, CustomerType *customer_type, Datum customer,
			   const ChronicleRow *row, int zone)
{
	uint32		mark = zone;

	if (chronicle->has_entries)
		mark = AddEntry(chronicle, row->at, row->event, row->amount);

	if (likely(ChronicleDefer(chronicle, customer_type, customer, mark)))
		return;
	ChronicleFlush(chronicle);
	if (ChronicleDefer(chronicle, customer_type, customer, mark))
		return;

	TakeIn(chronicle, LocateCustomer(&chronicle->ledger, customer_type, customer), mark);

	if (chronicle->batch == NULL &&
		(chronicle->batch = BatchCreate(&chronicle->ledger)) != NULL)
		chronicle->marks = MemoryContextAlloc(chronicle->ledger.context,
											  BATCH_ROWS * sizeof(uint32));
	ChronicleCheck(chronicle, false);
}

/* Take the facts of another chronicle into those of the same customer. */
static inline void
TakeInFacts(Chronicle *chronicle, uint8 *facts, const Chronicle *other, const uint8 *theirs)
{
	if (!chronicle->has_entries)
	{
		for (int b = 0; b < chronicle->ledger.facts_size; b++)
			facts[b] |= theirs[b];
		return;
	}
	for (uint32 e = LoadHead(theirs); e != 0; e = other->entries[e - 1].next)
	{
		const Entry *entry = &other->entries[e - 1];

		TakeIn(chronicle, facts,
			   AddEntry(chronicle, entry->at, entry->event,
						entry->has_amount ? other->amounts[e - 1] : NULL));
	}
}

/* Enter the customers of another chronicle, whose keys stay in place meanwhile. */
void
ChronicleMerge(Chronicle *chronicle, Chronicle *other)
{
	Meeting		meeting;
	int			ncustomers;

	if (chronicle->customer_type != other->customer_type ||
		chronicle->has_entries != other->has_entries ||
		chronicle->has_amounts != other->has_amounts)
		elog(ERROR, "cannot merge states of different aggregates");
	if (chronicle->calendar->question.fingerprint != other->calendar->question.fingerprint)
		QuestionChanged();

	ChronicleFlush(chronicle);
	ChronicleFlush(other);
	chronicle->first_at = Min(chronicle->first_at, other->first_at);
	chronicle->last_at = Max(chronicle->last_at, other->last_at);

	LedgerMatch(&chronicle->ledger, &other->ledger);

	meeting.cursor = 0;
	while ((ncustomers = BatchMeet(&meeting, &chronicle->ledger, &other->ledger)) > 0)
	{
		for (int i = 0; i < ncustomers; i++)
			TakeInFacts(chronicle, meeting.ours[i], other, meeting.theirs[i]);
	}
	ChronicleCheck(chronicle, true);
}

/* The customer's facts from a multiple of 64 bits on. */
static inline uint64
LoadBits(const uint8 *facts, int offset, int size)
{
	uint64		bits = 0;

	memcpy(&bits, facts + offset, Min(size - offset, (int) sizeof(bits)));
#ifdef WORDS_BIGENDIAN
	bits = pg_bswap64(bits);
#endif
	return bits;
}

/* Did the customer buy in one of the zones [from, to)? */
static bool
BoughtInZones(const uint8 *facts, int from, int to)
{
	for (int zone = from; zone < to; zone++)
	{
		if (facts[(zone + 1) / 8] & (1 << ((zone + 1) % 8)))
			return true;
	}
	return false;
}

/*
 * What sweeping over zones needs beside the calendar.
 *
 * Most periods of most customers are silent, and what a customer is in a silent
 * period follows from the zone of the last purchase. So silent periods are not
 * counted one by one: for each such zone there is a row in which the boundaries
 * are marked at which a silence begins (+1) and ends (-1). In the end, sums over
 * a row are numbers of customers.
 *
 * Of thousands of periods the rows would take too much memory (SILENCES_MAX), and
 * silent periods are counted one by one after all.
 */
#define SILENCES_MAX	((Size) 4 * 1024 * 1024)	/* cells of 8 bytes */

typedef struct ZoneSweep
{
	const Calendar *calendar;
	PeriodSummary *periods;
	int		   *passed;			/* boundaries before a zone */
	int64	   *silences;		/* a row for each zone; NULL if too many */
	int			stride;			/* of a row */
} ZoneSweep;

static void
ZoneSweepInit(ZoneSweep *sweep, const Calendar *calendar, PeriodSummary *periods)
{
	int			passed = 0;
	Size		ncells = (Size) calendar->nedges * (calendar->nperiods + 2);

	sweep->calendar = calendar;
	sweep->periods = periods;
	sweep->stride = calendar->nperiods + 2;
	sweep->passed = palloc(calendar->nedges * sizeof(int));
	if (ncells <= SILENCES_MAX)
		sweep->silences = palloc0(ncells * sizeof(int64));
	for (int zone = 0; zone < calendar->nedges; zone++)
	{
		while (passed <= calendar->nperiods && calendar->zones[passed].at <= zone)
			passed++;
		sweep->passed[zone] = passed;
	}
}

/* The standing at a boundary after a purchase in a zone, as an index. */
static inline int
StandingAfterZone(const Calendar *calendar, int boundary, int zone)
{
	return StandingIndex(StandingBySilence(&calendar->zones[boundary].cutoffs, zone));
}

/* Sweep a customer whose facts are zones with a purchase. */
static void
SweepZones(ZoneSweep *sweep, const uint8 *facts, int size)
{
	const Calendar *calendar = sweep->calendar;
	int			offset = 0;
	uint64		bits = LoadBits(facts, 0, size) & ~(uint64) LEDGER_TAKEN;
	int			boundary = 0;	/* the next one to pass */
	int			before = StandingIndex(LIFECYCLE_NONE); /* at the one passed last */
	int			last = -1;		/* zone of the last purchase */

	for (;;)
	{
		bool		more;
		int			zone;
		int			passed;

		while (bits == 0 && (offset += sizeof(bits)) < size)
			bits = LoadBits(facts, offset, size);
		more = (bits != 0);
		zone = more ? offset * 8 + pg_rightmost_one_pos64(bits) - 1 : -1;
		passed = more ? sweep->passed[zone] : calendar->nperiods + 1;
		bits &= bits - 1;

		/* nobody counts who is not known yet */
		if (last < 0)
			boundary = passed;

		/* the end of a period in which they bought */
		else if (boundary < passed)
		{
			int			after = StandingAfterZone(calendar, boundary, last);

			if (boundary > 0)
			{
				PeriodSummary *period = &sweep->periods[boundary - 1];

				period->customers[before][true][after]++;
				if (calendar->has_end && CameBack(StandingFromIndex(before)))
				{
					const Boundary *later = &calendar->later_zones[boundary - 1];

					/* active then: a purchase since the cut-off */
					period->sustained += BoughtInZones(facts, later->cutoffs.inactive_from,
													   later->at);
				}
			}
			before = after;
			boundary++;

			/* silent periods */
			if (sweep->silences == NULL)
			{
				for (; boundary < passed; boundary++)
				{
					after = StandingAfterZone(calendar, boundary, last);
					sweep->periods[boundary - 1].customers[before][false][after]++;
					before = after;
				}
			}
			else if (boundary < passed)
			{
				int64	   *silence = sweep->silences + (Size) last * sweep->stride;

				silence[boundary]++;
				silence[passed]--;
				before = StandingAfterZone(calendar, passed - 1, last);
				boundary = passed;
			}
		}

		if (!more)
			return;
		last = zone;
	}
}

/* Count the silent periods of all customers. */
static void
ZoneSweepFinish(ZoneSweep *sweep)
{
	const Calendar *calendar = sweep->calendar;

	pfree(sweep->passed);
	if (sweep->silences == NULL)
		return;

	for (int zone = 0; zone < calendar->nedges; zone++)
	{
		const int64 *silence = sweep->silences + (Size) zone * sweep->stride;
		int64		customers = 0;

		CHECK_FOR_INTERRUPTS();
		for (int i = 1; i <= calendar->nperiods; i++)
		{
			customers += silence[i];
			if (customers != 0)
				sweep->periods[i - 1].customers[StandingAfterZone(calendar, i - 1, zone)][false]
					[StandingAfterZone(calendar, i, zone)] += customers;
		}
	}
	pfree(sweep->silences);
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
PastAdvance(Past *past, const Entry *entries, int nentries, int64 until)
{
	for (; past->nentries < nentries && entries[past->nentries].at < until; past->nentries++)
	{
		const Entry *entry = &entries[past->nentries];

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
#define ST_ELEMENT_TYPE	Entry
#define ST_COMPARE(a, b) (((a)->at > (b)->at) - ((a)->at < (b)->at))
#define ST_SCOPE		static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* A customer's entries in order of time; next becomes the index of the amount. */
static int
GatherEntries(const Chronicle *chronicle, const uint8 *facts, Entry **entries,
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
			*entries = repalloc_huge(*entries, *allocated * sizeof(Entry));
		}
		next = chronicle->entries[e - 1].next;
		(*entries)[n] = chronicle->entries[e - 1];
		(*entries)[n++].next = e - 1;
	}
	SortEntries(*entries, n);
	return n;
}

/* Sweep a customer of whom every event is known. */
static void
SweepEntries(const Chronicle *chronicle, const Entry *entries, int nentries,
			 PeriodSummary *periods, AmountVisitor visitor, void *arg)
{
	const Calendar *calendar = chronicle->calendar;
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
						chronicle->amounts[entries[e].next]);
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

/* Count all customers in every period. */
void
ChronicleSummarize(Chronicle *chronicle, PeriodSummary *periods,
				   AmountVisitor visitor, void *arg)
{
	const bool	has_entries = chronicle->has_entries;
	uint64		cursor = 0;
	const uint8 *facts;
	Entry	   *entries = NULL;
	int			allocated = 64;
	ZoneSweep	sweep = {0};
	int64		work = 0;

	ChronicleFlush(chronicle);
	if (has_entries)
		entries = palloc(allocated * sizeof(Entry));
	else
		ZoneSweepInit(&sweep, chronicle->calendar, periods);

	while ((facts = LedgerNextFacts(&chronicle->ledger, &cursor)) != NULL)
	{
		/* one customer may mean thousands of boundaries */
		work += chronicle->calendar->nperiods;
		if (work > 65536)
		{
			CHECK_FOR_INTERRUPTS();
			work = 0;
		}

		if (has_entries)
		{
			int			n = GatherEntries(chronicle, facts, &entries, &allocated);

			work += n;
			SweepEntries(chronicle, entries, n, periods, visitor, arg);
		}
		else
			SweepZones(&sweep, facts, chronicle->ledger.facts_size);
	}

	if (has_entries)
		pfree(entries);
	else
		ZoneSweepFinish(&sweep);
}

#ifdef USE_ASSERT_CHECKING

/* What must hold of a chronicle after every step; for `whole` see LedgerCheck. */
void
ChronicleCheck(const Chronicle *chronicle, bool whole)
{
	const Ledger *ledger = &chronicle->ledger;
	int			nedges = chronicle->calendar->nedges;
	int			nwaiting = chronicle->batch != NULL ? chronicle->batch->nrows : 0;
	uint64		nchained = 0;
	uint64		cursor = 0;
	const uint8 *facts;

	Assert(chronicle->has_entries || !chronicle->has_amounts);
	Assert(chronicle->has_entries || chronicle->nentries == 0);
	Assert(ledger->facts_size == (chronicle->has_entries ? (int) ENTRY_FACTS_SIZE :
								  ZONE_FACTS_SIZE(chronicle->calendar)));
	Assert((chronicle->batch != NULL) == (chronicle->marks != NULL));
	if (chronicle->batch != NULL)
		BatchCheck(chronicle->batch, ledger);
	if (nwaiting > 0)
		Assert(chronicle->has_entries ?
			   chronicle->marks[nwaiting - 1] == chronicle->nentries - 1 :
			   chronicle->marks[nwaiting - 1] < (uint32) nedges);
	LedgerCheck(ledger, whole);

	if (!whole && (LedgerSize(ledger) > LEDGER_SMALL ||
				   chronicle->nentries * sizeof(Entry) > LEDGER_SMALL))
		return;
	while ((facts = LedgerNextFacts(ledger, &cursor)) != NULL)
	{
		if (chronicle->has_entries)
		{
			/* each entry comes before the next, so that no chain has a loop */
			uint32		limit = chronicle->nentries;

			for (uint32 e = LoadHead(facts); e != 0; e = chronicle->entries[e - 1].next)
			{
				Assert(e <= limit);
				limit = e - 1;
				nchained++;
			}
		}
		else
		{
			/* no bits behind the last zone's */
			for (int bit = nedges + 1; bit < ledger->facts_size * 8; bit++)
				Assert((facts[bit / 8] & (1 << (bit % 8))) == 0);
		}
	}
	/* each entry is in one chain, or will be (of what came by wire, we only trust that) */
	Assert(!chronicle->has_entries || ledger->packed ||
		   nchained + nwaiting == chronicle->nentries);
}

#endif							/* USE_ASSERT_CHECKING */
