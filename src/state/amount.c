/*
 * amount.c
 *	  Amounts of money, and exact sums of them.
 *
 * See amount.h for the idea.
 *
 * To read the digits of a numeric without calls of PostgreSQL's functions, this file relies on
 * the format in which a numeric is stored (numeric.c): tables contain it, so it does not change.
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "nodes/execnodes.h"
#include "nodes/makefuncs.h"
#include "utils/fmgrprotos.h"

#include "compat.h"
#include "state/amount.h"

/* The stored format of a numeric of few digits. */
#define NUMERIC_FLAGS		0xC000	/* of the header, an uint16 */
#define NUMERIC_IS_SHORT	0x8000
#define SHORT_NEGATIVE		0x2000
#define SHORT_SCALE(header)	(((header) & 0x1F80) >> 7)
#define SHORT_WEIGHT(header) \
	(((header) & 0x0040) ? (int) ((header) & 0x003F) - 64 : (int) ((header) & 0x003F))
#define DIGIT_BASE			10000	/* of each digit, an int16, most significant first */
#define DIGIT_DECIMALS		4

/* 10^0 to 10^18, the powers of ten that int64 holds. */
static const int64 powers[AMOUNT_MAX_SCALE + 1] = {
	INT64CONST(1), INT64CONST(10), INT64CONST(100), INT64CONST(1000), INT64CONST(10000),
	INT64CONST(100000), INT64CONST(1000000), INT64CONST(10000000), INT64CONST(100000000),
	INT64CONST(1000000000), INT64CONST(10000000000), INT64CONST(100000000000),
	INT64CONST(1000000000000), INT64CONST(10000000000000), INT64CONST(100000000000000),
	INT64CONST(1000000000000000), INT64CONST(10000000000000000),
	INT64CONST(100000000000000000), INT64CONST(1000000000000000000)
};

/* Digits that always make an integer of 64 bits. */
#define DIGITS_THAT_FIT		4

/* Return digit i of a numeric. */
static inline int16
LoadDigit(const char *bytes, int i)
{
	int16		digit;

	memcpy(&digit, bytes + (i + 1) * sizeof(digit), sizeof(digit));
	return digit;
}

/* Divide the last digit by a power of ten below DIGIT_BASE.  Return false if there is a remainder. */
static inline bool
DivideDigit(int16 digit, int decimals, int16 *quotient)
{
	/* divisions by constants are multiplications */
	*quotient = decimals == 2 ? digit / 100 : decimals == 3 ? digit / 1000 : digit / 10;
	return *quotient * (int) powers[decimals] == digit;
}

/*
 * Read a numeric, given its bytes after the length, as an integer times a power of ten.  Return
 * false if that integer does not fit 64 bits, if the scale is too large, or if it is not a number.
 */
static bool
ReadScaled(const char *bytes, Size size, Amount *amount)
{
	uint16		header;
	int64		scaled = 0;
	int			ndigits = (int) (size / sizeof(int16)) - 1;
	int			nwhole = ndigits;	/* digits of which the integer has all four decimals */
	int			scale;
	int			exponent;		/* of ten, of the integer that the digits make */
	int16		rest = 0;

	memcpy(&header, bytes, sizeof(header));
	scale = SHORT_SCALE(header);
	if ((header & NUMERIC_FLAGS) != NUMERIC_IS_SHORT || scale > AMOUNT_MAX_SCALE)
		return false;
	exponent = ndigits > 0 ? (SHORT_WEIGHT(header) - ndigits + 1) * DIGIT_DECIMALS + scale : 0;
	if (exponent > AMOUNT_MAX_SCALE || exponent <= -DIGIT_DECIMALS)
		return false;
	/* decimals after the scale, which the last digit has room for, are zero */
	if (exponent < 0 && !DivideDigit(LoadDigit(bytes, --nwhole), -exponent, &rest))
		return false;

	if (likely(ndigits <= DIGITS_THAT_FIT && exponent <= 0))
	{
		for (int i = 0; i < nwhole; i++)
			scaled = scaled * DIGIT_BASE + LoadDigit(bytes, i);
		if (exponent < 0)
			scaled = scaled * powers[DIGIT_DECIMALS + exponent] + rest;
	}
	else
	{
		for (int i = 0; i < nwhole; i++)
		{
			if (pg_mul_s64_overflow(scaled, DIGIT_BASE, &scaled) ||
				pg_add_s64_overflow(scaled, LoadDigit(bytes, i), &scaled))
				return false;
		}
		if (exponent < 0 &&
			(pg_mul_s64_overflow(scaled, powers[DIGIT_DECIMALS + exponent], &scaled) ||
			 pg_add_s64_overflow(scaled, rest, &scaled)))
			return false;
		if (exponent > 0 && pg_mul_s64_overflow(scaled, powers[exponent], &scaled))
			return false;
	}

	amount->form = scale;
	amount->value.scaled = header & SHORT_NEGATIVE ? -scaled : scaled;
	return true;
}

/*
 * Read a numeric that is not toasted as an integer times a power of ten, on every platform.  Return
 * false if there is none of 64 bits.  The format of customer_history depends on it.
 */
