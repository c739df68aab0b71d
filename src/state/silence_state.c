/*
 * silence_state.c
 *	  States of return curves: the purchase days of customers.
 *
 * There are two kinds.  Without as_of every silence counts, and its length follows from two
 * neighbouring days.  Rows come in any order, so the state keeps all purchase days: the first two
 * in the facts of the customer, and the others in a log.  A day that equals the customer's
 * day before it in the rows is not kept again; other duplicates are removed at the end.
 *
 * With as_of one silence of each customer counts: that from the last purchase before as_of to the
 * first return since.  So the facts are these two days.
 *
 * Memory: a customer takes 5 bytes besides the key, or 9 with as_of.  A log takes 3.5 to 5.6 bytes
 * for each day of a customer with few, and 2.5 of one with many.  If a day is more than 179 years
 * before until, it takes up to twice as much.
 *
 * Limits: a log has nearly 2^32 units of two bytes, that is, more than 10^9 days.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "state/silence_state.h"
#include "state/state_wire.h"
#include "table/large_memory.h"

/* The smallest number of units of the first segment. */
#define FIRST_UNITS		64

/* Units of a chunk before its days. */
#define CHUNK_HEAD		3

/* The days of the first two chunks and of the largest chunk of a customer. */
#define FIRST_CHUNK		4
#define LARGEST_CHUNK	124

/*
 * Facts of a customer without as_of are a byte and a number.  Beside SLOT_TAKEN the byte has a
 * code: one of these two, or the number of free places in the last chunk.
 */
#define ONE_DAY			127		/* the number is a day */
#define TWO_DAYS		126		/* the number is two narrow days, the later in the upper half */

/* Days of one customer that are processed together. */
typedef struct DayList
{
	uint32	   *days;
	uint32		ndays;
	uint32		allocated;
} DayList;

/* The number of customers whose chunks are loaded into the cache together. */
#define CUSTOMERS_AHEAD	32

static const CustomerStateOps silences_ops;
static const CustomerStateOps open_silences_ops;

/* Raise the error of an until or as_of that differs between rows of a group. */
void
UntilChanged(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("as_of and until must be the same in every row of a group"),
			 errhint("Pass constants, or add them to GROUP BY.")));
}

/*
 * Functions of both kinds.
 */

static SilenceState *
CreateOfKind(MemoryContext context, const CustomerStateOps *ops, StateFamily *family)
{
	SilenceState *state = MemoryContextAllocZero(context, sizeof(SilenceState));

	CustomerStateInit(&state->base, ops, context, family->customer_type);
	return state;
}

/* Create a state without customers. */
SilenceState *
SilenceStateCreate(MemoryContext context, StateFamily *family, const Question *question,
				   LocalDays *days)
{
	SilenceState *state;
	Observation observed;

	ObservationInit(&observed, &question->period, days);
	state = CreateOfKind(context, HasAsOf(&observed) ? &open_silences_ops : &silences_ops, family);
	state->unit = question->unit;
	state->observed = observed;
	state->fingerprint = question->fingerprint;
	return state;
}

static CustomerState *
CreateLike(MemoryContext context, StateFamily *family, const CustomerState *other)
{
	const SilenceState *others = (const SilenceState *) other;
	SilenceState *state = CreateOfKind(context, other->ops, family);

	state->unit = others->unit;
	state->observed = others->observed;
	state->fingerprint = others->fingerprint;
	return &state->base;
}

static void
MergeHead(CustomerState *state, const CustomerState *other)
{
	SilenceState *silences = (SilenceState *) state;
	const SilenceState *others = (const SilenceState *) other;

	if (silences->fingerprint != others->fingerprint)
		UntilChanged();
	/* a received state may differ despite the equal fingerprint */
	if (silences->observed.until_day != others->observed.until_day ||
		silences->observed.as_of_day != others->observed.as_of_day)
		elog(ERROR, "cannot merge states of different days");
	silences->oldest = Max(silences->oldest, others->oldest);
}

