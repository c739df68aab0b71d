/*
 * proportions.c
 *	  Intervals and tests of rates, as pure functions of counts.
 */
#include "postgres.h"

#include <math.h>

#include "statistics/proportions.h"
#include "types/rate_tally.h"

/*
 * Return the Wilson score interval of a rate (E. B. Wilson, JASA 22, 1927).  The
 * tally must have at least one eligible customer.
 *
 * It takes the tally as a sample and estimates the true rate.  The usual
 * interval, rate +- z * standard error, is too narrow for few customers and for
 * rates near 0 and 1, and exceeds 0 and 1 there; this one does neither.
 */
Limits
WilsonLimits(const Tally *tally, float8 z)
{
	float8		n = (float8) tally->eligible;
	float8		p = TallyRate(tally);
	float8		weight = 1 + z * z / n;
	float8		center = (p + z * z / (2 * n)) / weight;
	float8		half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / weight;

	/* if nobody or everybody returned, a limit is exactly 0 or 1, which rounding might miss */
	return (Limits)
	{
		.lower = tally->returned == 0 ? 0 : center - half,
		.upper = tally->returned == tally->eligible ? 1 : center + half
	};
}
