/*
 * period.c
 *	  Turn SQL's ranges and intervals into instants.
 *
 * Only this file distinguishes the three time types; the rest of the code computes
 * with int64 instants in the unit of the time column.  Calendar arithmetic calls
 * PostgreSQL's own functions, so that months are calendar months, timestamptz follows
 * the session's TimeZone, and an overflow raises PostgreSQL's error.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/typcache.h"

#include "compat.h"
#include "rules/period.h"

#define PERIOD_HINT	"Use a period such as '[2024-01-01,2024-04-01)'."

/* Return the unit of a time column of a type. */
TimeUnit
TimeUnitOfType(Oid type)
{
	switch (type)
	{
		case DATEOID:
			return UNIT_DAY;
		case TIMESTAMPOID:
			return UNIT_TIMESTAMP;
		case TIMESTAMPTZOID:
			return UNIT_TIMESTAMPTZ;
	}
	elog(ERROR, "unexpected time type %u", type);
}

/*
 * Convert a range to [from, to).
 *
 * Timestamps are whole microseconds, so an exclusive lower bound or an inclusive upper
 * one moves by one microsecond.  daterange is in this form already.  A bound of
 * infinity counts as no bound.
 */
Period
PeriodFromRange(TimeUnit unit, const RangeType *range)
{
	TypeCacheEntry *rangetype = lookup_type_cache(RangeTypeGetOid(range),
												  TYPECACHE_RANGE_INFO);
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;
	Period		period = {BEGINNING_OF_TIME, END_OF_TIME};

	range_deserialize(rangetype, range, &lower, &upper, &empty);

	if (!empty)
	{
		if (!lower.infinite)
			period.from = InstantFromDatum(unit, lower.val);
		if (period.from == BEGINNING_OF_TIME || period.from == END_OF_TIME)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("period must have a lower bound"),
					 errdetail("Nobody can have lapsed before the beginning of time."),
					 errhint(PERIOD_HINT)));
		if (!lower.inclusive)
			period.from++;

		if (!upper.infinite)
			period.to = InstantFromDatum(unit, upper.val);
		if (period.to != END_OF_TIME && upper.inclusive)
			period.to++;
	}

	if (empty || period.from >= period.to)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period must not be empty"),
				 errdetail("A range of which no instant is part holds no purchase."),
				 errhint(PERIOD_HINT)));

	return period;
}

/*
 * Make the period for an aggregate that reports the standing at `as_of`: a period
 * that begins there, because a standing depends only on the events before.
 */
Period
PeriodBefore(int64 as_of)
{
	Period		period = {as_of, END_OF_TIME};

	if (as_of == BEGINNING_OF_TIME || as_of == END_OF_TIME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of must be finite"),
				 errdetail("Silence is counted back from it."),
				 errhint("Use an instant such as '2024-01-01'.")));
	return period;
}

/* Return whether a threshold or a step is finite and positive. */
bool
LengthIsPossible(const Interval *length)
{
	Interval	zero = {0};

	return IntervalIsFinite(length) &&
		DatumGetBool(DirectFunctionCall2(interval_gt,
										 IntervalPGetDatum(length),
										 IntervalPGetDatum(&zero)));
}

/* Raise an error unless a threshold or a step is finite and positive. */
void
CheckLength(const Interval *length, const char *name)
{
	if (!IntervalIsFinite(length))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be finite", name),
				 errhint("Use a length of time such as '90 days'.")));

	if (!LengthIsPossible(length))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be positive", name),
				 errdetail("It is %s.",
						   DatumGetCString(DirectFunctionCall1(interval_out,
															   IntervalPGetDatum(length)))),
				 errhint("Use a length of time such as '90 days'.")));
}

/* Return whether an instant is a finite value of the type of its unit. */
static bool
IsFiniteInstant(TimeUnit unit, int64 at)
{
	if (unit == UNIT_DAY)
		return at == (DateADT) at && IS_VALID_DATE((DateADT) at);
	return IS_VALID_TIMESTAMP(at);
}

/* Return whether a range of the type can have given a period, that is, not a forged one. */
bool
PeriodIsPossible(TimeUnit unit, const Period *period)
{
	return IsFiniteInstant(unit, period->from) && period->from < period->to &&
		(period->to == END_OF_TIME || IsFiniteInstant(unit, period->to - 1));
}

/* Return the first day whose midnight is not before a timestamp. */
static int64
DayNotBefore(Timestamp at)
{
	int64		day = at / USECS_PER_DAY;

	if (at > day * USECS_PER_DAY)
		day++;
	return day;
}

/*
 * Return whether PostgreSQL can add `length` to an instant (sign 1) or subtract it
 * (sign -1) without an error about the range of the type.
 *
 * The estimate counts a month as its mean length, from which a number of months differs
 * by less than a week, and keeps ten days away from both ends of the range.  So it can be
 * false where the exact result would still fit.
 */
static bool
WithinReach(TimeUnit unit, int64 at, const Interval *length, int sign)
{
	const double margin = 10.0 * USECS_PER_DAY;
	const double parts[] = {
		length->month * (146097.0 / 4800) * USECS_PER_DAY,	/* days and months of 400 years */
		length->day * (double) USECS_PER_DAY,
		(double) length->time
	};
	double		lowest = (unit == UNIT_DAY) ? at * (double) USECS_PER_DAY : (double) at;
	double		highest = lowest;

	/* PostgreSQL adds one part after the other; bound each sum on the way */
	for (int i = 0; i < (int) lengthof(parts); i++)
	{
		double		part = sign * parts[i];

		lowest += Min(part, 0);
		highest += Max(part, 0);
	}
	return lowest > MIN_TIMESTAMP + margin && highest < END_TIMESTAMP - margin;
}

