/*
 * scan_aggregate.h
 *	  The aggregates of a Winback Scan: their states, and the calls of their functions.
 */
#ifndef WINBACK_SCAN_AGGREGATE_H
#define WINBACK_SCAN_AGGREGATE_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/execnodes.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"

#include "scan/list_aggregate.h"
#include "scan/one_pass.h"
#include "scan/row_block.h"
#include "scan/scan_call.h"
#include "scan/scan_table.h"
#include "state/state_wire.h"

/* The numbers that EXPLAIN ANALYZE shows. */
typedef struct ScanCounters
{
	uint64		rows;			/* rows that satisfy WHERE */
	uint64		groups;			/* of GROUP BY */
	uint64		passes;			/* over the tables */
	uint64		customers;		/* customers in the states at the end */
	uint64		batches;		/* batches of customers that were looked up */
	uint64		bytes;			/* bytes of memory, of the states that took most */
} ScanCounters;

/*
 * A state, and the transition function that enters rows into it.  Aggregates that differ
 * only in their final functions share one.
 */
typedef struct ScanAggregate
{
	const Aggref *aggref;
	const OnePassAggregate *one_pass;	/* NULL in a list of customers */
	const ListAggregate *list;	/* NULL otherwise */
	int			facts_offset;	/* in a list: where the facts of a customer are, in bytes */
	bool		grouped;		/* each group has a state */
	int			joined;			/* if the customer is a column from a join: its index in ScanColumns;
								 * else -1 */
	Oid			customer_type;	/* of this column if it is not that of the argument; else InvalidOid */
	int			nargs;			/* number of arguments, not counting the state */
	ExprState **constants;		/* for each argument, its expression, or NULL if it is a column */
	int		   *columns;		/* for each argument, its index in ScanColumns, or -1 */
	RowBlock	block;			/* the rows of the current page */

	/* set by ScanAggregateStart, at the beginning of each scan */
	ScanCall	call;
	FmgrInfo	flinfo;
	FunctionCallInfo fcinfo;	/* of the transition function; args[0] is the state */
	Batch	   *batch;			/* of the rows of one group, lent to its state; NULL at first */
} ScanAggregate;

/*
 * A call of the final function of an Aggref, on the state of its ScanAggregate.  fcinfo is NULL if
 * there is no final function.
 */
typedef struct ScanFinish
{
	FmgrInfo	flinfo;
	FunctionCallInfo fcinfo;
} ScanFinish;

/* The part of a ScanAggregate that differs from table to table. */
typedef struct ScanSource
{
	bool		prepared;		/* ScanSourceInit has been called */
	List	   *column_filters; /* the FILTER clause, if it can be evaluated on columns */
	ExprState  *filter;			/* the FILTER clause otherwise; NULL if none */
} ScanSource;

extern bool IsOnePass(const Aggref *aggref);
extern const OnePassAggregate *OnePassOf(const Aggref *aggref);
extern const ListAggregate *ListAggregateOf(const Aggref *aggref);
extern int	ListFactsSize(const Aggref *aggref);
extern double ListOtherBytes(const Aggref *aggref, double rows);
extern void ScanCheckExecute(Oid function, Oid role, ObjectType type);
extern void ScanCheckPrivileges(const Aggref *aggref);
extern Var *ColumnOf(Expr *arg);
extern Expr *ArgOf(const Aggref *aggref, int i);
extern Expr *CustomerOf(const Aggref *aggref);

extern void ScanAggregateInit(ScanAggregate *aggregate, const Aggref *aggref, bool grouped,
							  int joined, Oid customer_type, ScanColumns *columns,
							  PlanState *ps);
extern void ScanSourceInit(ScanSource *source, const Aggref *aggref, List **filter_attnos,
						   PlanState *ps);
extern void ScanAggregateStart(ScanAggregate *aggregate);
extern CustomerState *ScanAggregateState(const ScanAggregate *aggregate);
extern void ScanAggregateSetState(ScanAggregate *aggregate, CustomerState *state);
extern void ScanAggregateEnter(ScanAggregate *aggregate, ExprContext *econtext,
							   const ScanColumns *columns, const uint16 *chosen, int nrows);
extern void ScanAggregateAdd(ScanAggregate *aggregate, ExprContext *econtext,
							 const ScanColumns *columns, const uint16 *chosen, int nrows,
							 uint8 *const *facts);
extern Datum ScanAggregateFinish(const ScanAggregate *aggregate, const ScanFinish *finish,
								 const uint8 *facts, bool *isnull);
extern Datum ScanAggregateSend(const ScanAggregate *aggregate, Portion *portion,
							   const uint8 *facts, bool *isnull);
extern void ScanAggregateMeasure(ScanAggregate *aggregate, ScanCounters *counters);
extern void ScanFinishStart(ScanFinish *finish, ScanAggregate *aggregate, const Aggref *aggref);
extern Datum ScanCallFinal(FunctionCallInfo final, NullableDatum state, bool *isnull);
extern Datum ScanFinishCall(ScanFinish *finish, const ScanAggregate *aggregate, bool *isnull);
extern Datum ScanAggregateSerialize(ScanAggregate *aggregate, Portion *portion, bool *isnull);

#endif							/* WINBACK_SCAN_AGGREGATE_H */
