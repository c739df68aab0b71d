/*
 * key_forms.c
 *	  Keys of a table change their form.
 *
 * A table begins with the smallest form that its type of customer may have, and
 * takes a larger one when a customer comes who does not fit: integers of more than
 * 32 bits, long texts.  Many integers that lie close together become an array.  What
 * the forms are, table.h says.
 *
 * Two ledgers that are to be merged are brought to one form, or to two of which one
 * can be read in judge of the other (CustomerTableMatch, CustomerTableNextFor).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "table/customer_table.h"
#include "table/slots.h"
#include "table/large_memory.h"

/* The integer of a key of KEY_HALF; the factors are the inverses modulo 2^32. */
static int32
UnscrambleHalf(uint64 word)
{
	uint32		half = word >> 32;

	half ^= half >> 16;
	half *= 0x7ed1b41d;
	half ^= half >> 13 ^ half >> 26;
	half *= 0xa5cb9243;
	half ^= half >> 16;
	return (int32) half;
}

/* The inverse of ScrambleWord. */
static uint64
UnscrambleWord(uint64 word)
{
	word ^= word >> 31 ^ word >> 62;
	word *= UINT64CONST(0x319642b2d24d8ec3);
	word ^= word >> 27 ^ word >> 54;
	word *= UINT64CONST(0x96de1b173f119089);
	word ^= word >> 30 ^ word >> 60;
	return word;
}

/* The text of a key of KEY_PAIR; returns its length. */
static Size
TextOfPair(const CustomerKey *key, char *text)
{
	uint64		half[2] = {UnscrambleWord(key->word) ^ ScrambleWord(key->u.rest), key->u.rest};
	char		bytes[SHORT_TEXT + 1];

	memcpy(bytes, half, sizeof(bytes));
	memcpy(text, bytes, SHORT_TEXT);
	/* of what came by wire, anything may be claimed */
	return Min((uint8) bytes[SHORT_TEXT], SHORT_TEXT);
}

/*
 * CustomerTableNext over another table, with keys as this one has them.  A key may point
 * to the room, of SHORT_TEXT bytes.
 */
bool
CustomerTableNextFor(const CustomerTable *table, const CustomerTable *other, uint64 *cursor,
			  CustomerKey *key, char *room, uint8 **facts)
{
	if (!CustomerTableNext(other, cursor, key, facts))
		return false;
	if (other->form == KEY_DENSE)
		CustomerKeyFromInteger(table, other->base + (int64) (key->word >> DENSE_SHIFT), key);
	else if (other->form == KEY_HALF && table->form != KEY_HALF)
		CustomerKeyFromInteger(table, UnscrambleHalf(key->word), key);
	else if (other->form == KEY_PAIR && table->form == KEY_BYTES)
		CustomerKeyFromText(table, room, TextOfPair(key, room), key);
	CustomerTablePrefetch(table, key->word);
	return true;
}

/* From the least to the greatest; of nobody, the other way round. */
typedef struct Range
{
	int64		first;
	int64		last;
} Range;

static inline void
RangeAdd(Range *range, int64 integer)
{
	range->first = Min(range->first, integer);
	range->last = Max(range->last, integer);
}

static const Range no_range = {.first = PG_INT32_MAX, .last = PG_INT32_MIN};

/* What an array has room for. */
static Range
RangeOfArray(const CustomerTable *table)
{
	if (table->form != KEY_DENSE)
		return no_range;
	return (Range) {table->base, table->base + (int64) table->nslots - 1};
}

/* The range of a table of integers that fit in 32 bits; of an array, what it has room for. */
static Range
RangeOf(const CustomerTable *table)
{
	Range		range = RangeOfArray(table);
	uint64		cursor = 0;
	const uint8 *facts;

	if (table->form == KEY_DENSE)
		return range;
	while ((facts = CustomerTableNextFacts(table, &cursor)) != NULL)
		RangeAdd(&range, UnscrambleHalf(SlotWord((const char *) facts - KeySize(KEY_HALF),
												 KEY_HALF)));
	return range;
}

