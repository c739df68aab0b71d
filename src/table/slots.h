/*
 * slots.h
 *	  The layout of a table's slots, for customer_table.c, key_forms.c and the wire.
 *
 * A slot is the key and the facts behind each other, without padding:
 *
 *		KEY_DENSE				facts
 *		KEY_HALF				uint32 upper half of the word, facts
 *		KEY_WORD				uint64 word, facts
 *		KEY_PAIR				uint64 word, uint64 rest, facts
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
 * two.  So a small table has as many slots as fit into such a chunk, and a larger one a
 * power of two of them.  There may be hundreds of thousands of small tables, one a group.
 */
#define SMALL_CHUNK_MIN		((Size) 64)
#define SMALL_CHUNK_MAX		((Size) 8192)
#define SMALL_CHUNK_HEADER	((Size) 16)

/* A table has at least so many slots. */
#define FIRST_NSLOTS		4

/* No table has more customers: 2^40 of them would take 5 TB. */
#define MAX_CUSTOMERS		(UINT64CONST(1) << 40)

/* How many customers a table with that many slots may have: it grows when 7/8 are taken. */
#define ROOM_OF_SLOTS(nslots)		((nslots) - ((nslots) + 7) / 8)

/* Does a table with that many slots fit into a small chunk? */
#define AreSmallSlots(slot_size, nslots) \
	((nslots) <= (SMALL_CHUNK_MAX - SMALL_CHUNK_HEADER) / (slot_size))

static inline char *
SlotAt(const CustomerTable *table, uint64 index)
{
	return table->slots + index * table->slot_size;
}

/* The bytes of that many slots. */
static inline Size
SlotsSize(const CustomerTable *table, uint64 nslots)
{
	if (nslots > MaxAllocHugeSize / table->slot_size)
		elog(ERROR, "too many slots in a table of customers: " UINT64_FORMAT, nslots);
	return nslots * table->slot_size;
}

/* The bytes of a slot before the facts. */
static inline int
KeySize(KeyForm form)
{
	return form == KEY_DENSE ? 0 : form == KEY_HALF ? sizeof(uint32) :
		FormHasRest(form) ? 2 * sizeof(uint64) : sizeof(uint64);
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

static inline uint64
SlotRest(const char *slot)
{
	uint64		rest;

	memcpy(&rest, slot + sizeof(uint64), sizeof(rest));
	return rest;
}

static inline uint8 *
SlotFacts(const char *slot, KeyForm form)
{
	return (uint8 *) slot + KeySize(form);
}

/* Write the key of a slot.  The rest is ignored if the form has none. */
static inline void
SlotSet(char *slot, KeyForm form, uint64 word, uint64 rest)
{
	if (form == KEY_HALF)
	{
		uint32		half = word >> 32;

		memcpy(slot, &half, sizeof(half));
		return;
	}
	memcpy(slot, &word, sizeof(word));
	if (FormHasRest(form))
		memcpy(slot + sizeof(word), &rest, sizeof(rest));
}

/* The number of slots of a table, not an array, with room for that many customers. */
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
