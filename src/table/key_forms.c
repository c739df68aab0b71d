/*
 * key_forms.c
 *	  Change the form of the keys of a table, and read tables with keys of another form.
 *
 * A table begins with the smallest form that its type of customers may have.  It takes
 * a larger one when a customer comes who does not fit: an integer of more than 32 bits,
 * a text of more than 16 or 32 bytes.  Many integers that lie close together become
 * an array.  The forms are described in customer_table.h.
 *
 * Before a table takes in the customers of another one, CustomerTableMatch changes its
 * form to one that has a key for all of them.  CustomerTableNextFor then reads the
 * other table, and makes the keys of this one for its customers.  The other table stays as
 * it is.  Most often both have the same seed and form, and the keys can be used as they are.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "table/customer_table.h"
#include "table/slots.h"
#include "table/large_memory.h"

/*
 * Return the number whose product with an odd factor is 1, modulo 2^64.  Its lower half is
 * the inverse modulo 2^32.
 *
 * By Newton's method, each step doubles the number of lower bits that are right.  The first
 * three bits of a factor are their own inverse.
 */
static inline uint64
InverseOfFactor(uint64 factor)
{
	uint64		inverse = factor;

	for (int bits = 3; bits < 64; bits *= 2)
		inverse *= 2 - factor * inverse;
	return inverse;
}

/* Undo ScrambleHalf. */
static inline int32
UnscrambleHalf(uint64 word, uint64 seed)
{
	uint32		half = word >> 32;

	half ^= half >> 16;
	half *= 0xa5cb9243;			/* the inverse of ScrambleHalf's fixed factor */
	half ^= half >> 16;
	half *= (uint32) InverseOfFactor(seed >> 32 | 1);
	half ^= (uint32) seed;
	return (int32) half;
}

/* Undo ScrambleWord. */
static inline uint64
UnscrambleWord(uint64 word, uint64 seed)
{
	word ^= word >> 32;
	word *= UINT64CONST(0x96de1b173f119089);	/* the inverse of ScrambleWord's fixed factor */
	word ^= word >> 32;
	word *= InverseOfFactor(seed | 1);
	word ^= seed << 32 | seed >> 32;
	return word;
}

/* Compute the words from which a key was made: see CustomerKeyFromWords. */
static void
WordsOfKey(const CustomerKey *key, int nwords, uint64 seed, uint64 *words)
{
	uint64		scrambled = 0;

	for (int w = nwords - 1; w > 0; w--)
	{
		words[w] = key->u.rest[w - 1];
		scrambled = ScrambleWord(words[w] ^ scrambled, seed);
	}
	words[0] = UnscrambleWord(key->word, seed) ^ scrambled;
}

/*
 * Compute the text from which a key of some words was made, and return its length.  Any words, as
 * those of a received key, are those of a text.
 */
static Size
TextOfKey(const CustomerKey *key, int nwords, uint64 seed, char *text)
{
	uint64		words[KEY_WORDS];
	Size		size = nwords * sizeof(uint64);

	WordsOfKey(key, nwords, seed, words);
	memcpy(text, words, size);
	return Min((uint8) text[size - 1], size);
}

/* Return the integer that is the customer with these facts, in a table of integers. */
int64
CustomerTableInteger(const CustomerTable *table, const uint8 *facts)
{
	const char *slot = (const char *) facts - KeySize(table->form);

	if (table->form == KEY_DENSE)
		return table->base + (int64) ((slot - table->slots) / table->slot_size);
	if (table->form == KEY_HALF)
		return UnscrambleHalf(SlotWord(slot, KEY_HALF), table->seed);
	return (int64) UnscrambleWord(SlotWord(slot, KEY_WORD), table->seed);
}

/* Get the key of the customer with these facts, in a table of KEY_PAIR or KEY_QUAD. */
static CustomerKey
KeyOfFacts(const CustomerTable *table, const uint8 *facts)
{
	const char *slot = (const char *) facts - KeySize(table->form);
	CustomerKey key = {.word = SlotWord(slot, table->form)};

	memcpy(key.u.rest, SlotRest(slot), (FormWords(table->form) - 1) * sizeof(uint64));
	return key;
}

