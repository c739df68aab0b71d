/*
 * list_builtin.c
 *	  Aggregates of PostgreSQL in a Winback Scan: count, min, max, sum and avg.
 *
 * A list of customers shows more than their status: how often, when last, how much.  A rate by group
 * has the number of orders and the revenue beside it.  If the scan computed winback's aggregates
 * only, it could not serve such a query at all.  So this file
 * computes the common aggregates of PostgreSQL, with the same results: the same value, type,
 * display scale and NULL.
 *
 * Facts, which are zero before the first row:
 *
 *		count		8 bytes: the number
 *		min, max	1 byte: there is a value; 8 bytes: the value
 *		sum			1 byte: there is a value; 8 bytes: the sum of int2 or int4
 *		sum			1 byte: SumForm; 8 bytes: the sum of int8 or numeric, or a pointer
 *		avg			9 bytes of the sum; 8 bytes: the number of values
 *
 * Limits: the types that the table at the end lists.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "scan/list_aggregate.h"
#include "state/amount.h"

#define FLAGGED_SIZE	(1 + sizeof(int64))

static inline int64
LoadInt64(const uint8 *bytes)
{
	int64		value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline void
StoreInt64(uint8 *bytes, int64 value)
{
	memcpy(bytes, &value, sizeof(value));
}

/*
 * count
 */

static int
CountSize(int nargs pg_attribute_unused())
{
	return sizeof(int64);
}

/* count(*) */
static void
CountRows(FunctionCallInfo fcinfo pg_attribute_unused(), const RowBlock *rows,
		  uint8 *const *facts, int offset)
{
	for (int row = 0; row < rows->nrows; row++)
		StoreInt64(facts[row] + offset, LoadInt64(facts[row] + offset) + 1);
}

/* count(x) */
static void
CountValues(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts, int offset)
{
	for (int row = 0; row < rows->nrows; row++)
		StoreInt64(facts[row] + offset, LoadInt64(facts[row] + offset) +
				   !RowBlockArg(rows, row, fcinfo, 1).isnull);
}

static Datum
FinishCount(FunctionCallInfo fcinfo pg_attribute_unused(),
			FunctionCallInfo final pg_attribute_unused(), const uint8 *facts, bool *isnull)
{
	*isnull = false;
	return Int64GetDatum(LoadInt64(facts));
}

/*
 * min, max and sum of integers.  Dates and timestamps are compared as the integers that they are.
 * `size` is the number of bytes of the type.
 */

typedef enum IntegerOperation
{
	INTEGER_MIN,
	INTEGER_MAX,
	INTEGER_SUM
} IntegerOperation;

static int
IntegerSize(int nargs pg_attribute_unused())
{
	return FLAGGED_SIZE;
}

static pg_attribute_always_inline int64
DatumToInteger(Datum value, int size)
{
	return size == sizeof(int16) ? DatumGetInt16(value) :
		size == sizeof(int32) ? DatumGetInt32(value) : DatumGetInt64(value);
}

static pg_attribute_always_inline void
AddIntegers(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts, int offset,
			int size, IntegerOperation operation)
{
	for (int row = 0; row < rows->nrows; row++)
	{
		NullableDatum arg = RowBlockArg(rows, row, fcinfo, 1);
		uint8	   *own = facts[row] + offset;
		int64		value;
		int64		known;

		if (arg.isnull)
			continue;
		value = DatumToInteger(arg.value, size);
		known = own[0] ? LoadInt64(own + 1) : operation == INTEGER_SUM ? 0 : value;
		own[0] = true;
		StoreInt64(own + 1, operation == INTEGER_SUM ? known + value :
				   operation == INTEGER_MIN ? Min(known, value) : Max(known, value));
	}
}

static pg_attribute_always_inline Datum
FinishInteger(const uint8 *facts, bool *isnull, int size)
{
	int64		value = LoadInt64(facts + 1);

	*isnull = !facts[0];
	return size == sizeof(int16) ? Int16GetDatum((int16) value) :
		size == sizeof(int32) ? Int32GetDatum((int32) value) : Int64GetDatum(value);
}

/* Define functions for a size and an operation, so that both are constants in the loop. */
#define DEFINE_ADD(name, size, operation) \
static void \
name(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts, int offset) \
{ \
	AddIntegers(fcinfo, rows, facts, offset, (size), (operation)); \
}

#define DEFINE_FINISH(name, size) \
static Datum \
name(FunctionCallInfo fcinfo pg_attribute_unused(), \
	 FunctionCallInfo final pg_attribute_unused(), const uint8 *facts, bool *isnull) \
{ \
	return FinishInteger(facts, isnull, (size)); \
}

