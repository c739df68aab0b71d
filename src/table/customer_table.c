/*
 * customer_table.c
 *	  The customers of one group, and the facts known of each.
 *
 * A hash table with open addressing and linear probing.  A slot is a packed
 * record: the key, and the facts, some bytes whose meaning is the caller's.  A
 * customer with an integer key and a byte of facts is five bytes, nine if the
 * integers need more than 32 bits; the table doubles at 7/8 full, so there are
 * between 6 and 12 bytes a customer (10 and 21).  Slots are not aligned, hence
 * the memcpy()s, which compile to plain loads and stores.
 *
 * Integers that lie close together, as those that a sequence gave, need no table: an
 * array of the facts of all between the least and the greatest has nothing to
 * compare, and is a byte a customer (or what the facts take).  A table of many
 * customers becomes an array as soon as that is not larger, and becomes a table
 * again when an integer comes with which it would be (KEY_DENSE).
 *
 * In a table larger than the caches every look-up waits for memory.  So the slot
 * of a key is fetched as soon as the key is known (CustomerTablePrefetch), and looked up
 * some hundred rows later, with others (CustomerTableLocate; batch.h).
 *
 * A place is the upper bits of the key's word.  That makes growing a walk
 * through the table in order.  The same property is a danger when one table is
 * poured into another, smaller one: in the order of the slots, all of it would
 * land in one corner.  CustomerTableNext therefore jumps about.
 *
 * Lives wholly in the aggregate's memory context and owns no context of its
 * own: HashAgg sums up all child contexts after every new group.
 *
 * Limits: the table may exceed 1 GB (huge allocations); the facts' first byte
 * lends its lowest bit to the table.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "compat.h"
#include "table/customer_table.h"
#include "table/slots.h"
#include "table/large_memory.h"

#define FIRST_IMAGES		256

/* how many slots ahead CustomerTableNext fetches; anything from 8 to 64 serves */
#define LOOKAHEAD		16

/* An image is stored max-aligned, behind its length. */
#define IMAGE_HEADER			MAXALIGN(sizeof(Size))

static void
CustomerTableInitCommon(CustomerTable *table, MemoryContext context, KeyForm form,
				 int facts_size)
{
	memset(table, 0, sizeof(*table));
	table->context = context;
	table->form = form;
	table->facts_size = facts_size;
	table->slot_size = KeySize(form) + facts_size;
}

/*
 * Give a table of a form as many slots, free ones: a power of two but for an array.
 * What it had is forgotten.
 */
void
CustomerTableAllocate(CustomerTable *table, KeyForm form, uint64 nslots)
{
	Size		size;

	table->form = form;
	table->slot_size = KeySize(form) + table->facts_size;
	table->nslots = nslots;
	table->ntaken = 0;
	table->shift = form == KEY_DENSE ? DENSE_SHIFT : 64 - pg_leftmost_one_pos64(nslots);
	size = nslots * table->slot_size;
	table->slots = AllocateLarge(table->context, size);
	ClearMemory(table->slots, size);
}

/* An empty table. */
void
CustomerTableInit(CustomerTable *table, MemoryContext context, KeyForm form, int facts_size)
{
	CustomerTableInitCommon(table, context, form, facts_size);
	CustomerTableAllocate(table, form, FIRST_NSLOTS);
}

/*
 * An array over slots that are there, and stay as long as it does; it can only be
 * read.  Raises an error if they cannot be any.
 */
