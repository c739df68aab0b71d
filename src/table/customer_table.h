/*
 * customer_table.h
 *	  The customers of one group, and the facts known of each.
 */
#ifndef WINBACK_CUSTOMER_TABLE_H
#define WINBACK_CUSTOMER_TABLE_H

#include "postgres.h"

#include "common/hashfn.h"

#include "compat.h"

/* What makes two keys the same customer. */
typedef enum KeyForm
{
	KEY_DENSE,				/* the place: an integer, and the table an array */
	KEY_HALF,				/* the upper half of the word; the rest is zero */
	KEY_WORD,				/* the word alone */
	KEY_PAIR,				/* the word and the rest: 16 bytes, or a text of up to 15 */
	KEY_BYTES,				/* equal words, and equal bytes */
	KEY_VALUE				/* equal words, and the type says so */
} KeyForm;

/*
 * A customer to look for.  The word is spread evenly over all 64 bits (or the upper
 * 32, KEY_HALF), as a place in the table is taken from its upper ones; in an array
 * it is the place.
 *
 * For KEY_HALF, KEY_WORD and KEY_PAIR, the word is a reversible scramble
 * of the key itself (of one half of it), not a hash that could collide.
 *
 * Integers begin as KEY_HALF, which is half the memory, as long as all of them
 * fit in 32 bits.  When there are many, and they lie so close together that an
 * array of all between the least and the greatest is no larger than the table
 * would be, they become KEY_DENSE (CustomerTableSettle).  Texts begin as KEY_PAIR, as
 * long as all of them are short, and become KEY_BYTES.  A key that does not fit
 * the form is a wide one: CustomerTableWiden makes room for it.
 */
typedef struct CustomerKey
{
	uint64		word;
	union
	{
		uint64		rest;		/* KEY_PAIR: the other half; if it is a wide
								 * integer, that */
		const char *image;		/* KEY_BYTES, KEY_VALUE: max-aligned for
								 * the latter */
	}			u;
	Size		length;			/* of the image, in bytes */
	bool		wide;			/* does not fit the table as it is */
} CustomerKey;

/* Are two images of KEY_VALUE the same customer? */
typedef bool (*CustomersEqual) (void *arg, const char *a, const char *b);

/* The table's own bit in the first byte of everybody's facts. */
#define SLOT_TAKEN	0x01

/* What a table that came by wire is a portion of. */
typedef struct WholeTable
{
	uint64		ntaken;
	int32		base;			/* as in the table, of an array only */
	uint64		nslots;
} WholeTable;

typedef struct CustomerTable
{
	MemoryContext context;		/* where everything of it lives */
	KeyForm	form;
	int32		base;			/* KEY_DENSE only: the integer of the first slot */
	CustomersEqual	same;			/* KEY_VALUE only */
	void	   *same_arg;

	bool		packed;			/* can only be read; of a table, from the first slot on
								 * every one is taken */
	uint8		shift;			/* place of a word = word >> shift */
	uint16		facts_size;		/* bytes a customer, chosen by the owner */
	uint16		slot_size;		/* bytes: word, rest if any, facts */
	uint64		nslots;
	uint64		ntaken;			/* customers */
	char	   *slots;
	const WholeTable *whole;	/* NULL if it is one itself */

	/* images of keys, KEY_BYTES and KEY_VALUE; slots hold offsets */
	char	   *images;
	Size		images_used;	/* bytes */
	Size		images_size;	/* bytes */
} CustomerTable;

/* Bytes of the longest text that is its own key. */
#define SHORT_TEXT		15

/* In an array too, the place is the upper bits of the word. */
#define DENSE_SHIFT		32

/* The form needs a second word in each slot. */
#define FormHasRest(form)		((form) >= KEY_PAIR)
/* The form keeps an image of each key. */
#define FormHasImage(form)	((form) == KEY_BYTES || (form) == KEY_VALUE)

extern void CustomerTableInit(CustomerTable *table, MemoryContext context, KeyForm form,
					   int facts_size);
extern void CustomerTableInitPacked(CustomerTable *table, MemoryContext context, KeyForm form,
							 int facts_size, uint64 ncustomers, Size images_size);
extern void CustomerTableInitDense(CustomerTable *table, MemoryContext context, int facts_size,
							int32 base, uint64 nslots, const char *slots);
extern void CustomerTableWiden(CustomerTable *table, const CustomerKey *key);
extern void CustomerTableSettle(CustomerTable *table, uint64 more);
extern void CustomerTableReserve(CustomerTable *table, uint64 more);
extern void CustomerTableLocate(CustomerTable *table, const CustomerKey *keys, int nkeys,
						 uint8 **facts);
