/*
 * scan_path.c
 *	  Find the queries that a Winback Scan can compute, and estimate its cost.
 *
 * The executor needs more time to read a row than an aggregate of winback needs to enter
 * it into a state.  A Winback Scan (scan_node.c) therefore replaces an Agg node and the
 * sequential scan below it.  In a parallel plan it replaces the Partial Aggregate and its
 * scan.  It is one more path beside PostgreSQL's own paths, and the planner chooses the
 * cheapest path.
 *
 * A Winback Scan is offered only where it returns the same result as PostgreSQL's own
 * plan: for one or several one-pass aggregates, with or without GROUP BY, over one heap table,
 * which may have partitions or children.  ScanServes lists the limits.
 *
 * The support function (planner_support.c) loads the library, and so installs the hook, in
 * time for the first query of a session.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/appendinfo.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/planner.h"
#include "optimizer/prep.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "compat.h"
#include "scan/scan.h"
#include "scan/scan_aggregate.h"

/*
 * The cost of reading a row, without and with conditions, as a share of cpu_tuple_cost, and the
 * cost of finding the group of a row by one key, as a share of cpu_operator_cost.
 */
#define READING_SHARE			0.4
#define TESTING_SHARE			0.8
#define GROUPING_SHARE			0.5

/*
 * The cost of one customer in the state of a parallel process: shares of cpu_tuple_cost
 * for the process to send it and for the leader to merge it, and the bytes to transfer.
 */
#define SENDING_SHARE			0.25
#define MERGING_SHARE			0.5
#define CUSTOMER_BYTES			16
#define TUPLE_COST_BYTES		1024	/* one parallel_tuple_cost for this many bytes */

/* The cost of moving the states of a parallel plan from its processes to the leader. */
typedef struct Shipping
{
	Cost		process_cost;	/* of sending, in each process */
	Cost		leader_cost;	/* of receiving and merging, in the leader */
} Shipping;

static bool enable_scan = true;
static create_upper_paths_hook_type previous_hook = NULL;

/*
 * Return whether an expression depends on user columns of the table only: it contains no
 * subplan, no system column and no reference to the whole row.
 */
static bool
IsOfColumns(Node *expr, Index relid)
{
	Bitmapset  *columns = NULL;
	int			first;

	if (contain_subplans(expr))
		return false;
	pull_varattnos(expr, relid, &columns);
	first = bms_next_member(columns, -1);
	return first < 0 || first + FirstLowInvalidHeapAttributeNumber > 0;
}

/* Return whether an argument is a column of the table, or has one value for the scan. */
static bool
ServesArg(Expr *arg, Index relid)
{
	Var		   *column = ColumnOf(arg);

	if (column != NULL)
		return column->varno == (int) relid && column->varlevelsup == 0 &&
			column->varattno > 0;
	return !contain_var_clause((Node *) arg) && !contain_subplans((Node *) arg) &&
		!contain_volatile_functions((Node *) arg);
}

/* Return whether the scan can compute an aggregate. */
static bool
ServesAggref(const Aggref *aggref, Index relid)
{
	ListCell   *lc;

	if (aggref->agglevelsup != 0 || aggref->aggorder != NIL ||
		aggref->aggdistinct != NIL || !IsOnePass(aggref) ||
		!IsOfColumns((Node *) aggref->aggfilter, relid))
		return false;

	foreach(lc, aggref->args)
	{
		if (!ServesArg(lfirst_node(TargetEntry, lc)->expr, relid))
			return false;
	}
	return true;
}

/* Return whether a table is stored by the access method heap. */
static bool
IsHeap(const RangeTblEntry *rte)
{
	Relation	relation = table_open(rte->relid, NoLock);
	bool		is_heap = relation->rd_tableam == GetHeapamTableAmRoutine();

	table_close(relation, NoLock);
	return is_heap;
}

/*
 * Return whether all paths of a table are PostgreSQL's own.  A path of another extension
 * may return rows that are not in the heap.
 */
