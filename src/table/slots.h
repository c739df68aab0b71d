/*
 * slots.h
 *	  The layout of a table's slots, for customer_table.c, key_forms.c and the wire.
 *
 * A slot is the key and, behind it, the facts, without padding:
 *
 *		KEY_DENSE				facts
 *		KEY_HALF				uint32 upper half of the word, facts
 *		KEY_WORD				uint64 word, facts
 *		KEY_PAIR				uint64 word, uint64 rest, facts
 *		KEY_QUAD				uint64 word, uint64 rest[3], facts
 *		KEY_BYTES, KEY_VALUE	uint64 word, uint64 offset of the image, facts
 *
 * A slot is taken if SLOT_TAKEN is set in its first byte of facts; all bytes of a free
 * slot are zero.
 */
#ifndef WINBACK_SLOTS_H
#define WINBACK_SLOTS_H

#include "postgres.h"

#include "utils/memutils.h"

#include "table/customer_table.h"

/*
 * PostgreSQL rounds a chunk of memory of up to 8 kB, with its header, up to a power of
 * two.  So a small table has as many slots as fit into a chunk of one of these sizes.  The
 * number of slots of a larger table is a power of two.  There may be hundreds of thousands
 * of small tables, one for each group.
 */
#define SMALL_CHUNK_MIN		((Size) 64)
#define SMALL_CHUNK_MAX		((Size) 8192)
#define SMALL_CHUNK_HEADER	((Size) 16)

/* The smallest number of slots of a table. */
#define FIRST_NSLOTS		4

/* The largest number of customers of a table.  Their slots would take 5 TB. */
#define MAX_CUSTOMERS		(UINT64CONST(1) << 40)

/*
 * The number of customers for which `nslots` slots are enough.  A table grows when 7/8 of its
 * slots are taken.  One of few slots is filled but for one slot: a probe through some of them
 * costs less than the loads from main memory that larger tables of many groups cause.
 */
#define FEW_SLOTS					64
#define ROOM_OF_SLOTS(nslots) \
	((nslots) - ((nslots) <= FEW_SLOTS ? 1 : ((nslots) + 7) / 8))

/* Whether a table with `nslots` slots fits into a small chunk. */
#define AreSmallSlots(slot_size, nslots) \
	((nslots) <= (SMALL_CHUNK_MAX - SMALL_CHUNK_HEADER) / (slot_size))

/* Return the slot at an index. */
static inline char *
SlotAt(const CustomerTable *table, uint64 index)
{
	return table->slots + index * table->slot_size;
}

/* Return the bytes of `nslots` slots, or raise an error if that is too much to allocate. */
static inline Size
SlotsSize(const CustomerTable *table, uint64 nslots)
{
	if (nslots > MaxAllocHugeSize / table->slot_size)
		elog(ERROR, "too many slots in a table of customers: " UINT64_FORMAT, nslots);
	return nslots * table->slot_size;
}

/* Return the bytes of a slot before the facts. */
static inline int
KeySize(KeyForm form)
{
	return form == KEY_DENSE ? 0 : form == KEY_HALF ? sizeof(uint32) :
		FormHasImage(form) ? 2 * sizeof(uint64) : FormWords(form) * sizeof(uint64);
}

static inline uint64
SlotWord(const char *slot, KeyForm form)
{
	uint64		word;

	if (form == KEY_HALF)
	{
		uint32		half;

		memcpy(&half, slot, sizeof(half));
		return (uint64) half << 32;
	}
	memcpy(&word, slot, sizeof(word));
	return word;
}

/* Return the offset of the image of a slot. */
static inline uint64
SlotImage(const char *slot)
{
	uint64		offset;

	memcpy(&offset, slot + sizeof(uint64), sizeof(offset));
	return offset;
}

/* Return the words of a slot behind the first, which are not aligned. */
static inline const char *
SlotRest(const char *slot)
{
	return slot + sizeof(uint64);
}

static inline uint8 *
SlotFacts(const char *slot, KeyForm form)
{
	return (uint8 *) slot + KeySize(form);
}

/* Write the key of a slot.  `image` is the offset of its image, if the form has images. */
static inline void
SlotSet(char *slot, KeyForm form, const CustomerKey *key, uint64 image)
{
	if (form == KEY_HALF)
	{
		uint32		half = key->word >> 32;

		memcpy(slot, &half, sizeof(half));
		return;
	}
	memcpy(slot, &key->word, sizeof(key->word));
	if (FormHasImage(form))
		memcpy(slot + sizeof(key->word), &image, sizeof(image));
	else
		memcpy(slot + sizeof(key->word), key->u.rest, (FormWords(form) - 1) * sizeof(uint64));
}

/* Return the number of slots that a table, not an array, needs for `ncustomers`. */
static inline uint64
SlotsFor(Size slot_size, uint64 ncustomers)
{
	uint64		nslots;

	if (ncustomers > MAX_CUSTOMERS)
		elog(ERROR, "too many customers: " UINT64_FORMAT, ncustomers);
	for (Size chunk = SMALL_CHUNK_MIN; chunk <= SMALL_CHUNK_MAX; chunk *= 2)
	{
		nslots = (chunk - SMALL_CHUNK_HEADER) / slot_size;
		if (nslots >= FIRST_NSLOTS && ROOM_OF_SLOTS(nslots) >= ncustomers)
			return nslots;
	}
	nslots = FIRST_NSLOTS;
	while (AreSmallSlots(slot_size, nslots) || ROOM_OF_SLOTS(nslots) < ncustomers)
		nslots *= 2;
	return nslots;
}

extern void CustomerTableAllocate(CustomerTable *table, KeyForm form, uint64 nslots);

#endif							/* WINBACK_SLOTS_H */
