/*
 * scan_explain.c
 *	  What EXPLAIN shows of a Winback Scan.
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "utils/ruleutils.h"

#include "compat.h"
#include "scan/scan_state.h"

/* Return the name of a column of the table or UNION ALL that the query names. */
static char *
ColumnName(const WinbackScanState *scan, AttrNumber attno)
{
	const CustomScan *plan = (const CustomScan *) scan->css.ss.ps.plan;

	return list_nth_node(TargetEntry, plan->custom_scan_tlist, attno - 1)->resname;
}

/* Return the names of the columns that the aggregates need. */
static List *
ColumnNames(const WinbackScanState *scan)
{
	List	   *columns = NIL;
	List	   *names = NIL;

	for (int i = 0; i < scan->naggregates; i++)
	{
		const ScanAggregate *aggregate = &scan->aggregates[i];

		for (int arg = 0; arg < aggregate->nargs; arg++)
		{
			Var		   *column = ColumnOf(ArgOf(aggregate->aggref, arg));

			if (column != NULL && aggregate->columns[arg] != aggregate->joined &&
				!list_member_int(columns, column->varattno))
			{
				columns = lappend_int(columns, column->varattno);
				names = lappend(names, ColumnName(scan, column->varattno));
			}
		}
	}
	return names;
}

/* Return how many conditions of WHERE and FILTER on a table are evaluated by column. */
static int
CountColumnConditions(const WinbackScanState *scan, const TableToScan *table)
{
	int			n = list_length(table->filters);

	for (int i = 0; i < scan->naggregates; i++)
		n += list_length(table->sources[i].column_filters);
	return n;
}

/* Show the keys of GROUP BY, and HAVING. */
static void
ExplainGroups(WinbackScanState *scan, List *ancestors, ExplainState *es)
{
	const CustomScan *plan = (const CustomScan *) scan->css.ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, scan->css.ss.ps.plan,
												   ancestors);
	bool		with_table = es->verbose || ExplainedRelations(es) > 1;
	List	   *keys = NIL;
	ListCell   *lc;

	for_each_from(lc, plan->custom_exprs, SCAN_EXPRS_KEYS)
	{
		keys = lappend(keys, deparse_expression(lfirst(lc), context, with_table, true));
	}
	if (keys != NIL)
		ExplainPropertyList("Group Key", keys, es);
	if (DividesGroups(scan))
		ExplainPropertyText("Divided By", "Group Key", es);
	if (scan->having != NULL)
		ExplainPropertyText("Having",
							deparse_expression(list_nth(plan->custom_exprs, SCAN_EXPRS_HAVING),
											   context, with_table, false), es);
}

/* Show the type of the join, and the column by which it finds rows of the other side. */
static void
ExplainJoin(const WinbackScanState *scan, ExplainState *es)
{
	static const char *const names[] = {
		[JOIN_INNER] = "Inner", [JOIN_LEFT] = "Left", [JOIN_SEMI] = "Semi", [JOIN_ANTI] = "Anti"
	};
	AttrNumber	attno = intVal(PlanJoin(scan, SCAN_JOIN_COLUMN));

	ExplainPropertyText("Join Type", names[scan->join->type], es);
	ExplainPropertyText("Join Key", ColumnName(scan, attno), es);
	if (es->analyze)
	{
		ExplainPropertyUInteger("Joined Rows", NULL, scan->join->nrows, es);
		if (scan->join->may_gather)
			ExplainPropertyBool("Facts First", scan->join->gathers, es);
	}
}

/* Show the tables, and the conditions on their rows if they are those of a UNION ALL. */
static void
ExplainTables(const WinbackScanState *scan, List *ancestors, ExplainState *es)
{
	Plan	   *plan = scan->css.ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, plan, ancestors);
	List	   *names = NIL;
	List	   *conditions = NIL;
	int			ntables = scan->ntables;

	/* the plan of the rest is shown as a child */
	if (scan->tables[ntables - 1].table.plan != NULL)
		ntables--;
	if (!es->verbose)
	{
		ExplainPropertyInteger("Tables", NULL, ntables, es);
		return;
	}
	for (int i = 0; i < ntables; i++)
	{
		const TableToScan *table = &scan->tables[i];
		char	   *name = RelationGetRelationName(table->table.relation);

		names = lappend(names, name);
		if (scan->css.ss.ss_currentRelation == NULL && table->conditions != NIL)
		{
			Node	   *qual = (Node *) make_ands_explicit(table->conditions);

			conditions = lappend(conditions,
								 psprintf("%s: %s", name,
										  deparse_expression(qual, context, false, false)));
		}
	}
	ExplainPropertyList("Tables", names, es);
	if (conditions != NIL)
		ExplainPropertyList("Table Conditions", conditions, es);
}

void
ExplainWinbackScan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	Relation	relation = node->ss.ss_currentRelation;
	bool		is_divided = relation == NULL || relation->rd_rel->relhassubclass;

	ExplainGroups(scan, ancestors, es);
	if (scan->join != NULL)
		ExplainJoin(scan, es);
	if (es->verbose)
		ExplainPropertyList("Columns", ColumnNames(scan), es);
	if (is_divided)
		ExplainTables(scan, ancestors, es);
	if (es->verbose && scan->tables[0].by_column)
		ExplainPropertyInteger("Conditions by Column", NULL,
							   CountColumnConditions(scan, &scan->tables[0]), es);
	if (es->analyze)
	{
		ExplainPropertyUInteger("Rows Scanned", NULL, scan->counters.rows, es);
		if (scan->nkeys > 0 && scan->list == NULL)
			ExplainPropertyUInteger("Groups", NULL, scan->counters.groups, es);
		if (scan->counters.passes > 1)
			ExplainPropertyUInteger("Passes", NULL, scan->counters.passes, es);
		if (scan->list != NULL || scan->nstates > 0)
			ExplainPropertyUInteger("Customers", NULL, scan->counters.customers, es);
		if (scan->nstates > 0)
			ExplainPropertyUInteger("Batches", NULL, scan->counters.batches, es);
		ExplainPropertyUInteger("Memory", "kB", (scan->counters.bytes + 1023) / 1024, es);
	}
}