bool
AmountReadScaled(Numeric numeric, Amount *amount)
{
	const struct varlena *bytes = (const struct varlena *) numeric;

	return ReadScaled(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), amount);
}

/* Return an amount other than NULL as a numeric. */
Numeric
AmountToNumeric(const Amount *amount)
{
	if (amount->form == AMOUNT_NUMERIC)
		return amount->value.numeric;
	return int64_div_fast_to_numeric(amount->value.scaled, amount->form);
}

/* Read a numeric.  Its memory must live as long as the amount. */
Amount
AmountFromDatum(Datum numeric)
{
	Amount		amount;

#ifdef HAVE_INT128
	const struct varlena *bytes = (const struct varlena *) DatumGetPointer(numeric);

	if (likely(!VARATT_IS_EXTERNAL(bytes) && !VARATT_IS_COMPRESSED(bytes)) &&
		ReadScaled(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), &amount))
		return amount;
#endif
	amount.form = AMOUNT_NUMERIC;
	amount.value.numeric = DatumGetNumeric(numeric);
	return amount;
}

/* Make an amount from an integer * 10^-scale. */
Amount
AmountFromScaled(int64 scaled, int scale)
{
	Amount		amount;

#ifdef HAVE_INT128
	amount.form = scale;
	amount.value.scaled = scaled;
#else
	amount.form = AMOUNT_NUMERIC;
	amount.value.numeric = int64_div_fast_to_numeric(scaled, scale);
#endif
	return amount;
}

/* Return whether an amount other than NULL is zero. */
bool
AmountIsZero(const Amount *amount)
{
	Datum		zero;

	if (amount->form != AMOUNT_NUMERIC)
		return amount->value.scaled == 0;
	zero = DirectFunctionCall1(int4_numeric, Int32GetDatum(0));
	return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(amount->value.numeric),
											zero));
}

/* AmountCheck() for an event that brings no money. */
bool
AmountOfOthersCheck(LifecycleEvent event, const Amount *amount, int sqlstate, Node *escontext)
{
	Datum		numeric;

	if (amount->form == AMOUNT_NONE || AmountIsZero(amount))
		return true;
	numeric = NumericGetDatum(AmountToNumeric(amount));
	ereturn(escontext, false,
			(errcode(sqlstate),
			 errmsg("%s must not have an amount",
					event == EVENT_INTEREST ? "interest" : "cancellation"),
			 errdetail("The amount is %s.", DatumGetCString(DirectFunctionCall1(numeric_out, numeric))),
			 errhint("Pass NULL, or pass money that a customer got back as the amount of "
					 "an event of its own, 'adjustment'.")));
}

/* Multiply an integer by 10^digits.  Return false if that overflows. */
bool
AmountRescale(int64 *scaled, int digits)
{
	return !pg_mul_s64_overflow(*scaled, powers[digits], scaled);
}

/* Copy an amount, with its numeric, into a context. */
Amount
AmountCopy(const Amount *amount, MemoryContext context)
{
	Amount		copy = *amount;

	if (amount->form == AMOUNT_NUMERIC)
	{
		Size		size = VARSIZE(amount->value.numeric);

		copy.value.numeric = memcpy(MemoryContextAlloc(context, size), amount->value.numeric, size);
	}
	return copy;
}

/* Return the bytes of a value on the wire. */
Size
AmountWireSize(uint8 form, AmountValue value)
{
	return form == AMOUNT_NUMERIC ? sizeof(int32) + VARSIZE(value.numeric) : sizeof(int64);
}

void
AmountSend(StringInfo wire, uint8 form, AmountValue value)
{
	if (form == AMOUNT_NUMERIC)
	{
		pq_sendint32(wire, VARSIZE(value.numeric));
		pq_sendbytes(wire, (char *) value.numeric, VARSIZE(value.numeric));
	}
	else
		pq_sendint64(wire, value.scaled);
}

/* Read a value.  A numeric is copied into aligned memory with the length of the message. */
AmountValue
AmountReceive(StringInfo wire, MemoryContext context, uint8 form)
{
	AmountValue value;
	int			size;
	const char *bytes;
	uint16		header;

	if (form != AMOUNT_NUMERIC)
	{
		value.scaled = pq_getmsgint64(wire);
		return value;
	}
	size = pq_getmsgint(wire, 4);
	bytes = pq_getmsgbytes(wire, size);
	if (size < (int) (VARHDRSZ + sizeof(header)))
		elog(ERROR, "invalid amount in a serialized state");
	/* without the uppermost bit, the header has a second word */
	memcpy(&header, bytes + VARHDRSZ, sizeof(header));
	if ((header & 0x8000) == 0 && size < (int) (VARHDRSZ + 2 * sizeof(header)))
		elog(ERROR, "invalid amount in a serialized state");
	value.numeric = memcpy(MemoryContextAlloc(context, size), bytes, size);
	SET_VARSIZE(value.numeric, size);
	return value;
}

