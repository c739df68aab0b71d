/*
 * silence_state.h
 *	  States of return curves: the purchase days of customers.
 */
#ifndef WINBACK_SILENCE_STATE_H
#define WINBACK_SILENCE_STATE_H

#include "postgres.h"

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
	Observation observed;
	uint64		fingerprint;	/* of the question */
	uint32		oldest;			/* the greatest age; unused with as_of */
	DayLog		log;			/* unused with as_of */
} SilenceState;

extern SilenceState *SilenceStateCreate(MemoryContext context, StateFamily *family,
										const Question *question, LocalDays *days);
extern Curve SilenceStateCurve(SilenceState *state);
pg_noreturn extern void UntilChanged(void);

extern const CustomerStateOps *const silences_kind;
extern const CustomerStateOps *const open_silences_kind;

#endif							/* WINBACK_SILENCE_STATE_H */
