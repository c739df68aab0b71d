/*
 * winback.c
 *	  Initialize the library when PostgreSQL loads it.
 *
 * This file includes headers of both the aggregates and the scan, so that the scan does not
 * depend on the aggregates.
 */
#include "postgres.h"

#include "fmgr.h"

#include "aggregates/aggregates.h"
#include "scan/scan.h"

PG_MODULE_MAGIC;

void		_PG_init(void);		/* NOLINT(bugprone-reserved-identifier): PostgreSQL's name */

/* Register the aggregates that the scan can compute, and install the scan. */
void
_PG_init(void)
{
	RegisterOnePassAggregate(&reactivation_aggregate);
	RegisterOnePassAggregate(&winback_aggregate);
	RegisterOnePassAggregate(&reactivation_lost_aggregate);
	RegisterOnePassAggregate(&winback_lost_aggregate);
	RegisterOnePassAggregate(&counts_aggregate);
	RegisterOnePassAggregate(&series_aggregate);
	RegisterOnePassAggregate(&counts_lost_aggregate);
	RegisterOnePassAggregate(&series_lost_aggregate);
	RegisterOnePassAggregate(&return_curve_aggregate);
	RegisterOnePassAggregate(&return_curve_at_aggregate);
	RegisterListAggregate(&lifecycle_at_list);
	RegisterListAggregate(&lifecycle_during_list);
	RegisterListAggregate(&explain_lifecycle_list);
	RegisterListAggregate(&history_agg_list);
	RegisterListAggregate(&reactivation_history);
	RegisterListAggregate(&winback_history);
	RegisterListAggregate(&reactivation_lost_after_history);
	RegisterListAggregate(&winback_lost_after_history);
	RegisterListAggregate(&counts_history);
	RegisterListAggregate(&series_history);
	RegisterListAggregate(&counts_lost_after_history);
	RegisterListAggregate(&series_lost_after_history);
	RegisterListAggregate(&return_curve_history);
	RegisterListAggregate(&return_curve_at_history);
	ScanPathInit();
}