void
CustomerTableInitDense(CustomerTable *table, MemoryContext context, int facts_size,
				int32 base, uint64 nslots, const char *slots)
{
	CustomerTableInitCommon(table, context, KEY_DENSE, facts_size);
	table->packed = true;
	table->base = base;
	table->nslots = nslots;
	table->slots = unconstify(char *, slots);
	for (uint64 i = 0; i < nslots; i++)
	{
		const char *slot = SlotAt(table, i);
		bool		taken = *SlotFacts(slot, KEY_DENSE) & SLOT_TAKEN;

		if (i % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		for (int b = 0; !taken && b < facts_size; b++)
		{
			if (slot[b] != 0)
				elog(ERROR, "facts of nobody in an array of customers");
		}
		table->ntaken += taken;
	}
}

/*
 * A table to be filled with CustomerTableAppend and read with CustomerTableNext only.
 * images_size is the sum of the lengths of all images.
 */
void
CustomerTableInitPacked(CustomerTable *table, MemoryContext context, KeyForm form,
				 int facts_size, uint64 ncustomers, Size images_size)
{
	CustomerTableInitCommon(table, context, form, facts_size);
	table->packed = true;
	table->nslots = ncustomers;
	table->slots = MemoryContextAllocHuge(context, ncustomers * table->slot_size);
	if (FormHasImage(form))
	{
		/* each image is rounded up, and has a header */
		table->images_size = images_size +
			ncustomers * (IMAGE_HEADER + MAXIMUM_ALIGNOF - 1);
		table->images = MemoryContextAllocHuge(context, table->images_size);
	}
}

/* Put a slot where it belongs, given that there is room and nobody equal. */
static void
PlaceSlot(CustomerTable *table, const char *slot)
{
	uint64		place = SlotWord(slot, table->form) >> table->shift;

	while (*SlotFacts(SlotAt(table, place), table->form) & SLOT_TAKEN)
		place = (place + 1) & (table->nslots - 1);
	memcpy(SlotAt(table, place), slot, table->slot_size);
}

/*
 * Double the slots, without a second table beside the first, half of the memory.
 *
 * The slots move to the upper half (see MoveToLarger), and from there, in order, to where
 * they belong.  Slot i, whose place was h <= i, now belongs to 2h or 2h + 1, and ends
 * at most at 2i + 1: a run of taken slots that begins at s holds only customers
 * whose places were at least (s - 1) / 2, so it is shorter than i - (s - 1) / 2.
 * With n slots before, 2i + 1 <= n + i: what is written to has been read.
 *
 * That leaves those who had been pushed beyond the end of the table and around
 * to its beginning, where i < h.  They stand among the first run of taken slots,
 * which waits until the others are done.
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

	table->slots = MoveToLarger(table->context, table->slots, size, size, 2 * size);
	table->nslots = 2 * nslots;
	table->shift--;
	ClearMemory(table->slots, size);
	upper = table->slots + size;

	while (*SlotFacts(upper + nwaiting * slot_size, table->form) & SLOT_TAKEN)
		nwaiting++;
	waiting = MemoryContextAlloc(table->context, (nwaiting + 1) * slot_size);
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

/* Make room for that many customers more. */
void
CustomerTableReserve(CustomerTable *table, uint64 more)
{
	uint64		nslots;

	Assert(!table->packed);

	/* who has a key in an array has a place there */
	if (table->form == KEY_DENSE || ROOM_OF_SLOTS(table->nslots) >= table->ntaken + more)
		return;

	nslots = SlotsFor(table->ntaken + more);
	if (table->ntaken == 0)
	{
		pfree(table->slots);
		CustomerTableAllocate(table, table->form, nslots);
	}
	while (table->nslots < nslots)
		CustomerTableDouble(table);
}

/* Keep an image; returns its offset. */
static uint64
StoreImage(CustomerTable *table, const char *image, Size length)
{
	Size		offset = table->images_used;
	Size		needed = offset + IMAGE_HEADER + MAXALIGN(length);

	if (needed > table->images_size)
	{
		Size		size = Max(table->images_size * 2, FIRST_IMAGES);

		size = Max(size, needed);
		table->images = MoveToLarger(table->context, table->images, table->images_used, 0, size);
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

/* Is the customer in a slot with the right word the one we look for? */
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
			return SlotRest(slot) == key->u.rest;
		case KEY_BYTES:
			return ImageLength(table, SlotRest(slot)) == key->length &&
				memcmp(ImageAt(table, SlotRest(slot)), key->u.image, key->length) == 0;
		case KEY_VALUE:
			return table->same(table->same_arg,
								ImageAt(table, SlotRest(slot)), key->u.image);
	}
	pg_unreachable();
}

/* The facts of one customer, who is entered if not there.  There is room. */
static pg_attribute_always_inline uint8 *
LocateOne(CustomerTable *table, const CustomerKey *key, KeyForm form)
{
	uint64		place = key->word >> table->shift;

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
			SlotSet(slot, form, key->word,
					FormHasImage(form) ? StoreImage(table, key->u.image, key->length) :
					key->u.rest);
			*facts |= SLOT_TAKEN;
			table->ntaken++;
			return facts;
		}
		if (SlotWord(slot, form) == key->word && SlotIs(table, slot, key, form))
			return facts;
		place = (place + 1) & (table->nslots - 1);
	}
}

static pg_attribute_always_inline void
LocateAll(CustomerTable *table, const CustomerKey *keys, int nkeys, uint8 **facts,
		  KeyForm form)
{

	/* a key with an image waits a second time, for that */
	if (FormHasImage(form) && nkeys > 1)
	{
		for (int i = 0; i < nkeys; i++)
		{
			const char *slot = SlotAt(table, keys[i].word >> table->shift);

			if (SlotWord(slot, form) == keys[i].word)
				PrefetchForReading(table->images + SlotRest(slot));
		}
	}

	for (int i = 0; i < nkeys; i++)
		facts[i] = LocateOne(table, &keys[i], form);
}