static bool
ArePathsOfHeap(List *paths)
{
	ListCell   *lc;

	foreach(lc, paths)
	{
		Path	   *path = lfirst(lc);

		while (IsA(path, ProjectionPath))
			path = ((ProjectionPath *) path)->subpath;
		if (IsA(path, CustomPath) || IsA(path, ForeignPath) ||
			IsA(path, AppendPath) || IsA(path, MergeAppendPath))
			return false;
	}
	return true;
}

/*
 * Return whether the scan can read a table and evaluate the conditions on its rows.
 *
 * A condition on a partition or child must contain a column.  The condition becomes an
 * entry of the plan (scan.h), and the planner replaces each equal expression in the
 * target list by a reference to this entry, which is NULL.  An expression in the target
 * list contains no column of a partition, so only a condition without columns can be
 * equal to it.
 */
static bool
ServesTable(PlannerInfo *root, const RelOptInfo *rel)
{
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		Node	   *clause = (Node *) lfirst_node(RestrictInfo, lc)->clause;

		if (!IsOfColumns(clause, rel->relid) ||
			(rel->reloptkind != RELOPT_BASEREL && !contain_var_clause(clause)))
			return false;
	}
	return rte->tablesample == NULL &&
		(rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_MATVIEW) && IsHeap(rte) &&
		ArePathsOfHeap(rel->pathlist) && ArePathsOfHeap(rel->partial_pathlist);
}

/*
 * Return the columns in the partition key of a relation, as a set like that of
 * pull_varattnos; NULL if the relation is not partitioned.
 */
static Bitmapset *
PartitionKeyColumns(const RelOptInfo *rel)
{
	Bitmapset  *columns = NULL;

	if (rel->part_scheme == NULL)
		return NULL;
	for (int i = 0; i < rel->part_scheme->partnatts; i++)
		pull_varattnos((Node *) rel->partexprs[i], rel->relid, &columns);
	return columns;
}

/* Return whether an expression contains a parameter. */
static bool
ContainsParam(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, Param) || WalkExpression(node, ContainsParam, context);
}

/*
 * Return whether an Append could skip partitions of a relation when it starts, or at each
 * rescan.
 *
 * An Append evaluates the conditions on the partition key that the planner cannot: those
 * with a parameter or a stable function.  It uses no condition with a volatile function.
 */
static bool
CouldPruneLater(const RelOptInfo *rel)
{
	Bitmapset  *key = PartitionKeyColumns(rel);
	ListCell   *lc;

	if (key == NULL || !enable_partition_pruning)
		return false;
	foreach(lc, rel->baserestrictinfo)
	{
		Node	   *clause = (Node *) lfirst_node(RestrictInfo, lc)->clause;
		Bitmapset  *columns = NULL;

		pull_varattnos(clause, rel->relid, &columns);
		if (bms_overlap(columns, key) && !contain_volatile_functions(clause) &&
			(ContainsParam(clause, NULL) || contain_mutable_functions(clause)))
			return true;
	}
	return false;
}

/*
 * Collect the tables that contain the rows of a relation: the relation itself, or its
 * partitions or children at all levels, without those that the planner has pruned.
 * Return false if the scan cannot read one of them.  Set *could_prune if an Append could
 * skip some of them when the query runs.
 */
static bool
CollectTables(PlannerInfo *root, RelOptInfo *rel, List **tables, bool *could_prune)
{
	ListCell   *lc;

	if (IS_DUMMY_REL(rel))
		return true;
	if (!planner_rt_fetch(rel->relid, root)->inh)
	{
		*tables = lappend(*tables, rel);
		return ServesTable(root, rel);
	}
	*could_prune |= CouldPruneLater(rel);
	foreach(lc, root->append_rel_list)
	{
		AppendRelInfo *info = lfirst_node(AppendRelInfo, lc);

		if (info->parent_relid == rel->relid &&
			!CollectTables(root, find_base_rel(root, info->child_relid), tables, could_prune))
			return false;
	}
	return true;
}

/*
 * Return the Aggrefs in a list, without other nodes and without duplicates.  A query may use the
 * value of an aggregate many times; Aggrefs with the same aggno are equal.
 */
