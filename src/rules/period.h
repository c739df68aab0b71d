/*
 * period.h
 *	  Turn SQL's ranges and intervals into instants.
 *
 * An instant is an int64 in the unit of the time column: days since 2000-01-01 for
 * date, microseconds since then for timestamp and timestamptz.
 */
#ifndef WINBACK_PERIOD_H
#define WINBACK_PERIOD_H

#include "postgres.h"

#include "utils/date.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"

#include "rules/rules.h"

/* The type of the time column; it is the unit of every instant of a query. */
typedef enum TimeUnit
{
	UNIT_DAY,					/* date, daterange */
	UNIT_TIMESTAMP,				/* timestamp, tsrange */
	UNIT_TIMESTAMPTZ			/* timestamptz, tstzrange */
} TimeUnit;

static inline bool
IsTimeUnit(int unit)
{
	return unit == UNIT_DAY || unit == UNIT_TIMESTAMP || unit == UNIT_TIMESTAMPTZ;
}

/* [from, to); to is END_OF_TIME where the period has no upper bound. */
typedef struct Period
{
	int64		from;
	int64		to;
} Period;

extern TimeUnit TimeUnitOfType(Oid type);
extern Period PeriodFromRange(TimeUnit unit, const RangeType *range);
extern Period PeriodBefore(int64 as_of);
extern bool PeriodIsPossible(TimeUnit unit, const Period *period);
extern bool LengthIsPossible(const Interval *length);
extern void CheckLength(const Interval *length, const char *name);
extern int64 InstantBefore(TimeUnit unit, int64 at,
						   const Interval *threshold, const char *name);
extern bool TryInstantBefore(TimeUnit unit, int64 at, const Interval *threshold, int64 *before);
extern int64 InstantAfter(TimeUnit unit, int64 at, const Interval *length);
extern bool TryInstantAfter(TimeUnit unit, int64 at, const Interval *length, int64 *after);
extern TimestampTz InstantToTimestampTz(TimeUnit unit, int64 at);
extern TimestampTz InstantToTimestampTzOrInfinity(TimeUnit unit, int64 at);
extern DateADT InstantToDate(TimeUnit unit, int64 at);

/* Convert a value of the time column; the infinities become BEGINNING_OF_TIME and END_OF_TIME. */
static inline int64
InstantFromDatum(TimeUnit unit, Datum at)
{
	if (unit == UNIT_DAY)
	{
		DateADT		day = DatumGetDateADT(at);

		if (DATE_IS_NOBEGIN(day))
			return BEGINNING_OF_TIME;
		if (DATE_IS_NOEND(day))
			return END_OF_TIME;
		return day;
	}

	/* both timestamp types are int64, with these two values as their infinities */
	return DatumGetTimestamp(at);
}

#endif							/* WINBACK_PERIOD_H */
