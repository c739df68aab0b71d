/*
 * scan_subquery.c
 *	  The tables of a subquery that the planner has not merged into the query.
 *
 * The planner merges a branch of a UNION ALL into the query only if it has no WHERE, and a UNION
 * ALL only if all its branches have the same types.  Otherwise it plans a subquery by itself, with
 * a range table of its own.  If that plan consists of sequential scans, and of nodes that only
 * append or gather rows or evaluate expressions, a Winback Scan reads the tables in its place.
 *
 * The plan of the subquery is a child of the Winback Scan (custom_plans), so that the planner gives
 * its tables numbers in the range table of the whole plan.  But it is not executed: this file gets
 * from it the tables, the conditions on their rows, and the expressions of the subquery's columns.
 *
 * Limits: scan_input.c accepts only the paths from which the nodes below are made.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"

#include "compat.h"
#include "scan/scan_subquery.h"

/* Columns of a subquery, or of the node below (OUTER_VAR), and the expressions of their values. */
typedef struct Columns
{
	int			varno;
	List	   *outputs;
} Columns;

/* Replace each column in an expression by the expression of its value. */
static Node *
ReplaceColumns(Node *node, void *context)
{
	const Columns *columns = context;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		const Var  *var = castNode(Var, node);

		return (int) var->varno == columns->varno && var->varattno > 0 ?
			copyObject((Node *) list_nth(columns->outputs, var->varattno - 1)) : copyObject(node);
	}
	return MutateExpression(node, ReplaceColumns, context);
}

/* Replace each column of a subquery in an expression by the expression of its value in a table. */
Node *
SubqueryReplaceColumns(Node *node, Index subquery, List *outputs)
{
	Columns		columns = {.varno = subquery, .outputs = outputs};

	return ReplaceColumns(node, &columns);
}

/* Return the expressions of a target list. */
static List *
Expressions(const List *targetlist)
{
	List	   *exprs = NIL;
	ListCell   *lc;

	foreach(lc, targetlist)
	{
		exprs = lappend(exprs, lfirst_node(TargetEntry, lc)->expr);
	}
	return exprs;
}

/* Return whether a condition excludes all rows, as that of a branch that the planner has pruned. */
static bool
IsConstantFalse(const Node *quals)
{
	const Const *value;

	if (quals == NULL || list_length((const List *) quals) != 1 ||
		!IsA(linitial((const List *) quals), Const))
		return false;
	value = linitial_node(Const, (const List *) quals);
	return value->constisnull || !DatumGetBool(value->constvalue);
}

/* Return the tables that a plan reads.  Their outputs are the columns of the plan. */
static List *
PlanTables(Plan *plan)
{
	Columns		columns = {.varno = OUTER_VAR};
	List	   *tables = NIL;
	ListCell   *lc;

	check_stack_depth();
	if (IsA(plan, SeqScan))
	{
		SubqueryTable *table = palloc(sizeof(SubqueryTable));

		table->relid = ((Scan *) plan)->scanrelid;
		table->quals = plan->qual;
		table->outputs = Expressions(plan->targetlist);
		return list_make1(table);
	}
	if (IsA(plan, Append))
	{
		foreach(lc, ((Append *) plan)->appendplans)
		{
			tables = list_concat(tables, PlanTables(lfirst(lc)));
		}
	}
	else if (IsA(plan, SubqueryScan) && plan->qual == NIL)
	{
		columns.varno = ((Scan *) plan)->scanrelid;
		tables = PlanTables(((SubqueryScan *) plan)->subplan);
	}
	else if (plan->qual == NIL && plan->lefttree != NULL &&
			 (IsA(plan, Gather) ||
			  (IsA(plan, Result) && ((Result *) plan)->resconstantqual == NULL)))
		tables = PlanTables(plan->lefttree);
	else if (IsA(plan, Result) && plan->lefttree == NULL &&
			 IsConstantFalse(((Result *) plan)->resconstantqual))
		return NIL;
	else
		elog(ERROR, "unexpected plan of a subquery: node %d", (int) nodeTag(plan));

	foreach(lc, tables)
	{
		SubqueryTable *table = lfirst(lc);

		columns.outputs = table->outputs;
		table->outputs = (List *) ReplaceColumns((Node *) Expressions(plan->targetlist), &columns);
	}
	return tables;
}

/*
 * Return the tables of a subquery.  `plan` is its plan, perhaps below a SubqueryScan, which the
 * planner removes if it has no condition and returns all columns in their order.
 */
List *
SubqueryTables(Plan *plan, Index subquery)
{
	if (IsA(plan, SubqueryScan) && ((Scan *) plan)->scanrelid == subquery)
		plan = ((SubqueryScan *) plan)->subplan;
	return PlanTables(plan);
}