/*
 * Find the facts of each key, entering customers who are not there with facts
 * that are zero but for SLOT_TAKEN.
 *
 * The pointers hold until the next call.  The same customer may be among the
 * keys more than once.
 */
void
CustomerTableLocate(CustomerTable *table, const CustomerKey *keys, int nkeys, uint8 **facts)
{
	CustomerTableReserve(table, nkeys);

	/* the loop once for each form, with the form a constant in it */
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
		case KEY_BYTES:
			LocateAll(table, keys, nkeys, facts, KEY_BYTES);
			break;
		case KEY_VALUE:
			LocateAll(table, keys, nkeys, facts, KEY_VALUE);
			break;
	}
	CustomerTableCheck(table, false);
}

/* Add a customer to a packed table; nobody checks that they are new. */
void
CustomerTableAppend(CustomerTable *table, const CustomerKey *key, const uint8 *facts)
{
	char	   *slot = SlotAt(table, table->ntaken);
	uint64		rest = key->u.rest;

	Assert(table->packed && table->ntaken < table->nslots);

	if (FormHasImage(table->form))
	{
		Assert(table->images_used + IMAGE_HEADER + MAXALIGN(key->length) <=
			   table->images_size);
		rest = StoreImage(table, key->u.image, key->length);
	}
	SlotSet(slot, table->form, key->word, rest);
	memcpy(SlotFacts(slot, table->form), facts, table->facts_size);
	*SlotFacts(slot, table->form) |= SLOT_TAKEN;
	table->ntaken++;
	CustomerTableCheck(table, false);
}

/* The facts of the next customer, in the order of the slots; NULL at the end. */
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
 * Step through all customers with their keys; the cursor begins at zero.
 *
 * Customers come in an order that has nothing to do with their words, see the
 * top of the file.  The stride is odd, so that it visits each of the 2^n slots
 * once.  In an array they come in order, which is none in a table.
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
		if (!table->packed && table->form != KEY_DENSE)
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
			key->u.image = ImageAt(table, SlotRest(slot));
			key->length = ImageLength(table, SlotRest(slot));
		}
		else
			key->u.rest = FormHasRest(table->form) ? SlotRest(slot) : 0;
		return true;
	}
	return false;
}

/* Bytes of memory behind a table. */
Size
CustomerTableSize(const CustomerTable *table)
{
	return table->nslots * table->slot_size + table->images_size;
}

#ifdef USE_ASSERT_CHECKING

/* Do two slots have the same customer?  Of KEY_VALUE only the type can tell. */
static bool
SlotsAreEqual(const CustomerTable *table, const char *a, const char *b)
{
	Size		length;

	if (!FormHasImage(table->form))
		return memcmp(a, b, KeySize(table->form)) == 0;
	length = ImageLength(table, SlotRest(a));
	return table->form == KEY_BYTES &&
		SlotWord(a, table->form) == SlotWord(b, table->form) &&
		length == ImageLength(table, SlotRest(b)) &&
		memcmp(ImageAt(table, SlotRest(a)), ImageAt(table, SlotRest(b)), length) == 0;
}

/*
 * What must hold of a table after every step.
 *
 * To look at every slot of a large table after every step would take too long,
 * so that is left to the steps that move them all, which ask for it.
 */
void
CustomerTableCheck(const CustomerTable *table, bool whole)
{
	/* a packed table is filled from its beginning; what follows is undefined */
	uint64		nslots = table->packed && table->form != KEY_DENSE ? table->ntaken :
		table->nslots;
	uint64		ntaken = 0;
	Size		images_used = 0;

	Assert(table->facts_size > 0);
	Assert(table->slot_size == KeySize(table->form) + table->facts_size);
	Assert(table->images_used <= table->images_size);
	if (table->packed)
		Assert(table->ntaken <= table->nslots);
	else
	{
		Assert(table->form == KEY_DENSE ? table->shift == DENSE_SHIFT :
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
			/* a free slot is all zeros */
			for (int b = 0; b < table->slot_size; b++)
				Assert(slot[b] == 0);
			continue;
		}
		ntaken++;

		/* the image lies within what is used; nobody else's does, see the sum */
		if (FormHasImage(table->form))
		{
			Size		offset = SlotRest(slot);

			Assert(offset == MAXALIGN(offset));
			Assert(offset + IMAGE_HEADER <= table->images_used);
			Assert(ImageLength(table, offset) <=
				   table->images_used - offset - IMAGE_HEADER);
			images_used += IMAGE_HEADER + MAXALIGN(ImageLength(table, offset));
		}

		/* no gap between the place and the slot, and nobody twice */
		if (table->packed || table->form == KEY_DENSE)
			continue;
		for (uint64 place = SlotWord(slot, table->form) >> table->shift;
			 place != i; place = (place + 1) & (nslots - 1))
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
