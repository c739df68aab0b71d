/*
 * scan_path.c
 *	  Offer Winback Scans to the planner, and estimate their cost.
 *
 * The executor needs more time to read a row than an aggregate of winback needs to enter
 * it into a state.  A Winback Scan (scan_node.c) therefore replaces an Agg node and the
 * sequential scan below it.  In a parallel plan it replaces the Partial Aggregate and its
 * scan.  It is one more path beside PostgreSQL's own paths, and the planner chooses the
 * cheapest path.
 *
 * The support function (planner_support.c) loads the library, and so installs the hook, in
 * time for the first query of a session.
 *
 * In a parallel plan either the processes divide the rows, and a Finalize Aggregate merges their
 * states, or they divide the groups.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planner.h"
#include "optimizer/prep.h"
#include "optimizer/tlist.h"
#include "rewrite/rewriteManip.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"

#include "compat.h"
#include "scan/scan.h"
#include "scan/scan_aggregate.h"
#include "scan/scan_input.h"

/*
 * The cost of reading a row, without and with conditions, and of copying one from a plan, as a share of
 * cpu_tuple_cost, and the cost of finding the group of a row by one key, as a share of
 * cpu_operator_cost.
 */
#define READING_SHARE			0.4
#define TESTING_SHARE			0.8
#define COPYING_SHARE			0.5
#define GROUPING_SHARE			0.5
/*
 * The cost of looking up a row's match in a join, as a share of cpu_operator_cost, and of keeping a
 * row of the other side, as a share of cpu_tuple_cost.
 */
#define JOINING_SHARE			0.5
#define BUILDING_SHARE			0.4

/*
 * The cost of adding a row to the facts of an aggregate in a list, of keeping it elsewhere, and of
 * choosing the rows of one of several parts, as shares of cpu_operator_cost; and the bytes of its
 * table as a multiple of the bytes of the slots that are taken.
 */
#define ADDING_SHARE			0.25
#define KEEPING_SHARE			3.0
#define CHOOSING_SHARE			1.0
#define LIST_SLACK				1.3
/* the multiple of memory elsewhere that passes take in effect, as some of them begin again */
#define RESTART_FACTOR			2

/*
 * The cost of one customer in the state of a parallel process: shares of cpu_tuple_cost
 * for the process to send it and for the leader to merge it, and the bytes to transfer.
 */
#define SENDING_SHARE			0.25
#define MERGING_SHARE			0.5
#define CUSTOMER_BYTES			16
#define TUPLE_COST_BYTES		1024	/* one parallel_tuple_cost for this many bytes */

/*
 * What costs more to move than an integer of an array, as multiples of it: a customer in one of many
 * groups, one of a type that is passed by reference, one of varying length, the facts of events,
 * and a row that the state keeps.  Measured in bench/peers, as the time by which a plan of two
 * processes exceeds half of that of one.
 */
#define GROUPED_WEIGHT			3
#define REFERENCE_WEIGHT		4
#define VARYING_WEIGHT			20
#define EVENTS_WEIGHT			8
#define ROW_WEIGHT				6

/* With fewer groups for each process, one of them would probably have many more than another. */
#define MIN_DIVIDED_GROUPS		32

/* The bytes of a group of few customers, in its states and in the table of groups. */
#define GROUP_BYTES				512

/* The cost of moving the states of a parallel plan from its processes to the leader. */
typedef struct Shipping
{
	Cost		process_cost;	/* of sending, in each process */
	Cost		leader_cost;	/* of receiving and merging, in the leader */
} Shipping;

/*
 * The work of each process of a parallel plan, or of the only process.  A process that reads a share
 * of the rows returns states, and one that reads all rows returns final values.
 */
typedef struct WorkShare
{
	int			workers;		/* 0 if there is one process */
	double		rows;			/* the share of the rows that it reads */
	double		groups;			/* the share of the groups whose rows it enters */
	Cost		sending_cost;	/* of its states */
} WorkShare;

static const WorkShare whole = {.rows = 1, .groups = 1};

