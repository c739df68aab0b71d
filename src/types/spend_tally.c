/*
 * spend_tally.c
 *	  The type spend_tally, which holds what customers spent, and its aggregate.
 *
 * The text form '3461/2422.70/134698.2900' means 3461 customers, the sum of what
 * each of them spent, and the sum of the squares.  These are all that the mean, the
 * variance and a comparison of two groups need, and they can be added up over
 * groups that share no customer.  All three are exact, so the result does not
 * depend on the order of the rows, nor on how they were split and combined.
 *
 * A value is a varlena: the header, padding, the number of customers as int64, and
 * two numerics as PostgreSQL stores them.
 *
 * Limits: an amount is a finite numeric.  PostgreSQL rounds products to 16383
 * digits after the point.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "common/int.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "nodes/nodes.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "compat.h"
#include "types/spend_tally.h"

PG_FUNCTION_INFO_V1(spend_tally_in);
PG_FUNCTION_INFO_V1(spend_tally_out);
PG_FUNCTION_INFO_V1(spend_tally_recv);
PG_FUNCTION_INFO_V1(spend_tally_send);
PG_FUNCTION_INFO_V1(spend_tally_eq);
PG_FUNCTION_INFO_V1(spend_tally_ne);
PG_FUNCTION_INFO_V1(spend_tally_hash);
PG_FUNCTION_INFO_V1(spend_tally_hash_extended);
PG_FUNCTION_INFO_V1(spend_tally_make);
PG_FUNCTION_INFO_V1(spend_tally_add);
PG_FUNCTION_INFO_V1(spend_tally_step);
PG_FUNCTION_INFO_V1(spend_tally_customers);
PG_FUNCTION_INFO_V1(spend_tally_total);
PG_FUNCTION_INFO_V1(spend_tally_sum_of_squares);
PG_FUNCTION_INFO_V1(spend_tally_mean);

/* A value as it is stored.  The two numerics follow, each aligned as int. */
typedef struct StoredSpend
{
	int32		header;
	int32		padding;
	int64		customers;
} StoredSpend;

static Numeric
Calculate(PGFunction function, Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(function, NumericGetDatum(a), NumericGetDatum(b)));
}

static bool
NumericEqual(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(a), NumericGetDatum(b)));
}

static float8
NumericToFloat8(Numeric value)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8, NumericGetDatum(value)));
}

static bool
NumericIsFinite(Numeric value)
{
	return !numeric_is_nan(value) && !numeric_is_inf(value);
}

/* Read a stored value.  The result points into it, or into a copy without TOAST. */
Spend
SpendFromDatum(Datum value)
{
	char	   *stored = (char *) PG_DETOAST_DATUM(value);
	Spend		spend;

	spend.customers = ((StoredSpend *) stored)->customers;
	spend.sum = (Numeric) (stored + sizeof(StoredSpend));
	spend.squares = (Numeric) (stored + INTALIGN(sizeof(StoredSpend) + VARSIZE(spend.sum)));
	return spend;
}

/* Return a palloc'd value. */
static Datum
SpendGetDatum(const Spend *spend)
{
	Size		squares_at = INTALIGN(sizeof(StoredSpend) + VARSIZE(spend->sum));
	Size		size = squares_at + VARSIZE(spend->squares);
	char	   *stored = palloc0(size);

	SET_VARSIZE(stored, size);
	((StoredSpend *) stored)->customers = spend->customers;
	memcpy(stored + sizeof(StoredSpend), spend->sum, VARSIZE(spend->sum));
	memcpy(stored + squares_at, spend->squares, VARSIZE(spend->squares));
	return PointerGetDatum(stored);
}

/*
 * Return true if some amounts of so many customers have these sums.  Otherwise
 * report an error with this SQLSTATE, and return false if that was a soft error.
 * Amounts exist if and only if sum^2 <= customers * squares (Cauchy and Schwarz).
 */