DEFINE_ADD(Min16, sizeof(int16), INTEGER_MIN)
DEFINE_ADD(Min32, sizeof(int32), INTEGER_MIN)
DEFINE_ADD(Min64, sizeof(int64), INTEGER_MIN)
DEFINE_ADD(Max16, sizeof(int16), INTEGER_MAX)
DEFINE_ADD(Max32, sizeof(int32), INTEGER_MAX)
DEFINE_ADD(Max64, sizeof(int64), INTEGER_MAX)
DEFINE_ADD(Sum16, sizeof(int16), INTEGER_SUM)
DEFINE_ADD(Sum32, sizeof(int32), INTEGER_SUM)
DEFINE_FINISH(Finish16, sizeof(int16))
DEFINE_FINISH(Finish32, sizeof(int32))
DEFINE_FINISH(Finish64, sizeof(int64))

/*
 * sum of int8 and numeric, whose result is a numeric.  Nearly all sums fit 64 bits, as amounts of
 * one scale.  A customer with any other sum has an AmountSum elsewhere.
 */
enum SumForm
{
	SUM_NONE = 0,				/* there is no value */
	SUM_SCALED = 1,				/* from here on: 1 + the scale of the sum, an integer */
	SUM_AMOUNTS = 0x80			/* a pointer to an AmountSum */
};

/* The data of a call site of sum(): the caller of the functions of PostgreSQL's own sum(). */
static Node *
SumCaller(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		fcinfo->flinfo->fn_extra = AmountSumCaller();
		MemoryContextSwitchTo(old_context);
	}
	return fcinfo->flinfo->fn_extra;
}

static AmountSum *
AmountSumOf(const uint8 *facts)
{
	return (AmountSum *) DatumGetPointer(Int64GetDatum(LoadInt64(facts + 1)));
}

/* Add two amounts that are integers.  Return false if the sum is none of 64 bits. */
static bool
AddScaled(Amount *sum, Amount amount)
{
	int			scale = Max(sum->form, amount.form);

	if (!AmountRescale(&sum->value.scaled, scale - sum->form) ||
		!AmountRescale(&amount.value.scaled, scale - amount.form) ||
		pg_add_s64_overflow(sum->value.scaled, amount.value.scaled, &sum->value.scaled))
		return false;
	sum->form = scale;
	return true;
}

/* Add an amount that is not of the scale of the sum, or makes it overflow. */
static pg_noinline void
AddOtherAmount(FunctionCallInfo fcinfo, uint8 *facts, const Amount *amount)
{
	AmountSum  *sum;

	if (facts[0] == SUM_AMOUNTS)
		sum = AmountSumOf(facts);
	else
	{
		Amount		known = {.form = facts[0] - SUM_SCALED};
		Amount		total;

		known.value.scaled = LoadInt64(facts + 1);
		total = known;
		if (facts[0] != SUM_NONE && amount->form <= AMOUNT_MAX_SCALE &&
			AddScaled(&total, *amount))
		{
			facts[0] = SUM_SCALED + total.form;
			StoreInt64(facts + 1, total.value.scaled);
			return;
		}
		sum = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(AmountSum));
		if (facts[0] != SUM_NONE)
			AmountSumAdd(sum, &known, SumCaller(fcinfo));
		facts[0] = SUM_AMOUNTS;
		StoreInt64(facts + 1, DatumGetInt64(PointerGetDatum(sum)));
	}
	AmountSumAdd(sum, amount, SumCaller(fcinfo));
}

/* Add an amount to a sum. */
static inline void
AddAmount(FunctionCallInfo fcinfo, uint8 *facts, const Amount *amount)
{
	int64		sum;

	if (facts[0] == SUM_NONE && amount->form <= AMOUNT_MAX_SCALE)
	{
		facts[0] = SUM_SCALED + amount->form;
		StoreInt64(facts + 1, amount->value.scaled);
	}
	else if (facts[0] == SUM_SCALED + amount->form &&
			 !pg_add_s64_overflow(LoadInt64(facts + 1), amount->value.scaled, &sum))
		StoreInt64(facts + 1, sum);
	else
		AddOtherAmount(fcinfo, facts, amount);
}

static void
AddNumerics(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts, int offset)
{
	for (int row = 0; row < rows->nrows; row++)
	{
		NullableDatum arg = RowBlockArg(rows, row, fcinfo, 1);
		Amount		amount;

		if (arg.isnull)
			continue;
		amount = AmountFromDatum(arg.value);
		AddAmount(fcinfo, facts[row] + offset, &amount);
	}
}

static void
AddBigints(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts, int offset)
{
	for (int row = 0; row < rows->nrows; row++)
	{
		NullableDatum arg = RowBlockArg(rows, row, fcinfo, 1);
		Amount		amount = {.form = 0};

		if (arg.isnull)
			continue;
		amount.value.scaled = DatumGetInt64(arg.value);
		AddAmount(fcinfo, facts[row] + offset, &amount);
	}
}

