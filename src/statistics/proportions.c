/*
 * proportions.c
 *	  Intervals and tests of rates, as pure functions of counts.
 *
 * All functions take tallies with at least one eligible customer each.  The
 * functions of two tallies mirror exactly: if treated and control change places,
 * differences and limits change sign to the last bit, and probabilities remain.
 *
 * The errors are those of float8 for 1 to 10^12 customers.  Products of counts
 * are subtracted without rounding (ProductDifference), restricted estimates are
 * roots of forms in which nothing cancels, and nothing takes time in proportion
 * to the number of customers.
 *
 * Limits: counts above 2^53 are rounded to a float8.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "statistics/distributions.h"
#include "statistics/proportions.h"
#include "types/rate_tally.h"

/*
 * Return a * b - c * d, rounded once or twice (W. Kahan's algorithm with fma).
 * ProductDifference(c, d, a, b) is exactly the negative of it.
 */
static float8
ProductDifference(float8 a, float8 b, float8 c, float8 d)
{
	float8		first = a * b;
	float8		second = c * d;

	if (first < second)
		return -ProductDifference(c, d, a, b);
	return fma(a, b, -second) + fma(-c, d, second);
}

/* The four counts of two groups as float8. */
typedef struct Table
{
	float8		treated;		/* eligible */
	float8		control;
	float8		total;
	float8		treated_returned;
	float8		control_returned;
	float8		returned;
	float8		treated_stayed; /* eligible, and did not return */
	float8		control_stayed;
	float8		stayed;
	float8		cross;			/* total * (treated_returned - what the pooled rate lets expect) */
} Table;

static Table
MakeTable(const Tally *treated, const Tally *control)
{
	Table		table = {
		.treated = (float8) treated->eligible,
		.control = (float8) control->eligible,
		.treated_returned = (float8) treated->returned,
		.control_returned = (float8) control->returned,
		.treated_stayed = (float8) (treated->eligible - treated->returned),
		.control_stayed = (float8) (control->eligible - control->returned)
	};

	table.total = table.treated + table.control;
	table.returned = table.treated_returned + table.control_returned;
	table.stayed = table.treated_stayed + table.control_stayed;
	table.cross = ProductDifference(table.treated_returned, table.control,
									table.control_returned, table.treated);
	return table;
}

/* Return the treated rate minus the control rate. */
float8
RateDifference(const Tally *treated, const Tally *control)
{
	Table		table = MakeTable(treated, control);

	return table.cross / (table.treated * table.control);
}

/*
 * Return the score test's z of the hypothesis that both rates are the same, with
 * the variance of the pooled rate; 0 if nobody or everybody returned.
 */
float8
PooledZ(const Tally *treated, const Tally *control)
{
	Table		table = MakeTable(treated, control);

	if (table.cross == 0)
		return 0;
	return table.cross *
		sqrt(table.total / (table.treated * table.control * table.returned * table.stayed));
}

/*
 * Return the Wilson score interval of a rate (E. B. Wilson, JASA 22, 1927).
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

/*
 * The hybrid score interval (R. G. Newcombe, Statistics in Medicine 17, 1998,
 * method 10): the distances of both rates from their Wilson limits, as the sides
 * of a right triangle.
 */
static Limits
NewcombeLimits(const Tally *treated, const Tally *control, float8 z)
{
	Limits		t = WilsonLimits(treated, z);
	Limits		c = WilsonLimits(control, z);
	float8		t_rate = TallyRate(treated);
	float8		c_rate = TallyRate(control);
	float8		difference = RateDifference(treated, control);

	return (Limits)
	{
		.lower = Max(-1, difference - hypot(t_rate - t.lower, c.upper - c_rate)),
		.upper = Min(1, difference + hypot(t.upper - t_rate, c_rate - c.lower))
	};
}

/* What the score of a difference or a ratio depends on. */
typedef struct ScoreContext
{
	Table		table;
	float8		z;				/* the score that is wanted */
	/* of two rates with a given difference: its size, and the counts of both sides */
	float8		distance;
	float8		smaller_returned;
	float8		smaller_stayed;
	float8		larger_returned;
	float8		larger_stayed;
} ScoreContext;

/*
 * The derivative of the log-likelihood by the smaller of two rates that differ by
 * `distance`, times those of both rates and of 1 minus each that it has as a
 * denominator.  The derivative falls, so its root is the restricted maximum.  It
 * is the cubic of Miettinen and Nurminen, written so that nothing cancels for rare
 * returns, and without the roots at 0 and 1 that it has where a count is 0.
 */
