/*
 * spend_tally.h
 *	  The type spend_tally, which holds what customers spent: how many they are, the
 *	  sum of their amounts, and the sum of the squares.
 */
#ifndef WINBACK_SPEND_TALLY_H
#define WINBACK_SPEND_TALLY_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/numeric.h"

/* A tally in memory.  The numerics are not toasted, and have 4 bytes of header. */
typedef struct Spend
{
	int64		customers;
	Numeric		sum;
	Numeric		squares;		/* sum of the squares */
} Spend;

/* What a comparison of two tallies needs. */
typedef struct SpendMoments
{
	float8		customers;
	float8		mean;
	float8		variance;		/* of the amounts, with customers - 1; NaN for one customer */
} SpendMoments;

extern Spend SpendFromDatum(Datum value);
extern SpendMoments SpendGetMoments(const Spend *spend);
extern float8 SpendMeanDifference(const Spend *a, const Spend *b);

#endif							/* WINBACK_SPEND_TALLY_H */
