/*
 * customer_table.c
 *	  The customers of one group, and some bytes of facts about each of them.
 *
 * This is a hash table with open addressing and linear probing.  A slot is the key and the
 * facts, packed (slots.h).  With one byte of facts a customer, a slot has 5 bytes for
 * integers of 32 bits, and 9 for those of 64.  A table of many customers doubles when 7/8 of
 * the slots are taken, so a customer takes between 6 and 12 bytes, or 10 and 21.  A table of up to
 * 8 kB has as many slots as fill a chunk of memory; in a larger table, the number of slots
 * is a power of two.  Slots are not aligned; the memcpy()s in slots.h compile to
 * plain loads and stores.
 *
 * Integers that lie close together, as a sequence makes them, become an array of the
 * facts of all integers between the least and the greatest (KEY_DENSE).  An array has
 * no keys to store or compare.  A table of many customers becomes an array as soon as
 * the array is not larger than the table, and a table again as soon as an integer
 * comes for which the array would have to become larger than a table (key_forms.c).
 *
 * In a table that is larger than the caches, every look-up waits for main memory.  So
 * keys are collected in a batch: CustomerTablePrefetch starts to load the slot of each
 * of them, and CustomerTableLocate looks up all of them some hundred rows later
 * (batch.h).
 *
 * The place of a key, where probing begins, is the uppermost bits of its word.  If a large
 * table doubles, place h becomes 2h or 2h + 1, so slots stay in order.  This has a
 * price: customers of a large table, inserted into a smaller one in the order of their
 * slots, would all probe the same few places.  So CustomerTableNext visits the slots
 * in another order.
 *
 * Words depend on a seed that cannot be guessed (customer_type.c).  Otherwise a customer who
 * may choose keys could make all of them probe the same places.  The seed does not help
 * against values for which the hash function of their type returns the same hash
 * (KEY_VALUE).  As in PostgreSQL's own hash tables, these take quadratic time.  Long probes
 * check for interrupts.
 *
 * All memory belongs to the aggregate's own context, not to a child of it: HashAgg
 * adds up the sizes of all child contexts after every new group.
 *
 * Limits: MAX_FACTS_SIZE bytes of facts a customer, of which the lowest bit of the
 * first byte belongs to the table; MAX_CUSTOMERS customers.  Slots and images may have
 * more than 1 GB.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "compat.h"
#include "table/customer_table.h"
#include "table/customer_type.h"
#include "table/slots.h"
#include "table/large_memory.h"

/* Bytes of the first allocation for images. */
#define FIRST_IMAGES		256

/* CustomerTableNext prefetches this many slots ahead (measured: 8 to 64 are the same). */
#define LOOKAHEAD		16

/* A probe checks for interrupts at each slot whose index is a multiple of this. */
#define PROBE_PIECE		1024

/* An image is stored max-aligned, behind its length. */
#define IMAGE_HEADER			MAXALIGN(sizeof(Size))

/*
 * Set the form of a table, and what follows from it.
 *
 * Slots are not aligned, so a slot may lie in two cache lines.  And about two slots are probed
 * before the right one is found, so at least a line's length is prefetched (measured with text
 * and uuid: 0.9 times the time of the query).
 */
static void
SetSlotSize(CustomerTable *table, KeyForm form)
{
	table->form = form;
	table->slot_size = KeySize(form) + table->facts_size;
	table->reach = table->slot_size - 1;
	if (form != KEY_DENSE)
		table->reach = Max(table->reach, CACHE_LINE - 1);
}

static void
CustomerTableInitCommon(CustomerTable *table, MemoryContext context, KeyForm form,
						int facts_size, uint64 seed)
{
	if (facts_size < 1 || facts_size > MAX_FACTS_SIZE)
		elog(ERROR, "invalid size of facts in a table of customers: %d", facts_size);
	if (!IsKeyForm(form))
		elog(ERROR, "invalid form of keys in a table of customers: %d", (int) form);

	memset(table, 0, sizeof(*table));
	table->context = context;
	table->seed = seed;
	table->facts_size = facts_size;
	SetSlotSize(table, form);
}

