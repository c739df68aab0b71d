/*
 * ledger.c
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
 * again when an integer comes with which it would be (LEDGER_DENSE).
 *
 * In a table larger than the caches every look-up waits for memory.  So the slot
 * of a key is fetched as soon as the key is known (LedgerPrefetch), and looked up
 * some hundred rows later, with others (LedgerLocate; batch.h).
 *
 * A place is the upper bits of the key's word.  That makes growing a walk
 * through the table in order.  The same property is a danger when one table is
 * poured into another, smaller one: in the order of the slots, all of it would
 * land in one corner.  LedgerNext therefore jumps about.
 *
 * Lives wholly in the aggregate's memory context and owns no context of its
 * own: HashAgg sums up all child contexts after every new group.
 *
 * Limits: the table may exceed 1 GB (huge allocations); the facts' first byte
 * lends its lowest bit to the ledger.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "compat.h"
#include "table/customer_table.h"
#include "table/slots.h"
#include "table/large_memory.h"

#define LEDGER_FIRST_IMAGES		256

/* how many slots ahead LedgerNext fetches; anything from 8 to 64 serves */
#define LEDGER_LOOKAHEAD		16

/* An image is stored max-aligned, behind its length. */
#define IMAGE_HEADER			MAXALIGN(sizeof(Size))

static void
LedgerInitCommon(Ledger *ledger, MemoryContext context, LedgerForm form,
				 int facts_size)
{
	memset(ledger, 0, sizeof(*ledger));
	ledger->context = context;
	ledger->form = form;
	ledger->facts_size = facts_size;
	ledger->slot_size = KeySize(form) + facts_size;
}

/*
 * Give a ledger of a form as many slots, free ones: a power of two but for an array.
 * What it had is forgotten.
 */
void
LedgerAllocate(Ledger *ledger, LedgerForm form, uint64 nslots)
{
	Size		size;

	ledger->form = form;
	ledger->slot_size = KeySize(form) + ledger->facts_size;
	ledger->nslots = nslots;
	ledger->ntaken = 0;
	ledger->shift = form == LEDGER_DENSE ? LEDGER_DENSE_SHIFT : 64 - pg_leftmost_one_pos64(nslots);
	size = nslots * ledger->slot_size;
	ledger->slots = MemoryContextAllocHuge(ledger->context, size);
	PutInLargePages(ledger->slots, size);
	ClearPieces(ledger->slots, size);
}

/* An empty ledger. */
void
LedgerInit(Ledger *ledger, MemoryContext context, LedgerForm form, int facts_size)
{
	LedgerInitCommon(ledger, context, form, facts_size);
	LedgerAllocate(ledger, form, LEDGER_FIRST_NSLOTS);
}

/*
 * An array over slots that are there, and stay as long as it does; it can only be
 * read.  Raises an error if they cannot be any.
 */
