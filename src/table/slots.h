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

/* Slots of a new table.  Their number is a power of two, but for an array. */
#define FIRST_NSLOTS		8

/* No table has more customers: 2^40 of them would take 5 TB. */
#define MAX_CUSTOMERS		(UINT64CONST(1) << 40)

/* How many customers a table with that many slots may have: it doubles at 7/8 full. */
#define ROOM_OF_SLOTS(nslots)		((nslots) / 8 * 7)

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

/* The number of slots of a table with room for that many customers. */
static inline uint64
SlotsFor(uint64 ncustomers)
{
	uint64		nslots = FIRST_NSLOTS;

	if (ncustomers > MAX_CUSTOMERS)
		elog(ERROR, "too many customers: " UINT64_FORMAT, ncustomers);
	while (ROOM_OF_SLOTS(nslots) < ncustomers)
		nslots *= 2;
	return nslots;
}

extern void CustomerTableAllocate(CustomerTable *table, KeyForm form, uint64 nslots);

#endif							/* WINBACK_SLOTS_H */