static void
WriteHead(StringInfo wire, const CustomerState *state)
{
	const SilenceState *silences = (const SilenceState *) state;

	pq_sendint8(wire, silences->unit);
	pq_sendint64(wire, silences->observed.period.from);
	pq_sendint64(wire, silences->observed.period.to);
	pq_sendint64(wire, silences->fingerprint);
	pq_sendint64(wire, silences->observed.as_of_day);
	pq_sendint64(wire, silences->observed.until_day);
	pq_sendint32(wire, silences->oldest);
	pq_sendint8(wire, silences->log.wide);
}

static CustomerState *
ReadHead(StringInfo wire)
{
	SilenceState *state = palloc0(sizeof(SilenceState));

	state->unit = pq_getmsgbyte(wire);
	state->observed.period.from = pq_getmsgint64(wire);
	state->observed.period.to = pq_getmsgint64(wire);
	state->fingerprint = pq_getmsgint64(wire);
	state->observed.as_of_day = pq_getmsgint64(wire);
	state->observed.until_day = pq_getmsgint64(wire);
	state->oldest = pq_getmsgint(wire, 4);
	state->log.wide = pq_getmsgbyte(wire) != 0;
	if (!IsTimeUnit(state->unit) || state->oldest > PG_INT32_MAX ||
		(!state->log.wide && !HasAsOf(&state->observed) && state->oldest > MAX_NARROW_AGE) ||
		(HasAsOf(&state->observed) && state->observed.until_day < state->observed.as_of_day))
		elog(ERROR, "invalid question in a serialized state");
	return &state->base;
}

/*
 * The kind without as_of.  Facts are the customer's days, or the place of the last chunk of them.
 */

static int
DaysSize(const CustomerState *state pg_attribute_unused())
{
	return NUMBER_FACTS_SIZE;
}

static inline uint32
CodeOf(const uint8 *facts)
{
	return facts[0] >> 1;
}

static inline void
SetDays(uint8 *facts, uint32 code, uint32 number)
{
	facts[0] = (facts[0] & SLOT_TAKEN) | code << 1;
	StoreNumber(facts, number);
}

static inline bool
IsChunk(const uint8 *facts)
{
	return CodeOf(facts) < TWO_DAYS && LoadNumber(facts) != 0;
}

static inline uint32
UnitsOfDay(const DayLog *log)
{
	return log->wide ? 2 : 1;
}

/* Return the units of a chunk. */
static inline uint16 *
ChunkAt(const DayLog *log, uint32 chunk)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is no place without a segment */
	return log->segments[chunk >> SEGMENT_BITS] + chunk % SEGMENT_UNITS;
}

/* Return day n of the units of a chunk. */
static inline uint32
LoadDay(const DayLog *log, const uint16 *units, uint32 n)
{
	uint32		day;

	if (!log->wide)
		return units[CHUNK_HEAD + n];
	memcpy(&day, &units[CHUNK_HEAD + 2 * n], sizeof(day));
	return day;
}

static inline void
StoreDay(const DayLog *log, uint16 *units, uint32 n, uint32 day)
{
	if (!log->wide)
		units[CHUNK_HEAD + n] = (uint16) day;
	else
		memcpy(&units[CHUNK_HEAD + 2 * n], &day, sizeof(day));
}

/* Return the place of the customer's chunk before a chunk, or 0. */
static inline uint32
ChunkBefore(const uint16 *units)
{
	uint32		before;

	memcpy(&before, units, sizeof(before));
	return before;
}

/* Return the number of days for which a chunk has room, and for which the one before has. */
static inline uint32
ChunkRoom(const uint16 *units)
{
	return units[2] & 0xff;
}

static inline uint32
RoomBefore(const uint16 *units)
{
	return units[2] >> 8;
}

