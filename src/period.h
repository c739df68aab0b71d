/*
 * period.h
 *	  From the SQL arguments (a period, thresholds) to instants.
 */
#ifndef WINBACK_PERIOD_H
#define WINBACK_PERIOD_H

#include "postgres.h"

#include "utils/date.h"
#include "utils/rangetypes.h"
#include "utils/timestamp.h"

#include "rules.h"
#include "timeline.h"

/* The type of the `at` column decides the unit of every instant. */
typedef enum TimeUnit
{
	UNIT_DAY,					/* date, daterange */
	UNIT_TIMESTAMP,				/* timestamp, tsrange */
	UNIT_TIMESTAMPTZ			/* timestamptz, tstzrange */
} TimeUnit;

/* [from, to); to is END_OF_TIME where the period has no upper bound. */
typedef struct Period
{
	int64		from;
	int64		to;
} Period;

/*
 * The terms of an analysis: what was asked, and the instants that follow from
 * it.  A threshold that was not given never makes anybody inactive or churned.
 */
typedef struct Terms
{
	Period		period;
	Horizon		start;			/* how customers are judged at period.from */
	Interval	inactive_after;
	Interval	churned_after;
	bool		has_inactive_after;
	bool		has_churned_after;
} Terms;

extern TimeUnit TimeUnitOfType(Oid type);
extern Period PeriodFromRange(TimeUnit unit, const RangeType *range);
extern void TermsInit(Terms *terms, TimeUnit unit, Period period,
					  const Interval *inactive_after, const Interval *churned_after);
extern bool TermsAsked(const Terms *terms, Period period,
					   const Interval *inactive_after, const Interval *churned_after);
extern bool TermsEqual(const Terms *a, const Terms *b);
extern void TermsChanged(void) pg_attribute_noreturn();
extern void TermsTimeline(const Terms *terms, Timeline *timeline);

/* -infinity becomes BEGINNING_OF_TIME, infinity END_OF_TIME. */
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

	/* timestamp and timestamptz have the same form, and our infinities */
	return DatumGetTimestamp(at);
}

#endif							/* WINBACK_PERIOD_H */
