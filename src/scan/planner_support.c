/*
 * planner_support.c
 *	  The planner's support function of transition functions and of some final functions.
 *
 * The planner calls it to learn the cost of a function of an aggregate.  The call loads the
 * library, and so installs the hook of scan_path.c, in time for the first query of a session.
 *
 * It also keeps foreign servers from computing aggregates whose result depends on TimeZone.  A
 * session of postgres_fdw has TimeZone GMT, so the result would depend on the plan.  In the
 * catalogue every aggregate is IMMUTABLE, because CREATE AGGREGATE cannot say otherwise, and a
 * change of pg_proc by hand would not outlive pg_upgrade.  But the transition function or the
 * final function of such an aggregate is STABLE.  The planner asks for their costs before it asks
 * a foreign data wrapper for paths that aggregate.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "foreign/fdwapi.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(winback_support);

/* The cost of entering a row into a state, in units of cpu_operator_cost. */
#define TRANSITION_OPERATORS	2

/* Keep a relation's foreign data wrapper from offering paths that aggregate or sort. */
static void
WithholdUpperPaths(RelOptInfo *rel)
{
	FdwRoutine *routine;
	MemoryContext old_context;

	if (rel == NULL || rel->fdwroutine == NULL || rel->fdwroutine->GetForeignUpperPaths == NULL)
		return;
	/* GEQO may ask for costs in a context that does not live as long as the relation */
	old_context = MemoryContextSwitchTo(GetMemoryChunkContext(rel));
	routine = makeNode(FdwRoutine);
	*routine = *rel->fdwroutine;
	routine->GetForeignUpperPaths = NULL;
	rel->fdwroutine = routine;
	MemoryContextSwitchTo(old_context);
}

/* Let this server compute all aggregates of a query over foreign tables. */
static void
AggregateHere(PlannerInfo *root)
{
	ListCell   *lc;

	for (int i = 1; i < root->simple_rel_array_size; i++)
		WithholdUpperPaths(root->simple_rel_array[i]);
	foreach(lc, root->join_rel_list)
	{
		WithholdUpperPaths(lfirst_node(RelOptInfo, lc));
	}
}

Datum
winback_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestCost))
	{
		SupportRequestCost *cost = (SupportRequestCost *) request;

		if (cost->root != NULL && func_volatile(cost->funcid) != PROVOLATILE_IMMUTABLE)
			AggregateHere(cost->root);
		cost->startup = 0;
		cost->per_tuple = TRANSITION_OPERATORS * cpu_operator_cost;
		PG_RETURN_POINTER(cost);
	}
	PG_RETURN_POINTER(NULL);
}
