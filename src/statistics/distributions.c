/*
 * distributions.c
 *	  Tails and quantiles of distributions, as pure functions of float8.
 *
 * All tails are computed as such and not as 1 minus the rest, so a probability
 * of 1e-300 is a number and not 0.  Logarithms of gamma functions appear only as
 * what Stirling's formula leaves over: log gamma itself is 10^13 for 10^12
 * customers, where a float8 has three digits after the point.
 *
 * Limits: the relative error of a probability is about 1e-13, because the
 * exponent of a float8 near the end of its range has that error.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "statistics/distributions.h"

/*
 * Return the root of a continuous function between two arguments at which it has
 * different signs, to the precision of float8.  A value may be infinite.
 *
 * This is Chandrupatla's method (T. R. Chandrupatla, Advances in Engineering
 * Software 28, 1997): inverse quadratic interpolation where three points look
 * like a parabola, and bisection elsewhere.  So it always converges.
 */
float8
FindRoot(RootFunction function, const void *context, float8 low, float8 high)
{
	float8		newest = low,
				opposite = high;
	float8		f_newest = function(low, context),
				f_opposite = function(high, context);
	float8		step = 0.5;

	if (f_newest == 0)
		return low;
	if (f_opposite == 0)
		return high;
	/* bisection alone needs 1100 steps for the smallest of all numbers */
	for (int i = 0; i < 2000; i++)
	{
		float8		x = newest + step * (opposite - newest);
		float8		f = function(x, context);
		float8		before,			/* the point that x displaces */
					f_before,
					best,
					tolerance,
					xi,
					phi;

		if ((f > 0) == (f_newest > 0))
		{
			before = newest;
			f_before = f_newest;
		}
		else
		{
			before = opposite;
			f_before = f_opposite;
			opposite = newest;
			f_opposite = f_newest;
		}
		newest = x;
		f_newest = f;

		best = fabs(f_newest) < fabs(f_opposite) ? newest : opposite;
		tolerance = DBL_EPSILON * fabs(best) + DBL_MIN;
		if (f == 0)
			return x;
		if (fabs(opposite - newest) <= 2 * tolerance)
			return best;

		xi = (newest - opposite) / (before - opposite);
		phi = (f_newest - f_opposite) / (f_before - f_opposite);
		/* with an infinite value phi is not a number, and both comparisons are false */
		if (phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi)
			step = f_newest / (f_opposite - f_newest) * f_before / (f_opposite - f_before) +
				(before - newest) / (opposite - newest) *
				f_newest / (f_before - f_newest) * f_opposite / (f_before - f_opposite);
		else
			step = 0.5;
		tolerance /= fabs(opposite - newest);
		step = Min(Max(step, tolerance), 1 - tolerance);
	}
	return newest;
}

/*
 * Return observed * ln(observed / expected) - observed + expected, where
 * observed = expected + excess: how much less likely a count is than its
 * expectation, as in C. Loader's saddle-point expansion (2000).  It is at least 0.
 * Pass an excess that was computed exactly.
 */
float8
DevianceOf(float8 excess, float8 expected)
{
	float8		u = excess / expected;

	if (u <= -1)
		return expected;
	/* (1 + u) ln(1 + u) - u, which is u^2/2 - u^3/6 + u^4/12 ... */
	if (fabs(u) < 0.02)
	{
		float8		sum = 0;
		float8		power = u * u;

		for (int k = 2; k <= 11; k++, power *= -u)
			sum += power / (k * (k - 1));
		return expected * sum;
	}
	return (expected + excess) * log1p(u) - excess;
}

float8
Deviance(float8 observed, float8 expected)
{
	return DevianceOf(observed - expected, expected);
}

/* Return ln n! - (n ln n - n): what Stirling's formula leaves over; 0 for n = 0. */
float8
StirlingRemainder(float8 n)
{
	float8		square = n * n;

	if (n == 0)
		return 0;
	if (n < 16)
		return lgamma(n + 1) - n * log(n) + n;
	return 0.5 * log(2 * M_PI * n) +
		(1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - (1.0 / 1188) /
													square) / square) / square) / square) / n;
}

/* Return the probability that a standard normal value is further from 0 than z. */
float8
NormalTail(float8 z)
{
	return erfc(fabs(z) * M_SQRT1_2);
}

/*
 * Return z such that a normally distributed value lies within z standard
 * deviations of its mean with this probability: 1.96 for 0.95.
 *
 * z is the root of erfc(z / sqrt(2)) - (1 - confidence).  Newton's method finds
 * it from z = 0.  For z >= 0 the function falls and is convex, so each step
 * increases z and stays below the root, apart from rounding.  Stop when z no
 * longer increases.  Below one half, 1 - confidence would lose digits.
 */
float8
NormalQuantile(float8 confidence)
{
	float8		z = 0;

	for (int i = 0; i < 100; i++)
	{
		float8		excess = confidence < 0.5 ? confidence - erf(z * M_SQRT1_2)
			: erfc(z * M_SQRT1_2) - (1 - confidence);
		float8		next = z + excess / (M_2_SQRTPI * M_SQRT1_2 * exp(-z * z / 2));

		if (next <= z)
			break;
		z = next;
	}
	return z;
}

