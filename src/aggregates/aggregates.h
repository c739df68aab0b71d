/*
 * aggregates.h
 *	  The one-pass aggregates, which winback.c registers with the scan.
 */
#ifndef WINBACK_AGGREGATES_H
#define WINBACK_AGGREGATES_H

#include "scan/one_pass.h"

/* rates.c */
extern const OnePassAggregate reactivation_aggregate;
extern const OnePassAggregate winback_aggregate;

/* counts.c */
extern const OnePassAggregate counts_aggregate;
extern const OnePassAggregate series_aggregate;

#endif							/* WINBACK_AGGREGATES_H */