/*
 * Is an array of a range no larger than a table of that many customers?  Then add
 * some room, up to that size, for those who come later.  Where an array has become
 * too small, that is at the end where it has.
 */
static bool
DenseServes(const CustomerTable *table, uint64 ncustomers, Range *range)
{
	uint64		limit = SlotsFor(ncustomers) * (KeySize(KEY_HALF) + table->facts_size) /
		table->facts_size;
	Range		has = RangeOfArray(table);
	bool		below = range->first < has.first;
	bool		above = range->last > has.last;
	uint64		nslots;
	int64		room;

	if (range->first > range->last)
		return false;
	nslots = range->last - range->first + 1;
	if (nslots > limit)
		return false;
	room = Min(nslots / 2, limit - nslots);
	if (below && above)
		room /= 2;
	if (below)
		range->first = Max(range->first - room, PG_INT32_MIN);
	if (above)
		range->last = Min(range->last + room, PG_INT32_MAX);
	return true;
}

/* Move all customers to slots of another form. */
static void
Reform(CustomerTable *table, KeyForm form, int32 base, uint64 nslots)
{
	CustomerTable		old = *table;
	uint64		cursor = 0;
	CustomerKey	key;
	char		room[SHORT_TEXT];
	uint8	   *facts;
	uint8	   *place;

	Assert(!table->packed);

	table->base = base;
	CustomerTableAllocate(table, form, nslots);
	while (CustomerTableNextFor(table, &old, &cursor, &key, room, &facts))
	{
		CustomerTableLocate(table, &key, 1, &place);
		memcpy(place, facts, table->facts_size);
	}
	pfree(old.slots);
	CustomerTableCheck(table, true);
}

/* Make an array of a table, or another one of an array. */
static void
MakeDense(CustomerTable *table, Range range)
{
	uint64		nslots = range.last - range.first + 1;
	Size		before;
	Size		old_size;
	Size		size;

	if (table->form != KEY_DENSE)
	{
		Reform(table, KEY_DENSE, range.first, nslots);
		return;
	}

	before = (table->base - range.first) * table->slot_size;
	old_size = table->nslots * table->slot_size;
	size = nslots * table->slot_size;
	table->slots = MoveToLarger(table->context, table->slots, old_size, before, size);
	table->nslots = nslots;
	table->base = range.first;
	ClearMemory(table->slots, before);
	ClearMemory(table->slots + before + old_size, size - before - old_size);
	CustomerTableCheck(table, true);
}

/*
 * Make room for a key that does not fit the form.  It, and keys that were made
 * before, are of no use any more.
 */
void
CustomerTableWiden(CustomerTable *table, const CustomerKey *key)
{
	uint64		nslots = SlotsFor(table->ntaken + 1);
	int64		integer = (int64) key->u.rest;
	Range		range;

	Assert(key->wide);

	if (table->form == KEY_PAIR)
	{
		Reform(table, KEY_BYTES, 0, nslots);
		return;
	}
	if (integer != (int32) integer)
	{
		Reform(table, KEY_WORD, 0, nslots);
		return;
	}

	Assert(table->form == KEY_DENSE);
	range = RangeOf(table);
	RangeAdd(&range, integer);
	if (DenseServes(table, table->ntaken + 1, &range))
		MakeDense(table, range);
	else
		Reform(table, KEY_HALF, 0, nslots);
}

/*
 * Before that many more customers may come: if a table of integers would have to
 * grow for them, see whether it had better become an array.  No key of this table
 * may be waiting.
 */
void
CustomerTableSettle(CustomerTable *table, uint64 more)
{
	Range		range;

	if (table->form != KEY_HALF || table->packed ||
		ROOM_OF_SLOTS(table->nslots) >= table->ntaken + more)
		return;
	range = RangeOf(table);
	if (DenseServes(table, table->ntaken + more, &range))
		MakeDense(table, range);
}

