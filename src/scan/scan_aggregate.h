/*
 * scan_aggregate.h
 *	  The aggregates of a Winback Scan: their states, and the calls.
 */
#ifndef WINBACK_SCAN_AGGREGATE_H
#define WINBACK_SCAN_AGGREGATE_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/execnodes.h"
#include "nodes/primnodes.h"

#include "scan/one_pass.h"
#include "scan/row_block.h"
#include "scan/scan_call.h"
#include "scan/scan_table.h"
#include "state/state_wire.h"

/* What EXPLAIN ANALYZE shows. */
typedef struct ScanCounters
{
	uint64		rows;			/* taken in */
	uint64		customers;		/* in the end, over all states and processes */
	uint64		batches;
	uint64		bytes;
} ScanCounters;

/* A state and its arguments.  Aggregates that differ in the end only share one. */
typedef struct ScanAggregate
{
	const Aggref *aggref;
	const OnePassAggregate *one_pass;
	int			nargs;			/* without the state */
	ExprState **constants;		/* of each argument, NULL where it is a column */
	int		   *columns;		/* of ScanColumns, -1 where it is none */
	RowBlock	block;			/* the columns of some rows */

	/* made anew for each scan */
	ScanCall	call;
	FmgrInfo	flinfo;
	FunctionCallInfo fcinfo;	/* args[0] is the state */
} ScanAggregate;

/* The same in the judge of one table. */
typedef struct ScanSource
{
	bool		prepared;
	ExprState  *filter;			/* NULL if none */
} ScanSource;

extern bool IsOnePass(const Aggref *aggref);
extern void ScanCheckPrivileges(const Aggref *aggref);
extern Var *ColumnOf(Expr *arg);

extern void ScanAggregateInit(ScanAggregate *aggregate, const Aggref *aggref,
							  ScanColumns *columns, PlanState *ps);
extern void ScanSourceInit(ScanSource *source, const ScanAggregate *aggregate,
						   const Aggref *aggref, AttrNumber *attnos, PlanState *ps);
extern void ScanAggregateStart(ScanAggregate *aggregate);
extern void ScanAggregateEnter(ScanAggregate *aggregate, ExprContext *econtext,
								const ScanColumns *columns, const uint16 *chosen, int nrows);
extern void ScanAggregateMeasure(ScanAggregate *aggregate, ScanCounters *counters);
extern Datum ScanAggregateFinish(ScanAggregate *aggregate, const Aggref *aggref, bool *isnull);
extern Datum ScanAggregateSerialize(ScanAggregate *aggregate, Portion *portion, bool *isnull);

#endif							/* WINBACK_SCAN_AGGREGATE_H */
