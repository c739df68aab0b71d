/*
 * ledger_slots.h
 *	  The slots of a ledger, for ledger.c and ledger_forms.c alone.
 */
#ifndef WINBACK_LEDGER_SLOTS_H
#define WINBACK_LEDGER_SLOTS_H

#include "postgres.h"

#include "table/customer_table.h"

#define LEDGER_FIRST_NSLOTS		8

/* how many customers fit in that many slots */
#define LEDGER_ROOM(nslots)		((nslots) / 8 * 7)

static inline char *
SlotAt(const Ledger *ledger, uint64 index)
{
	return ledger->slots + index * ledger->slot_size;
}

/* Bytes of the key in a slot. */
static inline int
KeySize(LedgerForm form)
{
	return form == LEDGER_DENSE ? 0 : form == LEDGER_HALF ? sizeof(uint32) :
		LedgerHasRest(form) ? 2 * sizeof(uint64) : sizeof(uint64);
}

static inline uint64
SlotWord(const char *slot, LedgerForm form)
{
	uint64		word;

	if (form == LEDGER_HALF)
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
SlotFacts(const char *slot, LedgerForm form)
{
	return (uint8 *) slot + KeySize(form);
}

static inline void
SlotSet(char *slot, LedgerForm form, uint64 word, uint64 rest)
{
	if (form == LEDGER_HALF)
	{
		uint32		half = word >> 32;

		memcpy(slot, &half, sizeof(half));
		return;
	}
	memcpy(slot, &word, sizeof(word));
	if (LedgerHasRest(form))
		memcpy(slot + sizeof(word), &rest, sizeof(rest));
}

/* Slots of a table with room for that many. */
static inline uint64
SlotsFor(uint64 ncustomers)
{
	uint64		nslots = LEDGER_FIRST_NSLOTS;

	while (LEDGER_ROOM(nslots) < ncustomers)
		nslots *= 2;
	return nslots;
}

extern void LedgerAllocate(Ledger *ledger, LedgerForm form, uint64 nslots);

#endif							/* WINBACK_LEDGER_SLOTS_H */