static float8
RestrictedLikelihoodSlope(float8 rate, const void *context)
{
	const ScoreContext *score = context;
	float8		larger = rate + score->distance;
	float8		rest = 1 - rate;
	float8		larger_rest = 1 - larger;
	bool		some = score->smaller_returned > 0;
	bool		not_all = score->larger_stayed > 0;
	float8		slope = some ? score->smaller_returned * rest - score->smaller_stayed * rate
		: -score->smaller_stayed;
	float8		larger_slope = not_all
		? score->larger_returned * larger_rest - score->larger_stayed * larger
		: score->larger_returned;

	return slope * larger * (not_all ? larger_rest : 1) + larger_slope * (some ? rate : 1) * rest;
}

/* Return the smaller of the two most likely rates that differ by `distance`. */
static float8
RestrictedRate(const ScoreContext *score)
{
	float8		most = 1 - score->distance;

	if (score->distance == 0)
		return score->table.returned / score->table.total;
	if (most <= 0 || RestrictedLikelihoodSlope(0, score) <= 0)
		return 0;
	if (RestrictedLikelihoodSlope(most, score) >= 0)
		return most;
	return FindRoot(RestrictedLikelihoodSlope, score, 0, most);
}

/*
 * Return by how much the score of a true difference exceeds the z that is wanted.
 * The score is the distance of the observed difference from the true one, divided
 * by its standard error under the most likely rates with this true difference.
 */
static float8
DifferenceScore(float8 difference, const void *context)
{
	ScoreContext score = *(const ScoreContext *) context;
	const Table *table = &score.table;
	bool		treated_is_larger = difference > 0;
	float8		excess = table->cross / (table->treated * table->control) - difference;
	float8		smaller,
				larger,
				variance;

	if (excess == 0)
		return -score.z;
	score.distance = fabs(difference);
	score.smaller_returned = treated_is_larger ? table->control_returned : table->treated_returned;
	score.smaller_stayed = treated_is_larger ? table->control_stayed : table->treated_stayed;
	score.larger_returned = treated_is_larger ? table->treated_returned : table->control_returned;
	score.larger_stayed = treated_is_larger ? table->treated_stayed : table->control_stayed;
	smaller = RestrictedRate(&score);
	larger = Min(smaller + score.distance, 1);
	variance = smaller * (1 - smaller) / (score.smaller_returned + score.smaller_stayed) +
		larger * (1 - larger) / (score.larger_returned + score.larger_stayed);
	return excess / sqrt(variance * (table->total / (table->total - 1))) - score.z;
}

/*
 * Return the lower limit of O. Miettinen and M. Nurminen (Statistics in Medicine
 * 4, 1985): the true difference whose score is z, with their variance factor
 * N / (N - 1).
 */
static float8
MiettinenNurminenLower(const Tally *treated, const Tally *control, float8 z)
{
	ScoreContext score = {.table = MakeTable(treated, control), .z = z};
	float8		difference = RateDifference(treated, control);

	if (difference == -1)
		return -1;

	/* Of rates near 1, the differences from 1 have more digits. So count who did not return. */
	if (score.table.returned > score.table.stayed)
	{
		Tally		treated_rest = {treated->eligible - treated->returned, treated->eligible};
		Tally		control_rest = {control->eligible - control->returned, control->eligible};

		score.table = MakeTable(&control_rest, &treated_rest);
	}
	return FindRoot(DifferenceScore, &score, -1, difference);
}

static Limits
MiettinenNurminenLimits(const Tally *treated, const Tally *control, float8 z)
{
	return (Limits)
	{
		.lower = MiettinenNurminenLower(treated, control, z),
		.upper = -MiettinenNurminenLower(control, treated, z)
	};
}

/*
 * The interval of A. Agresti and B. Caffo (American Statistician 54, 2000): the
 * usual interval after one returned and one other customer are added to each side.
 */
static Limits
AgrestiCaffoLimits(const Tally *treated, const Tally *control, float8 z)
{
	float8		t_n = (float8) treated->eligible + 2;
	float8		c_n = (float8) control->eligible + 2;
	float8		t_rate = ((float8) treated->returned + 1) / t_n;
	float8		c_rate = ((float8) control->returned + 1) / c_n;
	float8		half = z * sqrt(t_rate * (1 - t_rate) / t_n + c_rate * (1 - c_rate) / c_n);

	return (Limits)
	{
		.lower = Max(-1, t_rate - c_rate - half),
		.upper = Min(1, t_rate - c_rate + half)
	};
}

const DifferenceMethod difference_methods[] = {
	{"newcombe", NewcombeLimits},
	{"miettinen-nurminen", MiettinenNurminenLimits},
	{"agresti-caffo", AgrestiCaffoLimits},
	{NULL, NULL}
};

/*
 * Return by how much the score of the true ratio exp(x) exceeds the z that is
 * wanted: P. A. R. Koopman, Biometrics 40, 1984.
 *
 * The restricted rates solve a quadratic equation, whose discriminant is a sum of
 * two terms that are not negative.
 */