/*
 * Allocate `nslots` free slots for keys of a form.  If the table has old slots, the caller
 * must move their customers and free them.
 */
void
CustomerTableAllocate(CustomerTable *table, KeyForm form, uint64 nslots)
{
	Size		size;

	SetSlotSize(table, form);
	table->nslots = nslots;
	table->ntaken = 0;
	table->shift = form == KEY_DENSE ? DENSE_SHIFT :
		AreSmallSlots(table->slot_size, nslots) ? 0 : 64 - pg_leftmost_one_pos64(nslots);
	size = SlotsSize(table, nslots);
	table->slots = AllocateLarge(table->context, size);
	ClearMemory(table->slots, size);
}

/* Make an empty table. */
void
CustomerTableInit(CustomerTable *table, MemoryContext context, KeyForm form, int facts_size,
				  uint64 seed)
{
	CustomerTableInitCommon(table, context, form, facts_size, seed);
	CustomerTableAllocate(table, form, SlotsFor(table->slot_size, 0));
}

/* Raise an error if a free slot of an array has facts.  Return the number of taken slots. */
static uint64
CountTaken(const CustomerTable *table, uint64 first, uint64 nslots)
{
	const uint64 taken_bits = UINT64CONST(0x0101010101010101) * SLOT_TAKEN;
	uint64		ntaken = 0;
	uint64		i = first;

	/* with one byte a slot, look at eight slots at a time */
	for (; table->slot_size == 1 && i + sizeof(uint64) <= first + nslots; i += sizeof(uint64))
	{
		uint64		slots;
		uint64		taken;

		memcpy(&slots, table->slots + i, sizeof(slots));
		taken = slots & taken_bits;
		/* a taken slot's lowest bit, times 0xff, covers the slot */
		if ((slots & ~(taken * 0xff)) != 0)
			elog(ERROR, "facts in a free slot of an array of customers");
		ntaken += pg_popcount64(taken);
	}
	for (; i < first + nslots; i++)
	{
		const char *slot = SlotAt(table, i);
		bool		taken = *SlotFacts(slot, KEY_DENSE) & SLOT_TAKEN;

		for (int b = 0; !taken && b < table->slot_size; b++)
		{
			if (slot[b] != 0)
				elog(ERROR, "facts in a free slot of an array of customers");
		}
		ntaken += taken;
	}
	return ntaken;
}

/*
 * Make a read-only array of slots that were received.  They are not copied, and must
 * live as long as the table.  Raise an error if a free slot has facts.
 */
void
CustomerTableInitDense(CustomerTable *table, MemoryContext context, int facts_size,
					   int32 base, uint64 nslots, const char *slots)
{
	CustomerTableInitCommon(table, context, KEY_DENSE, facts_size, 0);
	table->packed = true;
	table->base = base;
	table->nslots = nslots;
	table->slots = unconstify(char *, slots);
	for (uint64 i = 0; i < nslots; i += PIECE_CUSTOMERS)
	{
		CHECK_FOR_INTERRUPTS();
		table->ntaken += CountTaken(table, i, Min(nslots - i, PIECE_CUSTOMERS));
	}
}

/*
 * Make a read-only table for received customers, which CustomerTableAppend adds.
 * `images_size` is the sum of the lengths of all images.
 */
void
CustomerTableInitPacked(CustomerTable *table, MemoryContext context, KeyForm form,
						int facts_size, uint64 seed, uint64 ncustomers, Size images_size)
{
	CustomerTableInitCommon(table, context, form, facts_size, seed);
	if (form == KEY_DENSE)
		elog(ERROR, "an array of customers cannot be filled one by one");
	table->packed = true;
	table->nslots = ncustomers;
	table->slots = MemoryContextAllocHuge(context, SlotsSize(table, ncustomers));
	if (FormHasImage(form))
	{
		const Size	overhead = IMAGE_HEADER + MAXIMUM_ALIGNOF - 1;	/* of an image */

		if (images_size > MaxAllocHugeSize ||
			ncustomers > (MaxAllocHugeSize - images_size) / overhead)
			elog(ERROR, "too many images in a table of customers: " UINT64_FORMAT, ncustomers);
		table->images_size = images_size + ncustomers * overhead;
		table->images = MemoryContextAllocHuge(context, table->images_size);
	}
}

