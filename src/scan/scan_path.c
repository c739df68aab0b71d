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
 * plan: for one or several one-pass aggregates, with or without GROUP BY, or for a list of
 * customers (scan_list.c), over one heap table, which may have partitions or children, or over a
 * UNION ALL of such tables.  ScanServes lists the limits.
 *
 * The planner makes a UNION ALL an append relation, as it does with a partitioned table.  Its
 * children are the tables of those branches that have no WHERE.  A column of it is in each branch a
 * column of the table, a constant or an expression.  The planner translates WHERE to the columns of
 * each branch, and PlanScan translates the aggregates and the keys.  Other branches are subqueries,
 * and so is a UNION ALL of different types.  The planner has planned these before this file is
 * asked.  The scan can read their tables if that needs nothing but sequential scans
 * (scan_subquery.c).
 *
 * The support function (planner_support.c) loads the library, and so installs the hook, in
 * time for the first query of a session.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/nbtree.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/appendinfo.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/planner.h"
#include "optimizer/prep.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/spccache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "scan/scan.h"
#include "scan/scan_aggregate.h"
#include "table/customer_type.h"

/*
 * The cost of reading a row, without and with conditions, as a share of cpu_tuple_cost, and the
 * cost of finding the group of a row by one key, as a share of cpu_operator_cost.
 */
#define READING_SHARE			0.4
#define TESTING_SHARE			0.8
#define GROUPING_SHARE			0.5
/* likewise, of looking up a row's match in a join */
#define JOINING_SHARE			0.5

/*
 * The cost of adding a row to the facts of an aggregate in a list, and of choosing the rows of one
 * of several passes, as shares of cpu_operator_cost; and the bytes of its table as a multiple of
 * the bytes of the slots that are taken.
 */
#define ADDING_SHARE			0.25
#define CHOOSING_SHARE			1.0
#define LIST_SLACK				1.3

/*
 * The cost of one customer in the state of a parallel process: shares of cpu_tuple_cost
 * for the process to send it and for the leader to merge it, and the bytes to transfer.
 */
#define SENDING_SHARE			0.25
#define MERGING_SHARE			0.5
#define CUSTOMER_BYTES			16
#define TUPLE_COST_BYTES		1024	/* one parallel_tuple_cost for this many bytes */

/* The bytes of a group of few customers, in its states and in the table of groups. */
#define GROUP_BYTES				512

/* The cost of moving the states of a parallel plan from its processes to the leader. */
typedef struct Shipping
{
	Cost		process_cost;	/* of sending, in each process */
	Cost		leader_cost;	/* of receiving and merging, in the leader */
} Shipping;

/*
 * The relations whose rows a scan aggregates.  `orders` is the relation that the scan reads, and
 * `other` the one that is joined to it, which PostgreSQL plans.
 */
typedef struct ScanInput
{
	RelOptInfo *orders;			/* a table or a UNION ALL */
	List	   *sources;		/* RelOptInfos: the tables that contain its rows, and subqueries */
	List	   *tables;			/* RelOptInfos: the tables, and those of the subqueries */
	List	   *paths;			/* of each subquery among the sources, the path */
	bool		could_prune;	/* an Append could skip some tables when the query runs */

	bool		list;			/* the rows are those of customers in a list (scan_list.c) */
	double		group_bytes;	/* estimated bytes of memory for a group */

	RelOptInfo *other;			/* NULL if there is no join; all fields below are of a join */
	JoinType	jointype;		/* JOIN_INNER, JOIN_LEFT, JOIN_SEMI or JOIN_ANTI, `orders` left */
	Expr	   *own_key;		/* a column of `orders`, and */
	Expr	   *other_key;		/* the expression of `other` that is equal to it */
	Oid			collation;		/* of that equality */
} ScanInput;

/* The custom_private of a path. */
enum
{
	PATH_INPUT,					/* a ScanInput */
	PATH_HAVING					/* a list of conditions */
};

static bool enable_scan = true;
static create_upper_paths_hook_type previous_hook = NULL;

/*
 * Return whether an expression depends on user columns of a relation only: it contains no
 * subplan, no system column, no reference to the whole row, and no column of another relation.
 */