static List *
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
	return columns + values + tables * (SCAN_TABLE_ENTRIES + values) <= SCAN_MAX_ENTRIES;
}

/* Return the keys of GROUP BY. */
static List *
GroupKeys(PlannerInfo *root)
{
	return get_sortgrouplist_exprs(root->parse->groupClause, root->processed_tlist);
}

/* Return whether the scan can find groups by the keys of GROUP BY. */
static bool
ServesKeys(PlannerInfo *root, List *keys, Index relid)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		if (!IsOfColumns(lfirst(lc), relid) || contain_volatile_functions(lfirst(lc)))
			return false;
	}
	return grouping_is_hashable(root->parse->groupClause);
}

/* The aggregates and the keys from which the scan computes its output. */
typedef struct OutputContext
{
	Index		relid;
	List	   *keys;
	List	   *aggrefs;		/* those found so far */
} OutputContext;

/*
 * Return true if an expression of the output needs something else of the rows than keys and
 * aggregates that the scan computes.  Collect the aggregates.
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
		return !ServesAggref((Aggref *) node, output->relid);
	}
	if (IsA(node, Var) || IsA(node, PlaceHolderVar) || IsA(node, GroupingFunc))
		return true;
	return WalkExpression(node, NeedsOther, context);
}

/* Return whether a table has a condition with a volatile function. */
static bool
HasVolatileQual(const RelOptInfo *rel)
{
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		if (contain_volatile_functions((Node *) lfirst_node(RestrictInfo, lc)->clause))
			return true;
	}
	return false;
}

/*
 * Return whether a Winback Scan can compute `output`, an aggregation of `input`.  Collect
 * the tables to read, and the aggregates without duplicates.
 *
 * The scan does not support
 *
 * - grouping sets, set-returning functions, and a condition that is checked once for
 *	 the whole query;
 * - an input that is not one heap table, with its partitions or children: a join, a
 *	 subquery, a foreign table;
 * - TABLESAMPLE;
 * - the conditions of row security, which have an order of evaluation of their own;
 * - partitions that an Append could skip when the query runs: the scan would read all;
 * - groups and a volatile condition: with many groups the scan reads the tables several times.
 */
static bool
ScanServes(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output, List *having, List **tables,
		   List **distinct)
{
	Query	   *parse = root->parse;
	OutputContext context = {.relid = input->relid, .keys = GroupKeys(root)};
	bool		could_prune = false;

	if (!parse->hasAggs || parse->groupingSets != NIL ||
		parse->hasTargetSRFs || parse->rowMarks != NIL ||
		root->hasPseudoConstantQuals || root->qual_security_level > 0 ||
		output->reloptkind != RELOPT_UPPER_REL ||
		input->reloptkind != RELOPT_BASEREL || input->rtekind != RTE_RELATION)
		return false;

	/* only the keys and the aggregates of the output may depend on the rows */
	if (NeedsOther((Node *) output->reltarget->exprs, &context) ||
		NeedsOther((Node *) having, &context) || contain_subplans((Node *) having) ||
		!ServesKeys(root, context.keys, input->relid) ||
		(context.keys != NIL &&
		 (HasVolatileQual(input) || contain_volatile_functions((Node *) context.aggrefs))))
		return false;

	*distinct = DistinctAggrefs(context.aggrefs);
	return context.aggrefs != NIL &&
		planner_rt_fetch(input->relid, root)->tablesample == NULL &&
		CollectTables(root, input, tables, &could_prune) && *tables != NIL &&
		(!could_prune || list_length(*tables) == 1) &&
		EntriesFit(input->max_attr, list_length(*distinct) + list_length(context.keys),
				   list_length(*tables));
}

/*
 * Return the conditions on the rows of a table in the order in which PostgreSQL evaluates
 * them: the cheapest first, and conditions of the same cost in their original order.  The
 * order matters, because a condition can raise an error for a row that an earlier one
 * excludes.
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
	return ordered;
}

/* Append an entry to a custom_scan_tlist. */
static List *
AddEntry(List *entries, Expr *expr)
{
	return lappend(entries, makeTargetEntry(expr, list_length(entries) + 1, NULL, false));
}

