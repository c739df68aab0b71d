/*
 * rate_tally.c
 *	  The type rate_tally, which holds a rate as two counts of customers, and
 *	  the transition functions whose state is a rate_tally.
 *
 * The text form '12/340' means that 12 customers returned of 340 who were
 * eligible.  Users can add up the tallies of groups that share no customer, such
 * as countries; they cannot add up rates.  They must not add up the tallies of
 * periods: a customer who is eligible in two months would count twice.  Tallies
 * of nested groups can be subtracted: those silent for 180 days without those
 * silent for 365 days.
 *
 * Tallies are ordered by rate, and those of equal rate by eligible.  So 1/2 and
 * 50/100 are different values, and sort side by side.  0/0 has no rate and comes
 * last, like NaN.
 *
 * The transition functions at the end belong to the aggregates that read one
 * row per customer, with two columns of type lifecycle_status: the standing
 * before a period and the status after it.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "common/int128.h"
#include "libpq/pqformat.h"
#include "nodes/nodes.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "compat.h"
#include "types/rate_tally.h"

PG_FUNCTION_INFO_V1(rate_tally_in);
PG_FUNCTION_INFO_V1(rate_tally_out);
PG_FUNCTION_INFO_V1(rate_tally_recv);
PG_FUNCTION_INFO_V1(rate_tally_send);
PG_FUNCTION_INFO_V1(rate_tally_eq);
PG_FUNCTION_INFO_V1(rate_tally_ne);
PG_FUNCTION_INFO_V1(rate_tally_lt);
PG_FUNCTION_INFO_V1(rate_tally_le);
PG_FUNCTION_INFO_V1(rate_tally_ge);
PG_FUNCTION_INFO_V1(rate_tally_gt);
PG_FUNCTION_INFO_V1(rate_tally_cmp);
PG_FUNCTION_INFO_V1(rate_tally_larger);
PG_FUNCTION_INFO_V1(rate_tally_smaller);
PG_FUNCTION_INFO_V1(rate_tally_hash);
PG_FUNCTION_INFO_V1(rate_tally_hash_extended);
PG_FUNCTION_INFO_V1(rate_tally_make);
PG_FUNCTION_INFO_V1(rate_tally_add);
PG_FUNCTION_INFO_V1(rate_tally_sub);
PG_FUNCTION_INFO_V1(rate_tally_returned);
PG_FUNCTION_INFO_V1(rate_tally_eligible);
PG_FUNCTION_INFO_V1(rate_tally_rate);
PG_FUNCTION_INFO_V1(rate_tally_numeric);
PG_FUNCTION_INFO_V1(reactivation_tally_step);
PG_FUNCTION_INFO_V1(winback_tally_step);

/* Return a palloc'd copy as a Datum. */
Datum
TallyDatum(const Tally *tally)
{
	Tally	   *result = palloc(sizeof(Tally));

	*result = *tally;
	return PointerGetDatum(result);
}

/*
 * Return true if the counts make a valid tally.  Otherwise report an error with
 * this SQLSTATE; it is a soft error if escontext is an ErrorSaveContext, and
 * then return false.
 */
static bool
CheckTally(const Tally *tally, int sqlstate, Node *escontext)
{
	if (tally->returned < 0 || tally->returned > tally->eligible)
		ereturn(escontext, false,
				(errcode(sqlstate),
				 errmsg("rate_tally must have 0 <= returned <= eligible"),
				 errdetail("Returned is " INT64_FORMAT ", eligible is " INT64_FORMAT ".",
						   tally->returned, tally->eligible)));
	return true;
}

/* Add two counts to a tally. */
void
TallyAdd(Tally *tally, int64 returned, int64 eligible)
{
	if (pg_add_s64_overflow(tally->returned, returned, &tally->returned) ||
		pg_add_s64_overflow(tally->eligible, eligible, &tally->eligible))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("rate_tally out of range")));
}

/*
 * Read the decimal digits from begin to end as a count.  Return false if there
 * are none, if there is any other character, or if the count exceeds int64.
 */