void
LedgerInitDense(Ledger *ledger, MemoryContext context, int facts_size,
				int32 base, uint64 nslots, const char *slots)
{
	LedgerInitCommon(ledger, context, LEDGER_DENSE, facts_size);
	ledger->packed = true;
	ledger->base = base;
	ledger->nslots = nslots;
	ledger->slots = unconstify(char *, slots);
	for (uint64 i = 0; i < nslots; i++)
	{
		const char *slot = SlotAt(ledger, i);
		bool		taken = *SlotFacts(slot, LEDGER_DENSE) & LEDGER_TAKEN;

		if (i % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		for (int b = 0; !taken && b < facts_size; b++)
		{
			if (slot[b] != 0)
				elog(ERROR, "facts of nobody in an array of customers");
		}
		ledger->ntaken += taken;
	}
}

/*
 * A ledger to be filled with LedgerAppend and read with LedgerNext only.
 * images_size is the sum of the lengths of all images.
 */
void
LedgerInitPacked(Ledger *ledger, MemoryContext context, LedgerForm form,
				 int facts_size, uint64 ncustomers, Size images_size)
{
	LedgerInitCommon(ledger, context, form, facts_size);
	ledger->packed = true;
	ledger->nslots = ncustomers;
	ledger->slots = MemoryContextAllocHuge(context, ncustomers * ledger->slot_size);
	if (LedgerHasImage(form))
	{
		/* each image is rounded up, and has a header */
		ledger->images_size = images_size +
			ncustomers * (IMAGE_HEADER + MAXIMUM_ALIGNOF - 1);
		ledger->images = MemoryContextAllocHuge(context, ledger->images_size);
	}
}

/* Put a slot where it belongs, given that there is room and nobody equal. */
static void
PlaceSlot(Ledger *ledger, const char *slot)
{
	uint64		place = SlotWord(slot, ledger->form) >> ledger->shift;

	while (*SlotFacts(SlotAt(ledger, place), ledger->form) & LEDGER_TAKEN)
		place = (place + 1) & (ledger->nslots - 1);
	memcpy(SlotAt(ledger, place), slot, ledger->slot_size);
}

/*
 * Double the slots, without a second table beside the first, half of the memory.
 *
 * The slots move to the upper half (see Enlarge), and from there, in order, to where
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
LedgerDouble(Ledger *ledger)
{
	uint64		nslots = ledger->nslots;
	Size		slot_size = ledger->slot_size;
	Size		size = nslots * slot_size;
	uint64		nwaiting = 0;
	char	   *waiting;
	char	   *slot;
	char	   *upper;

	ledger->slots = Enlarge(ledger->context, ledger->slots, size, size, 2 * size);
	ledger->nslots = 2 * nslots;
	ledger->shift--;
	ClearPieces(ledger->slots, size);
	upper = ledger->slots + size;

	while (*SlotFacts(upper + nwaiting * slot_size, ledger->form) & LEDGER_TAKEN)
		nwaiting++;
	waiting = MemoryContextAlloc(ledger->context, (nwaiting + 1) * slot_size);
	memcpy(waiting, upper, nwaiting * slot_size);
	memset(upper, 0, nwaiting * slot_size);

	slot = waiting + nwaiting * slot_size;
	for (uint64 i = nwaiting; i < nslots; i++)
	{
		char	   *next = upper + i * slot_size;

		if (i % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		if (!(*SlotFacts(next, ledger->form) & LEDGER_TAKEN))
			continue;
		memcpy(slot, next, slot_size);
		memset(next, 0, slot_size);
		PlaceSlot(ledger, slot);
	}
	for (uint64 i = 0; i < nwaiting; i++)
		PlaceSlot(ledger, waiting + i * slot_size);
	pfree(waiting);
	LedgerCheck(ledger, true);
}

/* Make room for that many customers more. */
void
LedgerReserve(Ledger *ledger, uint64 more)
{
	uint64		nslots;

	Assert(!ledger->packed);

	/* who has a key in an array has a place there */
	if (ledger->form == LEDGER_DENSE || LEDGER_ROOM(ledger->nslots) >= ledger->ntaken + more)
		return;

	nslots = SlotsFor(ledger->ntaken + more);
	if (ledger->ntaken == 0)
	{
		pfree(ledger->slots);
		LedgerAllocate(ledger, ledger->form, nslots);
	}
	while (ledger->nslots < nslots)
		LedgerDouble(ledger);
}

/* Keep an image; returns its offset. */
static uint64
StoreImage(Ledger *ledger, const char *image, Size length)
{
	Size		offset = ledger->images_used;
	Size		needed = offset + IMAGE_HEADER + MAXALIGN(length);

	if (needed > ledger->images_size)
	{
		Size		size = Max(ledger->images_size * 2, LEDGER_FIRST_IMAGES);

		size = Max(size, needed);
		ledger->images = Enlarge(ledger->context, ledger->images, ledger->images_used, 0, size);
		ledger->images_size = size;
	}

	memcpy(ledger->images + offset, &length, sizeof(length));
	memcpy(ledger->images + offset + IMAGE_HEADER, image, length);
	ledger->images_used = needed;
	return offset;
}

static inline Size
ImageLength(const Ledger *ledger, uint64 offset)
{
	return *(const Size *) (ledger->images + offset);
}

static inline const char *
ImageAt(const Ledger *ledger, uint64 offset)
{
	return ledger->images + offset + IMAGE_HEADER;
}

/* Is the customer in a slot with the right word the one we look for? */
static pg_attribute_always_inline bool
SlotIs(const Ledger *ledger, const char *slot, const LedgerKey *key, LedgerForm form)
{
	switch (form)
	{
		case LEDGER_DENSE:
		case LEDGER_HALF:
		case LEDGER_WORD:
			return true;
		case LEDGER_PAIR:
			return SlotRest(slot) == key->u.rest;
		case LEDGER_BYTES:
			return ImageLength(ledger, SlotRest(slot)) == key->length &&
				memcmp(ImageAt(ledger, SlotRest(slot)), key->u.image, key->length) == 0;
		case LEDGER_VALUE:
			return ledger->same(ledger->same_arg,
								ImageAt(ledger, SlotRest(slot)), key->u.image);
	}
	pg_unreachable();
}

/* The facts of one customer, who is entered if not there.  There is room. */
static pg_attribute_always_inline uint8 *
LocateOne(Ledger *ledger, const LedgerKey *key, LedgerForm form)
{
	uint64		place = key->word >> ledger->shift;

	if (form == LEDGER_DENSE)
	{
		uint8	   *facts = SlotFacts(SlotAt(ledger, place), form);

		ledger->ntaken += !(*facts & LEDGER_TAKEN);
		*facts |= LEDGER_TAKEN;
		return facts;
	}
	for (;;)
	{
		char	   *slot = SlotAt(ledger, place);
		uint8	   *facts = SlotFacts(slot, form);

		if (!(*facts & LEDGER_TAKEN))
		{
			SlotSet(slot, form, key->word,
					LedgerHasImage(form) ? StoreImage(ledger, key->u.image, key->length) :
					key->u.rest);
			*facts |= LEDGER_TAKEN;
			ledger->ntaken++;
			return facts;
		}
		if (SlotWord(slot, form) == key->word && SlotIs(ledger, slot, key, form))
			return facts;
		place = (place + 1) & (ledger->nslots - 1);
	}
}

static pg_attribute_always_inline void
LocateAll(Ledger *ledger, const LedgerKey *keys, int nkeys, uint8 **facts,
		  LedgerForm form)
{

	/* a key with an image waits a second time, for that */
	if (LedgerHasImage(form) && nkeys > 1)
	{
		for (int i = 0; i < nkeys; i++)
		{
			const char *slot = SlotAt(ledger, keys[i].word >> ledger->shift);

			if (SlotWord(slot, form) == keys[i].word)
				PrefetchForReading(ledger->images + SlotRest(slot));
		}
	}

	for (int i = 0; i < nkeys; i++)
		facts[i] = LocateOne(ledger, &keys[i], form);
}

/*
 * Find the facts of each key, entering customers who are not there with facts
 * that are zero but for LEDGER_TAKEN.
 *
 * The pointers hold until the next call.  The same customer may be among the
 * keys more than once.
 */
void
LedgerLocate(Ledger *ledger, const LedgerKey *keys, int nkeys, uint8 **facts)
{
	LedgerReserve(ledger, nkeys);

	/* the loop once for each form, with the form a constant in it */
	switch (ledger->form)
	{
		case LEDGER_DENSE:
			LocateAll(ledger, keys, nkeys, facts, LEDGER_DENSE);
			break;
		case LEDGER_HALF:
			LocateAll(ledger, keys, nkeys, facts, LEDGER_HALF);
			break;
		case LEDGER_WORD:
			LocateAll(ledger, keys, nkeys, facts, LEDGER_WORD);
			break;
		case LEDGER_PAIR:
			LocateAll(ledger, keys, nkeys, facts, LEDGER_PAIR);
			break;
		case LEDGER_BYTES:
			LocateAll(ledger, keys, nkeys, facts, LEDGER_BYTES);
			break;
		case LEDGER_VALUE:
			LocateAll(ledger, keys, nkeys, facts, LEDGER_VALUE);
			break;
	}
	LedgerCheck(ledger, false);
}

/* Add a customer to a packed ledger; nobody checks that they are new. */
void
LedgerAppend(Ledger *ledger, const LedgerKey *key, const uint8 *facts)
{
	char	   *slot = SlotAt(ledger, ledger->ntaken);
	uint64		rest = key->u.rest;

	Assert(ledger->packed && ledger->ntaken < ledger->nslots);

	if (LedgerHasImage(ledger->form))
	{
		Assert(ledger->images_used + IMAGE_HEADER + MAXALIGN(key->length) <=
			   ledger->images_size);
		rest = StoreImage(ledger, key->u.image, key->length);
	}
	SlotSet(slot, ledger->form, key->word, rest);
	memcpy(SlotFacts(slot, ledger->form), facts, ledger->facts_size);
	*SlotFacts(slot, ledger->form) |= LEDGER_TAKEN;
	ledger->ntaken++;
	LedgerCheck(ledger, false);
}

/* The facts of the next customer, in the order of the slots; NULL at the end. */
const uint8 *
LedgerNextFacts(const Ledger *ledger, uint64 *cursor)
{
	while (*cursor < ledger->nslots)
	{
		const uint8 *facts = SlotFacts(SlotAt(ledger, *cursor), ledger->form);

		if ((*cursor)++ % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (*facts & LEDGER_TAKEN)
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
LedgerNext(const Ledger *ledger, uint64 *cursor, LedgerKey *key, uint8 **facts)
{
	const uint64 stride = UINT64CONST(0x9e3779b97f4a7c15);

	while (*cursor < ledger->nslots)
	{
		uint64		index = *cursor;
		const char *slot;

		if (index % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		(*cursor)++;
		if (!ledger->packed && ledger->form != LEDGER_DENSE)
		{
			uint64		soon = (index + LEDGER_LOOKAHEAD) * stride;

			PrefetchForReading(SlotAt(ledger, soon & (ledger->nslots - 1)));
			index = (index * stride) & (ledger->nslots - 1);
		}

		slot = SlotAt(ledger, index);
		*facts = SlotFacts(slot, ledger->form);
		if (!(**facts & LEDGER_TAKEN))
			continue;

		key->word = ledger->form == LEDGER_DENSE ? index << LEDGER_DENSE_SHIFT :
			SlotWord(slot, ledger->form);
		key->length = 0;
		key->wide = false;
		if (LedgerHasImage(ledger->form))
		{
			key->u.image = ImageAt(ledger, SlotRest(slot));
			key->length = ImageLength(ledger, SlotRest(slot));
		}
		else
			key->u.rest = LedgerHasRest(ledger->form) ? SlotRest(slot) : 0;
		return true;
	}
	return false;
}

/* Bytes of memory behind a ledger. */
Size
LedgerSize(const Ledger *ledger)
{
	return ledger->nslots * ledger->slot_size + ledger->images_size;
}

#ifdef USE_ASSERT_CHECKING

/* Do two slots have the same customer?  Of LEDGER_VALUE only the type can tell. */
static bool
SlotsAreEqual(const Ledger *ledger, const char *a, const char *b)
{
	Size		length;

	if (!LedgerHasImage(ledger->form))
		return memcmp(a, b, KeySize(ledger->form)) == 0;
	length = ImageLength(ledger, SlotRest(a));
	return ledger->form == LEDGER_BYTES &&
		SlotWord(a, ledger->form) == SlotWord(b, ledger->form) &&
		length == ImageLength(ledger, SlotRest(b)) &&
		memcmp(ImageAt(ledger, SlotRest(a)), ImageAt(ledger, SlotRest(b)), length) == 0;
}

/*
 * What must hold of a ledger after every step.
 *
 * To look at every slot of a large ledger after every step would take too long,
 * so that is left to the steps that move them all, which ask for it.
 */
void
LedgerCheck(const Ledger *ledger, bool whole)
{
	/* a packed table is filled from its beginning; what follows is undefined */
	uint64		nslots = ledger->packed && ledger->form != LEDGER_DENSE ? ledger->ntaken :
		ledger->nslots;
	uint64		ntaken = 0;
	Size		images_used = 0;

	Assert(ledger->facts_size > 0);
	Assert(ledger->slot_size == KeySize(ledger->form) + ledger->facts_size);
	Assert(ledger->images_used <= ledger->images_size);
	if (ledger->packed)
		Assert(ledger->ntaken <= ledger->nslots);
	else
	{
		Assert(ledger->form == LEDGER_DENSE ? ledger->shift == LEDGER_DENSE_SHIFT :
			   ledger->nslots == UINT64CONST(1) << (64 - ledger->shift));
		Assert(ledger->ntaken <= (ledger->form == LEDGER_DENSE ? ledger->nslots :
								  LEDGER_ROOM(ledger->nslots)));
	}

	if (!whole && LedgerSize(ledger) > LEDGER_SMALL)
		return;
	for (uint64 i = 0; i < nslots; i++)
	{
		const char *slot = SlotAt(ledger, i);

		if (!(*SlotFacts(slot, ledger->form) & LEDGER_TAKEN))
		{
			/* a free slot is all zeros */
			for (int b = 0; b < ledger->slot_size; b++)
				Assert(slot[b] == 0);
			continue;
		}
		ntaken++;

		/* the image lies within what is used; nobody else's does, see the sum */
		if (LedgerHasImage(ledger->form))
		{
			Size		offset = SlotRest(slot);

			Assert(offset == MAXALIGN(offset));
			Assert(offset + IMAGE_HEADER <= ledger->images_used);
			Assert(ImageLength(ledger, offset) <=
				   ledger->images_used - offset - IMAGE_HEADER);
			images_used += IMAGE_HEADER + MAXALIGN(ImageLength(ledger, offset));
		}

		/* no gap between the place and the slot, and nobody twice */
		if (ledger->packed || ledger->form == LEDGER_DENSE)
			continue;
		for (uint64 place = SlotWord(slot, ledger->form) >> ledger->shift;
			 place != i; place = (place + 1) & (nslots - 1))
		{
			const char *other = SlotAt(ledger, place);

			Assert(*SlotFacts(other, ledger->form) & LEDGER_TAKEN);
			Assert(!SlotsAreEqual(ledger, slot, other));
		}
	}
	Assert(ntaken == ledger->ntaken);
	Assert(images_used == ledger->images_used);
}

#endif							/* USE_ASSERT_CHECKING */