/* Add a segment, or enlarge the first one, so that `size` more units have room. */
static void
AddSegment(DayLog *log, MemoryContext context, uint32 size)
{
	if (log->nsegments <= 1 && log->used + size <= SEGMENT_UNITS)
	{
		uint32		units = Max(2 * log->first_units, FIRST_UNITS);

		while (units < log->used + size)
			units *= 2;
		if (log->nsegments == 0)
		{
			log->allocated_segments = 1;
			log->segments = MemoryContextAlloc(context, sizeof(uint16 *));
			log->segments[0] = MemoryContextAlloc(context, units * sizeof(uint16));
			log->nsegments = 1;
			log->used = 1;
		}
		else
			log->segments[0] = repalloc(log->segments[0], units * sizeof(uint16));
		log->first_units = units;
		return;
	}

	CHECK_FOR_INTERRUPTS();
	if (log->nsegments == PG_UINT32_MAX / SEGMENT_UNITS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many purchases in one group"),
				 errhint("Compute the curves of groups of customers, and add them up.")));
	if (log->nsegments == log->allocated_segments)
	{
		log->allocated_segments *= 2;
		log->segments = repalloc(log->segments, log->allocated_segments * sizeof(uint16 *));
	}
	log->segments[log->nsegments] = MemoryContextAlloc(context, SEGMENT_UNITS * sizeof(uint16));
	log->used = log->nsegments++ * SEGMENT_UNITS;
}

/* Return the number of units that are free in the last segment. */
static inline uint32
FreeUnits(const DayLog *log)
{
	uint32		end = log->nsegments <= 1 ? log->first_units : log->nsegments * SEGMENT_UNITS;

	return end - log->used;
}

/*
 * Give a customer an empty chunk, behind the chunk `before` (0 if there is none).  From the third
 * on, chunks grow slowly, so that few places stay free.
 */
static void
AddChunk(DayLog *log, MemoryContext context, uint8 *facts, uint32 before)
{
	uint32		room = FIRST_CHUNK;
	uint32		room_before = 0;
	uint32		size;
	uint32		chunk;
	uint16	   *units;

	if (before != 0)
	{
		uint32		earlier = RoomBefore(ChunkAt(log, before));

		room_before = ChunkRoom(ChunkAt(log, before));
		if (earlier != 0)
			room = Min((room_before + earlier) * 5 / 8, LARGEST_CHUNK);
	}
	size = CHUNK_HEAD + room * UnitsOfDay(log);
	if (FreeUnits(log) < size)
		AddSegment(log, context, size);
	chunk = log->used;
	log->used += size;
	units = ChunkAt(log, chunk);
	memcpy(units, &before, sizeof(before));
	units[2] = (uint16) (room | room_before << 8);
	SetDays(facts, room, chunk);
}

/* Put a day into the last chunk of a customer, which may have to be added. */
static inline void
PushDay(DayLog *log, MemoryContext context, uint8 *facts, uint32 day)
{
	uint32		nfree = CodeOf(facts);

	if (nfree == 0)
	{
		AddChunk(log, context, facts, LoadNumber(facts));
		nfree = CodeOf(facts);
	}
	StoreDay(log, ChunkAt(log, LoadNumber(facts)), nfree - 1, day);
	SetDays(facts, nfree - 1, LoadNumber(facts));
}

/* Add a day that the log can keep to a customer. */
static inline void
AddDay(DayLog *log, MemoryContext context, uint8 *facts, uint32 day)
{
	uint32		code = CodeOf(facts);
	uint32		number = LoadNumber(facts);

	if (code == ONE_DAY)
	{
		if (number == day)
			return;
		if (!log->wide)
			SetDays(facts, TWO_DAYS, number | day << 16);
		else
		{
			SetDays(facts, 0, 0);
			PushDay(log, context, facts, number);
			PushDay(log, context, facts, day);
		}
	}
	else if (code == TWO_DAYS)
	{
		if (number >> 16 == day)
			return;
		SetDays(facts, 0, 0);
		PushDay(log, context, facts, number & PG_UINT16_MAX);
		PushDay(log, context, facts, number >> 16);
		PushDay(log, context, facts, day);
	}
	else if (number == 0)
		SetDays(facts, ONE_DAY, day);
	else
	{
		/* a chunk is never empty, so its last day is behind its free places */
		if (LoadDay(log, ChunkAt(log, number), code) == day)
			return;
		PushDay(log, context, facts, day);
	}
	log->ndays++;
}