static bool
IsOfColumns(PlannerInfo *root, Node *expr, const RelOptInfo *rel)
{
	Bitmapset  *columns = NULL;
	int			first;

	if (contain_subplans(expr) || !bms_is_subset(pull_varnos(root, expr), rel->relids))
		return false;
	for (int relid = -1; (relid = bms_next_member(rel->relids, relid)) >= 0;)
		pull_varattnos(expr, relid, &columns);
	first = bms_next_member(columns, -1);
	return first < 0 || first + FirstLowInvalidHeapAttributeNumber > 0;
}

/* Return whether an expression depends on columns of the joined relation only, and has some. */
static bool
IsOfOther(PlannerInfo *root, Node *expr, const ScanInput *input)
{
	return input->other != NULL && contain_var_clause(expr) &&
		IsOfColumns(root, RemoveNullingRels(root, expr), input->other) &&
		!contain_volatile_functions(expr);
}

/*
 * Return whether an expression of the joined relation can be computed when its rows are read.
 *
 * It is computed for rows without a match as well, so it must not raise an error because of its
 * columns; a function that is leakproof raises none.  And above a left join it must be a column,
 * because for a row without a match the scan returns NULL.
 */
static bool
IsOfOtherRow(PlannerInfo *root, Node *expr, const ScanInput *input)
{
	return IsOfOther(root, expr, input) && !contain_leaked_vars(expr) &&
		(input->jointype != JOIN_LEFT || ColumnOf((Expr *) expr) != NULL);
}

/* Return whether values of a type that are equal have the same bytes, and can be hashed. */
static bool
EqualIsIdentical(Oid type, Oid collation)
{
	const TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY |
													TYPECACHE_EQ_OPR | TYPECACHE_HASH_PROC);
	Oid			function;

	if (!OidIsValid(entry->btree_opf) || !OidIsValid(entry->eq_opr) ||
		!OidIsValid(entry->hash_proc))
		return false;
	function = get_opfamily_proc(entry->btree_opf, entry->btree_opintype,
								 entry->btree_opintype, BTEQUALIMAGE_PROC);
	return OidIsValid(function) &&
		DatumGetBool(OidFunctionCall1Coll(function, collation,
										  ObjectIdGetDatum(entry->btree_opintype)));
}

/*
 * Return whether the scan can compute a key of GROUP BY from columns of the joined relation.  It
 * computes the key once for rows in which these are equal, so they must be identical then, unless
 * the key is a column.
 */
static bool
IsKeyOfOther(PlannerInfo *root, Node *key, const ScanInput *input)
{
	ListCell   *lc;

	if (!IsOfOther(root, key, input))
		return false;
	if (ColumnOf((Expr *) key) != NULL)
		return true;
	foreach(lc, pull_var_clause(key, 0))
	{
		const Var  *column = lfirst_node(Var, lc);

		if (!EqualIsIdentical(column->vartype, column->varcollid))
			return false;
	}
	return true;
}

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
 * column among the arguments that have one value for the whole scan.
 */
static bool
ServesListAggref(PlannerInfo *root, const Aggref *aggref, const ScanInput *input)
{
	const ListAggregate *aggregate = ListAggregateOf(aggref);
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

/* Return whether a relation is a UNION ALL, made an append relation by the planner or not. */
static bool
IsUnionAll(PlannerInfo *root, const RelOptInfo *rel)
{
	return rel->rtekind == RTE_SUBQUERY &&
		(planner_rt_fetch(rel->relid, root)->inh ||
		 (rel->subroot != NULL && rel->subroot->parse->setOperations != NULL));
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
 * Return whether a relation has a condition without columns, which is checked once for the whole
 * query.
 */
static bool
HasPseudoConstantQual(const RelOptInfo *rel)
{
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		if (lfirst_node(RestrictInfo, lc)->pseudoconstant)
			return true;
	}
	return false;
}

/* Return whether the conditions on a relation depend on its user columns only. */
static bool
AreQualsOfColumns(PlannerInfo *root, const RelOptInfo *rel)
{
	ListCell   *lc;

	foreach(lc, rel->baserestrictinfo)
	{
		if (!IsOfColumns(root, (Node *) lfirst_node(RestrictInfo, lc)->clause, rel))
			return false;
	}
	return true;
}

/* Return whether the scan can read a table and evaluate the conditions on its rows. */
static bool
ServesTable(PlannerInfo *root, const RelOptInfo *rel)
{
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);

	return AreQualsOfColumns(root, rel) &&
		rte->rtekind == RTE_RELATION && rte->tablesample == NULL &&
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
 * Replace each PlaceHolderVar in an expression by the expression that it contains.  The planner
 * puts the constants and expressions of a UNION ALL's branches into PlaceHolderVars, so that they
 * are evaluated on the rows of the branch, as the scan does.
 */
static Node *
StripPlaceHolders(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, PlaceHolderVar))
		return StripPlaceHolders((Node *) ((PlaceHolderVar *) node)->phexpr, context);
	return MutateExpression(node, StripPlaceHolders, context);
}

