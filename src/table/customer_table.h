/*
 * customer_table.h
 *	  The customers of one group, and some bytes of facts about each of them.
 *
 * The owner of a table chooses how many bytes of facts a customer has and what they
 * mean; it makes keys from customers (customer_type.h), and the table finds the facts
 * of a key.  The heads of customer_table.c and key_forms.c describe the algorithms and their
 * limits.
 */
#ifndef WINBACK_CUSTOMER_TABLE_H
#define WINBACK_CUSTOMER_TABLE_H

#include "postgres.h"

#include "common/hashfn.h"

#include "compat.h"

/*
 * The way in which a table stores its keys.  Each comment describes the key, and then the
 * condition for two keys to be the same customer.
 */
typedef enum KeyForm
{
	KEY_DENSE,					/* the table is an array, the key an index */
	KEY_HALF,					/* an integer of 32 bits: equal words */
	KEY_WORD,					/* an integer of 64 bits: equal words */
	KEY_PAIR,					/* 16 bytes, or a text of up to 16: equal words */
	KEY_QUAD,					/* 32 bytes, which are a text of up to 32: equal words */
	KEY_BYTES,					/* a text of any length: equal words and bytes */
	KEY_VALUE					/* any type: equal words, and the type's own equality */
} KeyForm;

/* The largest number of words of a key in a slot. */
#define KEY_WORDS	4

/*
 * A key to look for in one table.
 *
 * The place of a customer in the table follows from the uppermost bits of the word, so
 * these are spread evenly.  For integers, KEY_PAIR and KEY_QUAD the word is a reversible
 * scramble of the customer's own bits, not a hash: customers who differ never have
 * the same key.  For KEY_BYTES and KEY_VALUE it is a hash.  The scramble or hash
 * depends on the table's seed, so a key is of use only for tables of one seed.
 *
 * A table of integers begins as KEY_HALF, and becomes KEY_WORD when an integer of
 * more than 32 bits comes.  If many integers lie so close together that an array
 * from the least to the greatest takes no more memory than the table, it becomes
 * KEY_DENSE (CustomerTableSettle).  A table of texts begins as KEY_PAIR, and becomes KEY_QUAD
 * when a text comes that 16 bytes do not hold, and KEY_BYTES when 32 do not.  A key that does
 * not fit the table's form is marked as wide; CustomerTableWiden changes the form for it.
 */
typedef struct CustomerKey
{
	uint64		word;			/* KEY_HALF: the lower 32 bits are zero; KEY_DENSE: the index is
								 * in the upper 32 */
	union
	{
		uint64		rest[KEY_WORDS - 1];	/* KEY_PAIR: the second word; KEY_QUAD: the second to
										 * the fourth */
		int64		integer;	/* a wide integer */
		const char *image;		/* KEY_BYTES: the text; KEY_VALUE: the value, max-aligned; also
								 * a wide text */
	}			u;
	Size		length;			/* of the image, in bytes */
	bool		wide;			/* the key does not fit the table's form */
} CustomerKey;

/* The type of the customers: customer_type.h. */
typedef struct CustomerType CustomerType;

/* The bit of the first byte of facts that belongs to the table: the slot is taken. */
#define SLOT_TAKEN	0x01

/* Bytes of facts that are the byte with SLOT_TAKEN and a number, which is 0 in new facts. */
#define NUMBER_FACTS_SIZE	(1 + sizeof(uint32))

/* Return the number in such facts. */
static inline uint32
LoadNumber(const uint8 *facts)
{
	uint32		number;

	memcpy(&number, facts + 1, sizeof(number));
	return number;
}

static inline void
StoreNumber(uint8 *facts, uint32 number)
{
	memcpy(facts + 1, &number, sizeof(number));
}

/* The size of a whole table, of which a received table is a portion. */
typedef struct WholeTable
{
	uint64		ntaken;			/* customers */
	int32		base;			/* as in CustomerTable, of an array only */
	uint64		nslots;			/* of an array only */
} WholeTable;

/* The fields that a look-up reads stand together at the end. */
typedef struct CustomerTable
{
	MemoryContext context;		/* in which slots and images are allocated */
	const WholeTable *whole;	/* NULL unless received */
	CustomerType *customer_type;	/* KEY_VALUE only: has the equality of the keys */

	/* KEY_BYTES and KEY_VALUE: slots hold offsets into the images */
	char	   *images;
	Size		images_used;	/* bytes */
	Size		images_size;	/* bytes allocated */

	uint64		seed;			/* of the words of all keys; unused for KEY_DENSE */
	KeyForm		form;
	int32		base;			/* KEY_DENSE: the integer of the first slot */
	bool		packed;			/* the table was received, and is read only; its customers fill
								 * the first ntaken slots in any order, except those of an array */
	uint8		shift;			/* see CustomerTablePlace; 0 in a small table */
	uint16		facts_size;		/* bytes a customer, 1 to MAX_FACTS_SIZE */
	uint16		slot_size;		/* bytes: the key and the facts */
	uint16		reach;			/* bytes from a slot to the last byte to prefetch with it */
	uint64		nslots;
	uint64		ntaken;			/* taken slots, and so the number of customers */
	char	   *slots;
} CustomerTable;