static bool
CheckSpend(const Spend *spend, int sqlstate, Node *escontext)
{
	const char *reason = NULL;

	if (spend->customers < 0)
		reason = "The number of customers is negative.";
	else if (!NumericIsFinite(spend->sum) || !NumericIsFinite(spend->squares))
		reason = "A sum is not finite.";
	else
	{
		Numeric		zero = int64_to_numeric(0);
		Numeric		square = Calculate(numeric_mul, spend->sum, spend->sum);
		Numeric		most = Calculate(numeric_mul, int64_to_numeric(spend->customers),
									 spend->squares);

		if (DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(spend->squares),
											 NumericGetDatum(zero))))
			reason = "The sum of squares is negative.";
		else if (DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(square),
												  NumericGetDatum(most))))
			reason = "The square of the sum exceeds customers times the sum of squares.";
		else if (spend->customers == 0 && !NumericEqual(spend->squares, zero))
			reason = "There are no customers, but a sum of squares.";
	}
	if (reason)
		ereturn(escontext, false,
				(errcode(sqlstate),
				 errmsg("spend_tally must hold sums of amounts that exist"),
				 errdetail("%s", reason),
				 errhint("Write customers/sum/sum of squares, such as '2/30.00/500.00' for two "
						 "customers who spent 10 and 20.")));
	return true;
}

/* The most digits of a numeric. */
#define DIGITS_BEFORE_POINT	131072
#define DIGITS_AFTER_POINT	16383

/*
 * Read a numeric from a part of the text.  Return NULL, without an error, if it is
 * none: the characters of numbers alone do not make numeric_in fail, apart from
 * their order and their range, which this function checks itself.
 */
static Numeric
ParseNumeric(const char *begin, const char *end)
{
	const char *at = begin;
	int			before = 0;
	int			after = 0;
	char	   *copy;

	if (at < end && *at == '-')
		at++;
	for (; at < end && *at >= '0' && *at <= '9'; at++)
		before++;
	if (at < end && *at == '.')
	{
		at++;
		for (; at < end && *at >= '0' && *at <= '9'; at++)
			after++;
	}
	if (at != end || before + after == 0 || before > DIGITS_BEFORE_POINT ||
		after > DIGITS_AFTER_POINT)
		return NULL;
	copy = pnstrdup(begin, end - begin);
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(copy),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

Datum
spend_tally_in(PG_FUNCTION_ARGS)
{
	char	   *input = PG_GETARG_CSTRING(0);
	char	   *first = strchr(input, '/');
	char	   *second = first ? strchr(first + 1, '/') : NULL;
	Spend		spend = {0};
	bool		valid = second != NULL && first > input;

	for (char *digit = input; valid && digit < first; digit++)
		valid = *digit >= '0' && *digit <= '9' &&
			!pg_mul_s64_overflow(spend.customers, 10, &spend.customers) &&
			!pg_add_s64_overflow(spend.customers, *digit - '0', &spend.customers);
	if (valid)
	{
		spend.sum = ParseNumeric(first + 1, second);
		spend.squares = ParseNumeric(second + 1, second + strlen(second));
	}
	if (!valid || spend.sum == NULL || spend.squares == NULL)
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"", "spend_tally", input),
				 errhint("Write customers/sum/sum of squares, such as '2/30.00/500.00' for two "
						 "customers who spent 10 and 20.")));
	if (!CheckSpend(&spend, ERRCODE_INVALID_TEXT_REPRESENTATION, fcinfo->context))
		PG_RETURN_NULL();
	return SpendGetDatum(&spend);
}

Datum
spend_tally_out(PG_FUNCTION_ARGS)
{
	Spend		spend = SpendFromDatum(PG_GETARG_DATUM(0));
	Datum		sum = DirectFunctionCall1(numeric_out, NumericGetDatum(spend.sum));
	Datum		squares = DirectFunctionCall1(numeric_out, NumericGetDatum(spend.squares));

	PG_RETURN_CSTRING(psprintf(INT64_FORMAT "/%s/%s", spend.customers,
							   DatumGetCString(sum), DatumGetCString(squares)));
}

