/*
 * return_curve.c
 *	  The type return_curve: how long the silences of customers lasted.
 *
 * The text form '{9:1/0,13:1/1,30:4/2/3}' has an element for each length in days at which something
 * happened: days:returned/censored, or days:returned/censored/entered if silences entered late
 * (survival.h).  Curves of groups that share no customer add up.
 *
 * A curve is stored as a version byte, and for each point, by ascending length:
 *
 *		(days - days of the point before) * 2, plus 1 if silences entered late
 *		returned, censored, and, if silences entered late, entered
 *
 * in bytes of 7 bits, the lowest first; the highest bit of a byte says that another one follows.
 * The coding is canonical: equal curves have equal bytes.  A curve of a year of daily lengths takes
 * about 2 kB.  The binary form is the same.
 *
 * The state of an aggregate over histories is an open curve, of version 0 (open_curve.h).  All
 * functions read one like the stored form, but no input function makes one.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "types/open_curve.h"
#include "types/return_curve.h"

PG_FUNCTION_INFO_V1(return_curve_in);
PG_FUNCTION_INFO_V1(return_curve_out);
PG_FUNCTION_INFO_V1(return_curve_recv);
PG_FUNCTION_INFO_V1(return_curve_send);
PG_FUNCTION_INFO_V1(return_curve_eq);
PG_FUNCTION_INFO_V1(return_curve_ne);
PG_FUNCTION_INFO_V1(return_curve_hash);
PG_FUNCTION_INFO_V1(return_curve_hash_extended);
PG_FUNCTION_INFO_V1(return_curve_add);

#define CURVE_VERSION	1

/* The largest number of bytes of a point: a number of 33 bits and three of 63. */
#define MAX_POINT_SIZE	(5 + 3 * 9)

#define CURVE_HINT	"Write days:returned/censored for each length, such as '{30:5/2,31:4/0}'."

/*
 * Check the points of a curve that is being read.  Return false, with the reason, if they are not
 * those of a curve.
 */
static bool
CurveIsValid(const Curve *curve, const char **reason)
{
	int64		total = 0;
	int64		open = 0;

	for (int i = 0; i < curve->npoints; i++)
	{
		const CurvePoint *point = &curve->points[i];

		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		*reason = "Lengths must ascend.";
		if (point->days < 0 || (i > 0 && point->days <= curve->points[i - 1].days))
			return false;
		*reason = "An element must count a silence, and no number may be negative.";
		if (point->returned < 0 || point->censored < 0 || point->entered < 0 ||
			(point->returned | point->censored | point->entered) == 0)
			return false;
		*reason = "The silence of a return lasts at least one day.";
		if (point->days == 0 && (point->returned > 0 || point->entered > 0))
			return false;
		*reason = "The number of silences exceeds 64 bits.";
		if (pg_add_s64_overflow(total, point->returned, &total) ||
			pg_add_s64_overflow(total, point->censored, &total))
			return false;
	}

	/* silences that entered late by a length must end after it */
	*reason = "More silences entered late than ended later.";
	for (int i = curve->npoints - 1; i >= 0; i--)
	{
		const CurvePoint *point = &curve->points[i];

		/* open is not negative, and the sum of the others is not above total */
		if (point->entered > open)
			return false;
		open += point->returned + point->censored - point->entered;
	}
	return true;
}

/* Write a number in bytes of 7 bits. */
static void
PutNumber(uint8 **to, uint64 number)
{
	for (; number >= 0x80; number >>= 7)
		*(*to)++ = (uint8) number | 0x80;
	*(*to)++ = (uint8) number;
}

/* Read a number of up to 63 bits, in as few bytes as possible.  Return false if there is none. */
static bool
GetNumber(const uint8 **from, const uint8 *end, int64 *number)
{
	uint64		value = 0;

	for (int shift = 0; shift < 63; shift += 7)
	{
		uint8		byte;

		if (*from == end)
			return false;
		byte = *(*from)++;
		value |= (uint64) (byte & 0x7f) << shift;
		if ((byte & 0x80) == 0)
		{
			*number = (int64) value;
			return byte != 0 || shift == 0;
		}
	}
	return false;
}

