/*
 * amount.h
 *	  Amounts of money, and exact sums of them.
 *
 * Nearly all amounts have few digits.  Such an amount is kept as an integer and the number of
 * digits after its decimal point, and sums of them are integers of 128 bits.  Any other amount
 * is kept as a numeric.  Both ways give the sum and the display scale of sum(numeric).
 */
#ifndef WINBACK_AMOUNT_H
#define WINBACK_AMOUNT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/nodes.h"
#include "utils/numeric.h"

#include "rules/rules.h"

/* The form of an amount: the digits after the decimal point of an integer, or one of these. */
#define AMOUNT_MAX_SCALE	18
#define AMOUNT_NUMERIC		0xFE
#define AMOUNT_NONE			0xFF	/* NULL */

typedef union AmountValue
{
	int64		scaled;			/* the amount * 10^form */
	Numeric		numeric;		/* AMOUNT_NUMERIC */
} AmountValue;

typedef struct Amount
{
	uint8		form;
	AmountValue value;			/* undefined for AMOUNT_NONE */
} Amount;

static inline bool
IsAmountForm(int form)
{
#ifdef HAVE_INT128
	if (form <= AMOUNT_MAX_SCALE)
		return true;
#endif
	return form == AMOUNT_NUMERIC || form == AMOUNT_NONE;
}

extern Amount AmountFromDatum(Datum numeric);
extern Amount AmountFromScaled(int64 scaled, int scale);
extern bool AmountReadScaled(Numeric numeric, Amount *amount);
extern Numeric AmountToNumeric(const Amount *amount);
extern bool AmountIsZero(const Amount *amount);
extern bool AmountOfOthersCheck(LifecycleEvent event, const Amount *amount, int sqlstate,
								Node *escontext);
extern Amount AmountCopy(const Amount *amount, MemoryContext context);
extern bool AmountRescale(int64 *scaled, int digits);

/*
 * Return true if an event of this kind may have the amount: only purchases and adjustments bring
 * money.  Otherwise report an error with that SQLSTATE, softly if escontext is an ErrorSaveContext,
 * and then return false.
 */
static inline bool
AmountCheck(LifecycleEvent event, const Amount *amount, int sqlstate, Node *escontext)
{
	return likely(IsRevenue(event)) || AmountOfOthersCheck(event, amount, sqlstate, escontext);
}

/* Amounts on the wire.  The form is sent apart, and must not be AMOUNT_NONE. */
extern Size AmountWireSize(uint8 form, AmountValue value);
extern void AmountSend(StringInfo wire, uint8 form, AmountValue value);
extern AmountValue AmountReceive(StringInfo wire, MemoryContext context, uint8 form);

/* A sum of amounts.  Zeroed memory is the sum of none.  `caller` is from AmountSumCaller. */
typedef struct AmountSum
{
#ifdef HAVE_INT128
	int128		scaled;			/* the sum of integers * 10^scale */
#endif
	uint8		scale;
	bool		has_scaled;
	Datum		numeric;		/* the state of sum(numeric); 0 before the first numeric */
} AmountSum;

extern Node *AmountSumCaller(void);
extern void AmountSumAddOther(AmountSum *sum, const Amount *amount, Node *caller);
extern Datum AmountSumGet(AmountSum *sum, Node *caller);
extern bool AmountSumGetScaled(const AmountSum *sum, int64 *scaled, int *scale);

/* Add an amount other than NULL to a sum. */
static inline void
AmountSumAdd(AmountSum *sum, const Amount *amount, Node *caller)
{
#ifdef HAVE_INT128
	int128		total;

	/* most amounts have the scale of the sum; the form of a numeric is no scale */
	if (likely(sum->has_scaled && sum->scale == amount->form &&
			   !__builtin_add_overflow(sum->scaled, amount->value.scaled, &total)))
	{
		sum->scaled = total;
		return;
	}
#endif
	AmountSumAddOther(sum, amount, caller);
}

#endif							/* WINBACK_AMOUNT_H */
