/*
 * distributions.c
 *	  Tails and quantiles of distributions, as pure functions of float8.
 */
#include "postgres.h"

#include <math.h>

#include "statistics/distributions.h"

/*
 * Return z such that a normally distributed value lies within z standard
 * deviations of its mean with this probability: 1.96 for 0.95.
 *
 * z is the root of erfc(z / sqrt(2)) - (1 - confidence).  Newton's method finds
 * it from z = 0.  For z >= 0 the function falls and is convex, so each step
 * increases z and stays below the root, apart from rounding.  Stop when z no
 * longer increases.
 */
float8
NormalQuantile(float8 confidence)
{
	float8		z = 0;

	for (int i = 0; i < 100; i++)
	{
		float8		excess = erfc(z * M_SQRT1_2) - (1 - confidence);
		float8		next = z + excess / (M_2_SQRTPI * M_SQRT1_2 * exp(-z * z / 2));

		if (next <= z)
			break;
		z = next;
	}
	return z;
}
