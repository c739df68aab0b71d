/*
 * scan_plan.c
 *	  Make the plan of a Winback Scan from its path.
 *
 * scan.h describes the plan.
 */
#include "postgres.h"

#include "access/table.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/restrictinfo.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"

#include "compat.h"
#include "scan/scan.h"
#include "scan/scan_aggregate.h"
#include "scan/scan_input.h"

/*
 * Return the conditions on the rows of a table in the order in which PostgreSQL evaluates
 * them: those without columns first, which a branch of a UNION ALL may have, then the cheapest, and
 * conditions of the same cost in their original order.  The order matters, because a condition can
 * raise an error for a row that an earlier one excludes.
 */
static List *
OrderedQuals(PlannerInfo *root, List *restrictions)
{
	List	   *ordered = NIL;
	List	   *costs = NIL;
	ListCell   *lc;

	foreach(lc, extract_actual_clauses(restrictions, false))
	{
		QualCost   *cost = palloc(sizeof(QualCost));
		int			place = list_length(ordered);

		cost_qual_eval_node(cost, lfirst(lc), root);
		while (place > 0 &&
			   ((QualCost *) list_nth(costs, place - 1))->per_tuple > cost->per_tuple)
			place--;
		ordered = list_insert_nth(ordered, place, lfirst(lc));
		costs = list_insert_nth(costs, place, cost);
	}
	return list_concat(extract_actual_clauses(restrictions, true), ordered);
}

/* Append an entry to a custom_scan_tlist. */
static List *
AddEntry(List *entries, Expr *expr)
{
	return lappend(entries, makeTargetEntry(expr, list_length(entries) + 1, NULL, false));
}

/* Return the columns of the joined relation on which keys of GROUP BY depend. */
List *
AttributesOfKeys(PlannerInfo *root, const ScanInput *input)
{
	List	   *attributes = NIL;
	ListCell   *lc;

	foreach(lc, input->keys)
	{
		if (IsOfOther(root, lfirst(lc), input))
			attributes = list_concat_unique(attributes,
											pull_var_clause(RemoveNullingRels(root, lfirst(lc)),
															0));
	}
	return attributes;
}

/*
 * Return the number of the column of the other side that has the value of an expression.  The first
 * one is the key of the join.
 */
static int
ColumnOfOther(PlannerInfo *root pg_attribute_unused(), const CustomPath *path, Node *expr)
{
	const List *columns = ((Path *) linitial(path->custom_paths))->pathtarget->exprs;

	for (int i = 1; i < list_length(columns); i++)
	{
		if (equal(list_nth(columns, i), RemoveNullingRels(root, expr)))
			return i + 1;
	}
	elog(ERROR, "expression not found in the other side of a join");
}

/* Return the SCAN_PRIVATE_JOIN of a plan. */
static List *
PlanJoin(PlannerInfo *root, const CustomPath *path, List *aggrefs, List *attributes)
{
	const ScanInput *input = list_nth(path->custom_private, PATH_INPUT);
	List	   *key_numbers = NIL;
	List	   *attribute_columns = NIL;
	List	   *customer_columns = NIL;
	ListCell   *lc;

	if (input->other == NULL)
		return NIL;
	foreach(lc, input->keys)
	{
		if (IsOfOther(root, lfirst(lc), input))
			key_numbers = lappend_int(key_numbers, foreach_current_index(lc));
	}
	foreach(lc, attributes)
		attribute_columns = lappend_int(attribute_columns,
										ColumnOfOther(root, path, lfirst(lc)));
	foreach(lc, aggrefs)
	{
		Node	   *expr = (Node *) CustomerOf(lfirst_node(Aggref, lc));

		customer_columns = lappend_int(customer_columns, IsOfOther(root, expr, input) ?
									   ColumnOfOther(root, path, expr) : 0);
	}
	return lappend(list_make5(makeInteger(input->jointype),
							  makeInteger(ColumnOf(input->own_key)->varattno),
							  list_make3_oid(exprType((Node *) input->own_key),
											 exprType((Node *) input->other_key),
											 input->collation),
							  key_numbers, attribute_columns),
				   customer_columns);
}

