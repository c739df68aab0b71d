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
extern const OnePassAggregate reactivation_lost_aggregate;
extern const OnePassAggregate winback_lost_aggregate;

/* counts.c */
extern const OnePassAggregate counts_aggregate;
extern const OnePassAggregate series_aggregate;
extern const OnePassAggregate counts_lost_aggregate;
extern const OnePassAggregate series_lost_aggregate;

#endif							/* WINBACK_AGGREGATES_H */