/* How many customers there are in so many slots of an array. */
static uint64
CountTaken(const CustomerTable *table, uint64 first, uint64 nslots)
{
	uint64		ntaken = 0;

	for (uint64 i = first; i < first + nslots; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		ntaken += *SlotFacts(SlotAt(table, i), KEY_DENSE) & SLOT_TAKEN;
	}
	return ntaken;
}

/* What there is to come, of which this is perhaps a portion. */
static WholeTable
WholeOf(const CustomerTable *table)
{
	if (table->whole != NULL)
		return *table->whole;
	return (WholeTable) {.ntaken = table->ntaken, .base = table->base, .nslots = table->nslots};
}

/* Bring two ledgers of integers of which one is an array together. */
static void
MatchArray(CustomerTable *table, const CustomerTable *other)
{
	WholeTable whole = WholeOf(other);
	Range		own;
	Range		all;

	/* a table is asked when it would have to grow, as in CustomerTableSettle */
	if (table->form == KEY_HALF && table->ntaken > 0 &&
		ROOM_OF_SLOTS(table->nslots) >= table->ntaken + other->ntaken)
		return;

	own = RangeOf(table);
	all = other->form == KEY_DENSE ?
		(Range) {whole.base, whole.base + (int64) whole.nslots - 1} : RangeOf(other);
	all.first = Min(all.first, own.first);
	all.last = Max(all.last, own.last);
	/* an array that has a place for everybody */
	if (table->form == KEY_DENSE && all.first == own.first && all.last == own.last)
		return;

	if (DenseServes(table, Max(table->ntaken, whole.ntaken), &all))
		MakeDense(table, all);
	else if (table->form == KEY_DENSE)
		Reform(table, KEY_HALF, 0, SlotsFor(table->ntaken + other->ntaken));
	else
		/* so the next portion does not ask again */
		CustomerTableReserve(table, other->ntaken);
}

/* Make a table ready to take in the customers of another one. */
void
CustomerTableMatch(CustomerTable *table, const CustomerTable *other)
{
	if (other->ntaken == 0)
		return;
	if ((other->form == KEY_WORD && table->form != KEY_WORD) ||
		(other->form == KEY_BYTES && table->form != KEY_BYTES))
		Reform(table, other->form, 0, SlotsFor(table->ntaken));
	else if (table->form <= KEY_HALF &&
			 (table->form == KEY_DENSE || other->form == KEY_DENSE))
		MatchArray(table, other);
	Assert(table->form == other->form ||
		   (table->form <= KEY_WORD && other->form <= KEY_WORD) ||
		   (table->form == KEY_BYTES && other->form == KEY_PAIR));

	/* into an empty table nobody comes twice */
	if (table->ntaken == 0)
		CustomerTableReserve(table, WholeOf(other).ntaken);
}

/*
 * Take in the customers of another table by OR of their facts, after CustomerTableMatch,
 * if both are arrays: a loop over bytes.  False if they are not.
 */
bool
CustomerTableOverlay(CustomerTable *table, const CustomerTable *other)
{
	Size		size = other->nslots * other->slot_size;
	uint64		first;
	char	   *to;

	if (table->form != KEY_DENSE || other->form != KEY_DENSE || other->ntaken == 0)
		return false;

	Assert(table->slot_size == other->slot_size && other->base >= table->base);
	first = other->base - (int64) table->base;
	Assert(first + other->nslots <= table->nslots);
	to = SlotAt(table, first);
	table->ntaken -= CountTaken(table, first, other->nslots);
	for (Size done = 0; done < size; done += PIECE)
	{
		Size		end = Min(done + PIECE, size);

		CHECK_FOR_INTERRUPTS();
		for (Size i = done; i < end; i++)
			to[i] |= other->slots[i];
	}

	table->ntaken += CountTaken(table, first, other->nslots);
	CustomerTableCheck(table, IsLargeStep(table, other));
	return true;
}
