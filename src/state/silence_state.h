/*
 * silence_state.h
 *	  States of return curves: the purchase days of customers.
 */
#ifndef WINBACK_SILENCE_STATE_H
#define WINBACK_SILENCE_STATE_H

#include "postgres.h"

#include "rules/local_day.h"
#include "rules/question.h"
#include "state/curve_counts.h"
#include "state/customer_state.h"

/*
 * A purchase day is kept as its age: the number of days from it to the day of `until`.  Ages of
 * up to MAX_NARROW_AGE, 179 years, take two bytes in the log.  When an older day comes, the log
 * becomes wide, and takes four.
 */
#define MAX_NARROW_AGE	PG_UINT16_MAX

/*
 * The days of customers, in chunks.  A chunk is the place of the customer's chunk before it
 * (two units, 0 if there is none), the number of days for which it and the chunk before have room
 * (a byte each), and the days, the last one first.  It is filled from its end, so that the place
 * of a new day follows from the number of free places alone.
 *
 * The units are in segments, so that a log grows without being copied.  Only the first segment
 * begins small and is moved, because there may be many small logs.
 */
#define SEGMENT_BITS	15
#define SEGMENT_UNITS	((uint32) 1 << SEGMENT_BITS)	/* 64 kB */

typedef struct DayLog
{
	uint16	  **segments;
	uint32		nsegments;
	uint32		allocated_segments;
	uint32		first_units;	/* units of the first segment */
	uint32		used;			/* units; the first is not used, so that no place is 0 */
	uint32		ndays;			/* days of all customers */
	bool		wide;
} DayLog;

typedef struct SilenceState
{
	CustomerState base;
	TimeUnit	unit;
	Period		period;			/* from as_of, or BEGINNING_OF_TIME without, to until */
	uint64		fingerprint;	/* of the question */
	int64		as_of_day;		/* undefined without as_of */
	int64		until_day;
	uint32		oldest;			/* the greatest age; unused with as_of */
	DayLog		log;			/* unused with as_of */
} SilenceState;

/* A row of the batch of a state with as_of: the days between a purchase and the day of as_of. */
typedef struct DayAround
{
	uint32		days;
	bool		after;			/* the purchase is at or after as_of */
} DayAround;

extern SilenceState *SilenceStateCreate(MemoryContext context, StateFamily *family,
										const Question *question, LocalDays *days);
extern Curve SilenceStateCurve(SilenceState *state);
pg_noreturn extern void UntilChanged(void);

extern const CustomerStateOps *const silences_kind;
extern const CustomerStateOps *const open_silences_kind;

static inline bool
HasAsOf(const SilenceState *state)
{
	return state->period.from != BEGINNING_OF_TIME;
}

/* Return whether a purchase at an instant counts: it is before until, and not at -infinity. */
static inline bool
SilenceStateCounts(const SilenceState *state, int64 at)
{
	return at < state->period.to && at != BEGINNING_OF_TIME;
}

/* Return the age of the day of a purchase that counts. */
static inline uint32
SilenceStateAge(const SilenceState *state, LocalDays *days, int64 at)
{
	return (uint32) (state->until_day - LocalDay(days, at));
}

/* Return the row of a purchase that counts, for a state with as_of. */
static inline DayAround
SilenceStateDayAround(const SilenceState *state, LocalDays *days, int64 at)
{
	int64		day = LocalDay(days, at);
	DayAround	row = {.after = at >= state->period.from};

	row.days = (uint32) (row.after ? day - state->as_of_day : state->as_of_day - day);
	return row;
}

#endif							/* WINBACK_SILENCE_STATE_H */
