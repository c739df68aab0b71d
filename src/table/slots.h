/*
 * slots.h
 *	  The slots of a table, for table.c and key_forms.c alone.
 */
#ifndef WINBACK_SLOTS_H
#define WINBACK_SLOTS_H

#include "postgres.h"

#include "table/customer_table.h"

#define FIRST_NSLOTS		8

/* how many customers fit in that many slots */
#define ROOM_OF_SLOTS(nslots)		((nslots) / 8 * 7)

static inline char *
SlotAt(const CustomerTable *table, uint64 index)
{
	return table->slots + index * table->slot_size;
}

/* Bytes of the key in a slot. */
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

/* Slots of a table with room for that many. */
static inline uint64
SlotsFor(uint64 ncustomers)
{
	uint64		nslots = FIRST_NSLOTS;

	while (ROOM_OF_SLOTS(nslots) < ncustomers)
		nslots *= 2;
	return nslots;
}

extern void CustomerTableAllocate(CustomerTable *table, KeyForm form, uint64 nslots);

#endif							/* WINBACK_SLOTS_H */
