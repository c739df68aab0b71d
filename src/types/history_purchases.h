/*
 * history_purchases.h
 *	  Read histories of purchases, fast.
 *
 * Most histories have few events, which are all purchases, at finite instants, without amounts or
 * with amounts of one scale.  HistoryReader reads one byte after the other, and the processor waits
 * for each of them: where an integer ends decides where the next one begins.  The functions of this
 * file find the ends of the integers of up to 64 bytes at once, and so read several integers at a
 * time.  They leave every other history, and all that seem damaged, to HistoryReader: then they
 * return false.
 *
 * A caller that needs the head alone does not check the rest, like a caller of HistoryReader that
 * stops early.
 */
#ifndef WINBACK_HISTORY_PURCHASES_H
#define WINBACK_HISTORY_PURCHASES_H

#include "postgres.h"

#include "common/int.h"
#include "port/pg_bitutils.h"

#include "types/customer_history.h"

/* The largest number of events: it takes one byte. */
#define PURCHASES_MAX	127

typedef struct Purchases
{
	TimeUnit	unit;
	int			n;				/* at least 1 */
	bool		has_amounts;
	int			scale;			/* of the amounts */
	int64		step;
	uint64		left;			/* steps from the first instant to the last one */
	int64		first;
	int64		last;
	const uint8 *cursor;		/* the bytes after the head */
	const uint8 *end;
} Purchases;

#define BYTES_HIGH		UINT64CONST(0x8080808080808080)

