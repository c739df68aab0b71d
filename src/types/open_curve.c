/*
 * open_curve.c
 *	  A return_curve to which customers are still added.
 */
#include "postgres.h"

#include "fmgr.h"

#include "types/open_curve.h"
#include "types/return_curve.h"

StaticAssertDecl(sizeof(OpenCurve) % MAXIMUM_ALIGNOF == 0, "points must be aligned");

/* Create an open curve without customers, of no question. */
OpenCurve *
OpenCurveCreate(void)
{
	CurveCounts counts;

	CurveCountsInit(&counts, sizeof(OpenCurve));
	return OpenCurveNote(&counts);
}

/* Add points to an open curve, and return it or a larger one. */
static OpenCurve *
AddPoints(OpenCurve *open, const CurvePoint *points, uint32 npoints)
{
	CurveCounts counts = OpenCurveCounts(open);

	for (uint32 i = 0; i < npoints; i++)
	{
		if (points[i].days != NO_LENGTH)
			CurvePointAdd(CurveCountsPoint(&counts, points[i].days), &points[i]);
	}
	return OpenCurveNote(&counts);
}

/*
 * Return a return_curve as an open one.  It is a copy unless it is open already.  A curve that was
 * settled on the way has lost its question.
 */
OpenCurve *
OpenCurveFromDatum(Datum datum)
{
	struct varlena *value = PG_DETOAST_DATUM(datum);
	OpenCurve  *open = (OpenCurve *) value;
	Curve		curve;

	if (!IsOpenCurve(value))
	{
		curve = CurveFromDatum(PointerGetDatum(value));
		return AddPoints(OpenCurveCreate(), curve.points, (uint32) curve.npoints);
	}
	if ((uintptr_t) open % MAXIMUM_ALIGNOF != 0)
	{
		open = palloc(VARSIZE(value));
		memcpy(open, value, VARSIZE(value));
	}
	if (VARSIZE(open) < sizeof(OpenCurve) || !IsTimeUnit(open->unit) || open->capacity == 0 ||
		(open->capacity & (open->capacity - 1)) != 0 || open->used >= open->capacity ||
		VARSIZE(open) != sizeof(OpenCurve) + (Size) open->capacity * sizeof(CurvePoint))
		elog(ERROR, "invalid open return_curve");
	return open;
}

/* Merge another open curve into one, in place, and return it or a larger one. */
OpenCurve *
OpenCurveMerge(OpenCurve *open, const OpenCurve *other)
{
	if (open->fingerprint == 0)
	{
		open->unit = other->unit;
		open->fingerprint = other->fingerprint;
		open->mark = other->mark;
	}
	return AddPoints(open, (const CurvePoint *) (other + 1), other->capacity);
}

/* Return the points of an open curve, by their length. */
Curve
OpenCurvePoints(const struct varlena *value)
{
	OpenCurve  *open = OpenCurveFromDatum(PointerGetDatum(value));
	CurveCounts counts = OpenCurveCounts(open);
	Curve		curve = CurveCountsPoints(&counts, CurrentMemoryContext);

	CurveCheckTotal(&curve);
	return curve;
}