/* Make room in a list for more days. */
static inline void
ReserveDays(DayList *list, uint32 more)
{
	if (likely(list->allocated - list->ndays >= more))
		return;
	list->allocated = Max(2 * list->allocated, 256);
	list->days = list->days == NULL ?
		MemoryContextAllocHuge(CurrentMemoryContext, list->allocated * sizeof(uint32)) :
		repalloc_huge(list->days, list->allocated * sizeof(uint32));
}

StaticAssertDecl(LARGEST_CHUNK <= 256, "ReserveDays makes room for a chunk");

/* List the days of a customer, the last one of the rows first. */
static void
ListDays(const DayLog *log, const uint8 *facts, DayList *list)
{
	uint32		code = CodeOf(facts);
	uint32		number = LoadNumber(facts);
	uint32		first = code;

	list->ndays = 0;
	ReserveDays(list, 2);
	if (code == TWO_DAYS)
	{
		list->days[list->ndays++] = number >> 16;
		list->days[list->ndays++] = number & PG_UINT16_MAX;
		return;
	}
	if (code == ONE_DAY)
	{
		list->days[list->ndays++] = number;
		return;
	}
	for (; number != 0; first = 0)
	{
		const uint16 *units = ChunkAt(log, number);
		uint32		room = ChunkRoom(units);

		ReserveDays(list, room);
		if (log->wide)
		{
			for (uint32 n = first; n < room; n++)
				list->days[list->ndays++] = LoadDay(log, units, n);
		}
		else
		{
			const uint16 *days = &units[CHUNK_HEAD];
			uint32	   *to = list->days + list->ndays;

			for (uint32 n = first; n < room; n++)
				*to++ = days[n];
			list->ndays += room - first;
		}
		number = ChunkBefore(units);
	}
}

static int
CompareDays(const void *a, const void *b)
{
	uint32		left = *(const uint32 *) a;
	uint32		right = *(const uint32 *) b;

	return (left > right) - (left < right);
}

/* Lists of up to this many days are sorted by insertion. */
#define FEW_DAYS	32

/* Sort the ages of a list, and remove duplicates.  Rows in the order of time give a sorted list. */
static void
SortDays(DayList *list)
{
	uint32	   *days = list->days;
	uint32		sorted = 1;
	uint32		nunique = 0;

	while (sorted < list->ndays && days[sorted - 1] < days[sorted])
		sorted++;
	if (sorted >= list->ndays)
		return;

	if (list->ndays > FEW_DAYS)
		qsort(days, list->ndays, sizeof(uint32), CompareDays);
	else
	{
		for (uint32 i = sorted; i < list->ndays; i++)
		{
			uint32		day = days[i];
			uint32		j = i;

			for (; j > 0 && days[j - 1] > day; j--)
				days[j] = days[j - 1];
			days[j] = day;
		}
	}
	for (uint32 i = 0; i < list->ndays; i++)
	{
		if (nunique == 0 || days[i] != days[nunique - 1])
			days[nunique++] = days[i];
	}
	list->ndays = nunique;
}