/* The largest facts_size: slot_size, with four words before the facts, has 16 bits. */
#define MAX_FACTS_SIZE	((int) (PG_UINT16_MAX - KEY_WORDS * sizeof(uint64)))

/* The longest text, in bytes, that the words of a key hold. */
#define TEXT_IN_WORDS	((int) (KEY_WORDS * sizeof(uint64)))

/* The shift of an array: the place is the upper half of the word. */
#define DENSE_SHIFT		32

static inline bool
IsKeyForm(int form)
{
	return form >= KEY_DENSE && form <= KEY_VALUE;
}

/* Whether the keys are integers. */
#define FormIsInteger(form) \
	((form) == KEY_DENSE || (form) == KEY_HALF || (form) == KEY_WORD)
/* Whether the keys are integers of 32 bits. */
#define FormIsInt32(form)	((form) == KEY_DENSE || (form) == KEY_HALF)
/* Whether a slot has an image of the key elsewhere, and its offset behind the word. */
#define FormHasImage(form)	((form) == KEY_BYTES || (form) == KEY_VALUE)

extern void CustomerTableInit(CustomerTable *table, MemoryContext context, KeyForm form,
							  int facts_size, uint64 seed);
extern void CustomerTableInitPacked(CustomerTable *table, MemoryContext context, KeyForm form,
									int facts_size, uint64 seed, uint64 ncustomers,
									Size images_size);
extern void CustomerTableInitDense(CustomerTable *table, MemoryContext context, int facts_size,
								   int32 base, uint64 nslots, const char *slots);
extern void CustomerTableWiden(CustomerTable *table, const CustomerKey *key);
extern void CustomerTableSettle(CustomerTable *table, uint64 more);
extern void CustomerTableReserve(CustomerTable *table, uint64 more);
extern void CustomerTableLocate(CustomerTable *table, const CustomerKey *keys, int nkeys,
								uint8 **facts);
extern void CustomerTableFind(const CustomerTable *table, const CustomerKey *keys, int nkeys,
							  const uint8 **facts);
extern void CustomerTableAppend(CustomerTable *table, const CustomerKey *key,
								const uint8 *facts);
extern const uint8 *CustomerTableNextFacts(const CustomerTable *table, uint64 *cursor);
extern void CustomerTableCount(const CustomerTable *table, uint64 *counts);
extern bool CustomerTableNext(const CustomerTable *table, uint64 *cursor, CustomerKey *key,
							  uint8 **facts);
extern void CustomerTableMatch(CustomerTable *table, const CustomerTable *other);
extern bool CustomerTableOverlay(CustomerTable *table, const CustomerTable *other);
extern bool CustomerTableNextFor(const CustomerTable *table, const CustomerTable *other,
								 uint64 *cursor, CustomerKey *key, char *room, uint8 **facts);
extern Size CustomerTableSize(const CustomerTable *table);
extern int64 CustomerTableInteger(const CustomerTable *table, const uint8 *facts);
extern void CustomerTableWords(const CustomerTable *table, const uint8 *facts, uint64 *words);
extern Size CustomerTableText(const CustomerTable *table, const uint8 *facts, char *room,
							  const char **text);
extern const char *CustomerTableImage(const CustomerTable *table, const uint8 *facts,
									  Size *length);

#ifdef USE_ASSERT_CHECKING
/* A table of up to this many bytes is checked as a whole after every step. */
#define SMALL_TABLE	1024
extern void CustomerTableCheck(const CustomerTable *table, bool whole);

/* Whether a merge adds so many customers that checking the whole table after it is no waste. */
#define IsLargeStep(table, other)	((other)->ntaken >= (table)->ntaken / 8)
#else
#define CustomerTableCheck(table, whole)	((void) 0)
#endif

/*
 * Return the place where probing for a word begins.  It is the word, scaled to the
 * number of slots: if that number is a power of two, the place is the word's uppermost bits.
 */
static inline uint64
CustomerTablePlace(const CustomerTable *table, uint64 word)
{
	if (table->shift != 0)
		return word >> table->shift;
	return ((word >> 32) * table->nslots) >> 32;
}

/*
 * Begin to load the slot that CustomerTableLocate will read for a word into the cache.
 * Call it as early as possible: a load from main memory takes about 100 ns.
 */
static inline void
CustomerTablePrefetch(const CustomerTable *table, uint64 word)
{
	const char *slot = table->slots +
		CustomerTablePlace(table, word) * table->slot_size;

	PrefetchForUpdate(slot);
	PrefetchForUpdate(slot + table->reach);
}

