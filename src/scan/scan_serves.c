/*
 * scan_serves.c
 *	  The queries that a Winback Scan can compute.
 *
 * A Winback Scan is offered only where it returns the same result as PostgreSQL's own
 * plan: for one or several one-pass aggregates, with or without GROUP BY and aggregates of PostgreSQL
 * beside them, or for a list of customers (scan_list.c), over one heap table, which may have
 * partitions or children, or over a UNION ALL of such tables.  ScanServes lists the limits.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"

#include "compat.h"
#include "scan/scan.h"
#include "scan/scan_aggregate.h"
#include "scan/scan_input.h"

/* Return whether an argument is a column of the table, or has one value for the scan. */
static bool
ServesArg(Expr *arg, const ScanInput *input)
{
	Var		   *column = ColumnOf(arg);

	if (column != NULL)
		return column->varno == (int) input->orders->relid && column->varlevelsup == 0 &&
			column->varattno > 0;
	return !contain_var_clause((Node *) arg) && !contain_subplans((Node *) arg) &&
		!contain_volatile_functions((Node *) arg);
}

/*
 * Return whether the scan can compute an aggregate in a list of customers.  There must not be a
 * column among the arguments that have one value for the whole scan.  `aggregate` is what
 * ListAggregateOf() returns for it.
 */
static bool
ServesListAggref(PlannerInfo *root, const Aggref *aggref, const ListAggregate *aggregate,
				 const ScanInput *input)
{
	int			nargs = list_length(aggref->args);
	ListCell   *lc;

	if (aggref->agglevelsup != 0 || aggref->aggorder != NIL ||
		aggref->aggdistinct != NIL || aggregate == NULL ||
		!IsOfColumns(root, (Node *) aggref->aggfilter, input->orders))
		return false;

	foreach(lc, aggref->args)
	{
		Expr	   *arg = lfirst_node(TargetEntry, lc)->expr;

		if (!ServesArg(arg, input) ||
			(ColumnOf(arg) != NULL &&
			 foreach_current_index(lc) >= nargs - aggregate->nconstant))
			return false;
	}
	return true;
}

/* Return whether the scan can compute an aggregate. */
static bool
ServesAggref(PlannerInfo *root, const Aggref *aggref, const ScanInput *input)
{
	ListCell   *lc;

	if (aggref->agglevelsup != 0 || aggref->aggorder != NIL ||
		aggref->aggdistinct != NIL || !IsOnePass(aggref) ||
		!IsOfColumns(root, (Node *) aggref->aggfilter, input->orders))
		return false;

	foreach(lc, aggref->args)
	{
		Expr	   *arg = lfirst_node(TargetEntry, lc)->expr;

		/* the first argument is the customer */
		if (!ServesArg(arg, input) &&
			!(lc == list_head(aggref->args) && IsOfOtherRow(root, (Node *) arg, input)))
			return false;
	}
	return true;
}

/*
 * Return the Aggrefs in a list, without other nodes and without duplicates.  A query may use the
 * value of an aggregate many times; Aggrefs with the same aggno are equal.
 */
List *
DistinctAggrefs(List *nodes)
{
	List	   *distinct = NIL;
	Bitmapset  *seen = NULL;
	ListCell   *lc;

	foreach(lc, nodes)
	{
		Aggref	   *aggref = lfirst(lc);

		if (!IsA(aggref, Aggref) || bms_is_member(aggref->aggno, seen))
			continue;
		seen = bms_add_member(seen, aggref->aggno);
		distinct = lappend(distinct, aggref);
	}
	bms_free(seen);
	return distinct;
}

/*
 * Return whether the entries of a plan fit into its custom_scan_tlist (scan.h).  `values` is the
 * number of aggregates and keys.
 */
static bool
EntriesFit(int64 columns, int64 values, int64 tables)
{
	return columns + values + tables <= SCAN_MAX_ENTRIES;
}

/* Return whether the scan can find groups by the keys of GROUP BY. */
static bool
ServesKeys(PlannerInfo *root, const ScanInput *input)
{
	ListCell   *lc;

	foreach(lc, input->keys)
	{
		Node	   *key = lfirst(lc);

		if (contain_volatile_functions(key) ||
			!(IsOfColumns(root, key, input->orders) || IsKeyOfOther(root, key, input)))
			return false;
	}
	return grouping_is_hashable(root->parse->groupClause);
}

/*
 * Return whether the key of GROUP BY can be the customer of a list: a column of `orders`, of a
 * type whose equal values have equal bytes.
 */
static bool
IsCustomer(PlannerInfo *root, const ScanInput *input)
{
	Node	   *key = input->keys != NIL ? linitial(input->keys) : NULL;
	const SortGroupClause *clause;

	if (list_length(input->keys) != 1 || ColumnOf((Expr *) key) == NULL ||
		!ServesArg((Expr *) key, input))
		return false;
	clause = linitial_node(SortGroupClause, root->parse->groupClause);
	return clause->eqop == lookup_type_cache(exprType(key), TYPECACHE_EQ_OPR)->eq_opr &&
		CustomerHasOneImage(exprType(key), exprCollation(key));
}

/*
 * Return whether the scan can compute aggregates in a list of customers.  At least one must be
 * computed so only; other lists are left to PostgreSQL, or are groups like others.
 */
