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

extern Limits WilsonLimits(const Tally *tally, float8 z);

#endif							/* WINBACK_PROPORTIONS_H */