static float8
RatioScore(float8 x, const void *context)
{
	const ScoreContext *score = context;
	const Table *table = &score->table;
	float8		ratio = exp(x);
	float8		of_treated = ratio * (table->treated + table->control_returned);
	float8		of_control = table->treated_returned + table->control;
	float8		root = hypot(of_treated - of_control,
							 2 * sqrt(ratio) * sqrt(table->treated_stayed) *
							 sqrt(table->control_stayed));
	float8		control_rate = Min(2 * table->returned / (of_treated + of_control + root), 1);
	float8		treated_rate = Min(ratio * control_rate, 1);
	float8		excess = table->treated_returned / table->treated -
		ratio * (table->control_returned / table->control);
	float8		variance = treated_rate * (1 - treated_rate) / table->treated +
		ratio * ratio * control_rate * (1 - control_rate) / table->control;

	if (excess == 0)
		return -score->z;
	return excess / sqrt(variance) - score->z;
}

/* Return the lower limit of the ratio of the treated rate to the control rate. */
static float8
KoopmanLower(const Tally *treated, const Tally *control, float8 z)
{
	ScoreContext score = {.table = MakeTable(treated, control), .z = z};
	float8		low,
				high;

	if (treated->returned == 0)
		return 0;
	/* the observed ratio, or any ratio if it is infinite: the score falls to 0 at it */
	high = control->returned == 0 ? 0 : log(TallyRate(treated) / TallyRate(control));
	for (float8 step = 1; RatioScore(high, &score) > 0; step *= 2)
		high += step;
	low = high;
	for (float8 step = 1; RatioScore(low, &score) <= 0; step *= 2)
		low -= step;
	return exp(FindRoot(RatioScore, &score, low, high));
}

Limits
KoopmanLimits(const Tally *treated, const Tally *control, float8 z)
{
	return (Limits)
	{
		.lower = KoopmanLower(treated, control, z),
		.upper = 1 / KoopmanLower(control, treated, z)
	};
}

/* The hypergeometric distribution of the treated customers who returned. */
typedef struct Hypergeometric
{
	Table		table;
	float8		constant;		/* the part of LogProbability that is the same for all values */
} Hypergeometric;

/*
 * Return the logarithm of the probability that `returned` of the treated customers
 * return, given how many return altogether.
 *
 * It is the sum of the deviances of the four counts from what is expected of them,
 * and of what Stirling's formula leaves over.  Each count differs from its
 * expectation by the same number, which is computed without rounding errors.
 */
static float8
LogProbability(const Hypergeometric *hyper, float8 returned)
{
	const Table *table = &hyper->table;
	float8		control_returned = table->returned - returned;
	float8		stayed = table->treated - returned;
	float8		control_stayed = table->control - control_returned;
	float8		excess = ProductDifference(returned, table->control,
										   control_returned, table->treated) / table->total;
	float8		pooled = table->returned / table->total;
	float8		pooled_rest = table->stayed / table->total;

	return hyper->constant -
		(DevianceOf(excess, table->treated * pooled) +
		 DevianceOf(-excess, table->treated * pooled_rest) +
		 DevianceOf(-excess, table->control * pooled) +
		 DevianceOf(excess, table->control * pooled_rest)) -
		(StirlingRemainder(returned) + StirlingRemainder(stayed) +
		 StirlingRemainder(control_returned) + StirlingRemainder(control_stayed));
}

/* Return the probability of returned + direction divided by that of returned. */
static float8
NextRatio(const Table *table, float8 returned, int direction)
{
	if (direction > 0)
		return (table->treated - returned) / (returned + 1) *
			((table->returned - returned) / (table->control - table->returned + returned + 1));
	return returned / (table->treated - returned + 1) *
		((table->control - table->returned + returned) / (table->returned - returned + 1));
}

/* Terms that are smaller than the sum by this factor do not change it. */
#define NEGLIGIBLE (DBL_EPSILON / 64)

/*
 * Return the sum of the probabilities from `returned` on in a direction away from
 * the mode, divided by the probability of `returned`.
 *
 * The terms fall at least as fast as a geometric series.  If they fall slowly, sum
 * every step-th of them, and add what the Euler-Maclaurin formula says of the
 * others.  So it takes at most a few thousand terms, for any number of customers.
 */
