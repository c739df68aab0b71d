/*
 * ledger.h
 *	  The customers of one group, and the facts known of each.
 */
#ifndef WINBACK_LEDGER_H
#define WINBACK_LEDGER_H

#include "postgres.h"

#include "common/hashfn.h"

#include "compat.h"

/* What makes two keys the same customer. */
typedef enum LedgerForm
{
	LEDGER_DENSE,				/* the place: an integer, and the table an array */
	LEDGER_HALF,				/* the upper half of the word; the rest is zero */
	LEDGER_WORD,				/* the word alone */
	LEDGER_PAIR,				/* the word and the rest: 16 bytes, or a text of up to 15 */
	LEDGER_BYTES,				/* equal words, and equal bytes */
	LEDGER_VALUE				/* equal words, and the type says so */
} LedgerForm;

/*
 * A customer to look for.  The word is spread evenly over all 64 bits (or the upper
 * 32, LEDGER_HALF), as a place in the table is taken from its upper ones; in an array
 * it is the place.
 *
 * For LEDGER_HALF, LEDGER_WORD and LEDGER_PAIR, the word is a reversible scramble
 * of the key itself (of one half of it), not a hash that could collide.
 *
 * Integers begin as LEDGER_HALF, which is half the memory, as long as all of them
 * fit in 32 bits.  When there are many, and they lie so close together that an
 * array of all between the least and the greatest is no larger than the table
 * would be, they become LEDGER_DENSE (LedgerSettle).  Texts begin as LEDGER_PAIR, as
 * long as all of them are short, and become LEDGER_BYTES.  A key that does not fit
 * the form is a wide one: LedgerWiden makes room for it.
 */
typedef struct LedgerKey
{
	uint64		word;
	union
	{
		uint64		rest;		/* LEDGER_PAIR: the other half; if it is a wide
								 * integer, that */
		const char *image;		/* LEDGER_BYTES, LEDGER_VALUE: max-aligned for
								 * the latter */
	}			u;
	Size		length;			/* of the image, in bytes */
	bool		wide;			/* does not fit the ledger as it is */
} LedgerKey;

/* Are two images of LEDGER_VALUE the same customer? */
typedef bool (*LedgerSame) (void *arg, const char *a, const char *b);

/* The ledger's own bit in the first byte of everybody's facts. */
#define LEDGER_TAKEN	0x01

/* What a ledger that came by wire is a portion of. */
typedef struct LedgerWhole
{
	uint64		ntaken;
	int32		base;			/* as in the ledger, of an array only */
	uint64		nslots;
} LedgerWhole;

typedef struct Ledger
{
	MemoryContext context;		/* where everything of it lives */
	LedgerForm	form;
	int32		base;			/* LEDGER_DENSE only: the integer of the first slot */
	LedgerSame	same;			/* LEDGER_VALUE only */
	void	   *same_arg;

	bool		packed;			/* can only be read; of a table, from the first slot on
								 * every one is taken */
	uint8		shift;			/* place of a word = word >> shift */
	uint16		facts_size;		/* bytes a customer, chosen by the owner */
	uint16		slot_size;		/* bytes: word, rest if any, facts */
	uint64		nslots;
	uint64		ntaken;			/* customers */
	char	   *slots;
	const LedgerWhole *whole;	/* NULL if it is one itself */

	/* images of keys, LEDGER_BYTES and LEDGER_VALUE; slots hold offsets */
	char	   *images;
	Size		images_used;	/* bytes */
	Size		images_size;	/* bytes */
} Ledger;

/* Bytes of the longest text that is its own key. */
#define LEDGER_SHORT_TEXT		15

/* In an array too, the place is the upper bits of the word. */
#define LEDGER_DENSE_SHIFT		32

/* The form needs a second word in each slot. */
#define LedgerHasRest(form)		((form) >= LEDGER_PAIR)
/* The form keeps an image of each key. */
#define LedgerHasImage(form)	((form) == LEDGER_BYTES || (form) == LEDGER_VALUE)

extern void LedgerInit(Ledger *ledger, MemoryContext context, LedgerForm form,
					   int facts_size);
extern void LedgerInitPacked(Ledger *ledger, MemoryContext context, LedgerForm form,
							 int facts_size, uint64 ncustomers, Size images_size);
