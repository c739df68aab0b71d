/*
 * survival.c
 *	  Survival statistics over the lengths of silences.
 *
 * Sources: E. L. Kaplan and P. Meier, JASA 53 (1958); the variance of M. Greenwood (1926) as
 * J. D. Kalbfleisch and R. L. Prentice, "The Statistical Analysis of Failure Time Data", give it;
 * N. Mantel, Cancer Chemotherapy Reports 50 (1966), for the log-rank test.  Intervals are on the
 * logarithmic scale, and the median of an exact half is a midpoint, as in survfit of R's package
 * survival.
 *
 * Nothing is extrapolated.  Where no silence is at risk, the result is not known.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "statistics/survival.h"

/* Survivals that differ by less are equal: R's tolerance, for the median of an exact half. */
#define SURVIVAL_TOLERANCE	1.4901161193847656e-08	/* sqrt(DBL_EPSILON) */

/* Chances that exceed the one that was asked for by less do not exceed it. */
#define CHANCE_TOLERANCE	1e-12

/* Points between two checks for interrupts. */
#define POINTS_BETWEEN_CHECKS	4096

/* Return the silences that end at a point, with a return or not. */
static inline int64
Ended(const CurvePoint *point)
{
	return point->returned + point->censored;
}

/* Begin a walk in front of the first point. */
void
CurveWalkInit(CurveWalk *walk, const Curve *curve)
{
	walk->curve = curve;
	walk->next = 0;
	walk->point = NULL;
	walk->at_risk = 0;
	walk->at_risk_after = 0;
	for (int i = 0; i < curve->npoints; i++)
		walk->at_risk_after += Ended(&curve->points[i]) - curve->points[i].entered;
	walk->survival = 1;
	walk->variance = 0;
}

/* Go to the next point, or return false if there is none. */
bool
CurveWalkNext(CurveWalk *walk)
{
	if (walk->next == walk->curve->npoints)
		return false;
	if (walk->next % POINTS_BETWEEN_CHECKS == 0)
		CHECK_FOR_INTERRUPTS();
	walk->point = &walk->curve->points[walk->next++];
	walk->at_risk = walk->at_risk_after;
	walk->at_risk_after += walk->point->entered - Ended(walk->point);
	if (walk->point->returned > 0)
	{
		float8		at_risk = walk->at_risk;
		float8		stayed = walk->at_risk - walk->point->returned;

		walk->survival *= stayed / at_risk;
		walk->variance += walk->point->returned / (at_risk * stayed);
	}
	return true;
}

/*
 * Return a survival with the bounds of its interval on the logarithmic scale, z standard errors
 * wide.  A survival of 0 has no bounds.
 */
static Estimate
WithBounds(float8 survival, float8 variance, float8 z)
{
	Estimate	estimate = {.value = survival};

	if (survival > 0)
	{
		float8		width = z * sqrt(variance);

		estimate.lower = exp(log(survival) - width);
		estimate.upper = Min(exp(log(survival) + width), 1);
		estimate.has_bounds = true;
	}
	return estimate;
}

/* Return the survival at the point of a walk, with its interval. */
Estimate
CurveSurvival(const CurveWalk *walk, float8 z)
{
	return WithBounds(walk->survival, walk->variance, z);
}

/*
 * Follow a curve from the end of the day `silence` for `within` days.  Set the share of the
 * silences that go on, and the variance of its logarithm.  Return whether they are known: silences
 * must be at risk on each of these days, until all have returned.
 *
 * `walk` must stand in front of the first point after `silence`.
 */
static bool
Follow(CurveWalk walk, int64 silence, int64 within, float8 *stayed, float8 *variance)
{
	int64		end = silence + within;

	walk.survival = 1;
	walk.variance = 0;
	while (walk.survival > 0)
	{
		bool		at_end = walk.next == walk.curve->npoints ||
			walk.curve->points[walk.next].days > end;

		if (walk.at_risk_after == 0)
		{
			/* that is no gap if the days up to `end` are over */
			if (walk.point != NULL && walk.point->days >= end)
				break;
			return false;
		}
		if (at_end)
			break;
		(void) CurveWalkNext(&walk);
	}
	*stayed = walk.survival;
	*variance = walk.variance;
	return true;
}

/* Go to the last point whose length is not greater than `silence`. */
static void
WalkTo(CurveWalk *walk, int64 silence)
{
	while (walk->next < walk->curve->npoints && walk->curve->points[walk->next].days <= silence)
		(void) CurveWalkNext(walk);
}

/*
 * Return the chance that a silence that has lasted `silence` days ends with a return within the
 * next `within` days: 1 - S(silence + within) / S(silence), from the risk sets of these days.
 */
ReturnChance
CurveChance(const Curve *curve, int64 silence, int64 within, float8 z)
{
	ReturnChance result = {0};
	CurveWalk	walk;
	float8		stayed;
	float8		variance;

	CurveWalkInit(&walk, curve);
	WalkTo(&walk, silence);
	result.at_risk = walk.at_risk_after;
	if (!Follow(walk, silence, within, &stayed, &variance))
		return result;

	result.is_known = true;
	result.chance.value = 1 - stayed;
	if (stayed > 0)
	{
		Estimate	bounds = WithBounds(stayed, variance, z);

		result.chance.lower = 1 - bounds.upper;
		result.chance.upper = 1 - bounds.lower;
		result.chance.has_bounds = true;
	}
	return result;
}