/* Translate an expression of the scan's input to the columns of one of its tables. */
static Node *
TranslateToTable(PlannerInfo *root, Node *node, RelOptInfo *input, RelOptInfo *table)
{
	if (table == input)
		return copyObject(node);
	return StripPlaceHolders(AdjustAppendRelAttrs(root, node, table, input), NULL);
}

/*
 * Return whether the scan can evaluate the keys and aggregates of a UNION ALL on the rows of one of
 * its sources.
 */
static bool
ServesBranch(PlannerInfo *root, const ScanInput *input, RelOptInfo *source, List *keys,
			 List *aggrefs)
{
	List	   *exprs = list_make1(input->own_key);
	Node	   *translated;
	ListCell   *lc;

	foreach(lc, aggrefs)
	{
		const Aggref *aggref = lfirst(lc);

		exprs = lappend(exprs, aggref->aggfilter);
		keys = list_concat_copy(keys, get_tlist_exprs(aggref->args, true));
	}
	foreach(lc, keys)
	{
		if (!IsOfOther(root, lfirst(lc), input))
			exprs = lappend(exprs, lfirst(lc));
	}
	translated = TranslateToTable(root, (Node *) exprs, input->orders, source);
	return IsOfColumns(root, translated, source) && !contain_volatile_functions(translated);
}

static bool ServesSubquery(RelOptInfo *rel, Path *path, ScanInput *input);

/*
 * Return whether the scan can read the tables of a path in a subquery, and evaluate `targets`, the
 * target lists of the paths above it that have columns of the same relation.  Collect the tables.
 */
static bool
ServesPath(PlannerInfo *root, Path *path, List *targets, ScanInput *input)
{
	List	   *exprs = path->pathtarget->exprs;
	RelOptInfo *rel = path->parent;

	if (path->param_info != NULL || contain_subplans((Node *) exprs) ||
		contain_volatile_functions((Node *) exprs))
		return false;
	targets = list_concat_copy(targets, exprs);

	if (IsA(path, ProjectionPath))
		return ServesPath(root, ((ProjectionPath *) path)->subpath, targets, input);
	if (IsA(path, GatherPath))
		return ServesPath(root, ((GatherPath *) path)->subpath, targets, input);
	if (IsA(path, SubqueryScanPath))
		return rel->baserestrictinfo == NIL &&
			ServesSubquery(rel, ((SubqueryScanPath *) path)->subpath, input);
	if (IsA(path, AppendPath))
	{
		ListCell   *lc;

		input->could_prune |= CouldPruneLater(rel);
		foreach(lc, ((AppendPath *) path)->subpaths)
		{
			/* what the targets need from the rows is in the target lists of the children */
			if (!ServesPath(root, lfirst(lc), NIL, input))
				return false;
		}
		return true;
	}
	if (path->pathtype != T_SeqScan || !ServesTable(root, rel) || HasVolatileQual(rel) ||
		!IsOfColumns(root, (Node *) targets, rel))
		return false;
	input->tables = lappend(input->tables, rel);
	return true;
}

/* Return whether the scan can read the tables of a subquery, of which `path` is a path. */
static bool
ServesSubquery(RelOptInfo *rel, Path *path, ScanInput *input)
{
	PlannerInfo *subroot = rel->subroot;
	Path	   *bottom = path;

	while (IsA(bottom, ProjectionPath))
		bottom = ((ProjectionPath *) bottom)->subpath;
	if (IS_DUMMY_APPEND(bottom))
		return true;
	return subroot->init_plans == NIL && subroot->parse->rowMarks == NIL &&
		!subroot->hasPseudoConstantQuals && subroot->qual_security_level == 0 &&
		ServesPath(subroot, path, NIL, input);
}

/*
 * Collect a subquery, as CollectTables does.  It may have conditions that the planner has not moved
 * into it.
 */