extern void CustomerTableAppend(CustomerTable *table, const CustomerKey *key, const uint8 *facts);
extern const uint8 *CustomerTableNextFacts(const CustomerTable *table, uint64 *cursor);
extern bool CustomerTableNext(const CustomerTable *table, uint64 *cursor, CustomerKey *key,
					   uint8 **facts);
extern bool CustomerTableOverlay(CustomerTable *table, const CustomerTable *other);
extern void CustomerTableMatch(CustomerTable *table, const CustomerTable *other);
extern bool CustomerTableNextFor(const CustomerTable *table, const CustomerTable *other, uint64 *cursor,
						  CustomerKey *key, char *room, uint8 **facts);
extern Size CustomerTableSize(const CustomerTable *table);

#ifdef USE_ASSERT_CHECKING
/* Up to this many bytes a table is checked as a whole after every step. */
#define SMALL_TABLE	1024
extern void CustomerTableCheck(const CustomerTable *table, bool whole);
/* Is what is taken in by a merge so much that the whole may be checked after it? */
#define IsLargeStep(table, other)	((other)->ntaken >= (table)->ntaken / 8)
#else
#define CustomerTableCheck(table, whole)	((void) 0)
#endif

/*
 * Begin to fetch what CustomerTableLocate will read of a key, should that be far away.
 * The more can be done in between, the better.
 */
static inline void
CustomerTablePrefetch(const CustomerTable *table, uint64 word)
{
	const char *slot = table->slots + (word >> table->shift) * table->slot_size;

	/* slots are not aligned, and may lie in two cache lines */
	PrefetchForUpdate(slot);
	PrefetchForUpdate(slot + table->slot_size - 1);
}

/* Scramble a word reversibly, so that its upper bits depend on all of it. */
static inline uint64
ScrambleWord(uint64 word)
{
	/* the finisher of Vigna's splitmix64: each step is a bijection */
	word ^= word >> 30;
	word *= UINT64CONST(0xbf58476d1ce4e5b9);
	word ^= word >> 27;
	word *= UINT64CONST(0x94d049bb133111eb);
	word ^= word >> 31;
	return word;
}

/* The same for 32 bits, which become the upper half of a word. */
static inline uint64
ScrambleHalf(uint32 half)
{
	/* the finisher of Appleby's MurmurHash3 */
	half ^= half >> 16;
	half *= 0x85ebca6b;
	half ^= half >> 13;
	half *= 0xc2b2ae35;
	half ^= half >> 16;
	return (uint64) half << 32;
}

/* The key of an integer of up to 64 bits. */
static inline void
CustomerKeyFromInteger(const CustomerTable *table, int64 integer, CustomerKey *key)
{
	uint64		index = (uint64) integer - (uint64) (int64) table->base;

	key->wide = false;
	if (table->form == KEY_DENSE && likely(index < table->nslots))
		key->word = index << DENSE_SHIFT;
	else if (table->form == KEY_HALF && likely(integer == (int32) integer))
		key->word = ScrambleHalf((uint32) integer);
	else if (table->form == KEY_WORD)
		key->word = ScrambleWord((uint64) integer);
	else
	{
		key->wide = true;
		key->u.rest = (uint64) integer;
	}
}
/* The key of 16 bytes. */
static inline void
CustomerKeyFromPair(const uint64 *half, CustomerKey *key)
{
	/* given the rest, the word tells the other half: nothing is lost */
	key->wide = false;
	key->word = ScrambleWord(half[0] ^ ScrambleWord(half[1]));
	key->u.rest = half[1];
}

/* The key of the bytes of a text, which it may point to. */
static inline void
CustomerKeyFromText(const CustomerTable *table, const char *bytes, Size length, CustomerKey *key)
{
	if (table->form == KEY_PAIR && likely(length <= SHORT_TEXT))
	{
		union
		{
			char		bytes[SHORT_TEXT + 1];
			uint64		half[2];
		}			pair = {0};

		/* the length behind the bytes, so that zeros at the end count */
		memcpy(pair.bytes, bytes, length);
		pair.bytes[SHORT_TEXT] = (char) length;
		CustomerKeyFromPair(pair.half, key);
		return;
	}
	key->wide = table->form == KEY_PAIR;
	key->u.image = bytes;
	key->length = length;
	key->word = hash_bytes_extended((const unsigned char *) bytes, (int) length, 0);
}

#endif							/* WINBACK_CUSTOMER_TABLE_H */
