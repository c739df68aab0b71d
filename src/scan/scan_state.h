/*
 * scan_state.h
 *	  The state of a Winback Scan in the executor.
 */
#ifndef WINBACK_SCAN_STATE_H
#define WINBACK_SCAN_STATE_H

#include "postgres.h"

#include "nodes/execnodes.h"
#include "port/atomics.h"
#include "storage/spin.h"

#include "compat.h"
#include "scan/row_facts.h"
#include "scan/scan.h"
#include "scan/scan_aggregate.h"
#include "scan/scan_buffer.h"
#include "scan/scan_gather.h"
#include "scan/scan_group.h"
#include "scan/scan_join.h"
#include "scan/scan_list.h"
#include "scan/scan_rows.h"
#include "scan/scan_table.h"

/* One output column: an Aggref, and the state from which its value is computed. */
typedef struct ScanResult
{
	int			column;			/* number in the scan tuple, from 0 */
	Aggref	   *aggref;
	ScanAggregate *aggregate;	/* may belong to several results */
	ScanFinish	finish;			/* unless partial */
	Portion		next;			/* the next portion of a serialized state; for a final value, only
								 * `done` is used */
} ScanResult;

/* One key of GROUP BY. */
typedef struct ScanKeyEntry
{
	int			entry;			/* number in the scan tuple, from 0 */
	int			column_entry;	/* if it is a column of the table: the number of this column's
								 * entry; else -1 */
	bool		of_other;		/* it is from the other side of the join */
	int			place;			/* number of the key in ScanGroups, or in the classes of the join */
} ScanKeyEntry;

/*
 * The shared memory of a parallel scan.  The parallel scan descriptors of the tables
 * follow behind it, one for each table, unless the processes divide the groups.
 */
typedef struct SharedScan
{
	slock_t		mutex;			/* protects the counters */
	ScanCounters counters;		/* the sums over all processes */
	Size		heap_size;		/* bytes of each descriptor */
	uint32		nparts;			/* parts of the groups: one for each process that may come */
	pg_atomic_uint32 ntaken;	/* of these, how many processes have taken, or more */
} SharedScan;

/* The node.  Results share an aggregate if they differ in their final functions only. */
typedef struct WinbackScanState
{
	CustomScanState css;
	int			nresults;
	ScanResult *results;
	int			naggregates;
	int			nstates;		/* of these, how many have states; they come first */
	ScanAggregate *aggregates;
	int			ntables;
	TableToScan *tables;		/* the last one may be the rest, a plan */

	ScanRows	rows;			/* of the current page */
	int			table;			/* the number of the table that is read; ntables at the end */

	ExprState  *having;			/* NULL if there is none */

	ScanJoin   *join;			/* NULL if there is none */
	ScanGather *gather;			/* NULL unless join->may_gather */

	ScanList   *list;			/* NULL unless the key of GROUP BY is the customer of a list */

	/* in other queries, the facts of aggregates that have no states */
	int			facts_size;		/* bytes, 0 if there are none */
	uint8	   *facts;			/* without GROUP BY */
	RowFacts   *row_facts;		/* NULL if there are none */

	/* of another query with GROUP BY */
	bool		grouped;
	int			nkeys;			/* 0 if there is no GROUP BY */
	ScanKeyEntry *keys;
	int		   *key_columns;	/* of each key in ScanGroups, its index in ScanColumns */
	int			class_place;	/* number of the key in ScanGroups that is the class of the join */
	ScanGroups	groups;
	RowBuffer	buffer;
	ScanColumns group_columns;	/* the rows of one group that are entered */

	MemoryContext context;		/* contains the states; reset before others are computed */
	MemoryContext values;		/* the values with which filters compare, and the scan of a table;
								 * reset before the tables are read again */
	int			nparts;			/* parts of the groups that remain to be computed */
	GroupPart	parts[MAX_SPLITS + 1];	/* the last one is the next, or the current one */
	bool		computed;		/* the states of this part of the rows or groups are complete */
	uint32		group;			/* the group to return next; without GROUP BY, 0 is the only one */
	ScanCounters counters;
	ScanCounters told;			/* the counters when they were last added to the shared ones */
	SharedScan *shared;			/* NULL if not parallel */
} WinbackScanState;

/* scan_begin.c */
extern void BeginWinbackScan(CustomScanState *node, EState *estate, int eflags);

/* scan_node.c */
extern void EnterGroup(void *arg, uint32 group);

/* scan_explain.c */
extern void ExplainWinbackScan(CustomScanState *node, List *ancestors, ExplainState *es);

/* Return whether a result is a serialized state, and not a final value. */
static inline bool
IsPartial(const ScanResult *result)
{
	return DO_AGGSPLIT_SERIALIZE(result->aggref->aggsplit);
}

/*
 * Return whether the processes of a parallel plan divide the groups among them, and not the rows:
 * each reads all rows, and returns final values of its groups.
 */
static inline bool
DividesGroups(const WinbackScanState *scan)
{
	return scan->css.ss.ps.plan->parallel_aware && !IsPartial(&scan->results[0]);
}

/* Return the expression of an entry of the plan (scan.h). */
static inline Expr *
PlanEntry(const CustomScan *plan, int i)
{
	return list_nth_node(TargetEntry, plan->custom_scan_tlist, i)->expr;
}

/* Return whether the fields of a table (scan.h) are those of the rest, which a plan returns. */
static inline bool
IsRest(const List *fields)
{
	return list_nth_node(Var, fields, SCAN_TABLE_OID)->varno == INDEX_VAR;
}

/* Return the list of a join in the plan, or NIL if there is none. */
static inline List *
PlanJoin(const WinbackScanState *scan, int element)
{
	const CustomScan *plan = (const CustomScan *) scan->css.ss.ps.plan;

	return list_nth(list_nth(plan->custom_private, SCAN_PRIVATE_JOIN), element);
}

#endif							/* WINBACK_SCAN_STATE_H */