/* Read a numeric as its own binary form, after the length of that form. */
static Numeric
ReceiveNumeric(StringInfo message)
{
	int			length = (int) pq_getmsgint(message, 4);
	StringInfoData part;
	Numeric		value;

	if (length < 0 || length > message->len - message->cursor)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid length in binary spend_tally"),
				 errdetail("The length of a numeric is %d, and %d bytes are left.", length,
						   message->len - message->cursor)));
	initStringInfo(&part);
	appendBinaryStringInfo(&part, pq_getmsgbytes(message, length), length);
	value = DatumGetNumeric(DirectFunctionCall3(numeric_recv, PointerGetDatum(&part),
												ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	if (part.cursor != part.len)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid length in binary spend_tally"),
				 errdetail("A numeric has %d bytes, and its length is %d.", part.cursor, length)));
	return value;
}

static void
SendNumeric(StringInfo message, Numeric value)
{
	bytea	   *bytes = DatumGetByteaPP(DirectFunctionCall1(numeric_send, NumericGetDatum(value)));

	pq_sendint32(message, VARSIZE_ANY_EXHDR(bytes));
	pq_sendbytes(message, VARDATA_ANY(bytes), (int) VARSIZE_ANY_EXHDR(bytes));
}

Datum
spend_tally_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	Spend		spend;

	spend.customers = pq_getmsgint64(message);
	spend.sum = ReceiveNumeric(message);
	spend.squares = ReceiveNumeric(message);
	(void) CheckSpend(&spend, ERRCODE_INVALID_BINARY_REPRESENTATION, NULL);
	return SpendGetDatum(&spend);
}

Datum
spend_tally_send(PG_FUNCTION_ARGS)
{
	Spend		spend = SpendFromDatum(PG_GETARG_DATUM(0));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint64(&message, spend.customers);
	SendNumeric(&message, spend.sum);
	SendNumeric(&message, spend.squares);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* Numbers are equal by value: 1.0 equals 1.00. */
static bool
ArgsEqual(FunctionCallInfo fcinfo)
{
	Spend		a = SpendFromDatum(PG_GETARG_DATUM(0));
	Spend		b = SpendFromDatum(PG_GETARG_DATUM(1));

	return a.customers == b.customers && NumericEqual(a.sum, b.sum) &&
		NumericEqual(a.squares, b.squares);
}

Datum
spend_tally_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ArgsEqual(fcinfo));
}

Datum
spend_tally_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!ArgsEqual(fcinfo));
}

/* The sum of squares seldom tells tallies apart that have the same customers and sum. */
Datum
spend_tally_hash(PG_FUNCTION_ARGS)
{
	Spend		spend = SpendFromDatum(PG_GETARG_DATUM(0));
	Datum		sum = DirectFunctionCall1(hash_numeric, NumericGetDatum(spend.sum));
	Datum		customers = DirectFunctionCall1(hashint8, Int64GetDatum(spend.customers));

	return UInt32GetDatum(hash_combine(DatumGetUInt32(sum), DatumGetUInt32(customers)));
}

Datum
spend_tally_hash_extended(PG_FUNCTION_ARGS)
{
	Spend		spend = SpendFromDatum(PG_GETARG_DATUM(0));
	Datum		seed = PG_GETARG_DATUM(1);
	Datum		sum = DirectFunctionCall2(hash_numeric_extended, NumericGetDatum(spend.sum), seed);
	Datum		customers = DirectFunctionCall2(hashint8extended, Int64GetDatum(spend.customers),
												seed);

	return UInt64GetDatum(hash_combine64(DatumGetUInt64(sum), DatumGetUInt64(customers)));
}

/* SQL function spend_tally(customers, sum, sum_of_squares). */
Datum
spend_tally_make(PG_FUNCTION_ARGS)
{
	Spend		spend = {
		.customers = PG_GETARG_INT64(0),
		.sum = PG_GETARG_NUMERIC(1),
		.squares = PG_GETARG_NUMERIC(2)
	};

	(void) CheckSpend(&spend, ERRCODE_INVALID_PARAMETER_VALUE, NULL);
	return SpendGetDatum(&spend);
}

