/*
 * survival.h
 *	  Survival statistics over the lengths of silences.
 *
 * A silence ends with a return, or it is censored: its end is not known.  The Kaplan-Meier
 * estimate, Greenwood's variance and the log-rank test follow from the number of silences that
 * returned and that were censored at each length.
 *
 * These are pure functions of plain values, without fmgr or allocation.
 */
#ifndef WINBACK_SURVIVAL_H
#define WINBACK_SURVIVAL_H

#include "postgres.h"

#include "types/return_curve.h"

/*
 * A walk over the points of a curve.  After CurveWalkNext, `at_risk` is the number of silences at
 * risk at the length of `point`, and on each day since the point before.
 */
typedef struct CurveWalk
{
	const Curve *curve;
	int			next;			/* index of the next point */
	const CurvePoint *point;	/* NULL before the first */
	int64		at_risk;
	int64		at_risk_after;	/* at risk on each day after `point`, up to the next one */
	float8		survival;		/* at the end of the day of `point` */
	float8		variance;		/* of the logarithm of the survival, by Greenwood's formula; not
								 * finite where the survival is 0 */
} CurveWalk;

/* An estimate with the bounds of its confidence interval. */
typedef struct Estimate
{
	float8		value;
	float8		lower;
	float8		upper;
	bool		has_bounds;
} Estimate;

/* The chance of a return within some time after a silence. */
typedef struct ReturnChance
{
	bool		is_known;		/* there are silences at risk throughout the time */
	int64		at_risk;		/* silences that had lasted so long and went on */
	Estimate	chance;
} ReturnChance;

/* The result of the log-rank test. */
typedef struct LogRank
{
	bool		is_known;
	float8		chi_squared;	/* with one degree of freedom */
	float8		p_value;
} LogRank;

extern void CurveWalkInit(CurveWalk *walk, const Curve *curve);
extern bool CurveWalkNext(CurveWalk *walk);
extern Estimate CurveSurvival(const CurveWalk *walk, float8 z);
extern ReturnChance CurveChance(const Curve *curve, int64 silence, int64 within, float8 z);
extern bool CurveSilenceFor(const Curve *curve, float8 chance, int64 within, int32 *silence);
extern bool CurveMedian(const Curve *curve, float8 z, int bound, float8 *days);
extern bool CurveRestrictedMean(const Curve *curve, int64 within, float8 *days);
extern LogRank CurveLogRank(const Curve *a, const Curve *b);

#endif							/* WINBACK_SURVIVAL_H */