bool
ParseCount(const char *begin, const char *end, int64 *count)
{
	*count = 0;
	if (begin == end)
		return false;
	for (const char *digit = begin; digit < end; digit++)
	{
		if (*digit < '0' || *digit > '9' ||
			pg_mul_s64_overflow(*count, 10, count) ||
			pg_add_s64_overflow(*count, *digit - '0', count))
			return false;
	}
	return true;
}

Datum
rate_tally_in(PG_FUNCTION_ARGS)
{
	const char *input = PG_GETARG_CSTRING(0);
	const char *slash = strchr(input, '/');
	Tally		tally;

	if (slash == NULL ||
		!ParseCount(input, slash, &tally.returned) ||
		!ParseCount(slash + 1, slash + strlen(slash), &tally.eligible))
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"", "rate_tally", input),
				 errhint("Write returned/eligible, such as '12/340'.")));
	if (!CheckTally(&tally, ERRCODE_INVALID_TEXT_REPRESENTATION, fcinfo->context))
		PG_RETURN_NULL();
	return TallyDatum(&tally);
}

Datum
rate_tally_out(PG_FUNCTION_ARGS)
{
	Tally	   *tally = PG_GETARG_TALLY_P(0);

	PG_RETURN_CSTRING(psprintf(INT64_FORMAT "/" INT64_FORMAT,
							   tally->returned, tally->eligible));
}

Datum
rate_tally_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	Tally		tally;

	tally.returned = pq_getmsgint64(message);
	tally.eligible = pq_getmsgint64(message);
	(void) CheckTally(&tally, ERRCODE_INVALID_BINARY_REPRESENTATION, NULL);
	return TallyDatum(&tally);
}

Datum
rate_tally_send(PG_FUNCTION_ARGS)
{
	Tally	   *tally = PG_GETARG_TALLY_P(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendint64(&message, tally->returned);
	pq_sendint64(&message, tally->eligible);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

static bool
TallyEqual(const Tally *a, const Tally *b)
{
	return a->returned == b->returned && a->eligible == b->eligible;
}

Datum
rate_tally_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(TallyEqual(PG_GETARG_TALLY_P(0), PG_GETARG_TALLY_P(1)));
}

Datum
rate_tally_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!TallyEqual(PG_GETARG_TALLY_P(0), PG_GETARG_TALLY_P(1)));
}

/*
 * Compare two tallies, as strcmp() does: below, equal to or above zero.
 *
 * a/b < c/d means a * d < c * b.  The products need 126 bits, and rates as
 * float8 would call different rates equal.  Tallies of equal rate and equal
 * eligible have equal returned, so the result is 0 for equal tallies only.
 */
static int
TallyCompare(const Tally *a, const Tally *b)
{
	INT128		a_product = int64_to_int128(0);
	INT128		b_product = int64_to_int128(0);
	int			by_rate;

	if (a->eligible == 0 || b->eligible == 0)
		return (a->eligible == 0) - (b->eligible == 0);
	int128_add_int64_mul_int64(&a_product, a->returned, b->eligible);
	int128_add_int64_mul_int64(&b_product, b->returned, a->eligible);
	by_rate = int128_compare(a_product, b_product);
	if (by_rate != 0)
		return by_rate;
	return (a->eligible > b->eligible) - (a->eligible < b->eligible);
}

static int
CompareArgs(FunctionCallInfo fcinfo)
{
	return TallyCompare(PG_GETARG_TALLY_P(0), PG_GETARG_TALLY_P(1));
}

Datum
rate_tally_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) < 0);
}

Datum
rate_tally_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) <= 0);
}

Datum
rate_tally_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) >= 0);
}

Datum
rate_tally_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) > 0);
}

Datum
rate_tally_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(CompareArgs(fcinfo));
}

/* max(rate_tally) and min(rate_tally); of two equal tallies it does not matter which */
Datum
rate_tally_larger(PG_FUNCTION_ARGS)
{
	return PG_GETARG_DATUM(CompareArgs(fcinfo) > 0 ? 0 : 1);
}

Datum
rate_tally_smaller(PG_FUNCTION_ARGS)
{
	return PG_GETARG_DATUM(CompareArgs(fcinfo) < 0 ? 0 : 1);
}

Datum
rate_tally_hash(PG_FUNCTION_ARGS)
{
	return hash_any((unsigned char *) PG_GETARG_TALLY_P(0), sizeof(Tally));
}