/*
 * Go on to the next slot of a probe.  Runs of taken slots are short unless keys were
 * chosen to make them long; then a probe may take seconds.
 */
static inline uint64
NextPlace(const CustomerTable *table, uint64 place)
{
	place++;
	if (unlikely(place % PROBE_PIECE == 0))
		CHECK_FOR_INTERRUPTS();
	return unlikely(place == table->nslots) ? 0 : place;
}

/* Copy a slot to its place, or behind it.  There is room, and no slot with an equal key. */
static void
PlaceSlot(CustomerTable *table, const char *slot)
{
	uint64		place = CustomerTablePlace(table, SlotWord(slot, table->form));

	while (*SlotFacts(SlotAt(table, place), table->form) & SLOT_TAKEN)
		place = NextPlace(table, place);
	memcpy(SlotAt(table, place), slot, table->slot_size);
}

/*
 * Double the number of slots, within one allocation of the doubled size.
 *
 * The slots move to the upper half of the new memory (MoveToLarger), and from there, in
 * order, to their new places in the whole of it.  A slot of place h, at index i >= h,
 * has the new place 2h or 2h + 1, and ends at an index of at most 2i + 1.  Proof: the run of
 * taken slots that it joins begins at an index s.  The new places in this run are at least s, so
 * the old places were at least (s - 1) / 2, and the old indexes between that and i.  So
 * the run ends at s + i - (s - 1) / 2 at most, which is at most 2i + 1.  If there were n
 * slots, 2i + 1 <= n + i, from where slot i is moved: all slots up to there have moved.
 *
 * Slots with i < h are an exception: a probe has moved them past the end of the table to
 * its beginning.  They are in the run of taken slots that begins at index 0.  That run
 * is copied elsewhere first, and placed when all other slots have moved.
 */