static bool enable_scan = true;
static create_upper_paths_hook_type previous_hook = NULL;

/*
 * Estimate the number of combinations of keys and customer in the rows of a path.  The planner has
 * no statistics of the columns of a UNION ALL, so the numbers of its tables are added up.
 */
static double
EstimateCustomers(PlannerInfo *root, const ScanInput *input, List *keys, double rows)
{
	double		customers = 0;
	ListCell   *lc;

	if (!IsUnionAll(root, input->orders))
		return estimate_num_groups(root, keys, rows, NULL, NULL);
	foreach(lc, input->sources)
	{
		RelOptInfo *source = lfirst(lc);

		customers += estimate_num_groups(root, (List *) TranslateToTable(root, (Node *) keys,
																		 input->orders, source),
										 clamp_row_est(rows * source->rows /
													   Max(input->orders->rows, 1)),
										 NULL, NULL);
	}
	return Min(customers, rows);
}

/*
 * Estimate the cost of sending the states of aggregates from the processes of a parallel
 * plan to the leader, and of merging them.  `partial` is the scan that the processes
 * share.  Each state of a process contains all customers of the rows that the process
 * reads.
 */
static Shipping
EstimateShipping(PlannerInfo *root, const ScanInput *input, const List *aggrefs,
				 const Path *partial)
{
	int			processes = ScanProcesses(partial->parallel_workers);
	double		customers = 0;
	Shipping	shipping;
	ListCell   *lc;

	foreach(lc, aggrefs)
	{
		const Aggref *aggref = lfirst_node(Aggref, lc);
		const OnePassAggregate *one_pass = OnePassOf(aggref);
		List	   *keys = list_copy(input->keys);
		double		weight = keys != NIL ? GROUPED_WEIGHT : 1;
		Expr	   *customer = CustomerOf(aggref);
		bool		has_more;
		int16		typlen;
		bool		typbyval;

		/* the states of other aggregates are small */
		if (one_pass == NULL)
			continue;
		has_more = list_length(aggref->args) > one_pass->nargs;
		get_typlenbyval(exprType((Node *) customer), &typlen, &typbyval);
		if (!typbyval)
			weight = Max(weight, typlen > 0 ? REFERENCE_WEIGHT : VARYING_WEIGHT);
		if (one_pass->keeps_purchases || (has_more && one_pass->keeps_rows))
			customers += partial->rows * ROW_WEIGHT;
		else if (has_more)
			weight = Max(weight, EVENTS_WEIGHT);

		if (contain_var_clause((Node *) customer))
			keys = lappend(keys, customer);
		customers += weight *
			(keys == NIL ? 1 : EstimateCustomers(root, input, keys, partial->rows));
	}
	shipping.process_cost = customers * SENDING_SHARE * cpu_tuple_cost;
	shipping.leader_cost = customers * processes *
		(MERGING_SHARE * cpu_tuple_cost +
		 parallel_tuple_cost * CUSTOMER_BYTES / TUPLE_COST_BYTES);
	return shipping;
}

/*
 * Return a path of the other side of a join: its first column is the key, and the others are the
 * keys of GROUP BY and the customers of aggregates that are from there.  If each process of a
 * parallel plan must run it and there is no such path, return NULL.
 */
static Path *
CreateOtherPath(PlannerInfo *root, const ScanInput *input, const List *aggrefs,
				bool in_each_process)
{
	Path	   *path = in_each_process ?
		get_cheapest_parallel_safe_total_inner(input->other->pathlist) :
		input->other->cheapest_total_path;
	PathTarget *target = create_empty_pathtarget();
	List	   *exprs = AttributesOfKeys(root, input);
	ListCell   *lc;

	if (path == NULL)
		return NULL;
	foreach(lc, aggrefs)
		exprs = lappend(exprs, CustomerOf(lfirst_node(Aggref, lc)));

	add_column_to_pathtarget(target, input->other_key, 0);
	foreach(lc, exprs)
	{
		Node	   *expr = lfirst(lc);

		if (IsOfOther(root, expr, input))
			add_column_to_pathtarget(target, (Expr *) RemoveNullingRels(root, expr), 0);
	}
	set_pathtarget_cost_width(root, target);
	return (Path *) create_projection_path(root, input->other, path, target);
}