/* Return the density of Student's t at 0, whose two gamma functions need Stirling's formula. */
static float8
StudentDensityAt0(float8 freedom)
{
	float8		a = freedom / 2;
	float8		square = a * a;
	float8		log_ratio;		/* ln(gamma(a + 1/2) / gamma(a)) */

	if (a < 16)
		log_ratio = lgamma(a + 0.5) - lgamma(a);
	else
		log_ratio = 0.5 * log(a) -
			(1.0 / 8 - (1.0 / 192 - (1.0 / 640 - (17.0 / 14336 - (31.0 / 18432) /
												  square) / square) / square) / square) / a;
	return exp(log_ratio) / sqrt(freedom * M_PI);
}

/*
 * Return the probability that a value with Student's distribution is further from
 * 0 than t.  The degrees of freedom need not be an integer, but must be at least 1.
 *
 * It is the integral of the density from t on.  y, the distance from t, becomes
 * scale * exp(pi/2 sinh u); then the integrand falls doubly exponentially on both
 * sides, from which the trapezoidal rule has all digits (H. Takahasi and M. Mori,
 * 1974).  This holds for the algebraic tail of one degree of freedom as well as
 * for the nearly normal one of 10^12, for which continued fractions of the
 * incomplete beta function take a million steps.
 */
float8
StudentTail(float8 t, float8 freedom)
{
	const float8 h = 1.0 / 32;
	float8		at = fabs(t);
	float8		base = freedom + at * at;
	float8		exponent = -(freedom + 1) / 2;
	float8		scale;
	float8		sum = 0;

	if (isinf(at))
		return 0;
	/* the length in which the density falls to about 1/e */
	scale = 1 / (at * (freedom + 1) / base + sqrt((freedom + 1) / base));
	for (int i = -145; i <= 145; i++)
	{
		float8		u = i * h;
		float8		w = exp(M_PI_2 * sinh(u));
		float8		y = scale * w;

		sum += exp(exponent * log1p((2 * at + y) * y / base)) * w * cosh(u);
	}
	return 2 * StudentDensityAt0(freedom) * exp(exponent * log1p(at * at / freedom)) *
		scale * M_PI_2 * h * sum;
}

typedef struct StudentContext
{
	float8		freedom;
	float8		tail;
} StudentContext;

static float8
StudentExcess(float8 t, const void *context)
{
	const StudentContext *student = context;

	return log(StudentTail(t, student->freedom) / student->tail);
}

/*
 * Return t such that a value with Student's distribution lies within t of 0 with
 * this probability.
 */
float8
StudentQuantile(float8 confidence, float8 freedom)
{
	StudentContext student = {freedom, 1 - confidence};
	float8		low = NormalQuantile(confidence);
	float8		high = 2 * low + 1;

	/* Student's tails are heavier than the normal ones, so the quantile is larger */
	while (StudentExcess(high, &student) > 0)
		high *= 2;
	if (StudentExcess(low, &student) <= 0)
		return low;
	return FindRoot(StudentExcess, &student, low, high);
}

/*
 * Return the probability that a value with the chi-square distribution exceeds
 * `square`: the upper incomplete gamma function Q(a, x), a = freedom / 2 and
 * x = square / 2.
 *
 * Below a + 1 it is 1 minus a series, above it is a continued fraction by Lentz's
 * method (W. Press et al., Numerical Recipes).  Both are multiplied with
 * x^a exp(-x) / gamma(a + 1), which is exp(-Deviance(a, x)) but for Stirling's
 * remainder.
 */
float8
ChiSquareTail(float8 square, float8 freedom)
{
	float8		a = freedom / 2;
	float8		x = square / 2;
	float8		factor;

	if (x <= 0)
		return 1;
	if (isinf(x))
		return 0;
	factor = exp(-Deviance(a, x) - StirlingRemainder(a));
	if (x < a + 1)
	{
		float8		term = 1;
		float8		sum = 1;

		for (float8 k = a + 1; term > sum * DBL_EPSILON / 4; k++)
		{
			term *= x / k;
			sum += term;
		}
		return Max(0, 1 - factor * sum);
	}
	else
	{
		float8		b = x + 1 - a;
		float8		c = 1 / DBL_MIN;
		float8		d = 1 / b;
		float8		fraction = d;

		for (int k = 1; k < 10000000; k++)
		{
			float8		numerator = -k * (k - a);
			float8		change;

			b += 2;
			d = numerator * d + b;
			c = b + numerator / c;
			if (fabs(d) < DBL_MIN)
				d = DBL_MIN;
			if (fabs(c) < DBL_MIN)
				c = DBL_MIN;
			d = 1 / d;
			change = c * d;
			fraction *= change;
			if (fabs(change - 1) <= DBL_EPSILON)
				break;
		}
		return factor * a * fraction;
	}
}
