/*
 * scan_gather.h
 *	  Gather the facts of a Winback Scan by the key of its join, before the rows of the other side
 *	  are used.
 */
#ifndef WINBACK_SCAN_GATHER_H
#define WINBACK_SCAN_GATHER_H

#include "postgres.h"

#include "scan/scan_aggregate.h"
#include "scan/scan_group.h"
#include "scan/scan_join.h"
#include "scan/scan_rows.h"
#include "state/customer_state.h"

/* An aggregate whose facts are gathered. */
typedef struct GatheredAggregate
{
	ScanAggregate by_key;		/* the same aggregate with the key as its customer */
	int			column;			/* the aggregate's own customer: index in ScanColumns */
	CustomerType *customer_type;	/* of that customer */
	StateFamily family;			/* of the aggregate's own states */
} GatheredAggregate;

typedef struct ScanGather
{
	int			naggregates;
	GatheredAggregate *aggregates;
} ScanGather;

extern ScanGather *ScanGatherCreate(const ScanJoin *join, const ScanAggregate *aggregates,
									int naggregates, ScanColumns *columns, PlanState *ps);
extern void ScanGatherStart(ScanGather *gather);
extern void ScanGatherEnter(ScanGather *gather, ExprContext *econtext, const ScanRows *rows);
extern void ScanGatherFinishGroups(ScanGather *gather, ScanJoin *join, ScanRows *rows,
								   ScanGroups *groups, bool stops_when_full);
extern void ScanGatherFinish(ScanGather *gather, ScanJoin *join, ScanRows *rows,
							 ScanAggregate *aggregates);
extern uint64 ScanGatherBatches(const ScanGather *gather);

#endif							/* WINBACK_SCAN_GATHER_H */