/*
 * Subtract a threshold from an instant.  Return false if the result is not earlier.
 *
 * PostgreSQL subtracts an interval from a date as from its midnight.  The events
 * before the resulting timestamp are those before the first day that begins no earlier.
 *
 * An interval of mixed signs can be positive as PostgreSQL compares intervals (a month
 * is 30 days) and still not lead back: in March, '1 month -29 days' does not.
 */
static bool
SubtractThreshold(TimeUnit unit, int64 at, const Interval *threshold, int64 *before)
{
	Datum		length = IntervalPGetDatum(threshold);
	Timestamp	now;
	Timestamp	then;

	if (unit == UNIT_TIMESTAMPTZ)
	{
		now = at;
		then = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
													   TimestampTzGetDatum(at), length));
	}
	else
	{
		now = (unit == UNIT_TIMESTAMP) ? at :
			DatumGetTimestamp(DirectFunctionCall1(date_timestamp,
												  DateADTGetDatum((DateADT) at)));
		then = DatumGetTimestamp(DirectFunctionCall2(timestamp_mi_interval,
													 TimestampGetDatum(now), length));
	}

	*before = (unit == UNIT_DAY) ? DayNotBefore(then) : then;
	return then < now;
}

/* Return the instant that lies a threshold before another; raise an error if it is not earlier. */
int64
InstantBefore(TimeUnit unit, int64 at, const Interval *threshold, const char *name)
{
	int64		before;

	if (!SubtractThreshold(unit, at, threshold, &before))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be positive", name),
				 errdetail("Counted back from the instant in question, "
						   "it does not reach an earlier instant."),
				 errhint("Use a length of time such as '90 days', without mixed signs.")));
	return before;
}

/* Do the same as InstantBefore, but return false instead of raising an error. */
bool
TryInstantBefore(TimeUnit unit, int64 at, const Interval *threshold, int64 *before)
{
	return WithinReach(unit, at, threshold, -1) &&
		SubtractThreshold(unit, at, threshold, before);
}

/*
 * Return the instant that lies a length of time after another.  Over dates this is the first day
 * whose midnight is not before PostgreSQL's result, a timestamp.
 */
int64
InstantAfter(TimeUnit unit, int64 at, const Interval *length)
{
	Datum		interval = IntervalPGetDatum(length);

	switch (unit)
	{
		case UNIT_DAY:
			return DayNotBefore(DatumGetTimestamp(DirectFunctionCall2(date_pl_interval,
																	  DateADTGetDatum((DateADT) at),
																	  interval)));
		case UNIT_TIMESTAMP:
			return DatumGetTimestamp(DirectFunctionCall2(timestamp_pl_interval,
														 TimestampGetDatum(at), interval));
		case UNIT_TIMESTAMPTZ:
			return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
														   TimestampTzGetDatum(at), interval));
	}
	pg_unreachable();
}

/* Do the same as InstantAfter, but return false if the result is out of range or not later. */
bool
TryInstantAfter(TimeUnit unit, int64 at, const Interval *length, int64 *after)
{
	if (!WithinReach(unit, at, length, 1))
		return false;
	*after = InstantAfter(unit, at, length);
	return *after > at;
}

/*
 * Convert an instant to timestamptz for display.  A date counts as its midnight; a date
 * or a timestamp is read in the session's TimeZone.
 */
TimestampTz
InstantToTimestampTz(TimeUnit unit, int64 at)
{
	if (at == BEGINNING_OF_TIME)
		return DT_NOBEGIN;
	if (at == END_OF_TIME)
		return DT_NOEND;

	switch (unit)
	{
		case UNIT_DAY:
			return DatumGetTimestampTz(DirectFunctionCall1(date_timestamptz,
														   DateADTGetDatum((DateADT) at)));
		case UNIT_TIMESTAMP:
			return DatumGetTimestampTz(DirectFunctionCall1(timestamp_timestamptz,
														   TimestampGetDatum(at)));
		case UNIT_TIMESTAMPTZ:
			return at;
	}
	pg_unreachable();
}

/*
 * Do the same as InstantToTimestampTz, but return an infinity instead of raising an error if
 * the instant lies outside of the range of timestamptz, or within two days of its ends.
 */
TimestampTz
InstantToTimestampTzOrInfinity(TimeUnit unit, int64 at)
{
	const int	margin = 2;		/* days */
	int64		day = unit == UNIT_DAY ? at : at / USECS_PER_DAY;

	if (day < MIN_TIMESTAMP / USECS_PER_DAY + margin)
		return DT_NOBEGIN;
	if (day > END_TIMESTAMP / USECS_PER_DAY - margin)
		return DT_NOEND;
	return InstantToTimestampTz(unit, at);
}

/* Return the date of a finite instant; that of a timestamptz is in the session's TimeZone. */
DateADT
InstantToDate(TimeUnit unit, int64 at)
{
	switch (unit)
	{
		case UNIT_DAY:
			return (DateADT) at;
		case UNIT_TIMESTAMP:
			return DatumGetDateADT(DirectFunctionCall1(timestamp_date, TimestampGetDatum(at)));
		case UNIT_TIMESTAMPTZ:
			return DatumGetDateADT(DirectFunctionCall1(timestamptz_date,
													   TimestampTzGetDatum(at)));
	}
	pg_unreachable();
}