/* Make the plan of a path.  scan.h describes its entries. */
static Plan *
PlanScan(PlannerInfo *root, RelOptInfo *output pg_attribute_unused(), CustomPath *path,
		 List *tlist, List *clauses pg_attribute_unused(),
		 List *custom_plans pg_attribute_unused())
{
	CustomScan *scan = makeNode(CustomScan);
	RelOptInfo *input = linitial(path->custom_private);
	List	   *tables = lsecond(path->custom_private);
	Relation	relation = table_open(planner_rt_fetch(input->relid, root)->relid, NoLock);
	TupleDesc	tupdesc = RelationGetDescr(relation);
	List	   *having = lthird(path->custom_private);
	List	   *aggrefs = pull_var_clause((Node *) list_make2(tlist, having),
										  PVC_INCLUDE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
										  PVC_INCLUDE_PLACEHOLDERS);
	List	   *keys = GroupKeys(root);
	List	   *operators = NIL;
	List	   *values;
	List	   *entries = NIL;
	ListCell   *lc;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		entries = AddEntry(entries, att->attisdropped ?
						   (Expr *) makeNullConst(INT4OID, -1, InvalidOid) :
						   (Expr *) makeVar(input->relid, i + 1, att->atttypid, att->atttypmod,
											att->attcollation, 0));
	}
	table_close(relation, NoLock);
	aggrefs = DistinctAggrefs(aggrefs);
	values = list_concat_copy(aggrefs, keys);
	foreach(lc, values)
		entries = AddEntry(entries, lfirst(lc));
	foreach(lc, root->parse->groupClause)
		operators = lappend_oid(operators, lfirst_node(SortGroupClause, lc)->eqop);

	foreach(lc, tables)
	{
		RelOptInfo *table = lfirst(lc);
		List	   *quals = NIL;
		List	   *table_values = copyObject(values);
		ListCell   *lc2;

		if (table != input)
		{
			quals = OrderedQuals(root, table->baserestrictinfo);
			table_values = (List *) AdjustAppendRelAttrs(root, (Node *) table_values, table,
														 input);
		}
		entries = AddEntry(entries, (Expr *) makeVar(table->relid, TableOidAttributeNumber,
													 OIDOID, -1, InvalidOid, 0));
		entries = AddEntry(entries, make_ands_explicit(quals));
		foreach(lc2, table_values)
			entries = AddEntry(entries, lfirst(lc2));
	}

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = OrderedQuals(root, input->baserestrictinfo);
	scan->scan.scanrelid = input->relid;
	scan->custom_scan_tlist = entries;
	scan->custom_exprs = lcons(make_ands_explicit(having), keys);
	scan->custom_private = list_make2(makeInteger(list_length(aggrefs)), operators);
	scan->flags = path->flags;
	scan->methods = &scan_methods;
	return &scan->scan.plan;
}

static const CustomPathMethods path_methods = {
	.CustomName = "Winback Scan",
	.PlanCustomPath = PlanScan
};

/*
 * Estimate the cost of sending the states of aggregates from the processes of a parallel
 * plan to the leader, and of merging them.  `partial` is the scan that the processes
 * share.  Each state of a process contains all customers of the rows that the process
 * reads.
 */
static Shipping
EstimateShipping(PlannerInfo *root, const List *aggrefs, const Path *partial)
{
	int			processes = partial->parallel_workers + (parallel_leader_participation ? 1 : 0);
	double		customers = 0;
	Shipping	shipping;
	ListCell   *lc;

	foreach(lc, aggrefs)
	{
		/* the first argument is the customer */
		const TargetEntry *arg = linitial_node(TargetEntry, lfirst_node(Aggref, lc)->args);
		Var		   *column = ColumnOf(arg->expr);
		List	   *keys = GroupKeys(root);

		if (column != NULL)
			keys = lappend(keys, column);
		customers += keys == NIL ? 1 :
			estimate_num_groups(root, keys, partial->rows, NULL, NULL);
	}
	shipping.process_cost = customers * SENDING_SHARE * cpu_tuple_cost;
	shipping.leader_cost = customers * processes *
		(MERGING_SHARE * cpu_tuple_cost +
		 parallel_tuple_cost * CUSTOMER_BYTES / TUPLE_COST_BYTES);
	return shipping;
}