/* Return an entry for each column of what the query names, a table or a UNION ALL. */
static List *
ColumnEntries(PlannerInfo *root, const RelOptInfo *input)
{
	RangeTblEntry *rte = planner_rt_fetch(input->relid, root);
	List	   *entries = NIL;
	Relation	relation;
	TupleDesc	tupdesc;

	if (IsUnionAll(root, input))
	{
		ListCell   *lc;

		foreach(lc, rte->subquery->targetList)
		{
			TargetEntry *column = lfirst_node(TargetEntry, lc);

			if (column->resjunk)
				continue;
			entries = AddEntry(entries, (Expr *) makeVarFromTargetEntry(input->relid, column));
			llast_node(TargetEntry, entries)->resname = strVal(list_nth(rte->eref->colnames,
																		column->resno - 1));
		}
		return entries;
	}

	relation = table_open(rte->relid, NoLock);
	tupdesc = RelationGetDescr(relation);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		entries = AddEntry(entries, att->attisdropped ?
						   (Expr *) makeNullConst(INT4OID, -1, InvalidOid) :
						   (Expr *) makeVar(input->relid, i + 1, att->atttypid, att->atttypmod,
											att->attcollation, 0));
		llast_node(TargetEntry, entries)->resname = pstrdup(NameStr(att->attname));
	}
	table_close(relation, NoLock);
	return entries;
}

/* Return the entry of a table (scan.h).  `values` are the aggregates and the keys. */
static Expr *
TableEntry(PlannerInfo *root, RelOptInfo *input, RelOptInfo *table, List *values)
{
	RowExpr    *row = makeNode(RowExpr);
	List	   *quals = NIL;

	if (table != input || table->rtekind == RTE_SUBQUERY)
		quals = (List *) StripPlaceHolders((Node *) OrderedQuals(root, table->baserestrictinfo),
										   NULL);
	row->args = list_make2(makeVar(table->relid, TableOidAttributeNumber, OIDOID, -1, InvalidOid,
								   0), make_ands_explicit(quals));
	row->args = list_concat(row->args,
							(List *) TranslateToTable(root, (Node *) values, input, table));
	row->row_typeid = RECORDOID;
	row->row_format = COERCE_EXPLICIT_CALL;
	row->location = -1;
	return (Expr *) row;
}

/* Collect the parameters in an expression in the List to which `context` points. */
static bool
CollectParams(Node *node, void *context)
{
	List	  **params = context;

	if (node == NULL)
		return false;
	if (IsA(node, Param))
		*params = list_append_unique(*params, node);
	return WalkExpression(node, CollectParams, context);
}

/* Make the plan of a path.  scan.h describes its entries. */
static Plan *
PlanScan(PlannerInfo *root, RelOptInfo *output pg_attribute_unused(), CustomPath *path,
		 List *tlist, List *clauses pg_attribute_unused(), List *custom_plans)
{
	CustomScan *scan = makeNode(CustomScan);
	const ScanInput *input = list_nth(path->custom_private, PATH_INPUT);
	RelOptInfo *orders = input->orders;
	List	   *having = list_nth(path->custom_private, PATH_HAVING);
	List	   *aggrefs = pull_var_clause((Node *) list_make2(tlist, having),
										  PVC_INCLUDE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
										  PVC_INCLUDE_PLACEHOLDERS);
	List	   *operators = NIL;
	List	   *attributes = NIL;
	List	   *values;
	List	   *params = NIL;
	List	   *entries = ColumnEntries(root, orders);
	int			ncolumns = list_length(entries);
	ListCell   *lc;

	aggrefs = DistinctAggrefs(aggrefs);
	values = list_concat_copy(aggrefs, input->keys);
	if (input->other != NULL)
	{
		attributes = AttributesOfKeys(root, input);
		values = list_concat(lappend(values, input->own_key), attributes);
	}
	foreach(lc, values)
		entries = AddEntry(entries, lfirst(lc));
	foreach(lc, root->parse->groupClause)
		operators = lappend_oid(operators, lfirst_node(SortGroupClause, lc)->eqop);

	foreach(lc, input->sources)
		entries = AddEntry(entries, TableEntry(root, orders, lfirst(lc), values));
	if (input->rest != NULL)
		entries = AddEntry(entries, RestEntry(input, values));

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = OrderedQuals(root, orders->baserestrictinfo);
	scan->scan.scanrelid = IsUnionAll(root, orders) ? 0 : orders->relid;
	scan->custom_plans = custom_plans;
	scan->custom_scan_tlist = entries;
	(void) CollectParams((Node *) entries, &params);
	scan->custom_exprs = list_concat(list_make2(make_ands_explicit(having), params),
									 input->keys);
	scan->custom_private = list_make5(makeInteger(ncolumns), makeInteger(list_length(aggrefs)),
									  operators, makeInteger(input->list),
									  PlanJoin(root, path, aggrefs, attributes));
	scan->flags = path->flags;
	scan->methods = &scan_methods;
	return &scan->scan.plan;
}

const CustomPathMethods scan_path_methods = {
	.CustomName = "Winback Scan",
	.PlanCustomPath = PlanScan
};
