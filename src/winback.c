/*
 * winback.c
 *	  The module itself: what there is, brought together.
 */
#include "postgres.h"

#include "fmgr.h"

#include "aggregates/aggregates.h"
#include "scan/scan.h"

PG_MODULE_MAGIC;

void		_PG_init(void);			/* NOLINT(bugprone-reserved-identifier): PostgreSQL's name */

void
_PG_init(void)
{
	RegisterOnePassAggregate(&reactivation_aggregate);
	RegisterOnePassAggregate(&winback_aggregate);
	RegisterOnePassAggregate(&counts_aggregate);
	RegisterOnePassAggregate(&series_aggregate);
	ScanPathInit();
}