static bool
CollectSubquery(PlannerInfo *root, RelOptInfo *rel, ScanInput *input)
{
	ListCell   *lc;

	if (!AreQualsOfColumns(root, rel) || HasVolatileQual(rel) || HasPseudoConstantQual(rel))
		return false;
	foreach(lc, rel->pathlist)
	{
		Path	   *path = lfirst(lc);
		ScanInput	copy = *input;

		/* expressions of the query, which the planner may have put above the subquery */
		while (IsA(path, ProjectionPath))
			path = ((ProjectionPath *) path)->subpath;
		copy.tables = list_copy(input->tables);
		if (IsA(path, SubqueryScanPath) && path->param_info == NULL &&
			ServesSubquery(rel, ((SubqueryScanPath *) path)->subpath, &copy))
		{
			copy.paths = lappend(copy.paths, path);
			*input = copy;
			return true;
		}
	}
	return false;
}

/*
 * Collect the tables that contain the rows of a relation: the relation itself, or its
 * partitions, children or branches at all levels, without those that the planner has pruned.
 * Return false if the scan cannot read one of them.
 */
static bool
CollectTables(PlannerInfo *root, RelOptInfo *rel, ScanInput *input)
{
	ListCell   *lc;

	if (IS_DUMMY_REL(rel))
		return true;
	if (!planner_rt_fetch(rel->relid, root)->inh)
	{
		input->sources = lappend(input->sources, rel);
		if (rel->rtekind == RTE_SUBQUERY)
			return CollectSubquery(root, rel, input);
		input->tables = lappend(input->tables, rel);
		return ServesTable(root, rel);
	}
	input->could_prune |= CouldPruneLater(rel);
	foreach(lc, root->append_rel_list)
	{
		AppendRelInfo *info = lfirst_node(AppendRelInfo, lc);

		if (info->parent_relid == rel->relid &&
			!CollectTables(root, find_base_rel(root, info->child_relid), input))
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
	return columns + values + tables <= SCAN_MAX_ENTRIES;
}

/* Return the keys of GROUP BY. */
static List *
GroupKeys(PlannerInfo *root)
{
	return get_sortgrouplist_exprs(root->parse->groupClause, root->processed_tlist);
}

/* Return whether the scan can find groups by the keys of GROUP BY. */
static bool
ServesKeys(PlannerInfo *root, List *keys, const ScanInput *input)
{
	ListCell   *lc;

	foreach(lc, keys)
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
IsCustomer(PlannerInfo *root, List *keys, const ScanInput *input)
{
	Node	   *key = keys != NIL ? linitial(keys) : NULL;
	const SortGroupClause *clause;

	if (list_length(keys) != 1 || ColumnOf((Expr *) key) == NULL ||
		!ServesArg((Expr *) key, input))
		return false;
	clause = linitial_node(SortGroupClause, root->parse->groupClause);
	return clause->eqop == lookup_type_cache(exprType(key), TYPECACHE_EQ_OPR)->eq_opr &&
		CustomerHasOneImage(exprType(key), exprCollation(key));
}

/*
 * Return whether the scan can compute aggregates in a list of customers.  At least one must be of
 * winback; other lists are left to PostgreSQL.
 */
static bool
ServesList(PlannerInfo *root, List *keys, const List *aggrefs, const ScanInput *input)
{
	bool		of_winback = false;
	ListCell   *lc;

	if (input->other != NULL || !IsCustomer(root, keys, input))
		return false;
	foreach(lc, aggrefs)
	{
		const Aggref *aggref = lfirst_node(Aggref, lc);

		if (!ServesListAggref(root, aggref, input))
			return false;
		of_winback |= IsListAggregateOfWinback(ListAggregateOf(aggref));
	}
	return of_winback && list_length(aggrefs) <= LIST_MAX_AGGREGATES;
}

/* Return whether the scan can compute aggregates that have states. */
static bool
ServesAggrefs(PlannerInfo *root, const List *aggrefs, const ScanInput *input)
{
	ListCell   *lc;

	foreach(lc, aggrefs)
	{
		if (!ServesAggref(root, lfirst_node(Aggref, lc), input))
			return false;
	}
	return true;
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
 * Return the relation whose columns the first aggregate has as arguments, the customer aside, or
 * NULL if it has none.
 */
static RelOptInfo *
RelationOf(PlannerInfo *root, const List *aggrefs)
{
	const Aggref *aggref = linitial(aggrefs);
	ListCell   *lc;

	for_each_from(lc, aggref->args, 1)
	{
		Var		   *column = ColumnOf(lfirst_node(TargetEntry, lc)->expr);

		if (column != NULL && column->varlevelsup == 0)
			return find_base_rel(root, column->varno);
	}
	return NULL;
}

/*
 * Return whether an equality is the one by which a table of customers finds keys of a type, or the
 * same for two types of integers.
 */
static bool
IsEqualityOfKeys(const OpExpr *clause, Oid own_type, Oid other_type)
{
	if (own_type == other_type)
		return lookup_type_cache(own_type, TYPECACHE_EQ_OPR)->eq_opr == clause->opno;
	return (own_type == INT2OID || own_type == INT4OID || own_type == INT8OID) &&
		(other_type == INT2OID || other_type == INT4OID || other_type == INT8OID) &&
		op_hashjoinable(clause->opno, own_type);
}

/*
 * Return whether a clause says that a column of `orders` is equal to an expression of `other`.
 * Store both in the input.
 */
static bool
IsKeyClause(PlannerInfo *root, ScanInput *input, Node *node)
{
	const OpExpr *clause = (const OpExpr *) node;
	Var		   *column;

	if (!IsA(clause, OpExpr) || list_length(clause->args) != 2)
		return false;
	input->own_key = linitial(clause->args);
	input->other_key = lsecond(clause->args);
	if (!bms_is_subset(pull_varnos(root, (Node *) input->own_key), input->orders->relids))
	{
		input->own_key = lsecond(clause->args);
		input->other_key = linitial(clause->args);
	}
	input->collation = clause->inputcollid;
	column = ColumnOf(input->own_key);
	return column != NULL && column->varno == (int) input->orders->relid &&
		column->varlevelsup == 0 && column->varattno > 0 &&
		IsOfOtherRow(root, (Node *) input->other_key, input) &&
		IsEqualityOfKeys(clause, exprType((Node *) input->own_key),
						 exprType((Node *) input->other_key));
}

/* Return the clauses that join the relations `outer` to `inner`. */
static List *
JoinClauses(PlannerInfo *root, Relids joined, Relids outer, RelOptInfo *inner,
			SpecialJoinInfo *special)
{
	List	   *clauses = GenerateJoinEqualities(root, joined, outer, inner, special);
	ListCell   *lc;

	foreach(lc, inner->joininfo)
	{
		RestrictInfo *restriction = lfirst_node(RestrictInfo, lc);

		if (bms_is_subset(restriction->required_relids, joined))
			clauses = lappend(clauses, restriction);
	}
	return clauses;
}

/*
 * Return whether a row of the scan has at most one match in the other side of a join.
 *
 * If that consists of several relations, take away those that give each row of the others at most
 * one match, one after the other, until one is left.
 */
static bool
IsUnique(PlannerInfo *root, const RelOptInfo *joinrel, const ScanInput *input, List *clauses)
{
	Relids		left = bms_copy(input->other->relids);
	int			relid = -1;

	while ((relid = bms_next_member(left, relid)) >= 0)
	{
		RelOptInfo *rel = find_base_rel(root, relid);
		Relids		rest = bms_difference(left, rel->relids);

		if (!bms_is_empty(rest) &&
			!bms_is_member(relid, pull_varnos(root, (Node *) input->other_key)) &&
			innerrel_is_unique(root, left, rest, rel, JOIN_INNER,
							   JoinClauses(root, left, rest, rel, NULL), false))
		{
			left = rest;
			relid = -1;			/* another relation may be unique now */
		}
	}
	return bms_get_singleton_member(left, &relid) &&
		innerrel_is_unique(root, joinrel->relids, input->orders->relids,
						   find_base_rel(root, relid), input->jointype, clauses, false);
}

/*
 * Return whether the scan can join `orders` to the other relations of a join: by one equality
 * with a column of `orders`, so that a row of `orders` has at most one match or, in a semi-join
 * and an anti-join, only the existence of a match matters.
 */
static bool
ServesJoin(PlannerInfo *root, RelOptInfo *joinrel, ScanInput *input)
{
	Relids		others = bms_difference(JoinedRelids(root, joinrel), input->orders->relids);
	SpecialJoinInfo *special = NULL;
	List	   *clauses;
	int			relid;

	if (!bms_is_subset(input->orders->relids, joinrel->relids) ||
		root->placeholder_list != NIL || list_length(root->join_info_list) > 1)
		return false;
	input->other = bms_get_singleton_member(others, &relid) ? find_base_rel(root, relid) :
		find_join_rel(root, others);
	if (input->other == NULL || input->other->cheapest_total_path == NULL ||
		PATH_REQ_OUTER(input->other->cheapest_total_path) != NULL ||
		!bms_is_empty(input->orders->lateral_relids) ||
		!bms_is_empty(input->other->lateral_relids))
		return false;

	input->jointype = JOIN_INNER;
	if (root->join_info_list != NIL)
	{
		special = linitial_node(SpecialJoinInfo, root->join_info_list);
		input->jointype = special->jointype;
		if (!bms_equal(special->syn_lefthand, input->orders->relids) ||
			!bms_equal(special->syn_righthand, others) ||
			(input->jointype != JOIN_LEFT && input->jointype != JOIN_SEMI &&
			 input->jointype != JOIN_ANTI))
			return false;
	}
	clauses = JoinClauses(root, joinrel->relids, input->orders->relids, input->other, special);
	return list_length(clauses) == 1 &&
		IsKeyClause(root, input, (Node *) linitial_node(RestrictInfo, clauses)->clause) &&
		(input->jointype == JOIN_SEMI || input->jointype == JOIN_ANTI ||
		 IsUnique(root, joinrel, input, clauses));
}

/*
 * Return whether a Winback Scan can compute `output`, an aggregation of `rel`.  Describe its
 * input, and collect the aggregates without duplicates.
 *
 * The scan does not support
 *
 * - grouping sets, set-returning functions, and a condition that is checked once for
 *	 the whole query;
 * - an input that is not one heap table, with its partitions or children, or a UNION ALL of such
 *	 tables, perhaps joined to others as ServesJoin demands: another subquery, a foreign table;
 * - TABLESAMPLE;
 * - the conditions of row security, which have an order of evaluation of their own;
 * - partitions that an Append could skip when the query runs: the scan would read all;
 * - branches of a UNION ALL in which a column is a system column or contains a subquery;
 * - groups and a volatile condition: with many groups the scan reads the tables several times.
 */
static bool
ScanServes(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *output, List *having,
		   ScanInput *input, List **distinct)
{
	Query	   *parse = root->parse;
	OutputContext context = {.keys = GroupKeys(root)};
	ListCell   *lc;

	if (!parse->hasAggs || parse->groupingSets != NIL ||
		parse->hasTargetSRFs || parse->rowMarks != NIL ||
		root->qual_security_level > 0 ||
		output->reloptkind != RELOPT_UPPER_REL ||
		(rel->reloptkind != RELOPT_BASEREL && rel->reloptkind != RELOPT_JOINREL))
		return false;

	/* only the keys and the aggregates of the output may depend on the rows */
	if (NeedsOther((Node *) output->reltarget->exprs, &context) ||
		NeedsOther((Node *) having, &context) || contain_subplans((Node *) having) ||
		context.aggrefs == NIL)
		return false;

	input->orders = rel->reloptkind == RELOPT_BASEREL ? rel : RelationOf(root, context.aggrefs);
	if (input->orders == NULL || input->orders->reloptkind != RELOPT_BASEREL ||
		(input->orders->rtekind != RTE_RELATION && !IsUnionAll(root, input->orders)) ||
		(rel != input->orders && !ServesJoin(root, rel, input)))
		return false;
	/* a branch of a UNION ALL may have conditions without columns where the query has none */
	if (root->hasPseudoConstantQuals &&
		(rel != input->orders || !IsUnionAll(root, rel) || HasPseudoConstantQual(rel)))
		return false;
	*distinct = DistinctAggrefs(context.aggrefs);
	input->list = ServesList(root, context.keys, *distinct, input);
	if (!input->list && !ServesAggrefs(root, *distinct, input))
		return false;
	if (!ServesKeys(root, context.keys, input) ||
		(context.keys != NIL && (HasVolatileQual(input->orders) ||
								 contain_volatile_functions((Node *) context.aggrefs))))
		return false;

	if (planner_rt_fetch(input->orders->relid, root)->tablesample != NULL ||
		!AreQualsOfColumns(root, input->orders) ||
		!CollectTables(root, input->orders, input) || input->tables == NIL ||
		(input->could_prune && list_length(input->tables) > 1) ||
		!EntriesFit(input->orders->max_attr,
					list_length(*distinct) + list_length(context.keys) + 1,
					list_length(input->sources)))
		return false;
	foreach(lc, input->sources)
	{
		if (IsUnionAll(root, input->orders) &&
			!ServesBranch(root, input, lfirst(lc), context.keys, *distinct))
			return false;
	}
	return true;
}

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
static List *
AttributesOfKeys(PlannerInfo *root, const ScanInput *input)
{
	List	   *attributes = NIL;
	ListCell   *lc;

	foreach(lc, GroupKeys(root))
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
PlanJoin(PlannerInfo *root, const CustomPath *path, List *aggrefs, List *keys, List *attributes)
{
	const ScanInput *input = list_nth(path->custom_private, PATH_INPUT);
	List	   *key_numbers = NIL;
	List	   *attribute_columns = NIL;
	List	   *customer_columns = NIL;
	ListCell   *lc;

	if (input->other == NULL)
		return NIL;
	foreach(lc, keys)
	{
		if (IsOfOther(root, lfirst(lc), input))
			key_numbers = lappend_int(key_numbers, foreach_current_index(lc));
	}
	foreach(lc, attributes)
		attribute_columns = lappend_int(attribute_columns,
										ColumnOfOther(root, path, lfirst(lc)));
	foreach(lc, aggrefs)
	{
		const TargetEntry *customer = linitial(lfirst_node(Aggref, lc)->args);
		Node	   *expr = (Node *) customer->expr;

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
	List	   *keys = GroupKeys(root);
	List	   *operators = NIL;
	List	   *attributes = NIL;
	List	   *values;
	List	   *entries = ColumnEntries(root, orders);
	int			ncolumns = list_length(entries);
	ListCell   *lc;

	aggrefs = DistinctAggrefs(aggrefs);
	values = list_concat_copy(aggrefs, keys);
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

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = OrderedQuals(root, orders->baserestrictinfo);
	scan->scan.scanrelid = IsUnionAll(root, orders) ? 0 : orders->relid;
	scan->custom_plans = custom_plans;
	scan->custom_scan_tlist = entries;
	scan->custom_exprs = lcons(make_ands_explicit(having), list_copy(keys));
	scan->custom_private = list_make4(makeInteger(ncolumns), makeInteger(list_length(aggrefs)),
									  operators,
									  PlanJoin(root, path, aggrefs, keys, attributes));
	scan->flags = path->flags;
	scan->methods = &scan_methods;
	return &scan->scan.plan;
}

static const CustomPathMethods path_methods = {
	.CustomName = "Winback Scan",
	.PlanCustomPath = PlanScan
};

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
	int			processes = partial->parallel_workers + (parallel_leader_participation ? 1 : 0);
	double		customers = 0;
	Shipping	shipping;
	ListCell   *lc;

	foreach(lc, aggrefs)
	{
		/* the first argument is the customer */
		const TargetEntry *arg = linitial_node(TargetEntry, lfirst_node(Aggref, lc)->args);
		List	   *keys = GroupKeys(root);

		if (contain_var_clause((Node *) arg->expr))
			keys = lappend(keys, arg->expr);
		customers += keys == NIL ? 1 :
			EstimateCustomers(root, input, keys, partial->rows);
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
		exprs = lappend(exprs, linitial_node(TargetEntry, lfirst_node(Aggref, lc)->args)->expr);

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
 * are aggregated, and `other` the path of the other side of a join, or NULL.  For a parallel plan,
 * `partial` is PostgreSQL's own partial path of the rows, and `shipping` is the cost of sending
 * the states; otherwise both are NULL.  `ngroups` is the estimated number of groups.
 */
static CustomPath *
CreateScanPath(PlannerInfo *root, const RelOptInfo *rel, ScanInput *input, Path *other,
			   RelOptInfo *output, PathTarget *target, List *having, double ngroups,
			   const AggClauseCosts *costs, const Path *partial, const Shipping *shipping)
{
	CustomPath *path = makeNode(CustomPath);
	int			nkeys = list_length(root->parse->groupClause);
	Cost		startup_cost = costs->transCost.startup;
	Cost		cpu_cost = 0;
	Cost		disk_cost = 0;
	QualCost	having_cost;
	ListCell   *lc;

	foreach(lc, input->tables)
	{
		const RelOptInfo *table = lfirst(lc);
		double		page_cost;

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
	cpu_cost += rel->rows *
		(costs->transCost.per_tuple + nkeys * GROUPING_SHARE * cpu_operator_cost);
	/* with more groups than memory holds, a single process reads the tables several times */
	if (nkeys > 0 && partial == NULL)
	{
		double		passes = Max(ngroups * input->group_bytes / get_hash_memory_limit(), 1);

		cpu_cost *= passes;
		disk_cost *= passes;
	}
	if (partial != NULL)
	{
		cpu_cost *= partial->rows / Max(rel->rows, 1);
		cpu_cost += shipping->process_cost;
		path->path.parallel_aware = true;
		path->path.parallel_workers = partial->parallel_workers;
	}
	if (other != NULL)
	{
		startup_cost += other->total_cost + other->rows * cpu_tuple_cost;
		path->custom_paths = list_make1(other);
	}
	path->custom_paths = list_concat(path->custom_paths, list_copy(input->paths));

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
	path->path.parallel_safe = output->consider_parallel &&
		(other == NULL || other->parallel_safe);
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_private = list_make2(input, having);
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
	Path	   *path;
	double		nrows;
	AggClauseCosts partial_costs = {0};
	AggClauseCosts final_costs = {0};

	if (partial_output->partial_pathlist == NIL || rel->partial_pathlist == NIL ||
	/* a worker sends tuples with a column for each state */
		list_length(target->exprs) > MaxTupleAttributeNumber)
		return;

	partial = linitial(rel->partial_pathlist);
	shipping = EstimateShipping(root, input, aggrefs, partial);
	ChargeParallelPaths(output, &shipping);
	if (input->other != NULL &&
		(other = CreateOtherPath(root, input, aggrefs, true)) == NULL)
		return;

	get_agg_clause_costs(root, AGGSPLIT_INITIAL_SERIAL, &partial_costs);
	get_agg_clause_costs(root, AGGSPLIT_FINAL_DESERIAL, &final_costs);
	final_costs.transCost.startup += shipping.leader_cost;
	path = &CreateScanPath(root, rel, input, other, partial_output, target, NIL, ngroups,
						   &partial_costs, partial, &shipping)->path;
	nrows = path->rows * path->parallel_workers;
	path = &create_gather_path(root, partial_output, path, target, NULL, &nrows)->path;
	path = &create_agg_path(root, output, path, output->reltarget,
							groups != NIL ? AGG_HASHED : AGG_PLAIN, AGGSPLIT_FINAL_DESERIAL,
							groups, having, &final_costs, ngroups)->path;
	add_path(output, path);
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
		per_tuple += filter.per_tuple + ADDING_SHARE * cpu_operator_cost;
	}
	costs->transCost.per_tuple = per_tuple;
}

/* Estimate the bytes of a customer in a list. */
static double
EstimateCustomerBytes(PlannerInfo *root, const ScanInput *input, const List *aggrefs)
{
	const Var  *customer = ColumnOf(linitial(GroupKeys(root)));
	int32		width = input->orders->attr_widths[customer->varattno - input->orders->min_attr];
	int			bytes = CustomerKeyBytes(customer->vartype, width);
	ListCell   *lc;

	foreach(lc, aggrefs)
		bytes += ListFactsSize(lfirst_node(Aggref, lc));
	return bytes * LIST_SLACK;
}

/* Hook of the planner: add the paths of the scan to those that PostgreSQL has found. */
static void
AddScanPaths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *rel,
			 RelOptInfo *output, void *extra)
{
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
	having = (List *) ((GroupPathExtraData *) extra)->havingQual;
	input = palloc0(sizeof(ScanInput));
	input->group_bytes = GROUP_BYTES;
	if (!ScanServes(root, rel, output, having, input, &aggrefs))
		return;

	if (input->other != NULL)
		other = CreateOtherPath(root, input, aggrefs, false);
	if (root->parse->groupClause != NIL)
		ngroups = estimate_num_groups(root, GroupKeys(root), rel->rows, NULL, NULL);
	get_agg_clause_costs(root, AGGSPLIT_SIMPLE, &costs);
	if (input->list)
	{
		input->group_bytes = EstimateCustomerBytes(root, input, aggrefs);
		SetListCosts(root, aggrefs, &costs);
		if (ngroups * input->group_bytes > get_hash_memory_limit())
			costs.transCost.per_tuple += CHOOSING_SHARE * cpu_operator_cost;
	}
	add_path(output, &CreateScanPath(root, rel, input, other, output, output->reltarget, having,
									 ngroups, &costs, NULL, NULL)->path);
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