/*
 * Create a path that reads tables and returns a target.  `rel` is the relation of the rows that
 * are aggregated, and `other` the path of the other side of a join, or NULL.  `ngroups` is the
 * estimated number of all groups.
 */
static Path *
CreateScanPath(PlannerInfo *root, const RelOptInfo *rel, ScanInput *input, Path *other,
			   RelOptInfo *output, PathTarget *target, List *having, double ngroups,
			   const AggClauseCosts *costs, WorkShare share)
{
	CustomPath *path = makeNode(CustomPath);
	int			nkeys = list_length(root->parse->groupClause);
	Cost		startup_cost = costs->transCost.startup;
	Cost		cpu_cost = 0;
	Cost		disk_cost = 0;
	double		pages = 0;
	double		passes = 1;
	QualCost	having_cost;
	ListCell   *lc;

	foreach(lc, input->tables)
	{
		const RelOptInfo *table = lfirst(lc);
		double		page_cost;

		pages += table->pages;
		cpu_cost += table->tuples *
			(table->baserestrictcost.per_tuple + cpu_tuple_cost *
			 (table->baserestrictinfo != NIL ? TESTING_SHARE : READING_SHARE));
		if (other != NULL)
			cpu_cost += table->rows * JOINING_SHARE * cpu_operator_cost;
		startup_cost += table->baserestrictcost.startup;
		get_tablespace_page_costs(table->reltablespace, NULL, &page_cost);
		disk_cost += table->pages * page_cost;
	}
	/* conditions that the planner has not moved into a subquery */
	foreach(lc, input->sources)
	{
		const RelOptInfo *source = lfirst(lc);

		if (source->rtekind == RTE_SUBQUERY)
		{
			cpu_cost += source->tuples * source->baserestrictcost.per_tuple;
			startup_cost += source->baserestrictcost.startup;
		}
	}
	if (input->rest != NULL)
	{
		startup_cost += input->rest->total_cost;
		cpu_cost += input->rest->rows * COPYING_SHARE * cpu_tuple_cost;
	}
	cpu_cost += rel->rows * nkeys * GROUPING_SHARE * cpu_operator_cost;
	ngroups = clamp_row_est(ngroups * share.groups);
	/* for final values of more groups than memory holds, the tables are read several times */
	if (nkeys > 0 && share.rows == 1)
		passes = Max(ngroups * input->group_bytes / get_hash_memory_limit(), 1);
	if (input->list && (share.groups < 1 || passes > 1))
		cpu_cost += rel->rows * CHOOSING_SHARE * cpu_operator_cost;
	/* each pass reads all rows, and keeps those of its part of the groups */
	cpu_cost = cpu_cost * passes + rel->rows * share.groups * costs->transCost.per_tuple;
	if (pages > effective_cache_size)
		disk_cost *= passes;
	cpu_cost = cpu_cost * share.rows + share.sending_cost;
	if (other != NULL)
	{
		startup_cost += other->total_cost + other->rows * BUILDING_SHARE * cpu_tuple_cost;
		path->custom_paths = list_make1(other);
	}
	path->custom_paths = list_concat(path->custom_paths, list_copy(input->paths));
	if (input->rest != NULL)
		path->custom_paths = lappend(path->custom_paths, input->rest);

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
		DisablePath(&path->path, list_length(input->tables));
	if (nkeys > 0 && !enable_hashagg)
		DisablePath(&path->path, 1);
	path->path.parallel_safe = output->consider_parallel && input->rest == NULL &&
		(other == NULL || other->parallel_safe);
	path->path.parallel_aware = share.workers > 0;
	path->path.parallel_workers = share.workers;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_private = list_make2(input, having);
	path->methods = &scan_path_methods;
	return &path->path;
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
AddParallelPath(PlannerInfo *root, RelOptInfo *rel, ScanInput *input, RelOptInfo *output,
				const List *aggrefs, List *having, double ngroups)
{
	RelOptInfo *partial_output = fetch_upper_rel(root, UPPERREL_PARTIAL_GROUP_AGG,
												 output->relids);
	PathTarget *target = partial_output->reltarget;
	List	   *groups = root->parse->groupClause;
	Path	   *partial;
	Path	   *other = NULL;
	Shipping	shipping;
	WorkShare	share;
	Path	   *path;
	double		nrows;
	AggClauseCosts partial_costs = {0};
	AggClauseCosts final_costs = {0};

	if (partial_output->partial_pathlist == NIL || rel->partial_pathlist == NIL ||
		input->has_gather ||
	/* the rows of PostgreSQL's partial paths do not contain keys that it has left out */
		list_length(ProcessedGroupClause(root)) != list_length(groups) ||
	/* a worker sends tuples with a column for each state */
		list_length(target->exprs) > MaxTupleAttributeNumber)
		return;

	partial = linitial(rel->partial_pathlist);
	shipping = EstimateShipping(root, input, aggrefs, partial);
	ChargeParallelPaths(output, &shipping);
	if (input->final_only || input->rest != NULL)
		return;
	if (input->other != NULL &&
		(other = CreateOtherPath(root, input, aggrefs, true)) == NULL)
		return;

	get_agg_clause_costs(root, AGGSPLIT_INITIAL_SERIAL, &partial_costs);
	get_agg_clause_costs(root, AGGSPLIT_FINAL_DESERIAL, &final_costs);
	final_costs.transCost.startup += shipping.leader_cost;
	share = (WorkShare)
	{
		.workers = partial->parallel_workers, .rows = partial->rows / Max(rel->rows, 1),
		.groups = 1, .sending_cost = shipping.process_cost
	};
	path = CreateScanPath(root, rel, input, other, partial_output, target, NIL, ngroups,
						  &partial_costs, share);
	nrows = path->rows * path->parallel_workers;
	path = &create_gather_path(root, partial_output, path, target, NULL, &nrows)->path;
	path = &create_agg_path(root, output, path, output->reltarget,
							groups != NIL ? AGG_HASHED : AGG_PLAIN, AGGSPLIT_FINAL_DESERIAL,
							groups, having, &final_costs, ngroups)->path;
	add_path(output, path);
}

/*
 * Replace the partial paths of PostgreSQL, which append partitions without an order, by a cheaper
 * one.  add_partial_path() would free them, although Gather paths refer to them already.
 */
static void
SetPartialPath(RelOptInfo *output, Path *path)
{
	if (output->partial_pathlist == NIL ||
		compare_path_costs(path, linitial(output->partial_pathlist), TOTAL_COST) < 0)
		output->partial_pathlist = list_make1(path);
}

/*
 * Add a parallel path whose processes divide the groups among them.  Each reads all rows, as a
 * process does that builds the hash table of a hash join for itself, and returns final values.
 */
static void
AddDividedPath(PlannerInfo *root, RelOptInfo *rel, ScanInput *input, RelOptInfo *output,
			   List *having, double ngroups, const AggClauseCosts *costs)
{
	WorkShare	share = {.rows = 1};
	int			processes;
	Path	   *path;
	double		nrows;

	/* the numbers of the classes of a join differ from process to process */
	if (!output->consider_parallel || rel->partial_pathlist == NIL || input->other != NULL ||
		input->has_gather || input->rest != NULL)
		return;
	share.workers = ((Path *) linitial(rel->partial_pathlist))->parallel_workers;
	processes = ScanProcesses(share.workers);
	if (processes < 2 || ngroups < processes * MIN_DIVIDED_GROUPS)
		return;
	share.groups = 1.0 / processes;

	path = CreateScanPath(root, rel, input, NULL, output, output->reltarget, having, ngroups,
						  costs, share);
	SetPartialPath(output, path);
	nrows = path->rows * processes;
	add_path(output, (Path *) create_gather_path(root, output, path, output->reltarget, NULL,
												 &nrows));
}

/*
 * Replace the cost of calling transition functions by that of the aggregates of a list.  FILTER
 * costs the same.
 */
static void
SetListCosts(PlannerInfo *root, const List *aggrefs, AggClauseCosts *costs)
{
	Cost		per_tuple = 0;
	ListCell   *lc;

	foreach(lc, aggrefs)
	{
		QualCost	filter;

		cost_qual_eval_node(&filter, (Node *) lfirst_node(Aggref, lc)->aggfilter, root);
		per_tuple += filter.per_tuple + cpu_operator_cost *
			(ListOtherBytes(lfirst_node(Aggref, lc), 1) > 0 ? KEEPING_SHARE : ADDING_SHARE);
	}
	costs->transCost.per_tuple = per_tuple;
}

/* Estimate the bytes of a customer in a list, whose rows are `rows` of `ncustomers` customers. */
static double
EstimateCustomerBytes(const ScanInput *input, const List *aggrefs, double rows, double ncustomers)
{
	const Var  *customer = ColumnOf(linitial(input->keys));
	int32		width = input->orders->attr_widths[customer->varattno - input->orders->min_attr];
	double		bytes = CustomerKeyBytes(customer->vartype, width);
	double		other_bytes = 0;
	ListCell   *lc;

	foreach(lc, aggrefs)
	{
		Aggref	   *aggref = lfirst_node(Aggref, lc);

		bytes += ListFactsSize(aggref);
		other_bytes += ListOtherBytes(aggref, rows / ncustomers);
	}
	/* memory elsewhere is not given back when the list forgets customers: passes begin again */
	if (ncustomers * (bytes + other_bytes) * LIST_SLACK > get_hash_memory_limit())
		other_bytes *= RESTART_FACTOR;
	return (bytes + other_bytes) * LIST_SLACK;
}

/* Hook of the planner: add the paths of the scan to those that PostgreSQL has found. */
static void
AddScanPaths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *rel,
			 RelOptInfo *output, void *extra)
{
	const GroupPathExtraData *query = extra;
	AggClauseCosts costs = {0};
	ScanInput  *input;
	Path	   *other = NULL;
	List	   *aggrefs = NIL;
	List	   *having;
	double		ngroups = 1;

	if (previous_hook)
		previous_hook(root, stage, rel, output, extra);
	if (stage != UPPERREL_GROUP_AGG || !enable_scan)
		return;
	having = (List *) query->havingQual;
	input = palloc0(sizeof(ScanInput));
	input->keys = get_sortgrouplist_exprs(root->parse->groupClause, query->targetList);
	input->group_bytes = GROUP_BYTES;
	if (!ScanServes(root, rel, output, having, input, &aggrefs))
		return;

	if (input->other != NULL)
		other = CreateOtherPath(root, input, aggrefs, false);
	if (root->parse->groupClause != NIL)
		ngroups = estimate_num_groups(root, input->keys, rel->rows, NULL, NULL);
	get_agg_clause_costs(root, AGGSPLIT_SIMPLE, &costs);
	if (input->list)
	{
		input->group_bytes = EstimateCustomerBytes(input, aggrefs, rel->rows, ngroups);
		SetListCosts(root, aggrefs, &costs);
	}
	add_path(output, CreateScanPath(root, rel, input, other, output, output->reltarget, having,
									ngroups, &costs, whole));
	if (root->parse->groupClause != NIL)
		AddDividedPath(root, rel, input, output, having, ngroups, &costs);
	/* the facts of a list are not sent to a leader */
	if (!input->list)
		AddParallelPath(root, rel, input, output, aggrefs, having, ngroups);
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

	RegisterBuiltinListAggregates();
	RegisterCustomScanMethods(&scan_methods);
	previous_hook = create_upper_paths_hook;
	create_upper_paths_hook = AddScanPaths;
}
