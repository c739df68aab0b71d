/*
 * curve_counts.h
 *	  The numbers of silences by their length, and how the days of a customer are counted in them.
 */
#ifndef WINBACK_CURVE_COUNTS_H
#define WINBACK_CURVE_COUNTS_H

#include "postgres.h"

#include "rules/local_day.h"

/*
 * The silences of one length.
 *
 * A silence that entered late was not observed from its first day on.  It is counted in `entered`
 * of the last day before the observation began, and is at risk from the next day on, as in R's
 * Surv(start, stop, event).  It is counted as returned or censored besides, at a greater length.
 */
typedef struct CurvePoint
{
	int32		days;			/* the length */
	int64		returned;		/* silences that ended with a return on this day */
	int64		censored;		/* silences that were still open on this day, and not observed
								 * further */
	int64		entered;		/* silences that were observed from the next day on */
} CurvePoint;

/* Points by ascending length. */
typedef struct Curve
{
	CurvePoint *points;
	int			npoints;
} Curve;

/*
 * The numbers of silences by their length, while they are being counted: a hash table of points.
 * Most lengths are days of a few years, and many of them occur.  So the hash of a length is the
 * length itself, and the table is nearly an array.
 *
 * Before the points, the memory has room for a head of the caller, who may store all of it.
 */
typedef struct CurveCounts
{
	char	   *memory;			/* the head and the points */
	Size		head;			/* bytes */
	CurvePoint *points;			/* a free one has the length NO_LENGTH */
	uint32		capacity;		/* points; a power of two */
	uint32		used;
} CurveCounts;

#define NO_LENGTH	(-1)

extern void CurveCountsInit(CurveCounts *counts, Size head);
extern CurvePoint *CurveCountsFind(CurveCounts *counts, int32 days);
extern Curve CurveCountsPoints(const CurveCounts *counts, MemoryContext context);

/* Return the point of a length.  It must be counted in before the next call. */
static inline CurvePoint *
CurveCountsPoint(CurveCounts *counts, int32 days)
{
	CurvePoint *point = &counts->points[(uint32) days & (counts->capacity - 1)];

	if (likely(point->days == days))
		return point;
	return CurveCountsFind(counts, days);
}

/* The time in which customers are observed. */
typedef struct Observation
{
	Period		period;			/* from as_of, or BEGINNING_OF_TIME without, to until */
	int64		as_of_day;		/* undefined without as_of */
	int64		until_day;
} Observation;

/* A purchase, for curves with as_of: the days between it and the day of as_of. */
typedef struct DayAround
{
	uint32		days;
	bool		after;			/* the purchase is at or after as_of */
} DayAround;

extern void ObservationInit(Observation *observed, const Period *period, LocalDays *days);

static inline bool
HasAsOf(const Observation *observed)
{
	return observed->period.from != BEGINNING_OF_TIME;
}

/* Return whether a purchase at an instant counts: it is before until, and not at -infinity. */
static inline bool
IsObserved(const Observation *observed, int64 at)
{
	return at < observed->period.to && at != BEGINNING_OF_TIME;
}

/* Return the age of the day of a purchase that counts: the days from it to the day of until. */
static inline uint32
ObservedAge(const Observation *observed, LocalDays *days, int64 at)
{
	return (uint32) (observed->until_day - LocalDay(days, at));
}

static inline DayAround
ObservedDayAround(const Observation *observed, LocalDays *days, int64 at)
{
	int64		day = LocalDay(days, at);
	DayAround	around = {.after = at >= observed->period.from};

	around.days = (uint32) (around.after ? day - observed->as_of_day : observed->as_of_day - day);
	return around;
}

/*
 * Count the silences between purchase days of a customer and, if the first age is that of the last
 * day of all, the open silence.  The ages ascend, and there is at least one.
 */
static inline void
CountSilences(CurveCounts *counts, const uint32 *ages, uint32 nages, bool has_last_day)
{
	if (has_last_day)
		CurveCountsPoint(counts, (int32) ages[0])->censored++;
	for (uint32 i = 1; i < nages; i++)
		CurveCountsPoint(counts, (int32) (ages[i] - ages[i - 1]))->returned++;
}

/* The silence of a customer that is open at as_of. */
typedef struct OpenSilence
{
	uint32		silence;		/* days from the last purchase before as_of to the day of as_of */
	bool		bought_on_day;	/* there is a purchase at or after as_of, but on its day */
	bool		returned;		/* there is one on a later day before until */
	uint32		after;			/* days from the day of as_of to the first one on a later day */
} OpenSilence;

/*
 * Count a silence that is open at as_of.  The customer is silent up to the day before as_of, and
 * observed from its day on.  A purchase on the day of as_of is a return unless the last purchase
 * before as_of was on the same day.
 */
static inline void
CountOpenSilence(CurveCounts *counts, const Observation *observed, const OpenSilence *open)
{
	uint32		silence = open->silence;
	uint32		rest = (uint32) (observed->until_day - observed->as_of_day);

	if (silence > 1)
		CurveCountsPoint(counts, (int32) (silence - 1))->entered++;
	if (silence > 0 && open->bought_on_day)
		CurveCountsPoint(counts, (int32) silence)->returned++;
	else if (open->returned)
		CurveCountsPoint(counts, (int32) (silence + open->after))->returned++;
	else
		CurveCountsPoint(counts, (int32) (silence + rest))->censored++;
}

#endif							/* WINBACK_CURVE_COUNTS_H */