/* Add a number of customers. */
static int64
AddCustomers(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("spend_tally out of range")));
	return sum;
}

Datum
spend_tally_add(PG_FUNCTION_ARGS)
{
	Spend		a = SpendFromDatum(PG_GETARG_DATUM(0));
	Spend		b = SpendFromDatum(PG_GETARG_DATUM(1));
	Spend		both = {
		.customers = AddCustomers(a.customers, b.customers),
		.sum = Calculate(numeric_add, a.sum, b.sum),
		.squares = Calculate(numeric_add, a.squares, b.squares)
	};

	return SpendGetDatum(&both);
}

/*
 * The transition function of the aggregate spend_tally(amount): add one customer,
 * who spent nothing if the amount is NULL.  Another aggregate may call it without
 * a state, which is then 0/0/0.
 */
Datum
spend_tally_step(PG_FUNCTION_ARGS)
{
	Spend		spend;

	if (PG_ARGISNULL(0))
		spend = (Spend) {.sum = int64_to_numeric(0), .squares = int64_to_numeric(0)};
	else
		spend = SpendFromDatum(PG_GETARG_DATUM(0));
	spend.customers = AddCustomers(spend.customers, 1);
	if (!PG_ARGISNULL(1))
	{
		Numeric		amount = PG_GETARG_NUMERIC(1);

		if (!NumericIsFinite(amount))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("amount must be a finite number"),
					 errdetail("It is %s.",
							   DatumGetCString(DirectFunctionCall1(numeric_out,
																   NumericGetDatum(amount)))),
					 errhint("Pass NULL for a customer who spent nothing, or leave out with FILTER "
							 "whose amount is not known.")));
		spend.sum = Calculate(numeric_add, spend.sum, amount);
		spend.squares = Calculate(numeric_add, spend.squares,
								  Calculate(numeric_mul, amount, amount));
	}
	return SpendGetDatum(&spend);
}

Datum
spend_tally_customers(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(SpendFromDatum(PG_GETARG_DATUM(0)).customers);
}

Datum
spend_tally_total(PG_FUNCTION_ARGS)
{
	Spend		spend = SpendFromDatum(PG_GETARG_DATUM(0));

	return DirectFunctionCall1(numeric_uplus, NumericGetDatum(spend.sum));
}

Datum
spend_tally_sum_of_squares(PG_FUNCTION_ARGS)
{
	Spend		spend = SpendFromDatum(PG_GETARG_DATUM(0));

	return DirectFunctionCall1(numeric_uplus, NumericGetDatum(spend.squares));
}

Datum
spend_tally_mean(PG_FUNCTION_ARGS)
{
	Spend		spend = SpendFromDatum(PG_GETARG_DATUM(0));

	if (spend.customers == 0)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(Calculate(numeric_div, spend.sum, int64_to_numeric(spend.customers)));
}

/*
 * Return mean and variance.  The differences in which digits would cancel are
 * computed as numeric, where they are exact.  The tally must have customers.
 */
SpendMoments
SpendGetMoments(const Spend *spend)
{
	SpendMoments moments = {.customers = (float8) spend->customers};
	Numeric		spread = Calculate(numeric_sub,
								   Calculate(numeric_mul, int64_to_numeric(spend->customers),
											 spend->squares),
								   Calculate(numeric_mul, spend->sum, spend->sum));

	moments.mean = NumericToFloat8(spend->sum) / moments.customers;
	moments.variance = spend->customers < 2 ? NAN :
		NumericToFloat8(spread) / moments.customers / (moments.customers - 1);
	return moments;
}

/* Return the mean of a minus the mean of b.  Both must have customers. */
float8
SpendMeanDifference(const Spend *a, const Spend *b)
{
	Numeric		cross = Calculate(numeric_sub,
								  Calculate(numeric_mul, a->sum, int64_to_numeric(b->customers)),
								  Calculate(numeric_mul, b->sum, int64_to_numeric(a->customers)));

	return NumericToFloat8(cross) / ((float8) a->customers * (float8) b->customers);
}