/*
 * Scramble a word reversibly under a seed, so that the upper bits of the result depend
 * on all bits of the word.
 *
 * Customers may choose their own keys (an e-mail address, a uuid), and linear probing
 * takes quadratic time if many keys have neighbouring places.  So it must not be
 * possible to choose such keys without the seed.
 *
 * XOR with the seed before a fixed scramble would not be enough.  A difference in the
 * highest bit passes through XOR and through multiplication by any odd number
 * unchanged, and differences in the upper bits stay in the upper bits, so the
 * difference of two words after the fixed steps can be foreseen, in part, whatever the
 * seed is.  Here the factor is secret as well.  Multiplication by a random odd factor
 * is universal: any two words have the same n upper bits with a probability of at most
 * 2 / 2^n.  XOR comes first because every factor maps zero to zero, and a multiple of
 * 2^k to another multiple of 2^k.
 *
 * Multiplication moves bits upwards only.  The second step, which is fixed, moves the
 * upper half down and multiplies again, so that upper bits of the word count as well.
 */
static inline uint64
ScrambleWord(uint64 word, uint64 seed)
{
	word ^= seed << 32 | seed >> 32;
	word *= seed | 1;
	word ^= word >> 32;
	word *= UINT64CONST(0xbf58476d1ce4e5b9);	/* from Vigna's splitmix64 */
	word ^= word >> 32;
	return word;
}

/* Scramble 32 bits in the same way.  The result is in the upper half of a word. */
static inline uint64
ScrambleHalf(uint32 half, uint64 seed)
{
	half ^= (uint32) seed;
	half *= (uint32) (seed >> 32) | 1;
	half ^= half >> 16;
	half *= 0x85ebca6b;			/* from Appleby's MurmurHash3 */
	half ^= half >> 16;
	return (uint64) half << 32;
}

/* Make the key of an integer of up to 64 bits. */
static inline void
CustomerKeyFromInteger(const CustomerTable *table, int64 integer, CustomerKey *key)
{
	uint64		index = (uint64) integer - (uint64) (int64) table->base;

	key->wide = false;
	if (table->form == KEY_DENSE && likely(index < table->nslots))
		key->word = index << DENSE_SHIFT;
	else if (table->form == KEY_HALF && likely(integer == (int32) integer))
		key->word = ScrambleHalf((uint32) integer, table->seed);
	else if (table->form == KEY_WORD)
		key->word = ScrambleWord((uint64) integer, table->seed);
	else
	{
		key->wide = true;
		key->u.integer = integer;
	}
}

/*
 * Return the number of words of a key in a slot, behind the first of which the others stand as
 * they are; 1 for forms whose keys are one word, less or an image.
 */
static inline int
FormWords(KeyForm form)
{
	return form == KEY_PAIR ? 2 : form == KEY_QUAD ? KEY_WORDS : 1;
}

/*
 * Make the key of several words, in a form that has as many.  The first of them can be computed
 * from the word and the rest (WordsOfKey).
 */
static pg_attribute_always_inline void
CustomerKeyFromWords(const CustomerTable *table, const uint64 *words, int nwords, CustomerKey *key)
{
	uint64		scrambled = 0;

	for (int w = nwords - 1; w >= 0; w--)
		scrambled = ScrambleWord(words[w] ^ scrambled, table->seed);
	key->wide = false;
	key->word = scrambled;
	memcpy(key->u.rest, words + 1, (nwords - 1) * sizeof(uint64));
}

/*
 * Return whether a text can be stored in `size` bytes.  The last of them is the length if the text
 * is shorter, to tell zeros at its end from padding.  So the last byte of a text that fills them all
 * must not be such a length; in a text that people write, it is not.
 */
static inline bool
TextFits(const char *bytes, Size length, Size size)
{
	return length < size || (length == size && (uint8) bytes[size - 1] >= size);
}

/* Make the key of a text that fits the words of the form. */
static pg_attribute_always_inline void
CustomerKeyFromShortText(const CustomerTable *table, const char *bytes, Size length, int nwords,
						 CustomerKey *key)
{
	uint64		words[KEY_WORDS] = {0};
	const Size	size = nwords * sizeof(uint64);

	memcpy(words, bytes, length);
	if (length < size)
		((char *) words)[size - 1] = (char) length;
	CustomerKeyFromWords(table, words, nwords, key);
}

/* Make the key of a text.  The key may point to the bytes. */
static inline void
CustomerKeyFromText(const CustomerTable *table, const char *bytes, Size length, CustomerKey *key)
{
	if (table->form == KEY_PAIR && likely(TextFits(bytes, length, 2 * sizeof(uint64))))
	{
		CustomerKeyFromShortText(table, bytes, length, 2, key);
		return;
	}
	if (table->form == KEY_QUAD && likely(TextFits(bytes, length, KEY_WORDS * sizeof(uint64))))
	{
		CustomerKeyFromShortText(table, bytes, length, KEY_WORDS, key);
		return;
	}
	key->wide = table->form != KEY_BYTES;
	key->u.image = bytes;
	key->length = length;
	key->word = hash_bytes_extended((const unsigned char *) bytes, (int) length, table->seed);
}

#endif							/* WINBACK_CUSTOMER_TABLE_H */