static float8
TailSum(const Hypergeometric *hyper, float8 returned, int direction)
{
	const Table *table = &hyper->table;
	float8		forward = log(NextRatio(table, returned, direction));
	float8		backward = -log(NextRatio(table, returned, -direction));
	float8		slope = (forward + backward) / 2;	/* of the logarithm of the probability */
	float8		curvature = forward - backward;
	float8		length = 1 / (fabs(slope) + sqrt(fabs(curvature)));
	float8		step = floor(length / 64);
	float8		sum = 0;
	float8		slope3;

	if (!(step >= 16))
	{
		float8		term = 1;

		for (float8 k = returned; term > NEGLIGIBLE * sum; k += direction)
		{
			sum += term;
			term *= NextRatio(table, k, direction);
		}
		return sum;
	}
	for (int i = 0;; i++)
	{
		float8		term = exp(LogProbability(hyper, returned + direction * step * i) -
							   LogProbability(hyper, returned));

		/* beyond the last possible value it is not a number */
		if (!(term > NEGLIGIBLE * sum))
			break;
		sum += term;
	}
	slope3 = slope * slope * slope + 3 * slope * curvature;
	return step * sum - (step - 1) / 2 + (step * step - 1) / 12 * slope -
		(step * step * step * step - 1) / 720 * slope3;
}

/*
 * Return the first value from the mode on in a direction whose probability is at
 * most `bound`, as a logarithm, or one beyond `end` if there is none.
 */
static float8
FirstAtMost(const Hypergeometric *hyper, float8 mode, float8 end, int direction, float8 bound)
{
	float8		above = mode - direction;
	float8		below = end + direction;

	/* probabilities fall from the mode on */
	while (fabs(below - above) > 1)
	{
		float8		middle = above + direction * floor(fabs(below - above) / 2);

		if (middle == above || middle == below)
			break;
		if (LogProbability(hyper, middle) > bound)
			above = middle;
		else
			below = middle;
	}
	return below;
}

/*
 * Return the two-sided p-value of Fisher's exact test: the probability of all
 * tables that are at most as probable as the observed one.  Like R's fisher.test,
 * it takes tables as equally probable that differ by a factor of less than 1 + 1e-7.
 */
float8
FisherTest(const Tally *treated, const Tally *control)
{
	bool		swap = treated->eligible > control->eligible ||
		(treated->eligible == control->eligible && treated->returned > control->returned);
	Hypergeometric hyper = {.table = swap ? MakeTable(control, treated)
	: MakeTable(treated, control)};
	const Table *table = &hyper.table;
	float8		least = Max(0, table->returned - table->control);
	float8		most = Min(table->treated, table->returned);
	float8		mode = floor((table->treated + 1) * ((table->returned + 1) / (table->total + 2)));
	float8		bound,
				sum = 0;

	if (least == most)
		return 1;
	mode = Min(Max(mode, least), most);
	hyper.constant = StirlingRemainder(table->treated) + StirlingRemainder(table->control) +
		StirlingRemainder(table->returned) + StirlingRemainder(table->stayed) -
		StirlingRemainder(table->total);
	bound = LogProbability(&hyper, table->treated_returned) + log1p(1e-7);

	for (int direction = -1; direction <= 1; direction += 2)
	{
		float8		end = direction > 0 ? most : least;
		float8		first = FirstAtMost(&hyper, mode, end, direction, bound);

		/* the mode itself belongs to the tail above it */
		if (direction < 0 && first == mode)
			first = mode - 1;
		if (direction > 0 ? first <= end : first >= end)
			sum += exp(LogProbability(&hyper, first)) * TailSum(&hyper, first, direction);
	}
	return Min(sum, 1);
}

/*
 * Compute the difference of rates of N. Mantel and W. Haenszel (JNCI 22, 1959),
 * with the variance of T. Sato (Biometrics 45, 1989), which is right for few large
 * strata as well as for many small ones.  The z is that of W. G. Cochran's test
 * (Biometrics 10, 1954); over one stratum it is PooledZ.
 *
 * A stratum without treated customers or without control does not count.  Return
 * false if no stratum counts.
 */
bool
MantelHaenszel(const Tally *const *treated, const Tally *const *control, int nstrata,
			   Stratified *result)
{
	float8		weights = 0,
				difference = 0,
				p = 0,
				q = 0,
				variance = 0;

	*result = (Stratified) {0};
	for (int k = 0; k < nstrata; k++)
	{
		Table		table;
		float8		total;

		if (treated[k]->eligible == 0 || control[k]->eligible == 0)
			continue;
		table = MakeTable(treated[k], control[k]);
		total = table.total;
		result->treated += table.treated;
		weights += table.treated * (table.control / total);
		difference += table.cross / total;
		p += table.treated / total * (table.treated / total) * table.control_returned -
			table.control / total * (table.control / total) * table.treated_returned +
			table.treated / total * (table.control / total) * (table.control - table.treated) / 2;
		q += (table.treated_returned * (table.control_stayed / total) +
			  table.control_returned * (table.treated_stayed / total)) / 2;
		variance += table.treated / total * (table.control / total) *
			(table.returned / total) * table.stayed;
	}
	if (weights == 0)
		return false;
	result->difference = difference / weights;
	result->variance = (result->difference * p + q) / (weights * weights);
	result->z = variance > 0 ? difference / sqrt(variance) : 0;
	return true;
}
