/*
 * curve_counts.c
 *	  The numbers of silences by their length.
 *
 * Limits: a table takes at most 1 GB, that is, 2^24 points of which three quarters are used.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "state/curve_counts.h"

/* The number of points of a new table. */
#define MIN_POINTS	8

/* Allocate free points. */
static void
Allocate(CurveCounts *counts, uint32 capacity)
{
	Size		size = counts->head + capacity * sizeof(CurvePoint);

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("return_curve has too many lengths")));
	counts->memory = palloc0(size);
	counts->points = (CurvePoint *) (counts->memory + counts->head);
	counts->capacity = capacity;
	counts->used = 0;
	for (uint32 i = 0; i < capacity; i++)
		counts->points[i].days = NO_LENGTH;
}

/* Begin to count silences.  Reserve bytes for a head, whose size is a multiple of 8. */
void
CurveCountsInit(CurveCounts *counts, Size head)
{
	counts->head = head;
	Allocate(counts, MIN_POINTS);
}

/* Return the point of a length, or a free one. */
static CurvePoint *
Probe(const CurveCounts *counts, int32 days)
{
	uint32		place = (uint32) days;

	/* the distance between two tries grows, so that a run of lengths is soon left */
	for (uint32 step = 1;; step++)
	{
		CurvePoint *point = &counts->points[place & (counts->capacity - 1)];

		if (point->days == days || point->days == NO_LENGTH)
			return point;
		place += step;
	}
}

/* Double the table.  The memory from before is not freed: it may be an aggregate's state. */
static void
Grow(CurveCounts *counts)
{
	CurveCounts old = *counts;

	Allocate(counts, old.capacity * 2);
	memcpy(counts->memory, old.memory, old.head);
	for (uint32 i = 0; i < old.capacity; i++)
	{
		if (old.points[i].days != NO_LENGTH)
			*Probe(counts, old.points[i].days) = old.points[i];
	}
	counts->used = old.used;
}

/* Return the point of a length, which is a new one if the length has not occurred. */
CurvePoint *
CurveCountsFind(CurveCounts *counts, int32 days)
{
	CurvePoint *point;

	if (days < 0)
		elog(ERROR, "invalid length of a silence");
	point = Probe(counts, days);
	if (point->days == days)
		return point;
	if (counts->used >= counts->capacity / 4 * 3)
	{
		Grow(counts);
		point = Probe(counts, days);
	}
	point->days = days;
	counts->used++;
	return point;
}

static int
ComparePoints(const void *a, const void *b)
{
	int32		left = ((const CurvePoint *) a)->days;
	int32		right = ((const CurvePoint *) b)->days;

	return (left > right) - (left < right);
}

/* Return the points of all lengths that occur, allocated in a context. */
Curve
CurveCountsPoints(const CurveCounts *counts, MemoryContext context)
{
	Curve		curve = {0};

	curve.points = MemoryContextAlloc(context, Max(counts->used, 1) * sizeof(CurvePoint));
	for (uint32 i = 0; i < counts->capacity; i++)
	{
		if (counts->points[i].days != NO_LENGTH)
			curve.points[curve.npoints++] = counts->points[i];
	}
	qsort(curve.points, curve.npoints, sizeof(CurvePoint), ComparePoints);
	return curve;
}

/* Note the days of a period.  Without as_of it begins at BEGINNING_OF_TIME. */
void
ObservationInit(Observation *observed, const Period *period, LocalDays *days)
{
	observed->period = *period;
	observed->until_day = LocalDay(days, period->to);
	observed->as_of_day = HasAsOf(observed) ? LocalDay(days, period->from) : 0;
}
