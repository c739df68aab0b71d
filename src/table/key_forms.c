/*
 * ledger_forms.c
 *	  Keys of a ledger change their form.
 *
 * A ledger begins with the smallest form that its type of customer may have, and
 * takes a larger one when a customer comes who does not fit: integers of more than
 * 32 bits, long texts.  Many integers that lie close together become an array.  What
 * the forms are, ledger.h says.
 *
 * Two ledgers that are to be merged are brought to one form, or to two of which one
 * can be read in terms of the other (LedgerMatch, LedgerNextFor).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "table/customer_table.h"
#include "table/slots.h"
#include "table/large_memory.h"

/* The integer of a key of LEDGER_HALF; the factors are the inverses modulo 2^32. */
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

/* The inverse of LedgerScramble. */
static uint64
Unscramble(uint64 word)
{
	word ^= word >> 31 ^ word >> 62;
	word *= UINT64CONST(0x319642b2d24d8ec3);
	word ^= word >> 27 ^ word >> 54;
	word *= UINT64CONST(0x96de1b173f119089);
	word ^= word >> 30 ^ word >> 60;
	return word;
}

/* The text of a key of LEDGER_PAIR; returns its length. */
static Size
TextOfPair(const LedgerKey *key, char *text)
{
	uint64		half[2] = {Unscramble(key->word) ^ LedgerScramble(key->u.rest), key->u.rest};
	char		bytes[LEDGER_SHORT_TEXT + 1];

	memcpy(bytes, half, sizeof(bytes));
	memcpy(text, bytes, LEDGER_SHORT_TEXT);
	/* of what came by wire, anything may be claimed */
	return Min((uint8) bytes[LEDGER_SHORT_TEXT], LEDGER_SHORT_TEXT);
}

/*
 * LedgerNext over another ledger, with keys as this one has them.  A key may point
 * to the room, of LEDGER_SHORT_TEXT bytes.
 */