/* Make the log wide: add all days again to another log. */
static void
Widen(SilenceState *state)
{
	DayLog		narrow = state->log;
	DayList		list = {0};
	uint64		cursor = 0;
	const uint8 *facts;
	uint64		ncustomers = 0;

	state->log = (DayLog) {.wide = true};
	while ((facts = CustomerTableNextFacts(&state->base.table, &cursor)) != NULL)
	{
		uint8	   *to = unconstify(uint8 *, facts);

		if (ncustomers++ % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		ListDays(&narrow, facts, &list);
		SetDays(to, 0, 0);
		/* the last day of the list came first */
		while (list.ndays > 0)
			AddDay(&state->log, state->base.table.context, to, list.days[--list.ndays]);
	}
	for (uint32 i = 0; i < narrow.nsegments; i++)
		pfree(narrow.segments[i]);
	if (narrow.segments != NULL)
		pfree(narrow.segments);
	if (list.days != NULL)
		pfree(list.days);
}

/* Prepare for a day of an age. */
static inline void
NoteAge(SilenceState *state, uint32 age)
{
	if (unlikely(age > state->oldest))
		state->oldest = age;
	if (unlikely(age > MAX_NARROW_AGE) && !state->log.wide)
		Widen(state);
}

static void
AddDays(CustomerState *state, uint8 *const *facts, const void *rows, int nrows)
{
	SilenceState *silences = (SilenceState *) state;
	DayLog	   *log = &silences->log;
	const uint32 *ages = rows;

	/* the chunks are anywhere in the log: load all of them before the first is needed */
	for (int i = 0; i < nrows; i++)
	{
		if (IsChunk(facts[i]))
			PrefetchForUpdate(ChunkAt(log, LoadNumber(facts[i])) + CHUNK_HEAD +
							  (Size) CodeOf(facts[i]) * UnitsOfDay(log));
	}
	for (int i = 0; i < nrows; i++)
	{
		NoteAge(silences, ages[i]);
		AddDay(log, state->table.context, facts[i], ages[i]);
	}
}

static void
MergeDays(CustomerState *state, uint8 *facts, const CustomerState *other, const uint8 *theirs)
{
	SilenceState *silences = (SilenceState *) state;
	DayList		list = {0};

	ListDays(&((const SilenceState *) other)->log, theirs, &list);
	for (uint32 i = list.ndays; i > 0; i--)
	{
		NoteAge(silences, list.days[i - 1]);
		AddDay(&silences->log, state->table.context, facts, list.days[i - 1]);
	}
	pfree(list.days);
}

/* On the wire a customer is a number of days, and then their ages. */

static Size
DaysCustomerSize(const CustomerState *state pg_attribute_unused())
{
	return sizeof(uint32);
}

static Size
DaysWireSize(const CustomerState *state)
{
	return ((const SilenceState *) state)->log.ndays * sizeof(uint32);
}

/* Write the days of a customer, from the portion's event on, until the message is full. */
static void
WriteDays(StateWriter *writer, const uint8 *facts)
{
	DayList		list = {0};
	uint32		next = writer->portion->event;
	EventsWriter events;

	ListDays(&((const SilenceState *) writer->state)->log, facts, &list);
	SortDays(&list);
	events = BeginEvents(writer);
	while (next < list.ndays && MoreEventsFit(writer, &events))
		pq_sendint32(writer->wire, list.days[next++]);
	EndEvents(writer, &events, next < list.ndays ? next : 0);
	if (list.days != NULL)
		pfree(list.days);
}

static void
ReadDays(StringInfo wire, CustomerState *state, uint8 *facts)
{
	SilenceState *silences = (SilenceState *) state;
	uint32		ndays = pq_getmsgint(wire, 4);

	memset(facts, 0, NUMBER_FACTS_SIZE);
	for (uint32 i = 0; i < ndays; i++)
	{
		uint32		age = pq_getmsgint(wire, 4);

		if (i % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		if (age > silences->oldest)
			elog(ERROR, "invalid day in a serialized state");
		AddDay(&silences->log, CurrentMemoryContext, facts, age);
	}
	if (ndays > 0)
		facts[0] |= SLOT_TAKEN;
}

static uint32
CountDays(const CustomerState *state)
{
	return ((const SilenceState *) state)->log.ndays;
}

static const FactsCodec days_codec = {
	.customer_size = DaysCustomerSize,
	.event_size = sizeof(uint32),
	.events_size = DaysWireSize,
	.write = WriteDays,
	.read = ReadDays,
	.nevents = CountDays
};

#ifdef USE_ASSERT_CHECKING
static void
AssertDays(const CustomerState *state, bool whole)
{
	const SilenceState *silences = (const SilenceState *) state;
	DayList		list = {0};
	uint64		ndays = 0;
	uint64		cursor = 0;
	const uint8 *facts;

	Assert(silences->log.nsegments == 0 || FreeUnits(&silences->log) <= SEGMENT_UNITS);
	if (!whole && (CustomerTableSize(&state->table) > SMALL_TABLE ||
				   silences->log.used > SMALL_TABLE))
		return;
	while ((facts = CustomerTableNextFacts(&state->table, &cursor)) != NULL)
	{
		ListDays(&silences->log, facts, &list);
		for (uint32 i = 0; i < list.ndays; i++)
			Assert(list.days[i] <= silences->oldest);
		ndays += list.ndays;
	}
	/* the days of a portion's other customers may not be in this table */
	Assert(ndays == silences->log.ndays);
	if (list.days != NULL)
		pfree(list.days);
}
#endif

static const CustomerStateOps silences_ops = {
	.tag = 's',
	.row_size = sizeof(uint32),
	.codec = &days_codec,
	.facts_size = DaysSize,
	.add_rows = AddDays,
	.merge_facts = MergeDays,
	.merge_head = MergeHead,
	.create_like = CreateLike,
	.write_head = WriteHead,
	.read_head = ReadHead,
#ifdef USE_ASSERT_CHECKING
	.check = AssertDays,
#endif
};

const CustomerStateOps *const silences_kind = &silences_ops;

/* Count the silences of all customers. */
static void
CountAllSilences(const SilenceState *state, CurveCounts *counts)
{
	const DayLog *log = &state->log;
	const uint8 *ahead[CUSTOMERS_AHEAD];
	DayList		list = {0};
	uint64		cursor = 0;
	int			n;

	do
	{
		CHECK_FOR_INTERRUPTS();
		for (n = 0; n < CUSTOMERS_AHEAD; n++)
		{
			ahead[n] = CustomerTableNextFacts(&state->base.table, &cursor);
			if (ahead[n] == NULL)
				break;
			if (IsChunk(ahead[n]))
				PrefetchForReading(ChunkAt(log, LoadNumber(ahead[n])));
		}
		for (int i = 0; i < n; i++)
		{
			if (IsChunk(ahead[i]))
				PrefetchForReading(ChunkAt(log, ChunkBefore(ChunkAt(log, LoadNumber(ahead[i])))));
		}
		for (int i = 0; i < n; i++)
		{
			ListDays(log, ahead[i], &list);
			SortDays(&list);
			CountSilences(counts, list.days, list.ndays, true);
		}
	} while (n == CUSTOMERS_AHEAD);
}

/*
 * The kind with as_of.  Facts are a byte and two numbers, of which the greater one is kept, so that
 * 0 means no day:
 *
 *		PG_UINT32_MAX - days from the last purchase before as_of to the day of as_of
 *		PG_UINT32_MAX - days from the day of as_of to the first purchase on a later day
 *
 * A bit of the byte says that there is a purchase at or after as_of, but on its day.
 */

#define FACT_BOUGHT_ON_DAY	0x02

#define AROUND_FACTS_SIZE	(1 + 2 * sizeof(uint32))

static int
AroundSize(const CustomerState *state pg_attribute_unused())
{
	return AROUND_FACTS_SIZE;
}

/* Return number n of the facts, 0 or 1. */
static inline uint32
LoadNearest(const uint8 *facts, int n)
{
	uint32		nearest;

	memcpy(&nearest, facts + 1 + n * sizeof(nearest), sizeof(nearest));
	return nearest;
}

static inline void
KeepNearest(uint8 *facts, int n, uint32 nearest)
{
	if (nearest > LoadNearest(facts, n))
		memcpy(facts + 1 + n * sizeof(nearest), &nearest, sizeof(nearest));
}

static void
AddDaysAround(CustomerState *state pg_attribute_unused(), uint8 *const *facts, const void *rows,
			  int nrows)
{
	const DayAround *days = rows;

	for (int i = 0; i < nrows; i++)
	{
		if (days[i].after && days[i].days == 0)
			facts[i][0] |= FACT_BOUGHT_ON_DAY;
		else
			KeepNearest(facts[i], days[i].after, PG_UINT32_MAX - days[i].days);
	}
}

static void
MergeDaysAround(CustomerState *state pg_attribute_unused(), uint8 *facts,
				const CustomerState *other pg_attribute_unused(), const uint8 *theirs)
{
	facts[0] |= theirs[0] & FACT_BOUGHT_ON_DAY;
	for (int n = 0; n < 2; n++)
		KeepNearest(facts, n, LoadNearest(theirs, n));
}

/* Raise an error if received facts are impossible. */
static void
CheckDaysAround(const CustomerState *state, const uint8 *facts)
{
	const SilenceState *silences = (const SilenceState *) state;
	int64		last = silences->observed.until_day - silences->observed.as_of_day;
	uint32		before = LoadNearest(facts, 0);
	uint32		after = LoadNearest(facts, 1);

	if ((facts[0] & ~(SLOT_TAKEN | FACT_BOUGHT_ON_DAY)) != 0 ||
		(before != 0 && last + (PG_UINT32_MAX - before) > PG_INT32_MAX) ||
		(after != 0 && (after == PG_UINT32_MAX || PG_UINT32_MAX - after > last)))
		elog(ERROR, "invalid customer in a serialized state");
}

#ifdef USE_ASSERT_CHECKING
static void
AssertDaysAround(const CustomerState *state, bool whole)
{
	uint64		cursor = 0;
	const uint8 *facts;

	if (!whole && CustomerTableSize(&state->table) > SMALL_TABLE)
		return;
	while ((facts = CustomerTableNextFacts(&state->table, &cursor)) != NULL)
		CheckDaysAround(state, facts);
}
#endif

static const CustomerStateOps open_silences_ops = {
	.tag = 'o',
	.row_size = sizeof(DayAround),
	.facts_size = AroundSize,
	.add_rows = AddDaysAround,
	.merge_facts = MergeDaysAround,
	.merge_head = MergeHead,
	.create_like = CreateLike,
	.write_head = WriteHead,
	.read_head = ReadHead,
	.check_facts = CheckDaysAround,
#ifdef USE_ASSERT_CHECKING
	.check = AssertDaysAround,
#endif
};

const CustomerStateOps *const open_silences_kind = &open_silences_ops;

/* Count the silence of each customer that is open at as_of. */
static void
CountOpenSilences(const SilenceState *state, CurveCounts *counts)
{
	uint64		cursor = 0;
	uint64		ncustomers = 0;
	const uint8 *facts;

	while ((facts = CustomerTableNextFacts(&state->base.table, &cursor)) != NULL)
	{
		uint32		before = LoadNearest(facts, 0);
		uint32		after = LoadNearest(facts, 1);
		OpenSilence open;

		if (ncustomers++ % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		if (before == 0)
			continue;
		open.silence = PG_UINT32_MAX - before;
		open.bought_on_day = (facts[0] & FACT_BOUGHT_ON_DAY) != 0;
		open.returned = after != 0;
		open.after = PG_UINT32_MAX - after;
		CountOpenSilence(counts, &state->observed, &open);
	}
}

/* Return the points of the curve of all customers, allocated in the current context. */
Curve
SilenceStateCurve(SilenceState *state)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "return curve",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	CurveCounts counts;
	Curve		curve;

	CustomerStateFlush(&state->base);
	CurveCountsInit(&counts, 0);
	if (HasAsOf(&state->observed))
		CountOpenSilences(state, &counts);
	else
		CountAllSilences(state, &counts);
	MemoryContextSwitchTo(old_context);
	curve = CurveCountsPoints(&counts, old_context);
	MemoryContextDelete(context);
	return curve;
}
