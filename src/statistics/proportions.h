/*
 * proportions.h
 *	  Intervals and tests of rates, as pure functions of counts.
 */
#ifndef WINBACK_PROPORTIONS_H
#define WINBACK_PROPORTIONS_H

#include "postgres.h"

#include "rules/rules.h"

/* The limits of an interval. */
typedef struct Limits
{
	float8		lower;
	float8		upper;
} Limits;

/* A method that returns the limits of a difference of two rates. */
typedef struct DifferenceMethod
{
	const char *name;
	Limits		(*limits) (const Tally *treated, const Tally *control, float8 z);
} DifferenceMethod;

/* The methods, ended by one without a name. */
extern const DifferenceMethod difference_methods[];

extern Limits WilsonLimits(const Tally *tally, float8 z);
extern float8 RateDifference(const Tally *treated, const Tally *control);
extern float8 PooledZ(const Tally *treated, const Tally *control);
extern float8 FisherTest(const Tally *treated, const Tally *control);
extern Limits KoopmanLimits(const Tally *treated, const Tally *control, float8 z);

/* The Mantel-Haenszel difference of rates over strata. */
typedef struct Stratified
{
	float8		difference;
	float8		variance;		/* of the difference */
	float8		z;				/* of Cochran's test that there is no difference */
	float8		treated;		/* eligible treated customers of the strata that count */
} Stratified;

extern bool MantelHaenszel(const Tally *const *treated, const Tally *const *control, int nstrata,
						   Stratified *result);

#endif							/* WINBACK_PROPORTIONS_H */