bool
LedgerNextFor(const Ledger *ledger, const Ledger *other, uint64 *cursor,
			  LedgerKey *key, char *room, uint8 **facts)
{
	if (!LedgerNext(other, cursor, key, facts))
		return false;
	if (other->form == LEDGER_DENSE)
		LedgerKeyFromInteger(ledger, other->base + (int64) (key->word >> LEDGER_DENSE_SHIFT), key);
	else if (other->form == LEDGER_HALF && ledger->form != LEDGER_HALF)
		LedgerKeyFromInteger(ledger, UnscrambleHalf(key->word), key);
	else if (other->form == LEDGER_PAIR && ledger->form == LEDGER_BYTES)
		LedgerKeyFromText(ledger, room, TextOfPair(key, room), key);
	LedgerPrefetch(ledger, key->word);
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
RangeOfArray(const Ledger *ledger)
{
	if (ledger->form != LEDGER_DENSE)
		return no_range;
	return (Range) {ledger->base, ledger->base + (int64) ledger->nslots - 1};
}

/* The range of a ledger of integers that fit in 32 bits; of an array, what it has room for. */
static Range
RangeOf(const Ledger *ledger)
{
	Range		range = RangeOfArray(ledger);
	uint64		cursor = 0;
	const uint8 *facts;

	if (ledger->form == LEDGER_DENSE)
		return range;
	while ((facts = LedgerNextFacts(ledger, &cursor)) != NULL)
		RangeAdd(&range, UnscrambleHalf(SlotWord((const char *) facts - KeySize(LEDGER_HALF),
												 LEDGER_HALF)));
	return range;
}

/*
 * Is an array of a range no larger than a table of that many customers?  Then add
 * some room, up to that size, for those who come later.  Where an array has become
 * too small, that is at the end where it has.
 */
static bool
DenseServes(const Ledger *ledger, uint64 ncustomers, Range *range)
{
	uint64		limit = SlotsFor(ncustomers) * (KeySize(LEDGER_HALF) + ledger->facts_size) /
		ledger->facts_size;
	Range		has = RangeOfArray(ledger);
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
Reform(Ledger *ledger, LedgerForm form, int32 base, uint64 nslots)
{
	Ledger		old = *ledger;
	uint64		cursor = 0;
	LedgerKey	key;
	char		room[LEDGER_SHORT_TEXT];
	uint8	   *facts;
	uint8	   *place;

	Assert(!ledger->packed);

	ledger->base = base;
	LedgerAllocate(ledger, form, nslots);
	while (LedgerNextFor(ledger, &old, &cursor, &key, room, &facts))
	{
		LedgerLocate(ledger, &key, 1, &place);
		memcpy(place, facts, ledger->facts_size);
	}
	pfree(old.slots);
	LedgerCheck(ledger, true);
}

/* Make an array of a ledger, or another one of an array. */
static void
MakeDense(Ledger *ledger, Range range)
{
	uint64		nslots = range.last - range.first + 1;
	Size		before;
	Size		old_size;
	Size		size;

	if (ledger->form != LEDGER_DENSE)
	{
		Reform(ledger, LEDGER_DENSE, range.first, nslots);
		return;
	}

	before = (ledger->base - range.first) * ledger->slot_size;
	old_size = ledger->nslots * ledger->slot_size;
	size = nslots * ledger->slot_size;
	ledger->slots = Enlarge(ledger->context, ledger->slots, old_size, before, size);
	ledger->nslots = nslots;
	ledger->base = range.first;
	ClearPieces(ledger->slots, before);
	ClearPieces(ledger->slots + before + old_size, size - before - old_size);
	LedgerCheck(ledger, true);
}

/*
 * Make room for a key that does not fit the form.  It, and keys that were made
 * before, are of no use any more.
 */
void
LedgerWiden(Ledger *ledger, const LedgerKey *key)
{
	uint64		nslots = SlotsFor(ledger->ntaken + 1);
	int64		integer = (int64) key->u.rest;
	Range		range;

	Assert(key->wide);

	if (ledger->form == LEDGER_PAIR)
	{
		Reform(ledger, LEDGER_BYTES, 0, nslots);
		return;
	}
	if (integer != (int32) integer)
	{
		Reform(ledger, LEDGER_WORD, 0, nslots);
		return;
	}

	Assert(ledger->form == LEDGER_DENSE);
	range = RangeOf(ledger);
	RangeAdd(&range, integer);
	if (DenseServes(ledger, ledger->ntaken + 1, &range))
		MakeDense(ledger, range);
	else
		Reform(ledger, LEDGER_HALF, 0, nslots);
}

/*
 * Before that many more customers may come: if a table of integers would have to
 * grow for them, see whether it had better become an array.  No key of this ledger
 * may be waiting.
 */
void
LedgerSettle(Ledger *ledger, uint64 more)
{
	Range		range;

	if (ledger->form != LEDGER_HALF || ledger->packed ||
		LEDGER_ROOM(ledger->nslots) >= ledger->ntaken + more)
		return;
	range = RangeOf(ledger);
	if (DenseServes(ledger, ledger->ntaken + more, &range))
		MakeDense(ledger, range);
}

/* How many customers there are in so many slots of an array. */
static uint64
CountTaken(const Ledger *ledger, uint64 first, uint64 nslots)
{
	uint64		ntaken = 0;

	for (uint64 i = first; i < first + nslots; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		ntaken += *SlotFacts(SlotAt(ledger, i), LEDGER_DENSE) & LEDGER_TAKEN;
	}
	return ntaken;
}

/* What there is to come, of which this is perhaps a portion. */
static LedgerWhole
WholeOf(const Ledger *ledger)
{
	if (ledger->whole != NULL)
		return *ledger->whole;
	return (LedgerWhole) {.ntaken = ledger->ntaken, .base = ledger->base, .nslots = ledger->nslots};
}

/* Bring two ledgers of integers of which one is an array together. */
static void
MatchArray(Ledger *ledger, const Ledger *other)
{
	LedgerWhole whole = WholeOf(other);
	Range		own;
	Range		all;

	/* a table is asked when it would have to grow, as in LedgerSettle */
	if (ledger->form == LEDGER_HALF && ledger->ntaken > 0 &&
		LEDGER_ROOM(ledger->nslots) >= ledger->ntaken + other->ntaken)
		return;

	own = RangeOf(ledger);
	all = other->form == LEDGER_DENSE ?
		(Range) {whole.base, whole.base + (int64) whole.nslots - 1} : RangeOf(other);
	all.first = Min(all.first, own.first);
	all.last = Max(all.last, own.last);
	/* an array that has a place for everybody */
	if (ledger->form == LEDGER_DENSE && all.first == own.first && all.last == own.last)
		return;

	if (DenseServes(ledger, Max(ledger->ntaken, whole.ntaken), &all))
		MakeDense(ledger, all);
	else if (ledger->form == LEDGER_DENSE)
		Reform(ledger, LEDGER_HALF, 0, SlotsFor(ledger->ntaken + other->ntaken));
	else
		/* so the next portion does not ask again */
		LedgerReserve(ledger, other->ntaken);
}

/* Make a ledger ready to take in the customers of another one. */
void
LedgerMatch(Ledger *ledger, const Ledger *other)
{
	if (other->ntaken == 0)
		return;
	if ((other->form == LEDGER_WORD && ledger->form != LEDGER_WORD) ||
		(other->form == LEDGER_BYTES && ledger->form != LEDGER_BYTES))
		Reform(ledger, other->form, 0, SlotsFor(ledger->ntaken));
	else if (ledger->form <= LEDGER_HALF &&
			 (ledger->form == LEDGER_DENSE || other->form == LEDGER_DENSE))
		MatchArray(ledger, other);
	Assert(ledger->form == other->form ||
		   (ledger->form <= LEDGER_WORD && other->form <= LEDGER_WORD) ||
		   (ledger->form == LEDGER_BYTES && other->form == LEDGER_PAIR));

	/* into an empty ledger nobody comes twice */
	if (ledger->ntaken == 0)
		LedgerReserve(ledger, WholeOf(other).ntaken);
}

/*
 * Take in the customers of another ledger by OR of their facts, after LedgerMatch,
 * if both are arrays: a loop over bytes.  False if they are not.
 */
bool
LedgerOverlay(Ledger *ledger, const Ledger *other)
{
	Size		size = other->nslots * other->slot_size;
	uint64		first;
	char	   *to;

	if (ledger->form != LEDGER_DENSE || other->form != LEDGER_DENSE || other->ntaken == 0)
		return false;

	Assert(ledger->slot_size == other->slot_size && other->base >= ledger->base);
	first = other->base - (int64) ledger->base;
	Assert(first + other->nslots <= ledger->nslots);
	to = SlotAt(ledger, first);
	ledger->ntaken -= CountTaken(ledger, first, other->nslots);
	for (Size done = 0; done < size; done += PIECE)
	{
		Size		end = Min(done + PIECE, size);

		CHECK_FOR_INTERRUPTS();
		for (Size i = done; i < end; i++)
			to[i] |= other->slots[i];
	}

	ledger->ntaken += CountTaken(ledger, first, other->nslots);
	LedgerCheck(ledger, IsLargeStep(ledger, other));
	return true;
}
