/*
 * local_day.h
 *	  The calendar day of an instant.
 */
#ifndef WINBACK_LOCAL_DAY_H
#define WINBACK_LOCAL_DAY_H

#include "postgres.h"

#include "rules/period.h"

/*
 * Instants of a timestamptz are divided into stretches of 2^STRETCH_BITS microseconds (76
 * hours).  The offset of the session's TimeZone from UTC is cached for each stretch in which it
 * does not change.
 */
#define STRETCH_BITS		38
#define STRETCHES_CACHED	1024	/* a power of two: 9 years */

typedef struct OffsetStretch
{
	int64		number;			/* of the stretch: the instant divided by 2^STRETCH_BITS */
	int64		offset;			/* microseconds east of UTC, OFFSET_UNKNOWN or OFFSET_CHANGES */
} OffsetStretch;

#define OFFSET_UNKNOWN	PG_INT64_MIN	/* the stretch has not been looked up */
#define OFFSET_CHANGES	PG_INT64_MAX	/* it changes within the stretch */

/* The offsets of the session's TimeZone, for one query. */
typedef struct LocalDays
{
	TimeUnit	unit;
	OffsetStretch *stretches;	/* NULL unless the unit is timestamptz */
} LocalDays;

extern void LocalDaysInit(LocalDays *days, MemoryContext context, TimeUnit unit);
extern int64 LocalDayLookUp(LocalDays *days, int64 at);

/* Divide by a positive number, and round down. */
static inline int64
DivideDown(int64 dividend, int64 divisor)
{
	int64		quotient = dividend / divisor;

	return quotient - (dividend % divisor < 0);
}

/*
 * Return the calendar day of a finite instant, as days since 2000-01-01.  The day of a timestamptz
 * is that of the session's TimeZone.
 */
static inline int64
LocalDay(LocalDays *days, int64 at)
{
	const OffsetStretch *stretch;
	int64		number = at >> STRETCH_BITS;

	if (days->unit == UNIT_DAY)
		return at;
	if (days->unit == UNIT_TIMESTAMP)
		return DivideDown(at, USECS_PER_DAY);

	stretch = &days->stretches[(uint64) number % STRETCHES_CACHED];
	if (likely(stretch->number == number && stretch->offset != OFFSET_CHANGES &&
			   stretch->offset != OFFSET_UNKNOWN))
		return DivideDown(at + stretch->offset, USECS_PER_DAY);
	return LocalDayLookUp(days, at);
}

#endif							/* WINBACK_LOCAL_DAY_H */