/*
 * Create a path that reads tables and returns a target.  For a parallel plan, `partial`
 * is PostgreSQL's own partial path of the input, and `shipping` is the cost of sending
 * the states; otherwise both are NULL.  `ngroups` is the estimated number of groups.
 */
static CustomPath *
CreateScanPath(PlannerInfo *root, RelOptInfo *input, List *tables, RelOptInfo *output,
			   PathTarget *target, List *having, double ngroups, const AggClauseCosts *costs,
			   const Path *partial, const Shipping *shipping)
{
	CustomPath *path = makeNode(CustomPath);
	int			nkeys = list_length(root->parse->groupClause);
	Cost		startup_cost = costs->transCost.startup;
	Cost		cpu_cost = 0;
	Cost		disk_cost = 0;
	QualCost	having_cost;
	ListCell   *lc;

	foreach(lc, tables)
	{
		const RelOptInfo *table = lfirst(lc);
		double		page_cost;

		cpu_cost += table->tuples *
			(table->baserestrictcost.per_tuple + cpu_tuple_cost *
			 (table->baserestrictinfo != NIL ? TESTING_SHARE : READING_SHARE));
		cpu_cost += table->rows *
			(costs->transCost.per_tuple + nkeys * GROUPING_SHARE * cpu_operator_cost);
		startup_cost += table->baserestrictcost.startup;
		get_tablespace_page_costs(table->reltablespace, NULL, &page_cost);
		disk_cost += table->pages * page_cost;
	}
	if (partial != NULL)
	{
		cpu_cost *= partial->rows / Max(input->rows, 1);
		cpu_cost += shipping->process_cost;
		path->path.parallel_aware = true;
		path->path.parallel_workers = partial->parallel_workers;
	}

	path->path.pathtype = T_CustomScan;
	path->path.parent = output;
	path->path.pathtarget = target;
	path->path.rows = having == NIL ? ngroups :
		clamp_row_est(ngroups * clauselist_selectivity(root, having, 0, JOIN_INNER, NULL));
	cost_qual_eval(&having_cost, having, root);
	path->path.startup_cost = startup_cost + disk_cost + cpu_cost + costs->finalCost.startup +
		having_cost.startup + target->cost.startup;
	path->path.total_cost = path->path.startup_cost +
		ngroups * (costs->finalCost.per_tuple + having_cost.per_tuple + cpu_tuple_cost) +
		path->path.rows * target->cost.per_tuple;
	/* count each table as a disabled sequential scan */
	if (!enable_seqscan)
		DisablePath(&path->path, list_length(tables));
	if (nkeys > 0 && !enable_hashagg)
		DisablePath(&path->path, 1);
	path->path.parallel_safe = output->consider_parallel;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_private = list_make3(input, tables, having);
	path->methods = &path_methods;
	return path;
}

/*
 * Add the cost of sending and merging states to PostgreSQL's own parallel paths, which it
 * estimates without this cost.
 */
static void
ChargeParallelPaths(RelOptInfo *output, const Shipping *shipping)
{
	List	   *paths = output->pathlist;
	List	   *charged = NIL;
	ListCell   *lc;

	output->pathlist = NIL;
	foreach(lc, paths)
	{
		Path	   *path = lfirst(lc);

		if (IsA(path, AggPath) && ((AggPath *) path)->aggsplit == AGGSPLIT_FINAL_DESERIAL)
		{
			path->startup_cost += shipping->process_cost + shipping->leader_cost;
			path->total_cost += shipping->process_cost + shipping->leader_cost;
			charged = lappend(charged, path);
		}
		else
			output->pathlist = lappend(output->pathlist, path);
	}
	list_free(paths);
	/* add_path sorts them in by their new costs */
	foreach(lc, charged)
	{
		add_path(output, lfirst(lc));
	}
}

