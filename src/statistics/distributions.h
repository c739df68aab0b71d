/*
 * distributions.h
 *	  Tails and quantiles of distributions, as pure functions of float8.
 */
#ifndef WINBACK_DISTRIBUTIONS_H
#define WINBACK_DISTRIBUTIONS_H

#include "postgres.h"

extern float8 NormalQuantile(float8 confidence);

#endif							/* WINBACK_DISTRIBUTIONS_H */
