/*
 * distributions.h
 *	  Tails and quantiles of distributions, as pure functions of float8.
 */
#ifndef WINBACK_DISTRIBUTIONS_H
#define WINBACK_DISTRIBUTIONS_H

#include "postgres.h"

/* A function whose root is wanted, and what it needs besides its argument. */
typedef float8 (*RootFunction) (float8 x, const void *context);

extern float8 FindRoot(RootFunction function, const void *context, float8 low, float8 high);

extern float8 Deviance(float8 observed, float8 expected);
extern float8 DevianceOf(float8 excess, float8 expected);
extern float8 StirlingRemainder(float8 n);

extern float8 NormalTail(float8 z);
extern float8 NormalQuantile(float8 confidence);
extern float8 StudentTail(float8 t, float8 freedom);
extern float8 StudentQuantile(float8 confidence, float8 freedom);
extern float8 ChiSquareTail(float8 square, float8 freedom);

#endif							/* WINBACK_DISTRIBUTIONS_H */