/* Compute the words that are the customer with these facts, in a table of KEY_PAIR. */
void
CustomerTableWords(const CustomerTable *table, const uint8 *facts, uint64 *words)
{
	CustomerKey key = KeyOfFacts(table, facts);

	WordsOfKey(&key, FormWords(table->form), table->seed, words);
}

/*
 * Find the text that is the customer with these facts, and return its length.  *text points into
 * the table, or into `room`, of TEXT_IN_WORDS bytes.
 */
Size
CustomerTableText(const CustomerTable *table, const uint8 *facts, char *room, const char **text)
{
	CustomerKey key;
	Size		length;

	if (table->form == KEY_BYTES)
	{
		*text = CustomerTableImage(table, facts, &length);
		return length;
	}
	key = KeyOfFacts(table, facts);
	*text = room;
	return TextOfKey(&key, FormWords(table->form), table->seed, room);
}

/*
 * Make a key of `other` into the key that `table` has for the same customer.  The key
 * may point to `room`, of TEXT_IN_WORDS bytes, afterwards.
 */
static void
TranslateKey(const CustomerTable *table, const CustomerTable *other, CustomerKey *key, char *room)
{
	int			nwords = FormWords(other->form);
	uint64		words[KEY_WORDS];

	switch (other->form)
	{
		case KEY_DENSE:
			CustomerKeyFromInteger(table, other->base + (int64) (key->word >> DENSE_SHIFT), key);
			break;
		case KEY_HALF:
			CustomerKeyFromInteger(table, UnscrambleHalf(key->word, other->seed), key);
			break;
		case KEY_WORD:
			CustomerKeyFromInteger(table, (int64) UnscrambleWord(key->word, other->seed), key);
			break;
		case KEY_PAIR:
		case KEY_QUAD:
			if (table->form != other->form)
				CustomerKeyFromText(table, room, TextOfKey(key, nwords, other->seed, room), key);
			else
			{
				WordsOfKey(key, nwords, other->seed, words);
				CustomerKeyFromWords(table, words, nwords, key);
			}
			break;
		case KEY_BYTES:
			CustomerKeyFromText(table, key->u.image, key->length, key);
			break;
		case KEY_VALUE:
			/* the word is the scrambled hash of the type */
			key->word = ScrambleWord(UnscrambleWord(key->word, other->seed), table->seed);
			break;
	}
	if (key->wide)
		elog(ERROR, "a customer does not fit the table to be merged into");
}

/*
 * Do the same as CustomerTableNext for `other`, but return the key that `table` has for the
 * customer.
 * CustomerTableMatch must have been called.  The key may point into `room`, of
 * TEXT_IN_WORDS bytes.
 */
bool
CustomerTableNextFor(const CustomerTable *table, const CustomerTable *other, uint64 *cursor,
					 CustomerKey *key, char *room, uint8 **facts)
{
	if (!CustomerTableNext(other, cursor, key, facts))
		return false;
	if (other->form == KEY_DENSE || other->form != table->form || other->seed != table->seed)
		TranslateKey(table, other, key, room);
	CustomerTablePrefetch(table, key->word);
	return true;
}

/* The integers from first to last, both included; none if first > last. */
typedef struct Range
{
	int64		first;
	int64		last;
} Range;

static const Range no_range = {.first = PG_INT32_MAX, .last = PG_INT32_MIN};

static inline void
RangeAdd(Range *range, int64 integer)
{
	range->first = Min(range->first, integer);
	range->last = Max(range->last, integer);
}

/* Return the range of the integers in an array; it is empty for another table. */
static Range
RangeOfArray(const CustomerTable *table)
{
	if (table->form != KEY_DENSE)
		return no_range;
	return (Range)
	{
		table->base, table->base + (int64) table->nslots - 1
	};
}

/*
 * Return the range of the integers in an array or in a table of KEY_HALF.  For KEY_HALF, stop as
 * soon as the range has more than `limit` integers.
 */