Datum
rate_tally_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_any_extended((unsigned char *) PG_GETARG_TALLY_P(0), sizeof(Tally),
							 PG_GETARG_INT64(1));
}

/* SQL function rate_tally(returned, eligible). */
Datum
rate_tally_make(PG_FUNCTION_ARGS)
{
	Tally		tally = {PG_GETARG_INT64(0), PG_GETARG_INT64(1)};

	(void) CheckTally(&tally, ERRCODE_INVALID_PARAMETER_VALUE, NULL);
	return TallyDatum(&tally);
}

/*
 * Return a tally that the caller may change.  Within an aggregate the first
 * argument is its state, which may be changed in place; elsewhere copy it.
 */
static Datum
WritableTally(FunctionCallInfo fcinfo)
{
	return AggCheckCallContext(fcinfo, NULL) ? PG_GETARG_DATUM(0) :
		TallyDatum(PG_GETARG_TALLY_P(0));
}

Datum
rate_tally_add(PG_FUNCTION_ARGS)
{
	Datum		sum = WritableTally(fcinfo);
	Tally	   *other = PG_GETARG_TALLY_P(1);

	TallyAdd((Tally *) DatumGetPointer(sum), other->returned, other->eligible);
	return sum;
}

/*
 * Subtract a tally of some of the customers from the tally of all of them.  If
 * the result were not a tally, then the second tally cannot be a part of the
 * first.
 */
Datum
rate_tally_sub(PG_FUNCTION_ARGS)
{
	Tally	   *whole = PG_GETARG_TALLY_P(0);
	Tally	   *part = PG_GETARG_TALLY_P(1);
	Tally		rest = {whole->returned - part->returned, whole->eligible - part->eligible};

	if (rest.returned < 0 || rest.returned > rest.eligible)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("second rate_tally is not part of the first"),
				 errdetail(INT64_FORMAT "/" INT64_FORMAT " - " INT64_FORMAT "/" INT64_FORMAT
						   " would be " INT64_FORMAT "/" INT64_FORMAT ".",
						   whole->returned, whole->eligible, part->returned, part->eligible,
						   rest.returned, rest.eligible),
				 errhint("Subtract the tally of some of the same customers over the same period. "
						 "For example, subtract those silent for 365 days from those silent for "
						 "180 days.")));
	return TallyDatum(&rest);
}

Datum
rate_tally_returned(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_TALLY_P(0)->returned);
}

Datum
rate_tally_eligible(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_TALLY_P(0)->eligible);
}

Datum
rate_tally_rate(PG_FUNCTION_ARGS)
{
	return TallyRateDatum(fcinfo, PG_GETARG_TALLY_P(0));
}

/*
 * SQL function rate_numeric(tally): the rate as numeric division computes it,
 * from the two counts.  The float8 is not on the way.
 */
Datum
rate_tally_numeric(PG_FUNCTION_ARGS)
{
	Tally	   *tally = PG_GETARG_TALLY_P(0);

	if (tally->eligible == 0)
		PG_RETURN_NULL();
	return DirectFunctionCall2(numeric_div,
							   NumericGetDatum(int64_to_numeric(tally->returned)),
							   NumericGetDatum(int64_to_numeric(tally->eligible)));
}

/*
 * Add one customer to the tally.  Arguments: the tally, the customer's standing
 * before the period, the status after it.  eligible() decides by the standing
 * whether the customer counts; the status shows whether they bought.
 */
static Datum
TallyStep(FunctionCallInfo fcinfo, bool (*eligible) (Standing))
{
	Datum		tally = WritableTally(fcinfo);
	Standing	before = StandingOfStatus((LifecycleStatus) PG_GETARG_CHAR(1));

	TallyCount((Tally *) DatumGetPointer(tally), eligible(before),
			   BoughtByStatus((LifecycleStatus) PG_GETARG_CHAR(2)), 1);
	return tally;
}

Datum
reactivation_tally_step(PG_FUNCTION_ARGS)
{
	return TallyStep(fcinfo, ReactivationEligible);
}

Datum
winback_tally_step(PG_FUNCTION_ARGS)
{
	return TallyStep(fcinfo, WinbackEligible);
}