/* Make a value of the type. */
Datum
CurveDatum(const Curve *curve)
{
	Size		size = VARHDRSZ + 1 + (Size) curve->npoints * MAX_POINT_SIZE;
	struct varlena *value;
	uint8	   *to;
	int32		before = 0;

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("return_curve has too many lengths")));
	value = palloc(size);
	to = (uint8 *) VARDATA(value);
	*to++ = CURVE_VERSION;
	for (int i = 0; i < curve->npoints; i++)
	{
		const CurvePoint *point = &curve->points[i];

		PutNumber(&to, ((uint64) (point->days - before) << 1) | (point->entered > 0));
		PutNumber(&to, point->returned);
		PutNumber(&to, point->censored);
		if (point->entered > 0)
			PutNumber(&to, point->entered);
		before = point->days;
	}
	SET_VARSIZE(value, to - (uint8 *) value);
	return PointerGetDatum(value);
}

/* Read the points of stored bytes.  Return false, with the reason, if they are damaged. */
static bool
ReadCurve(const uint8 *from, Size size, Curve *curve, const char **reason)
{
	const uint8 *end = from + size;
	int64		days = 0;
	int64		head;

	/* a point has at least three bytes */
	curve->npoints = 0;
	curve->points = palloc((size / 3 + 1) * sizeof(CurvePoint));
	*reason = "The version is not known.";
	if (size == 0 || *from++ != CURVE_VERSION)
		return false;
	*reason = "The bytes are not those of a curve.";
	while (from < end)
	{
		CurvePoint *point = &curve->points[curve->npoints];

		point->entered = 0;
		if (!GetNumber(&from, end, &head) || head >> 1 > PG_INT32_MAX - days ||
			!GetNumber(&from, end, &point->returned) ||
			!GetNumber(&from, end, &point->censored) ||
			((head & 1) != 0 && (!GetNumber(&from, end, &point->entered) || point->entered == 0)))
			return false;
		days += head >> 1;
		point->days = (int32) days;
		curve->npoints++;
	}
	return true;
}

/* Read a value of the type, which must not change. */
Curve
CurveFromDatum(Datum datum)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(datum);
	Curve		curve;
	const char *reason;

	if (unlikely(IsOpenCurve(value)))
		return OpenCurvePoints(value);
	if (!ReadCurve((const uint8 *) VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), &curve, &reason))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("invalid stored return_curve"),
				 errdetail("%s", reason)));
	return curve;
}

/* Return a value of the type in its stored form. */
static struct varlena *
StoredCurve(Datum datum)
{
	struct varlena *value = PG_DETOAST_DATUM_PACKED(datum);
	Curve		curve;

	if (likely(!IsOpenCurve(value)))
		return value;
	curve = OpenCurvePoints(value);
	return (struct varlena *) DatumGetPointer(CurveDatum(&curve));
}

/*
 * Input and output.
 */

/* Read a number of decimal digits, and the character after it. */
static bool
ParseNumber(const char **from, int64 *number, char *next)
{
	const char *digit = *from;

	*number = 0;
	for (; *digit >= '0' && *digit <= '9'; digit++)
	{
		if (pg_mul_s64_overflow(*number, 10, number) ||
			pg_add_s64_overflow(*number, *digit - '0', number))
			return false;
	}
	if (digit == *from || *digit == '\0')
		return false;
	*next = *digit;
	*from = digit + 1;
	return true;
}

/* Parse the points of the text form.  Return false if the syntax is wrong. */
static bool
ParseCurve(const char *from, Curve *curve)
{
	char		next = ',';

	if (*from++ != '{')
		return false;
	if (from[0] == '}' && from[1] == '\0')
		return true;
	while (next == ',')
	{
		CurvePoint *point = &curve->points[curve->npoints++];
		int64		days;

		point->entered = 0;
		if (!ParseNumber(&from, &days, &next) || next != ':' || days > PG_INT32_MAX ||
			!ParseNumber(&from, &point->returned, &next) || next != '/' ||
			!ParseNumber(&from, &point->censored, &next))
			return false;
		if (next == '/' && !ParseNumber(&from, &point->entered, &next))
			return false;
		point->days = (int32) days;
	}
	return next == '}' && *from == '\0';
}

Datum
return_curve_in(PG_FUNCTION_ARGS)
{
	const char *input = PG_GETARG_CSTRING(0);
	Curve		curve = {0};
	const char *reason;

	/* an element has at least six characters, with its brace or comma */
	curve.points = palloc_extended((strlen(input) / 6 + 1) * sizeof(CurvePoint), MCXT_ALLOC_HUGE);
	if (!ParseCurve(input, &curve))
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"", "return_curve", input),
				 errhint(CURVE_HINT)));
	if (!CurveIsValid(&curve, &reason))
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid return_curve: \"%s\"", input),
				 errdetail("%s", reason),
				 errhint(CURVE_HINT)));
	return CurveDatum(&curve);
}