static Range
RangeOf(const CustomerTable *table, uint64 limit)
{
	const uint64 seed = table->seed;
	Range		range = RangeOfArray(table);
	uint64		cursor = 0;
	const uint8 *facts;

	if (table->form == KEY_DENSE)
		return range;
	while ((facts = CustomerTableNextFacts(table, &cursor)) != NULL)
	{
		const char *slot = (const char *) facts - KeySize(KEY_HALF);

		RangeAdd(&range, UnscrambleHalf(SlotWord(slot, KEY_HALF), seed));
		/* then an array does not serve, whatever the other integers are */
		if ((uint64) (range.last - range.first) >= limit)
			break;
	}
	return range;
}

/* Return the slots of an array that is as large as a table of KEY_HALF with `ncustomers`. */
static uint64
LimitOfArray(const CustomerTable *table, uint64 ncustomers)
{
	Size		slot_size = KeySize(KEY_HALF) + table->facts_size;

	return SlotsFor(slot_size, ncustomers) * slot_size / table->facts_size;
}

/*
 * Return whether an array of a range is not larger than a table of KEY_HALF with
 * `ncustomers`.
 *
 * If so, extend the range up to that size, and by half at most, so that it need not
 * grow again soon: at the end at which the range exceeds the table's array, or at both.
 */
