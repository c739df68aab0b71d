/*
 * open_curve.h
 *	  A return_curve to which customers are still added.
 *
 * The stored form of a return_curve is compact, and takes long to read and to write.  An aggregate
 * over histories adds each customer to a state of that type; so its state is an open curve: version
 * 0, and the memory of CurveCounts, which is changed in place.  It is never stored: the final
 * function makes the stored form, and so do the output functions, if a state travels to another
 * server.
 */
#ifndef WINBACK_OPEN_CURVE_H
#define WINBACK_OPEN_CURVE_H

#include "postgres.h"

#include "compat.h"
#include "state/curve_counts.h"

#define OPEN_CURVE_VERSION		0

/* The head of an open curve.  The points follow it. */
typedef struct OpenCurve
{
	int32		vl_len_;		/* varlena header */
	uint8		version;
	uint8		unit;			/* TimeUnit */
	uint16		unused;
	uint32		capacity;		/* points: see CurveCounts */
	uint32		used;
	uint64		fingerprint;	/* of the question; 0 if it is not known */
	int64		mark;			/* of the question with its TimeZone */
} OpenCurve;

extern OpenCurve *OpenCurveCreate(void);
extern OpenCurve *OpenCurveFromDatum(Datum datum);
extern OpenCurve *OpenCurveMerge(OpenCurve *open, const OpenCurve *other);
extern Curve OpenCurvePoints(const struct varlena *value);

/* Return whether a return_curve that is not toasted is an open one. */
static inline bool
IsOpenCurve(const struct varlena *value)
{
	return VARSIZE_ANY_EXHDR(value) > 0 && *(const uint8 *) VARDATA_ANY(value) == OPEN_CURVE_VERSION;
}

/* Return the counts of an open curve, which change it in place. */
static inline CurveCounts
OpenCurveCounts(OpenCurve *open)
{
	CurveCounts counts = {
		.memory = (char *) open,
		.head = sizeof(OpenCurve),
		.points = (CurvePoint *) (open + 1),
		.capacity = open->capacity,
		.used = open->used
	};

	return counts;
}

/* Note what was counted.  Return the open curve, which is another one if its table has grown. */
static inline OpenCurve *
OpenCurveNote(const CurveCounts *counts)
{
	OpenCurve  *open = (OpenCurve *) counts->memory;

	if (unlikely(open->capacity != counts->capacity))
	{
		open->capacity = counts->capacity;
		SET_VARSIZE(open, sizeof(OpenCurve) + open->capacity * sizeof(CurvePoint));
	}
	open->used = counts->used;
	return open;
}

#endif							/* WINBACK_OPEN_CURVE_H */
