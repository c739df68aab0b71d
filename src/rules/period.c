/*
 * period.c
 *	  From SQL's ranges and intervals to instants.
 *
 * The three time types meet here and nowhere else: behind this file an instant
 * is an int64 in the unit of the column.  Calendar arithmetic is PostgreSQL's
 * own (months are calendar months; for timestamptz, in the session's TimeZone),
 * and so are its overflow errors.
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
 * Read a range as [from, to).
 *
 * Dates and microseconds are discrete, so a bound of the other kind is the
 * neighbour; daterange has done that itself already.  An infinite bound counts
 * as none.
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
 * The question of what customers are at an instant is that of a period which
 * begins there: only what lies before it counts.
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

/* A threshold or a step is a finite, positive length of time. */
void
CheckLength(const Interval *length, const char *name)
{
	Interval	zero = {0};

	if (!IntervalIsFinite(length))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be finite", name),
				 errhint("Use a length of time such as '90 days'.")));

	if (!DatumGetBool(DirectFunctionCall2(interval_gt,
										  IntervalPGetDatum(length),
										  IntervalPGetDatum(&zero))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be positive", name),
				 errdetail("It is %s.",
						   DatumGetCString(DirectFunctionCall1(interval_out,
															   IntervalPGetDatum(length)))),
				 errhint("Use a length of time such as '90 days'.")));
}

/* The first day that does not begin before a timestamp. */
static int64
DayNotBefore(Timestamp at)
{
	int64		day = at / USECS_PER_DAY;

	if (at > day * USECS_PER_DAY)
		day++;
	return day;
}

/*
 * The instant a threshold before another, both in the unit of the column.
 *
 * For a date PostgreSQL answers with a timestamp, and the days before it are
 * those before the day that does not begin earlier.
 *
 * An interval that mixes signs can be positive as PostgreSQL compares them (30
 * days a month) and still not lie before every instant: '1 month -29 days' does
 * not in March.
 */
int64
InstantBefore(TimeUnit unit, int64 at, const Interval *threshold, const char *name)
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

	if (then >= now)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be positive", name),
				 errdetail("Counted back from the instant in question, it does not reach an earlier instant."),
				 errhint("Use a length of time such as '90 days', without mixed signs.")));

	return (unit == UNIT_DAY) ? DayNotBefore(then) : then;
}

/*
 * The instant a length of time after another, both in the unit of the column;
 * of a date, the first day that does not begin before.
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

/*
 * An instant for people, whatever the type of the column: a date is its
 * midnight, and both that and a timestamp are in the session's TimeZone.
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