static bool
DenseServes(const CustomerTable *table, uint64 ncustomers, Range *range)
{
	uint64		limit = LimitOfArray(table, ncustomers);
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

/*
 * Move all customers to new slots of another form; `base` is the integer of the first
 * slot of an array.
 */
static void
Reform(CustomerTable *table, KeyForm form, int32 base, uint64 nslots)
{
	CustomerTable old = *table;
	uint64		cursor = 0;
	CustomerKey key;
	char		room[TEXT_IN_WORDS];
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

/* Change the form of a table to another one than KEY_DENSE, with room for `ncustomers`. */
static void
ReformTable(CustomerTable *table, KeyForm form, uint64 ncustomers)
{
	Reform(table, form, 0, SlotsFor(KeySize(form) + table->facts_size, ncustomers));
}

/* Make a table of KEY_HALF an array of a range, or extend an array to a range. */
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
	size = SlotsSize(table, nslots);
	table->slots = MoveToLarger(table->context, table->slots, old_size, before, size);
	table->nslots = nslots;
	table->base = range.first;
	ClearMemory(table->slots, before);
	ClearMemory(table->slots + before + old_size, size - before - old_size);
	CustomerTableCheck(table, true);
}

/*
 * Change the form of a table so that it has a place for a wide key.  All keys that were
 * made before, this one too, must be made anew.
 */
void
CustomerTableWiden(CustomerTable *table, const CustomerKey *key)
{
	int64		integer = key->u.integer;
	Range		range;

	Assert(key->wide);

	if (!FormIsInteger(table->form))
	{
		ReformTable(table, TextFits(key->u.image, key->length, TEXT_IN_WORDS) ? KEY_QUAD : KEY_BYTES,
					table->ntaken + 1);
		return;
	}
	if (integer != (int32) integer)
	{
		ReformTable(table, KEY_WORD, table->ntaken + 1);
		return;
	}

	Assert(table->form == KEY_DENSE);
	range = RangeOf(table, PG_UINT64_MAX);
	RangeAdd(&range, integer);
	if (DenseServes(table, table->ntaken + 1, &range))
		MakeDense(table, range);
	else
		ReformTable(table, KEY_HALF, table->ntaken + 1);
}

/*
 * Make a table of integers an array if `more` customers would make it grow, and an
 * array is not larger.  All keys that were made before must be made anew.
 */
void
CustomerTableSettle(CustomerTable *table, uint64 more)
{
	Range		range;

	if (table->form != KEY_HALF || table->packed ||
		ROOM_OF_SLOTS(table->nslots) >= table->ntaken + more)
		return;
	range = RangeOf(table, LimitOfArray(table, table->ntaken + more));
	if (DenseServes(table, table->ntaken + more, &range))
		MakeDense(table, range);
}

/* Return the number of customers in `nslots` slots of an array, from `first` on. */
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

/* Return the size of the table of which this one is a portion, or else of this table. */
static WholeTable
WholeOf(const CustomerTable *table)
{
	if (table->whole != NULL)
		return *table->whole;
	return (WholeTable)
	{
		.ntaken = table->ntaken, .base = table->base, .nslots = table->nslots
	};
}

/* Match two tables, each an array or KEY_HALF, of which at least one is an array. */
static void
MatchArray(CustomerTable *table, const CustomerTable *other)
{
	WholeTable	whole = WholeOf(other);
	Range		own;
	Range		all;

	/* as in CustomerTableSettle, a table becomes an array only when it would grow */
	if (table->form == KEY_HALF && table->ntaken > 0 &&
		ROOM_OF_SLOTS(table->nslots) >= table->ntaken + other->ntaken)
		return;

	own = RangeOf(table, PG_UINT64_MAX);
	all = other->form == KEY_DENSE ?
		(Range)
	{
		whole.base, whole.base + (int64) whole.nslots - 1
	} : RangeOf(other, PG_UINT64_MAX);
	all.first = Min(all.first, own.first);
	all.last = Max(all.last, own.last);
	/* the array has slots for the other's customers already */
	if (table->form == KEY_DENSE && all.first == own.first && all.last == own.last)
		return;

	if (DenseServes(table, Max(table->ntaken, whole.ntaken), &all))
		MakeDense(table, all);
	else if (table->form == KEY_DENSE)
		ReformTable(table, KEY_HALF, table->ntaken + other->ntaken);
	else
		/* grow now, so that RangeOf is not called again for the next portion */
		CustomerTableReserve(table, other->ntaken);
}

/* Return whether a form holds all texts that the other one holds, and more. */
static bool
HoldsMoreText(KeyForm form, KeyForm other)
{
	return (form == KEY_BYTES && other != KEY_BYTES) || (form == KEY_QUAD && other == KEY_PAIR);
}

/* Return whether tables with keys of these two forms can contain the same customers. */
static bool
FormsMeet(KeyForm form, KeyForm other)
{
	if (FormIsInteger(form) || FormIsInteger(other))
		return FormIsInteger(form) && FormIsInteger(other);
	return (form == KEY_VALUE) == (other == KEY_VALUE);
}

/*
 * Change the form of a table so that it has keys for the customers of another one,
 * before these are merged into it.
 *
 * Raise an error if the two cannot be tables of the same facts about the same type of
 * customers.  Texts and uuids are both KEY_PAIR, so the caller must check that a table of
 * uuids is not merged with one of texts (CustomerTypeAllowsForm).
 */
void
CustomerTableMatch(CustomerTable *table, const CustomerTable *other)
{
	if (table->packed || table->facts_size != other->facts_size ||
		!FormsMeet(table->form, other->form))
		elog(ERROR, "cannot merge different tables of customers");
	if (other->ntaken == 0)
		return;

	if ((other->form == KEY_WORD && table->form != KEY_WORD) ||
		HoldsMoreText(other->form, table->form))
		ReformTable(table, other->form, table->ntaken);
	else if (FormIsInt32(table->form) &&
			 (table->form == KEY_DENSE || other->form == KEY_DENSE))
		MatchArray(table, other);
	Assert(table->form == other->form ||
		   (FormIsInteger(table->form) && FormIsInteger(other->form)) ||
		   HoldsMoreText(table->form, other->form));

	/* all customers of the other are new, so their number is known */
	if (table->ntaken == 0)
		CustomerTableReserve(table, WholeOf(other).ntaken);
}

/*
 * Merge the customers of another array into an array by OR of the bytes of their facts,
 * after CustomerTableMatch.  Return false, and do nothing, if one of the two is not an
 * array.
 */
bool
CustomerTableOverlay(CustomerTable *table, const CustomerTable *other)
{
	Size		size = other->nslots * other->slot_size;
	uint64		first;
	char	   *to;

	if (table->form != KEY_DENSE || other->form != KEY_DENSE || other->ntaken == 0)
		return false;

	first = other->base - (int64) table->base;
	if (table->slot_size != other->slot_size || other->base < table->base ||
		first + other->nslots > table->nslots)
		elog(ERROR, "an array of customers does not fit the one to be merged into");
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