static void
CustomerTableDouble(CustomerTable *table)
{
	uint64		nslots = table->nslots;
	Size		slot_size = table->slot_size;
	Size		size = nslots * slot_size;
	uint64		nwaiting = 0;
	char	   *waiting;
	char	   *slot;
	char	   *upper;

	table->slots = MoveToLarger(table->context, table->slots, size, size,
								SlotsSize(table, 2 * nslots));
	table->nslots = 2 * nslots;
	table->shift--;
	ClearMemory(table->slots, size);
	upper = table->slots + size;

	while (*SlotFacts(upper + nwaiting * slot_size, table->form) & SLOT_TAKEN)
		nwaiting++;
	waiting = MemoryContextAllocHuge(table->context, (nwaiting + 1) * slot_size);
	memcpy(waiting, upper, nwaiting * slot_size);
	memset(upper, 0, nwaiting * slot_size);

	slot = waiting + nwaiting * slot_size;
	for (uint64 i = nwaiting; i < nslots; i++)
	{
		char	   *next = upper + i * slot_size;

		if (i % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		if (!(*SlotFacts(next, table->form) & SLOT_TAKEN))
			continue;
		memcpy(slot, next, slot_size);
		memset(next, 0, slot_size);
		PlaceSlot(table, slot);
	}
	for (uint64 i = 0; i < nwaiting; i++)
		PlaceSlot(table, waiting + i * slot_size);
	pfree(waiting);
	CustomerTableCheck(table, true);
}

/* Replace the slots of a small table, all of which may be taken, by `nslots` others. */
static void
CustomerTableRegrow(CustomerTable *table, uint64 nslots)
{
	char	   *old = table->slots;
	uint64		old_nslots = table->nslots;
	uint64		ntaken = table->ntaken;

	CustomerTableAllocate(table, table->form, nslots);
	for (uint64 i = 0; i < old_nslots; i++)
	{
		const char *slot = old + i * table->slot_size;

		if (*SlotFacts(slot, table->form) & SLOT_TAKEN)
			PlaceSlot(table, slot);
	}
	table->ntaken = ntaken;
	pfree(old);
	CustomerTableCheck(table, true);
}

/* Make room for `more` customers. */
void
CustomerTableReserve(CustomerTable *table, uint64 more)
{
	uint64		nslots;

	Assert(!table->packed);

	/* a key of an array is an index of it, so there is room */
	if (table->form == KEY_DENSE || ROOM_OF_SLOTS(table->nslots) >= table->ntaken + more)
		return;

	nslots = SlotsFor(table->slot_size, table->ntaken + more);
	if (table->ntaken == 0)
	{
		pfree(table->slots);
		CustomerTableAllocate(table, table->form, nslots);
	}
	else if (AreSmallSlots(table->slot_size, table->nslots))
		CustomerTableRegrow(table, nslots);
	while (table->nslots < nslots)
		CustomerTableDouble(table);
}

/* Append an image to the table's images, and return its offset. */
static uint64
StoreImage(CustomerTable *table, const char *image, Size length)
{
	Size		offset = table->images_used;
	Size		needed = offset + IMAGE_HEADER + MAXALIGN(length);

	if (needed > table->images_size)
	{
		Size		size = Max(table->images_size * 2, FIRST_IMAGES);

		size = Max(size, needed);
		table->images = MoveToLarger(table->context, table->images, table->images_used, 0,
									 size);
		table->images_size = size;
	}

	memcpy(table->images + offset, &length, sizeof(length));
	memcpy(table->images + offset + IMAGE_HEADER, image, length);
	table->images_used = needed;
	return offset;
}

static inline Size
ImageLength(const CustomerTable *table, uint64 offset)
{
	return *(const Size *) (table->images + offset);
}

static inline const char *
ImageAt(const CustomerTable *table, uint64 offset)
{
	return table->images + offset + IMAGE_HEADER;
}

/* Return whether a slot, which has the same word as the key, has the same customer. */
static pg_attribute_always_inline bool
SlotIs(const CustomerTable *table, const char *slot, const CustomerKey *key, KeyForm form)
{
	switch (form)
	{
		case KEY_DENSE:
		case KEY_HALF:
		case KEY_WORD:
			return true;
		case KEY_PAIR:
		case KEY_QUAD:
			return memcmp(SlotRest(slot), key->u.rest, (FormWords(form) - 1) * sizeof(uint64)) == 0;
		case KEY_BYTES:
			return ImageLength(table, SlotImage(slot)) == key->length &&
				memcmp(ImageAt(table, SlotImage(slot)), key->u.image, key->length) == 0;
		case KEY_VALUE:
			return CustomerImagesAreEqual(table->customer_type,
										  ImageAt(table, SlotImage(slot)), key->u.image);
	}
	pg_unreachable();
}

/* Find the facts of one customer, who is added if missing.  There must be a free slot. */
static pg_attribute_always_inline uint8 *
LocateOne(CustomerTable *table, const CustomerKey *key, KeyForm form)
{
	uint64		place = CustomerTablePlace(table, key->word);

	if (form == KEY_DENSE)
	{
		uint8	   *facts = SlotFacts(SlotAt(table, place), form);

		table->ntaken += !(*facts & SLOT_TAKEN);
		*facts |= SLOT_TAKEN;
		return facts;
	}
	for (;;)
	{
		char	   *slot = SlotAt(table, place);
		uint8	   *facts = SlotFacts(slot, form);

		if (!(*facts & SLOT_TAKEN))
		{
			SlotSet(slot, form, key,
					FormHasImage(form) ? StoreImage(table, key->u.image, key->length) : 0);
			*facts |= SLOT_TAKEN;
			table->ntaken++;
			return facts;
		}
		if (SlotWord(slot, form) == key->word && SlotIs(table, slot, key, form))
			return facts;
		place = NextPlace(table, place);
	}
}

/* Begin to load the image of a key's customer, or of another one with the same word. */
static pg_attribute_always_inline void
PrefetchImage(const CustomerTable *table, const CustomerKey *key, KeyForm form)
{
	uint64		place = CustomerTablePlace(table, key->word);
	const char *slot = SlotAt(table, place);

	while (SlotWord(slot, form) != key->word)
	{
		if (!(*SlotFacts(unconstify(char *, slot), form) & SLOT_TAKEN))
			return;
		place = NextPlace(table, place);
		slot = SlotAt(table, place);
	}
	PrefetchForReading(table->images + SlotImage(slot));
	PrefetchForReading(table->images + SlotImage(slot) + IMAGE_HEADER + key->length - 1);
}

static pg_attribute_always_inline void
LocateAll(CustomerTable *table, const CustomerKey *keys, int nkeys, uint8 **facts,
		  KeyForm form)
{
	/* the image of a key is a second access to main memory: prefetch it, too */
	if (FormHasImage(form) && nkeys > 1)
	{
		for (int i = 0; i < nkeys; i++)
			PrefetchImage(table, &keys[i], form);
	}

	for (int i = 0; i < nkeys; i++)
		facts[i] = LocateOne(table, &keys[i], form);
}

/*
 * Find the facts of the customer of each key.  Customers who are missing are added,
 * with facts that are zero but for SLOT_TAKEN.
 *
 * The pointers are valid until the table changes.  A customer may be among the keys
 * more than once.  No key may be wide.
 */
void
CustomerTableLocate(CustomerTable *table, const CustomerKey *keys, int nkeys, uint8 **facts)
{
	/* in a small table, a single customer is mostly there already: make room afterwards */
	bool		late = nkeys == 1 && table->shift == 0;

	if (!late)
		CustomerTableReserve(table, nkeys);

	/* compile the loop once for each form, with the form as a constant */
	switch (table->form)
	{
		case KEY_DENSE:
			LocateAll(table, keys, nkeys, facts, KEY_DENSE);
			break;
		case KEY_HALF:
			LocateAll(table, keys, nkeys, facts, KEY_HALF);
			break;
		case KEY_WORD:
			LocateAll(table, keys, nkeys, facts, KEY_WORD);
			break;
		case KEY_PAIR:
			LocateAll(table, keys, nkeys, facts, KEY_PAIR);
			break;
		case KEY_QUAD:
			LocateAll(table, keys, nkeys, facts, KEY_QUAD);
			break;
		case KEY_BYTES:
			LocateAll(table, keys, nkeys, facts, KEY_BYTES);
			break;
		case KEY_VALUE:
			LocateAll(table, keys, nkeys, facts, KEY_VALUE);
			break;
	}
	if (late && unlikely(table->ntaken > ROOM_OF_SLOTS(table->nslots)))
	{
		CustomerTableReserve(table, 0);
		CustomerTableLocate(table, keys, nkeys, facts);
	}
	CustomerTableCheck(table, false);
}

/* Find the facts of a customer.  Return NULL if the customer is not in the table. */
static pg_attribute_always_inline const uint8 *
FindOne(const CustomerTable *table, const CustomerKey *key, KeyForm form)
{
	uint64		place = CustomerTablePlace(table, key->word);

	for (;;)
	{
		const char *slot = SlotAt(table, place);
		const uint8 *facts = SlotFacts(unconstify(char *, slot), form);

		if (!(*facts & SLOT_TAKEN))
			return NULL;
		if (form == KEY_DENSE ||
			(SlotWord(slot, form) == key->word && SlotIs(table, slot, key, form)))
			return facts;
		place = NextPlace(table, place);
	}
}

/*
 * Find the facts of the customer of each key: NULL for a customer who is not in the table.  No
 * customer has a wide key.
 */
void
CustomerTableFind(const CustomerTable *table, const CustomerKey *keys, int nkeys,
				  const uint8 **facts)
{
	for (int i = 0; i < nkeys; i++)
	{
		if (keys[i].wide)
			facts[i] = NULL;
		else if (table->form == KEY_DENSE)
			facts[i] = FindOne(table, &keys[i], KEY_DENSE);
		else if (table->form == KEY_HALF)
			facts[i] = FindOne(table, &keys[i], KEY_HALF);
		else
			facts[i] = FindOne(table, &keys[i], table->form);
	}
}

/* Add a customer to a packed table.  The customer must not be in the table already. */
void
CustomerTableAppend(CustomerTable *table, const CustomerKey *key, const uint8 *facts)
{
	char	   *slot = SlotAt(table, table->ntaken);
	uint64		image = 0;

	Assert(table->packed && table->ntaken < table->nslots);

	if (FormHasImage(table->form))
	{
		Assert(table->images_used + IMAGE_HEADER + MAXALIGN(key->length) <=
			   table->images_size);
		image = StoreImage(table, key->u.image, key->length);
	}
	SlotSet(slot, table->form, key, image);
	memcpy(SlotFacts(slot, table->form), facts, table->facts_size);
	*SlotFacts(slot, table->form) |= SLOT_TAKEN;
	table->ntaken++;
	CustomerTableCheck(table, false);
}

/*
 * Return the facts of the next customer in the order of the slots, or NULL at the end.  The
 * cursor begins at zero.
 */
const uint8 *
CustomerTableNextFacts(const CustomerTable *table, uint64 *cursor)
{
	while (*cursor < table->nslots)
	{
		const uint8 *facts = SlotFacts(SlotAt(table, *cursor), table->form);

		if ((*cursor)++ % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (*facts & SLOT_TAKEN)
			return facts;
	}
	return NULL;
}

/*
 * Count the customers for each value of their facts, which are one byte.  Values without SLOT_TAKEN
 * are not of customers.
 */
void
CustomerTableCount(const CustomerTable *table, uint64 *counts)
{
	uint64		cursor = 0;
	const uint8 *facts;

	Assert(table->facts_size == 1);
	if (table->form != KEY_DENSE)
	{
		while ((facts = CustomerTableNextFacts(table, &cursor)) != NULL)
			counts[*facts]++;
		return;
	}
	for (facts = (const uint8 *) table->slots; cursor < table->nslots; cursor++)
	{
		if (cursor % PIECE == 0)
			CHECK_FOR_INTERRUPTS();
		counts[facts[cursor]]++;
	}
}

/*
 * Get the key and the facts of the next customer.  Return false at the end.  The cursor
 * begins at zero.
 *
 * The order of the slots must not follow the words of their keys (see the top of the file).
 * So slots are visited in steps of a stride, which is odd, so that each of the 2^n slots is
 * visited once.  Arrays, packed tables and small ones are visited in the order of the
 * slots.
 */
bool
CustomerTableNext(const CustomerTable *table, uint64 *cursor, CustomerKey *key, uint8 **facts)
{
	const uint64 stride = UINT64CONST(0x9e3779b97f4a7c15);

	while (*cursor < table->nslots)
	{
		uint64		index = *cursor;
		const char *slot;

		if (index % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		(*cursor)++;
		if (table->shift != 0 && table->form != KEY_DENSE)
		{
			uint64		soon = (index + LOOKAHEAD) * stride;

			PrefetchForReading(SlotAt(table, soon & (table->nslots - 1)));
			index = (index * stride) & (table->nslots - 1);
		}

		slot = SlotAt(table, index);
		*facts = SlotFacts(slot, table->form);
		if (!(**facts & SLOT_TAKEN))
			continue;

		key->word = table->form == KEY_DENSE ? index << DENSE_SHIFT :
			SlotWord(slot, table->form);
		key->length = 0;
		key->wide = false;
		if (FormHasImage(table->form))
		{
			key->u.image = ImageAt(table, SlotImage(slot));
			key->length = ImageLength(table, SlotImage(slot));
		}
		else
			memcpy(key->u.rest, SlotRest(slot), (FormWords(table->form) - 1) * sizeof(uint64));
		return true;
	}
	return false;
}

/* Return the image of the customer with these facts, in a table whose form has images. */
const char *
CustomerTableImage(const CustomerTable *table, const uint8 *facts, Size *length)
{
	uint64		offset = SlotImage((const char *) facts - KeySize(table->form));

	*length = ImageLength(table, offset);
	return ImageAt(table, offset);
}

/* Return the bytes that a table has allocated. */
Size
CustomerTableSize(const CustomerTable *table)
{
	return table->nslots * table->slot_size + table->images_size;
}

#ifdef USE_ASSERT_CHECKING

/* Return whether two slots have the same customer.  For KEY_VALUE, return false always. */
static bool
SlotsAreEqual(const CustomerTable *table, const char *a, const char *b)
{
	Size		length;

	if (!FormHasImage(table->form))
		return memcmp(a, b, KeySize(table->form)) == 0;
	length = ImageLength(table, SlotImage(a));
	return table->form == KEY_BYTES &&
		SlotWord(a, table->form) == SlotWord(b, table->form) &&
		length == ImageLength(table, SlotImage(b)) &&
		memcmp(ImageAt(table, SlotImage(a)), ImageAt(table, SlotImage(b)), length) == 0;
}

/*
 * Assert the invariants of a table.
 *
 * To check every slot of a large table after every step would take too long.  So all
 * slots are checked only if the table is small, or if `whole` is true.  A caller that has
 * touched all slots anyway passes true.
 */
void
CustomerTableCheck(const CustomerTable *table, bool whole)
{
	/* a packed table is filled from the first slot on; the others are undefined */
	uint64		nslots = table->packed && table->form != KEY_DENSE ? table->ntaken :
		table->nslots;
	uint64		ntaken = 0;
	Size		images_used = 0;

	Assert(table->facts_size > 0 && table->facts_size <= MAX_FACTS_SIZE);
	Assert(table->slot_size == KeySize(table->form) + table->facts_size);
	Assert(table->images_used <= table->images_size);
	if (table->packed)
		Assert(table->ntaken <= table->nslots);
	else
	{
		Assert(table->form == KEY_DENSE ? table->shift == DENSE_SHIFT :
			   AreSmallSlots(table->slot_size, table->nslots) ? table->shift == 0 :
			   table->nslots == UINT64CONST(1) << (64 - table->shift));
		Assert(table->ntaken <= (table->form == KEY_DENSE ? table->nslots :
								 ROOM_OF_SLOTS(table->nslots)));
	}

	if (!whole && CustomerTableSize(table) > SMALL_TABLE)
		return;
	for (uint64 i = 0; i < nslots; i++)
	{
		const char *slot = SlotAt(table, i);

		if (!(*SlotFacts(slot, table->form) & SLOT_TAKEN))
		{
			/* the bytes of a free slot are zero */
			for (int b = 0; b < table->slot_size; b++)
				Assert(slot[b] == 0);
			continue;
		}
		ntaken++;

		/* the image lies within the used bytes; the sum below shows that no two overlap */
		if (FormHasImage(table->form))
		{
			Size		offset = SlotImage(slot);

			Assert(offset == MAXALIGN(offset));
			Assert(offset + IMAGE_HEADER <= table->images_used);
			Assert(ImageLength(table, offset) <=
				   table->images_used - offset - IMAGE_HEADER);
			images_used += IMAGE_HEADER + MAXALIGN(ImageLength(table, offset));
		}

		/* all slots between the place and the slot are taken by other customers */
		if (table->packed || table->form == KEY_DENSE)
			continue;
		for (uint64 place = CustomerTablePlace(table, SlotWord(slot, table->form));
			 place != i; place = NextPlace(table, place))
		{
			const char *other = SlotAt(table, place);

			Assert(*SlotFacts(other, table->form) & SLOT_TAKEN);
			Assert(!SlotsAreEqual(table, slot, other));
		}
	}
	Assert(ntaken == table->ntaken);
	Assert(images_used == table->images_used);
}

#endif							/* USE_ASSERT_CHECKING */
