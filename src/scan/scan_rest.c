/*
 * scan_rest.c
 *	  The rows of the tables that a Winback Scan cannot read, in the planner.
 *
 * A partition, child or branch of a UNION ALL may be a foreign table, or a table of another access
 * method.  The scan leaves these to PostgreSQL: a plan below the scan appends their rows, and the scan
 * reads it behind its own tables (scan_table.c).
 *
 * That plan is PostgreSQL's own Append of all tables, without those that the scan reads.  So its rows
 * have the columns of the relation that the query names, and foreign tables can be asked at the same
 * time.  If the planner aggregates partitions, the Append may return keys of GROUP BY in place of the
 * columns that they depend on.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"

#include "compat.h"
#include "scan/scan_input.h"

/*
 * Return a copy of an AppendPath with the paths of some tables only, or NULL if it has no path of its
 * own for each of them.
 */
static Path *
AppendTables(const AppendPath *append, Relids tables)
{
	AppendPath *rest = makeNode(AppendPath);
	ListCell   *lc;

	*rest = *append;
	rest->subpaths = NIL;
	rest->path.rows = 0;
	rest->path.total_cost = 0;
	foreach(lc, append->subpaths)
	{
		Path	   *path = lfirst(lc);

		if (!bms_is_subset(path->parent->relids, tables))
			continue;
		rest->subpaths = lappend(rest->subpaths, path);
		rest->path.rows += path->rows;
		rest->path.total_cost += path->total_cost;
	}
	rest->first_partial_path = list_length(rest->subpaths);
	return list_length(rest->subpaths) == bms_num_members(tables) ? &rest->path : NULL;
}

/*
 * Replace what the plan returns in an expression by the numbers of its columns.  Other columns of the
 * relation remain.
 */
static Node *
ReplaceOutputs(Node *node, void *context)
{
	const ScanInput *input = context;
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	foreach(lc, input->rest->pathtarget->exprs)
	{
		if (equal(node, lfirst(lc)))
			return (Node *) makeVar(INDEX_VAR, foreach_current_index(lc) + 1, exprType(node),
									exprTypmod(node), exprCollation(node), 0);
	}
	return MutateExpression(node, ReplaceOutputs, context);
}

/* Translate an expression of the scan's input to the columns of the plan that returns the rest. */
Node *
TranslateToRest(Node *node, const ScanInput *input)
{
	return StripPlaceHolders(ReplaceOutputs(node, (void *) input), NULL);
}

/* Return whether an expression has a column of a relation. */
static bool
HasColumnOf(Node *node, const RelOptInfo *rel)
{
	ListCell   *lc;

	foreach(lc, pull_var_clause(node, 0))
	{
		if (lfirst_node(Var, lc)->varno == (int) rel->relid)
			return true;
	}
	return false;
}

/*
 * Find a path of the tables that are left to PostgreSQL.  Return false if there is none, or if it does
 * not return all columns that are needed for `exprs`.  With GROUP BY the rows are kept, for they may be
 * read several times.
 */
bool
FindRest(ScanInput *input, List *exprs)
{
	ListCell   *lc;

	foreach(lc, input->orders->pathlist)
	{
		Path	   *path = lfirst(lc);

		while (IsA(path, ProjectionPath))
			path = ((ProjectionPath *) path)->subpath;
		if (!IsA(path, AppendPath) || path->param_info != NULL || path->parallel_aware)
			continue;
		input->rest = AppendTables((AppendPath *) path, input->left);
		if (input->rest == NULL || HasColumnOf(TranslateToRest((Node *) exprs, input), input->orders))
			continue;
		if (input->keys != NIL)
		{
			PathTarget *columns = input->rest->pathtarget;

			/*
			 * The target of the relation may be the input of the groups by now: PostgreSQL put it
			 * above the Append, whose rows still have the columns of the table.
			 */
			input->rest = (Path *) CreateMaterialPath(input->orders, input->rest);
			input->rest->pathtarget = columns;
		}
		return true;
	}
	return false;
}

/* Return the entry of the rest in a plan (scan.h).  `values` are the aggregates and the keys. */
Expr *
RestEntry(const ScanInput *input, List *values)
{
	RowExpr    *row = makeNode(RowExpr);

	row->args = list_concat(list_make2(makeVar(INDEX_VAR, TableOidAttributeNumber, OIDOID, -1,
											   InvalidOid, 0), makeBoolConst(true, false)),
							(List *) TranslateToRest((Node *) values, input));
	row->row_typeid = RECORDOID;
	row->row_format = COERCE_EXPLICIT_CALL;
	row->location = -1;
	return (Expr *) row;
}