Datum
return_curve_out(PG_FUNCTION_ARGS)
{
	Curve		curve = CurveFromDatum(PG_GETARG_DATUM(0));
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	for (int i = 0; i < curve.npoints; i++)
	{
		const CurvePoint *point = &curve.points[i];

		appendStringInfo(&text, "%s%d:" INT64_FORMAT "/" INT64_FORMAT, i > 0 ? "," : "",
						 point->days, point->returned, point->censored);
		if (point->entered > 0)
			appendStringInfo(&text, "/" INT64_FORMAT, point->entered);
	}
	appendStringInfoChar(&text, '}');
	PG_RETURN_CSTRING(text.data);
}

Datum
return_curve_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			size = message->len - message->cursor;
	const char *bytes = pq_getmsgbytes(message, size);
	Curve		curve;
	const char *reason;

	if (!ReadCurve((const uint8 *) bytes, size, &curve, &reason) ||
		!CurveIsValid(&curve, &reason))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid return_curve in a message"),
				 errdetail("%s", reason)));
	return CurveDatum(&curve);
}

Datum
return_curve_send(PG_FUNCTION_ARGS)
{
	struct varlena *value = StoredCurve(PG_GETARG_DATUM(0));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/* Compare two curves: the coding is canonical. */
static bool
CurvesAreEqual(FunctionCallInfo fcinfo)
{
	struct varlena *a = StoredCurve(PG_GETARG_DATUM(0));
	struct varlena *b = StoredCurve(PG_GETARG_DATUM(1));

	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

Datum
return_curve_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CurvesAreEqual(fcinfo));
}

Datum
return_curve_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!CurvesAreEqual(fcinfo));
}

Datum
return_curve_hash(PG_FUNCTION_ARGS)
{
	struct varlena *value = StoredCurve(PG_GETARG_DATUM(0));

	return hash_any((unsigned char *) VARDATA_ANY(value), (int) VARSIZE_ANY_EXHDR(value));
}

Datum
return_curve_hash_extended(PG_FUNCTION_ARGS)
{
	struct varlena *value = StoredCurve(PG_GETARG_DATUM(0));

	return hash_any_extended((unsigned char *) VARDATA_ANY(value),
							 (int) VARSIZE_ANY_EXHDR(value), PG_GETARG_INT64(1));
}

static void
AddCount(int64 *count, int64 more)
{
	if (pg_add_s64_overflow(*count, more, count))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("return_curve out of range"),
				 errdetail("The number of silences exceeds 64 bits.")));
}

/* Add the numbers of another point of the same length. */
void
CurvePointAdd(CurvePoint *point, const CurvePoint *other)
{
	AddCount(&point->returned, other->returned);
	AddCount(&point->censored, other->censored);
	AddCount(&point->entered, other->entered);
}

/* Raise an error if a curve has more silences than fit into 64 bits. */
void
CurveCheckTotal(const Curve *curve)
{
	int64		total = 0;

	for (int i = 0; i < curve->npoints; i++)
	{
		AddCount(&total, curve->points[i].returned);
		AddCount(&total, curve->points[i].censored);
	}
}

/* Add the points of two curves up. */
Datum
return_curve_add(PG_FUNCTION_ARGS)
{
	Curve		a = CurveFromDatum(PG_GETARG_DATUM(0));
	Curve		b = CurveFromDatum(PG_GETARG_DATUM(1));
	Curve		sum = {0};
	int			i = 0;
	int			j = 0;

	sum.points = palloc_extended(((Size) a.npoints + b.npoints + 1) * sizeof(CurvePoint),
								 MCXT_ALLOC_HUGE);
	while (i < a.npoints || j < b.npoints)
	{
		CurvePoint *point = &sum.points[sum.npoints++];

		if (j == b.npoints || (i < a.npoints && a.points[i].days < b.points[j].days))
			*point = a.points[i++];
		else if (i == a.npoints || b.points[j].days < a.points[i].days)
			*point = b.points[j++];
		else
		{
			*point = a.points[i++];
			CurvePointAdd(point, &b.points[j++]);
		}
	}
	CurveCheckTotal(&sum);
	return CurveDatum(&sum);
}