extern void LedgerInitDense(Ledger *ledger, MemoryContext context, int facts_size,
							int32 base, uint64 nslots, const char *slots);
extern void LedgerWiden(Ledger *ledger, const LedgerKey *key);
extern void LedgerSettle(Ledger *ledger, uint64 more);
extern void LedgerReserve(Ledger *ledger, uint64 more);
extern void LedgerLocate(Ledger *ledger, const LedgerKey *keys, int nkeys,
						 uint8 **facts);
extern void LedgerAppend(Ledger *ledger, const LedgerKey *key, const uint8 *facts);
extern const uint8 *LedgerNextFacts(const Ledger *ledger, uint64 *cursor);
extern bool LedgerNext(const Ledger *ledger, uint64 *cursor, LedgerKey *key,
					   uint8 **facts);
extern bool LedgerOverlay(Ledger *ledger, const Ledger *other);
extern void LedgerMatch(Ledger *ledger, const Ledger *other);
extern bool LedgerNextFor(const Ledger *ledger, const Ledger *other, uint64 *cursor,
						  LedgerKey *key, char *room, uint8 **facts);
extern Size LedgerSize(const Ledger *ledger);

#ifdef USE_ASSERT_CHECKING
/* Up to this many bytes a ledger is checked as a whole after every step. */
#define LEDGER_SMALL	1024
extern void LedgerCheck(const Ledger *ledger, bool whole);
/* Is what is taken in by a merge so much that the whole may be checked after it? */
#define IsLargeStep(ledger, other)	((other)->ntaken >= (ledger)->ntaken / 8)
#else
#define LedgerCheck(ledger, whole)	((void) 0)
#endif

/*
 * Begin to fetch what LedgerLocate will read of a key, should that be far away.
 * The more can be done in between, the better.
 */
static inline void
LedgerPrefetch(const Ledger *ledger, uint64 word)
{
	const char *slot = ledger->slots + (word >> ledger->shift) * ledger->slot_size;

	/* slots are not aligned, and may lie in two cache lines */
	PrefetchForUpdate(slot);
	PrefetchForUpdate(slot + ledger->slot_size - 1);
}

/* Scramble a word reversibly, so that its upper bits depend on all of it. */
static inline uint64
LedgerScramble(uint64 word)
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
LedgerScrambleHalf(uint32 half)
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
LedgerKeyFromInteger(const Ledger *ledger, int64 integer, LedgerKey *key)
{
	uint64		index = (uint64) integer - (uint64) (int64) ledger->base;

	key->wide = false;
	if (ledger->form == LEDGER_DENSE && likely(index < ledger->nslots))
		key->word = index << LEDGER_DENSE_SHIFT;
	else if (ledger->form == LEDGER_HALF && likely(integer == (int32) integer))
		key->word = LedgerScrambleHalf((uint32) integer);
	else if (ledger->form == LEDGER_WORD)
		key->word = LedgerScramble((uint64) integer);
	else
	{
		key->wide = true;
		key->u.rest = (uint64) integer;
	}
}
/* The key of 16 bytes. */
static inline void
LedgerKeyFromPair(const uint64 *half, LedgerKey *key)
{
	/* given the rest, the word tells the other half: nothing is lost */
	key->wide = false;
	key->word = LedgerScramble(half[0] ^ LedgerScramble(half[1]));
	key->u.rest = half[1];
}

/* The key of the bytes of a text, which it may point to. */
static inline void
LedgerKeyFromText(const Ledger *ledger, const char *bytes, Size length, LedgerKey *key)
{
	if (ledger->form == LEDGER_PAIR && likely(length <= LEDGER_SHORT_TEXT))
	{
		union
		{
			char		bytes[LEDGER_SHORT_TEXT + 1];
			uint64		half[2];
		}			pair = {0};

		/* the length behind the bytes, so that zeros at the end count */
		memcpy(pair.bytes, bytes, length);
		pair.bytes[LEDGER_SHORT_TEXT] = (char) length;
		LedgerKeyFromPair(pair.half, key);
		return;
	}
	key->wide = ledger->form == LEDGER_PAIR;
	key->u.image = bytes;
	key->length = length;
	key->word = hash_bytes_extended((const unsigned char *) bytes, (int) length, 0);
}

#endif							/* WINBACK_LEDGER_H */
