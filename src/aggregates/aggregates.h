/*
 * aggregates.h
 *	  The aggregates that a Winback Scan can compute, which winback.c registers with the scan.
 */
#ifndef WINBACK_AGGREGATES_H
#define WINBACK_AGGREGATES_H

#include "scan/list_aggregate.h"
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

/* return_curve.c */
extern const OnePassAggregate return_curve_aggregate;
extern const OnePassAggregate return_curve_at_aggregate;

/* lifecycle.c */
extern const ListAggregate lifecycle_at_list;
extern const ListAggregate lifecycle_during_list;
extern const ListAggregate explain_lifecycle_list;

/* history_agg.c */
extern const ListAggregate history_agg_list;

/* history_rates.c */
extern const ListAggregate reactivation_history;
extern const ListAggregate winback_history;
extern const ListAggregate reactivation_lost_after_history;
extern const ListAggregate winback_lost_after_history;

/* history_counts.c */
extern const ListAggregate counts_history;
extern const ListAggregate series_history;
extern const ListAggregate counts_lost_after_history;
extern const ListAggregate series_lost_after_history;

/* history_curve.c */
extern const ListAggregate return_curve_history;
extern const ListAggregate return_curve_at_history;

#endif							/* WINBACK_AGGREGATES_H */