/* Load 8 bytes, the first one as the lowest. */
static inline uint64
LoadWord(const uint8 *bytes)
{
	uint64		word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Join the seven lower bits of each byte. */
static inline uint64
JoinSevens(uint64 word)
{
	word &= ~BYTES_HIGH;
	word = (word & UINT64CONST(0x007f007f007f007f)) |
		(word & UINT64CONST(0x7f007f007f007f00)) >> 1;
	word = (word & UINT64CONST(0x00003fff00003fff)) |
		(word & UINT64CONST(0x3fff00003fff0000)) >> 2;
	return (word & UINT64CONST(0x000000000fffffff)) |
		(word & UINT64CONST(0x0fffffff00000000)) >> 4;
}

/* Read an integer of up to 8 bytes.  Return false if it is longer, or does not end. */
static inline bool
ReadShort(const uint8 **cursor, const uint8 *end, uint64 *value)
{
	uint64		word = BYTES_HIGH;
	uint64		ends;

	if (likely(end - *cursor >= (ptrdiff_t) sizeof(word)))
		word = LoadWord(*cursor);
	else
	{
		for (int i = 0; i < end - *cursor; i++)
			word ^= (uint64) ((*cursor)[i] ^ 0x80) << 8 * i;
	}
	ends = ~word & BYTES_HIGH;
	if (unlikely(ends == 0))
		return false;
	/* the bits up to the end of the first byte without a high bit */
	*value = JoinSevens(word & (ends ^ (ends - 1)));
	*cursor += pg_rightmost_one_pos64(ends) / 8 + 1;
	return true;
}

/* Read the head of a history, if it is one of few purchases. */
static inline bool
PurchasesReadHead(Purchases *purchases, const struct varlena *history)
{
#ifdef WORDS_BIGENDIAN
	return false;
#else
	const uint8 *cursor = (const uint8 *) VARDATA_ANY(history);
	const uint8 *end = cursor + VARSIZE_ANY_EXHDR(history);
	uint64		number;
	int			flags;
	int			step;
	int64		span;

	if (end - cursor < 3 || cursor[0] != HISTORY_VERSION)
		return false;
	flags = cursor[1];
	step = (flags & HISTORY_STEP) >> HISTORY_STEP_SHIFT;
	purchases->unit = (TimeUnit) (flags & HISTORY_UNIT);
	purchases->has_amounts = (flags & HISTORY_AMOUNTS) != 0;
	purchases->n = cursor[2];
	if ((flags & HISTORY_OTHERS) != 0 || !IsTimeUnit(purchases->unit) ||
		flags >> HISTORY_AMOUNTS_SHIFT > HISTORY_ONE_SCALE || step > HISTORY_STEP_MAX ||
		(purchases->unit == UNIT_DAY && step > 0) ||
		purchases->n == 0 || purchases->n > PURCHASES_MAX)
		return false;
	purchases->step = history_steps[step];

	cursor += 3;
	if (!ReadShort(&cursor, end, &number) ||
		pg_mul_s64_overflow(UnZigZag(number), purchases->step, &purchases->first))
		return false;
	purchases->last = purchases->first;
	purchases->left = 0;
	if (purchases->n > 1)
	{
		if (!ReadShort(&cursor, end, &purchases->left) ||
			pg_mul_s64_overflow((int64) purchases->left, purchases->step, &span) ||
			pg_add_s64_overflow(purchases->first, span, &purchases->last))
			return false;
	}
	if (purchases->unit == UNIT_DAY ?
		purchases->first != (DateADT) purchases->first ||
		!IS_VALID_DATE((DateADT) purchases->first) ||
		purchases->last != (DateADT) purchases->last ||
		!IS_VALID_DATE((DateADT) purchases->last) :
		!IS_VALID_TIMESTAMP(purchases->first) || !IS_VALID_TIMESTAMP(purchases->last))
		return false;

	/* PurchasesReadInstants loads the 8 bytes that end with the first integer, of one byte perhaps */
	if (cursor - (const uint8 *) VARDATA_ANY(history) < (ptrdiff_t) sizeof(uint64) - 1)
		return false;
	if (purchases->has_amounts)
	{
		if (cursor == end || *cursor > AMOUNT_MAX_SCALE)
			return false;
		purchases->scale = *cursor++;
	}
	purchases->cursor = cursor;
	purchases->end = end;
	return true;
#endif
}

/* Return the ends of integers in 8 bytes, a bit for each. */
static inline uint64
EndsOfWord(uint64 word)
{
	/* the product has the sum of the bits, each at another place, in its highest byte */
	return ((~word & BYTES_HIGH) >> 7) * UINT64CONST(0x0102040810204080) >> 56;
}

/* Bytes whose ends are found at once. */
#define ENDS_BYTES	64

/*
 * Return the ends of integers in up to 64 bytes.  If their number is no multiple of 8, the last word
 * begins before them; PurchasesReadHead has seen that there are bytes.
 */
static inline uint64
FindEnds(const uint8 *bytes, ptrdiff_t size)
{
	uint64		ends = 0;
	int			nrest;
	int			i = 0;

	size = Min(size, ENDS_BYTES);
	nrest = size % sizeof(uint64);
	for (; i < size - nrest; i += sizeof(uint64))
		ends |= EndsOfWord(LoadWord(bytes + i)) << i;
	if (nrest > 0)
		ends |= EndsOfWord(LoadWord(bytes + size - sizeof(uint64))) >> (sizeof(uint64) - nrest) << i;
	return ends;
}

/* Where the next integers of a history begin and end. */
typedef struct Integers
{
	const uint8 *window;		/* the bytes whose ends are known */
	uint64		ends;			/* of those that have not been read */
	const uint8 *cursor;		/* the next one */
	bool		damaged;		/* one of those that have been read is too long */
} Integers;

/* Find the ends of the next integers.  Return false if there are none. */
static inline bool
FindIntegers(Integers *integers, const uint8 *end)
{
	integers->window = integers->cursor;
	integers->ends = FindEnds(integers->window, end - integers->window);
	return integers->ends != 0;
}

/* Read the next integer, whose end is known. */
static inline uint64
ReadKnown(Integers *integers)
{
	const uint8 *next = integers->window + pg_rightmost_one_pos64(integers->ends) + 1;
	int			unused = (int) sizeof(uint64) - (int) (next - integers->cursor);

	integers->ends &= integers->ends - 1;
	integers->damaged |= unused < 0;
	integers->cursor = next;
	return JoinSevens(LoadWord(next - sizeof(uint64)) >> ((unused & 7) * 8));
}

/*
 * Read the instants of all purchases, in order, after PurchasesReadHead.  `codes` gets the codes of
 * the amounts, if there are amounts and it is not NULL.
 */
static inline bool
PurchasesReadInstants(const Purchases *purchases, int64 *instants, uint64 *codes)
{
	const uint8 *end = purchases->end;
	int			nintegers = Max(purchases->n - 2, 0) + (purchases->has_amounts ? purchases->n : 0);
	Integers	integers = {.cursor = purchases->cursor};
	bool		has_amounts = purchases->has_amounts;
	uint64		first = (uint64) purchases->first;
	uint64		step = (uint64) purchases->step;
	uint64		steps = 0;
	int			n = 0;			/* instants */
	int			namounts = 0;

	instants[n++] = purchases->first;
	for (int i = 0; i < nintegers; i++)
	{
		uint64		value;

		if (unlikely(integers.ends == 0) && !FindIntegers(&integers, end))
			return false;
		value = ReadKnown(&integers);

		/* amounts follow their instants, of which the first and the last are in the head */
		if (has_amounts && (i % 2 == 0 || i == nintegers - 1))
		{
			if (codes != NULL)
				codes[namounts++] = value;
			continue;
		}
		steps += value;
		instants[n++] = (int64) (first + steps * step);
	}
	if (purchases->n > 1)
		instants[n++] = purchases->last;
	return integers.cursor == end && !integers.damaged && steps <= purchases->left;
}

/*
 * Get the last instant before `from` and the first one from there on, after PurchasesReadHead.  Both
 * must exist.
 */
static inline bool
PurchasesAround(const Purchases *purchases, int64 from, int64 *before, int64 *after)
{
	const uint8 *end = purchases->end;
	Integers	integers = {.cursor = purchases->cursor};
	int			nleft = purchases->n - 2;
	uint64		first = (uint64) purchases->first;
	uint64		step = (uint64) purchases->step;
	uint64		steps = 0;
	int64		last_before = purchases->first;
	int64		first_after = purchases->last;

	if (purchases->has_amounts)
	{
		int64		instants[PURCHASES_MAX];

		if (!PurchasesReadInstants(purchases, instants, NULL))
			return false;
		for (int i = purchases->n - 1; instants[i] >= from; i--)
		{
			*after = instants[i];
			*before = instants[i - 1];
		}
		return true;
	}
	while (integers.cursor != end)
	{
		if (unlikely(!FindIntegers(&integers, end)))
			return false;
		for (; integers.ends != 0; nleft--)
		{
			int64		at;

			steps += ReadKnown(&integers);
			at = (int64) (first + steps * step);
			last_before = at < from ? at : last_before;
			first_after = at < from ? first_after : Min(at, first_after);
		}
	}
	*before = last_before;
	*after = first_after;
	return !integers.damaged && nleft == 0 && steps <= purchases->left;
}

#endif							/* WINBACK_HISTORY_PURCHASES_H */