/*
 * Add a parallel path if PostgreSQL has one, with the same number of workers: partial states from
 * the processes, and PostgreSQL's Finalize Aggregate.
 */
static void
AddParallelPath(PlannerInfo *root, RelOptInfo *input, RelOptInfo *output, List *tables,
				const List *aggrefs, List *having, double ngroups)
{
	RelOptInfo *partial_output = fetch_upper_rel(root, UPPERREL_PARTIAL_GROUP_AGG,
												 output->relids);
	PathTarget *target = partial_output->reltarget;
	List	   *groups = root->parse->groupClause;
	Path	   *partial;
	Shipping	shipping;
	Path	   *path;
	double		nrows = ngroups;
	AggClauseCosts partial_costs = {0};
	AggClauseCosts final_costs = {0};

	if (partial_output->partial_pathlist == NIL || input->partial_pathlist == NIL ||
	/* a worker sends tuples with a column for each state */
		list_length(target->exprs) > MaxTupleAttributeNumber)
		return;

	partial = linitial(input->partial_pathlist);
	shipping = EstimateShipping(root, aggrefs, partial);
	ChargeParallelPaths(output, &shipping);
	get_agg_clause_costs(root, AGGSPLIT_INITIAL_SERIAL, &partial_costs);
	get_agg_clause_costs(root, AGGSPLIT_FINAL_DESERIAL, &final_costs);
	final_costs.transCost.startup += shipping.leader_cost;
	path = &CreateScanPath(root, input, tables, partial_output, target, NIL, ngroups,
						   &partial_costs, partial, &shipping)->path;
	nrows = path->rows * path->parallel_workers;
	path = &create_gather_path(root, partial_output, path, target, NULL,
							   groups != NIL ? &nrows : NULL)->path;
	path = &create_agg_path(root, output, path, output->reltarget,
							groups != NIL ? AGG_HASHED : AGG_PLAIN, AGGSPLIT_FINAL_DESERIAL,
							groups, having, &final_costs, ngroups)->path;
	add_path(output, path);
}

/* Hook of the planner: add the paths of the scan to those that PostgreSQL has found. */
static void
AddScanPaths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input,
			 RelOptInfo *output, void *extra)
{
	AggClauseCosts costs = {0};
	List	   *tables = NIL;
	List	   *aggrefs = NIL;
	List	   *having;
	double		ngroups = 1;

	if (previous_hook)
		previous_hook(root, stage, input, output, extra);
	if (stage != UPPERREL_GROUP_AGG || !enable_scan)
		return;
	having = (List *) ((GroupPathExtraData *) extra)->havingQual;
	if (!ScanServes(root, input, output, having, &tables, &aggrefs))
		return;

	if (root->parse->groupClause != NIL)
		ngroups = estimate_num_groups(root, GroupKeys(root), input->rows, NULL, NULL);
	get_agg_clause_costs(root, AGGSPLIT_SIMPLE, &costs);
	add_path(output, &CreateScanPath(root, input, tables, output, output->reltarget, having,
									 ngroups, &costs, NULL, NULL)->path);
	AddParallelPath(root, input, output, tables, aggrefs, having, ngroups);
}

/* Define winback.enable_scan, and install the hook in the planner. */
void
ScanPathInit(void)
{
	DefineCustomBoolVariable("winback.enable_scan",
							 "Enables the planner's use of Winback Scans.",
							 "A Winback Scan reads a table and aggregates its rows "
							 "in one plan node.",
							 &enable_scan, true, PGC_USERSET, GUC_EXPLAIN, NULL, NULL, NULL);
	MarkGUCPrefixReserved("winback");

	RegisterCustomScanMethods(&scan_methods);
	previous_hook = create_upper_paths_hook;
	create_upper_paths_hook = AddScanPaths;
}
