/*
 * scan_input.c
 *	  The rows that a Winback Scan reads: the tables that contain them, and a join to others.
 *
 * The planner makes a UNION ALL an append relation, as it does with a partitioned table.  Its
 * children are the tables of those branches that have no WHERE.  A column of it is in each branch a
 * column of the table, a constant or an expression.  The planner translates WHERE to the columns of
 * each branch, and scan_plan.c translates the aggregates and the keys.  Other branches are
 * subqueries, and so is a UNION ALL of different types.  The planner has planned these before this
 * file is asked.  The scan can read their tables if that needs nothing but sequential scans
 * (scan_subquery.c).
 *
 * A join is served if at most one row of the other side matches a row of the tables, by one
 * equality.  PostgreSQL plans the other side as it likes (scan_join.c).
 */
#include "postgres.h"

#include "access/nbtree.h"
#include "access/table.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/appendinfo.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/tlist.h"
#include "rewrite/rewriteManip.h"
#include "parser/parsetree.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "scan/scan_aggregate.h"
#include "scan/scan_input.h"

/*
 * Return whether an expression depends on user columns of a relation only: it contains no
 * subplan, no system column, no reference to the whole row, and no column of another relation.
 */
bool
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
bool
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
 * columns; a function that is leakproof raises none.  And above a left join or an anti-join, which
 * may have been a left join, it must be a column, because for a row without a match the scan
 * returns NULL.
 */
bool
IsOfOtherRow(PlannerInfo *root, Node *expr, const ScanInput *input)
{
	return IsOfOther(root, expr, input) && !contain_leaked_vars(expr) &&
		((input->jointype != JOIN_LEFT && input->jointype != JOIN_ANTI) ||
		 ColumnOf((Expr *) expr) != NULL);
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
 * the key is a column.  A cast that does not change the value may change the equality, for example
 * to that of another collation.
 */
bool
IsKeyOfOther(PlannerInfo *root, Node *key, const ScanInput *input)
{
	ListCell   *lc;

	if (!IsOfOther(root, key, input))
		return false;
	if (IsA(key, Var))
		return true;
	foreach(lc, pull_var_clause(key, 0))
	{
		const Var  *column = lfirst_node(Var, lc);

		if (!EqualIsIdentical(column->vartype, column->varcollid))
			return false;
	}
	return true;
}

/* Return whether a relation is a UNION ALL, made an append relation by the planner or not. */
bool
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
bool
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
bool
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
bool
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

/* Return whether an Append could skip a partition of the relation of the query when it runs. */
bool
CouldBeSkipped(PlannerInfo *root, const RelOptInfo *partition)
{
	const RelOptInfo *rel = partition;

	while (IS_OTHER_REL(rel))
	{
		rel = find_base_rel(root, root->append_rel_array[rel->relid]->parent_relid);
		if (CouldPruneLater(rel) && bms_num_members(rel->live_parts) > 1)
			return true;
	}
	return false;
}

/*
 * Replace each PlaceHolderVar in an expression by the expression that it contains.  The planner
 * puts the constants and expressions of a UNION ALL's branches into PlaceHolderVars, so that they
 * are evaluated on the rows of the branch, as the scan does.
 */
Node *
StripPlaceHolders(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, PlaceHolderVar))
		return StripPlaceHolders((Node *) ((PlaceHolderVar *) node)->phexpr, context);
	return MutateExpression(node, StripPlaceHolders, context);
}

/* Translate an expression of the scan's input to the columns of one of its tables. */
Node *
TranslateToTable(PlannerInfo *root, Node *node, RelOptInfo *input, RelOptInfo *table)
{
	if (table == input)
		return copyObject(node);
	return StripPlaceHolders(AdjustAppendRelAttrs(root, node, table, input), NULL);
}

/* Return the expressions that the scan evaluates on the rows: of keys, aggregates and the join. */
List *
ExprsOfRows(PlannerInfo *root, const ScanInput *input, List *aggrefs)
{
	List	   *keys = input->keys;
	List	   *exprs = list_make1(input->own_key);
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
	return exprs;
}

/* Return whether the scan can evaluate `exprs` on the rows of one of the sources of a UNION ALL. */
bool
ServesBranch(PlannerInfo *root, const ScanInput *input, RelOptInfo *source, List *exprs)
{
	Node	   *translated = TranslateToTable(root, (Node *) exprs, input->orders, source);

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
	{
		input->has_gather = true;
		return ServesPath(root, ((GatherPath *) path)->subpath, targets, input);
	}
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
	/* take a path without a Gather if there is one, so that the scan can be parallel */
	foreach(lc, list_concat_copy(rel->pathlist, rel->pathlist))
	{
		bool		any = foreach_current_index(lc) >= list_length(rel->pathlist);
		Path	   *path = lfirst(lc);
		ScanInput	copy = *input;

		/* expressions of the query, which the planner may have put above the subquery */
		while (IsA(path, ProjectionPath))
			path = ((ProjectionPath *) path)->subpath;
		copy.tables = list_copy(input->tables);
		if (IsA(path, SubqueryScanPath) && path->param_info == NULL &&
			ServesSubquery(rel, ((SubqueryScanPath *) path)->subpath, &copy) &&
			(any || copy.has_gather == input->has_gather))
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
 * Collect apart those that are left to PostgreSQL, such as foreign tables.  Return false if there is
 * something else.
 */
bool
CollectTables(PlannerInfo *root, RelOptInfo *rel, ScanInput *input)
{
	ListCell   *lc;

	if (IS_DUMMY_REL(rel))
		return true;
	if (!planner_rt_fetch(rel->relid, root)->inh)
	{
		if (rel->rtekind == RTE_RELATION && !ServesTable(root, rel))
		{
			input->left = bms_add_member(input->left, rel->relid);
			return AreQualsOfColumns(root, rel) &&
				planner_rt_fetch(rel->relid, root)->tablesample == NULL;
		}
		input->sources = lappend(input->sources, rel);
		if (rel->rtekind != RTE_RELATION)
			return CollectSubquery(root, rel, input);
		input->tables = lappend(input->tables, rel);
		return true;
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
 * Return the relation whose columns the first aggregate of winback has as arguments, a customer
 * aside, or NULL if it has none.
 */
RelOptInfo *
RelationOf(PlannerInfo *root, const List *aggrefs)
{
	ListCell   *a;
	ListCell   *lc;

	foreach(a, aggrefs)
	{
		const Aggref *aggref = lfirst_node(Aggref, a);

		if (CustomerOf(aggref) == NULL && IsListAggregateOfPostgres(ListAggregateOf(aggref)))
			continue;
		for_each_from(lc, aggref->args, CustomerOf(aggref) != NULL ? 1 : 0)
		{
			Var		   *column = ColumnOf(lfirst_node(TargetEntry, lc)->expr);

			if (column != NULL && column->varlevelsup == 0)
				return find_base_rel(root, column->varno);
		}
		break;
	}
	return NULL;
}

/* Return whether values of a type can be hashed and compared by its default operators. */
static bool
IsHashable(Oid type)
{
	const TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_HASH_PROC);

	return OidIsValid(entry->eq_opr) && OidIsValid(entry->hash_proc);
}

/*
 * Return whether an equality is the one by which a table of customers finds keys of a type, or the
 * same for two types of integers.
 */
static bool
IsEqualityOfKeys(const OpExpr *clause, Oid own_type, Oid other_type)
{
	if (own_type == other_type)
		return lookup_type_cache(own_type, TYPECACHE_EQ_OPR)->eq_opr == clause->opno &&
			IsHashable(own_type);
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
bool
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