/*
 * Find the shortest silence after which the chance of a return within `within` days is at most
 * `chance`.  Return false if there is none.
 *
 * The chance falls only where the silence passes a return, because any other silence looks at later
 * returns besides.  So only 0 and the lengths with returns are candidates.
 */
bool
CurveSilenceFor(const Curve *curve, float8 chance, int64 within, int32 *silence)
{
	CurveWalk	walk;

	CurveWalkInit(&walk, curve);
	*silence = 0;
	do
	{
		float8		stayed;
		float8		variance;

		if (walk.point != NULL)
		{
			if (walk.point->returned == 0 && walk.point->entered == 0)
				continue;
			*silence = walk.point->days;
		}
		CHECK_FOR_INTERRUPTS();
		if (Follow(walk, *silence, within, &stayed, &variance) &&
			1 - stayed <= chance + CHANCE_TOLERANCE)
			return true;
	} while (CurveWalkNext(&walk));
	return false;
}

/*
 * Find the time after which half of the silences have ended with a return, or, if `bound` is -1 or
 * 1, the lower or upper bound of its interval (R. Brookmeyer and J. Crowley, Biometrics 38, 1982):
 * where the lower or upper bound of the survival has fallen below a half.  Return false if
 * it has not.
 *
 * If a value is exactly a half, the result is the middle between its length and the next length
 * with a lower value, as in R.
 */
bool
CurveMedian(const Curve *curve, float8 z, int bound, float8 *days)
{
	CurveWalk	walk;
	bool		is_half = false;
	float8		half = 0;

	CurveWalkInit(&walk, curve);
	while (CurveWalkNext(&walk))
	{
		Estimate	survival = CurveSurvival(&walk, z);
		float8		value = bound == 0 ? survival.value :
			bound < 0 ? survival.lower : survival.upper;

		/* a survival of 0 has no bounds */
		if ((bound != 0 && !survival.has_bounds) || value >= 0.5 + SURVIVAL_TOLERANCE)
			continue;
		if (is_half)
		{
			if (value >= half)
				continue;
			*days = (*days + walk.point->days) / 2;
			return true;
		}
		*days = walk.point->days;
		is_half = fabs(value - 0.5) < SURVIVAL_TOLERANCE;
		half = value;
		if (!is_half)
			return true;
	}
	return is_half;
}

/*
 * Compute the mean length of the silences within the first `within` days: the area below the
 * survival.  Return false if the curve does not reach so far.
 */
bool
CurveRestrictedMean(const Curve *curve, int64 within, float8 *days)
{
	CurveWalk	walk;
	float8		stayed;
	float8		variance;
	int64		since = 0;

	CurveWalkInit(&walk, curve);
	WalkTo(&walk, 0);
	if (!Follow(walk, 0, within, &stayed, &variance))
		return false;
	*days = 0;
	while (since < within)
	{
		float8		survival = walk.survival;
		int64		until = CurveWalkNext(&walk) ? Min(walk.point->days, within) : within;

		*days += survival * (until - since);
		since = until;
	}
	return true;
}

/* Go on to a length, if it is that of the next point of a walk.  Return the returns there. */
static int64
ReturnsAt(CurveWalk *walk, int32 length, int64 *at_risk)
{
	*at_risk = walk->at_risk_after;
	if (walk->next == walk->curve->npoints || walk->curve->points[walk->next].days != length)
		return 0;
	(void) CurveWalkNext(walk);
	return walk->point->returned;
}

static inline int64
NextLength(const CurveWalk *walk)
{
	return walk->next < walk->curve->npoints ? walk->curve->points[walk->next].days :
		PG_INT64_MAX;
}

/*
 * Compare two curves by the log-rank test: at each length with returns, compare the returns of the
 * first with those that its share of the silences at risk would have.
 */
LogRank
CurveLogRank(const Curve *a, const Curve *b)
{
	LogRank		result = {0};
	CurveWalk	walk_a;
	CurveWalk	walk_b;
	float8		excess = 0;
	float8		variance = 0;
	int64		length;

	CurveWalkInit(&walk_a, a);
	CurveWalkInit(&walk_b, b);
	while ((length = Min(NextLength(&walk_a), NextLength(&walk_b))) != PG_INT64_MAX)
	{
		int64		risk_a;
		int64		risk_b;
		float8		returned_a = ReturnsAt(&walk_a, length, &risk_a);
		float8		returned = returned_a + ReturnsAt(&walk_b, length, &risk_b);
		float8		at_risk = (float8) risk_a + (float8) risk_b;
		float8		share;

		if (returned == 0)
			continue;
		share = risk_a / at_risk;
		excess += returned_a - returned * share;
		if (at_risk > 1)
			variance += returned * share * (1 - share) * (at_risk - returned) / (at_risk - 1);
	}
	if (variance > 0)
	{
		result.is_known = true;
		result.chi_squared = excess * excess / variance;
		/* the tail of one degree of freedom */
		result.p_value = erfc(sqrt(result.chi_squared / 2));
	}
	return result;
}