/*
 * Make the caller of the functions of PostgreSQL's own sum(numeric), which adds up those amounts
 * that are no integers.  A sum is then the same for every order of the rows, overflows only if
 * the total does, and has the display scale that sum() gives it.
 *
 * The transition function of sum(numeric) asks AggCheckCallContext in which memory context to
 * keep its state: here, the current one.  Of a WindowAggState, that function reads the node tag
 * and curaggcontext, so only these two are set.  An AggState would need an ExprContext as well.
 */
Node *
AmountSumCaller(void)
{
	WindowAggState *caller = makeNode(WindowAggState);

	caller->curaggcontext = CurrentMemoryContext;
	return (Node *) caller;
}

/* Call a support function of sum(numeric) as an aggregate would. */
static Datum
CallSumFunction(Node *caller, PGFunction function, Datum sum, Datum amount, int nargs)
{
	LOCAL_FCINFO(fcinfo, 2);
	Datum		result;

	InitFunctionCallInfoData(*fcinfo, NULL, nargs, InvalidOid, caller, NULL);
	fcinfo->args[0].value = sum;
	fcinfo->args[0].isnull = sum == 0;
	fcinfo->args[1].value = amount;
	fcinfo->args[1].isnull = false;
	result = function(fcinfo);
	if (fcinfo->isnull)
		elog(ERROR, "sum of amounts is null");
	return result;
}

static void
AddNumeric(AmountSum *sum, Datum amount, Node *caller)
{
	sum->numeric = CallSumFunction(caller, numeric_avg_accum, sum->numeric, amount, 2);
}

#ifdef HAVE_INT128

/* Return an integer of 128 bits, divided by 10^scale, as a numeric. */
static Datum
ScaledToNumeric(int128 scaled, int scale)
{
	int128		high = scaled / powers[AMOUNT_MAX_SCALE];
	int64		low = (int64) (scaled % powers[AMOUNT_MAX_SCALE]);
	Datum		result = NumericGetDatum(int64_div_fast_to_numeric(low, scale));
	Datum		unit;

	/* the sum is high * unit + low / 10^scale; both terms have the sign of the sum */
	if (high == 0)
		return result;
	unit = NumericGetDatum(int64_to_numeric(powers[AMOUNT_MAX_SCALE - scale]));
	return DirectFunctionCall2(numeric_add,
							   DirectFunctionCall2(numeric_mul, ScaledToNumeric(high, 0), unit),
							   result);
}

/* Move the sum of the integers into the sum of the numerics. */
static void
FlushScaled(AmountSum *sum, Node *caller)
{
	AddNumeric(sum, ScaledToNumeric(sum->scaled, sum->scale), caller);
	sum->scaled = 0;
}

/* Bring a sum to at least the scale of an amount. */
static void
Rescale(AmountSum *sum, int scale, Node *caller)
{
	int128		rescaled;

	if (__builtin_mul_overflow(sum->scaled, powers[scale - sum->scale], &rescaled))
	{
		FlushScaled(sum, caller);
		rescaled = 0;
	}
	sum->scaled = rescaled;
	sum->scale = scale;
}

static void
AddScaled(AmountSum *sum, const Amount *amount, Node *caller)
{
	int128		scaled;
	int128		total;

	if (amount->form > sum->scale)
		Rescale(sum, amount->form, caller);
	scaled = (int128) amount->value.scaled * powers[sum->scale - amount->form];
	if (unlikely(__builtin_add_overflow(sum->scaled, scaled, &total)))
	{
		FlushScaled(sum, caller);
		total = scaled;
	}
	sum->scaled = total;
	sum->has_scaled = true;
}

#endif							/* HAVE_INT128 */

/* Add an amount that AmountSumAdd cannot simply add. */
void
AmountSumAddOther(AmountSum *sum, const Amount *amount, Node *caller)
{
#ifdef HAVE_INT128
	if (likely(amount->form != AMOUNT_NUMERIC))
	{
		AddScaled(sum, amount, caller);
		return;
	}
#endif
	AddNumeric(sum, NumericGetDatum(amount->value.numeric), caller);
}

/* Return a sum as a numeric; the sum of no amount is 0. */
Datum
AmountSumGet(AmountSum *sum, Node *caller)
{
#ifdef HAVE_INT128
	if (sum->has_scaled)
	{
		if (sum->numeric == 0)
			return ScaledToNumeric(sum->scaled, sum->scale);
		FlushScaled(sum, caller);
	}
#endif
	if (sum->numeric == 0)
		return DirectFunctionCall1(int4_numeric, Int32GetDatum(0));
	return CallSumFunction(caller, numeric_sum, sum->numeric, 0, 1);
}

/*
 * Return a sum as an integer * 10^-scale.  Return false, although there may be such an integer, if
 * the sum has to be asked for with AmountSumGet.
 */
bool
AmountSumGetScaled(const AmountSum *sum, int64 *scaled, int *scale)
{
#ifdef HAVE_INT128
	if (sum->numeric == 0 && sum->scaled <= PG_INT64_MAX && sum->scaled >= -PG_INT64_MAX)
	{
		*scaled = (int64) sum->scaled;
		*scale = sum->scale;
		return true;
	}
#endif
	return false;
}