static Datum
FinishNumeric(FunctionCallInfo fcinfo, FunctionCallInfo final pg_attribute_unused(),
			  const uint8 *facts, bool *isnull)
{
	*isnull = facts[0] == SUM_NONE;
	if (*isnull)
		return (Datum) 0;
	if (facts[0] == SUM_AMOUNTS)
		return AmountSumGet(AmountSumOf(facts), SumCaller(fcinfo));
	return NumericGetDatum(int64_div_fast_to_numeric(LoadInt64(facts + 1),
													 facts[0] - SUM_SCALED));
}

/*
 * avg, whose result is a numeric.
 */

static int
AverageSize(int nargs pg_attribute_unused())
{
	return FLAGGED_SIZE + sizeof(int64);
}

/* Define a function that adds rows to the sum and to the number of values. */
#define DEFINE_AVERAGE(name, add) \
static void \
name(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts, int offset) \
{ \
	add(fcinfo, rows, facts, offset); \
	CountValues(fcinfo, rows, facts, offset + FLAGGED_SIZE); \
}

DEFINE_AVERAGE(Average16, Sum16)
DEFINE_AVERAGE(Average32, Sum32)
DEFINE_AVERAGE(AverageBigints, AddBigints)
DEFINE_AVERAGE(AverageNumerics, AddNumerics)

/* Divide a sum by the number of values, as PostgreSQL does. */
static Datum
Average(Datum sum, const uint8 *facts)
{
	int64		count = LoadInt64(facts + FLAGGED_SIZE);

	return DirectFunctionCall2(numeric_div, sum, NumericGetDatum(int64_to_numeric(count)));
}

static Datum
FinishIntegerAverage(FunctionCallInfo fcinfo pg_attribute_unused(),
					 FunctionCallInfo final pg_attribute_unused(), const uint8 *facts,
					 bool *isnull)
{
	*isnull = !facts[0];
	return *isnull ? (Datum) 0 :
		Average(NumericGetDatum(int64_to_numeric(LoadInt64(facts + 1))), facts);
}

static Datum
FinishNumericAverage(FunctionCallInfo fcinfo, FunctionCallInfo final, const uint8 *facts,
					 bool *isnull)
{
	Datum		sum = FinishNumeric(fcinfo, final, facts, isnull);

	return *isnull ? (Datum) 0 : Average(sum, facts);
}

/* `sent` is whether the result is the state of the transition function, too. */
#define BUILTIN(oid, size, add, end, sent) \
	{ \
		.aggregate = (oid), .any_groups = true, .facts_size = (size), .add_rows = (add), \
		.finish = (end), .sends_state = (sent) \
	}

static const ListAggregate aggregates[] = {
	BUILTIN(F_COUNT_, CountSize, CountRows, FinishCount, true),
	BUILTIN(F_COUNT_ANY, CountSize, CountValues, FinishCount, true),
	BUILTIN(F_MIN_INT2, IntegerSize, Min16, Finish16, true),
	BUILTIN(F_MIN_INT4, IntegerSize, Min32, Finish32, true),
	BUILTIN(F_MIN_INT8, IntegerSize, Min64, Finish64, true),
	BUILTIN(F_MIN_DATE, IntegerSize, Min32, Finish32, true),
	BUILTIN(F_MIN_TIMESTAMP, IntegerSize, Min64, Finish64, true),
	BUILTIN(F_MIN_TIMESTAMPTZ, IntegerSize, Min64, Finish64, true),
	BUILTIN(F_MAX_INT2, IntegerSize, Max16, Finish16, true),
	BUILTIN(F_MAX_INT4, IntegerSize, Max32, Finish32, true),
	BUILTIN(F_MAX_INT8, IntegerSize, Max64, Finish64, true),
	BUILTIN(F_MAX_DATE, IntegerSize, Max32, Finish32, true),
	BUILTIN(F_MAX_TIMESTAMP, IntegerSize, Max64, Finish64, true),
	BUILTIN(F_MAX_TIMESTAMPTZ, IntegerSize, Max64, Finish64, true),
	BUILTIN(F_SUM_INT2, IntegerSize, Sum16, Finish64, true),
	BUILTIN(F_SUM_INT4, IntegerSize, Sum32, Finish64, true),
	BUILTIN(F_AVG_INT2, AverageSize, Average16, FinishIntegerAverage, false),
	BUILTIN(F_AVG_INT4, AverageSize, Average32, FinishIntegerAverage, false),
#ifdef HAVE_INT128
	BUILTIN(F_SUM_INT8, IntegerSize, AddBigints, FinishNumeric, false),
	BUILTIN(F_SUM_NUMERIC, IntegerSize, AddNumerics, FinishNumeric, false),
	BUILTIN(F_AVG_INT8, AverageSize, AverageBigints, FinishNumericAverage, false),
	BUILTIN(F_AVG_NUMERIC, AverageSize, AverageNumerics, FinishNumericAverage, false)
#endif
};

void
RegisterBuiltinListAggregates(void)
{
	for (int i = 0; i < (int) lengthof(aggregates); i++)
		RegisterListAggregate(&aggregates[i]);
}