static bool
ServesList(PlannerInfo *root, const List *aggrefs, const ScanInput *input)
{
	bool		is_list = false;
	ListCell   *lc;

	if (input->other != NULL || !IsCustomer(root, input))
		return false;
	foreach(lc, aggrefs)
	{
		const Aggref *aggref = lfirst_node(Aggref, lc);
		const ListAggregate *list = ListAggregateOf(aggref);

		if (!ServesListAggref(root, aggref, list, input))
			return false;
		is_list |= !list->any_groups;
	}
	return is_list && list_length(aggrefs) <= LIST_MAX_AGGREGATES;
}

/*
 * Return whether the scan can compute aggregates of winback for any groups, with or without
 * aggregates of PostgreSQL beside them.
 */
static bool
ServesAggrefs(PlannerInfo *root, const List *aggrefs, ScanInput *input)
{
	bool		of_winback = false;
	ListCell   *lc;

	foreach(lc, aggrefs)
	{
		const Aggref *aggref = lfirst_node(Aggref, lc);
		const ListAggregate *list = ListAggregateOf(aggref);

		if (ServesAggref(root, aggref, input))
			of_winback = true;
		else if (list != NULL && list->any_groups && ServesListAggref(root, aggref, list, input))
		{
			of_winback |= !IsListAggregateOfPostgres(list);
			input->final_only |= !list->sends_state;
			input->group_bytes += list->customer_bytes;
		}
		else
			return false;
	}
	return of_winback;
}

/* The aggregates and the keys from which the scan computes its output. */
typedef struct OutputContext
{
	List	   *keys;
	List	   *aggrefs;		/* those found so far */
} OutputContext;

/*
 * Return true if an expression of the output needs something else of the rows than keys and
 * aggregates.  Collect the aggregates.
 */
static bool
NeedsOther(Node *node, void *context)
{
	OutputContext *output = context;

	if (node == NULL || list_member(output->keys, node))
		return false;
	if (IsA(node, Aggref))
	{
		output->aggrefs = lappend(output->aggrefs, node);
		return false;
	}
	if (IsA(node, Var) || IsA(node, PlaceHolderVar) || IsA(node, GroupingFunc))
		return true;
	return WalkExpression(node, NeedsOther, context);
}

/*
 * Return whether a Winback Scan can compute `output`, an aggregation of `rel` by the keys of `input`.
 * Describe the rest of its input, and collect the aggregates without duplicates.
 *
 * The scan does not support
 *
 * - grouping sets, set-returning functions, and a condition that is checked once for
 *	 the whole query;
 * - an input that is not one heap table, with its partitions or children, or a UNION ALL of such
 *	 tables, perhaps joined to others as ServesJoin demands: another subquery, a foreign table by
 *	 itself; it may be one partition that the planner aggregates on its own;
 * - TABLESAMPLE;
 * - the conditions of row security, which have an order of evaluation of their own;
 * - partitions that an Append could skip when the query runs: the scan would read all;
 * - branches of a UNION ALL in which a column is a system column or contains a subquery;
 * - groups and a volatile condition: with many groups the scan reads the tables several times.
 */
bool
ScanServes(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *output, List *having,
		   ScanInput *input, List **distinct)
{
	Query	   *parse = root->parse;
	OutputContext context = {.keys = input->keys};
	List	   *exprs;
	ListCell   *lc;

	if (!parse->hasAggs || parse->groupingSets != NIL ||
		parse->hasTargetSRFs || parse->rowMarks != NIL ||
		root->qual_security_level > 0 ||
		!IS_UPPER_REL(output) ||
		(!IS_SIMPLE_REL(rel) && rel->reloptkind != RELOPT_JOINREL))
		return false;

	/* only the keys and the aggregates of the output may depend on the rows */
	if (NeedsOther((Node *) output->reltarget->exprs, &context) ||
		NeedsOther((Node *) having, &context) || contain_subplans((Node *) having) ||
		context.aggrefs == NIL)
		return false;

	input->orders = IS_SIMPLE_REL(rel) ? rel : RelationOf(root, context.aggrefs);
	if (input->orders == NULL || !IS_SIMPLE_REL(input->orders) ||
		(input->orders->rtekind != RTE_RELATION && !IsUnionAll(root, input->orders)) ||
		(rel != input->orders && !ServesJoin(root, rel, input)))
		return false;
	/* a branch of a UNION ALL may have conditions without columns where the query has none */
	if (root->hasPseudoConstantQuals &&
		(rel != input->orders || !IsUnionAll(root, rel) || HasPseudoConstantQual(rel)))
		return false;
	*distinct = DistinctAggrefs(context.aggrefs);
	input->list = ServesList(root, *distinct, input);
	if (!input->list && !ServesAggrefs(root, *distinct, input))
		return false;
	if (!ServesKeys(root, input) ||
		(input->keys != NIL && (HasVolatileQual(input->orders) ||
								contain_volatile_functions((Node *) context.aggrefs))))
		return false;

	if (planner_rt_fetch(input->orders->relid, root)->tablesample != NULL ||
		!AreQualsOfColumns(root, input->orders) ||
		!CollectTables(root, input->orders, input) || input->tables == NIL ||
		(input->could_prune && list_length(input->tables) + bms_num_members(input->left) > 1) ||
		CouldBeSkipped(root, input->orders) ||
		!EntriesFit(input->orders->max_attr,
					list_length(*distinct) + list_length(input->keys) + 1,
					list_length(input->sources) + 1))
		return false;
	exprs = ExprsOfRows(root, input, *distinct);
	foreach(lc, input->sources)
	{
		if (IsUnionAll(root, input->orders) && !ServesBranch(root, input, lfirst(lc), exprs))
			return false;
	}
	return bms_is_empty(input->left) || FindRest(input, exprs);
}
