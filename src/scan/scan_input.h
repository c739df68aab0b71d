/*
 * scan_input.h
 *	  The planner's side of a Winback Scan: what it reads, and the queries that it serves.
 */
#ifndef WINBACK_SCAN_INPUT_H
#define WINBACK_SCAN_INPUT_H

#include "postgres.h"

#include "nodes/extensible.h"
#include "nodes/pathnodes.h"

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
	Relids		left;			/* tables with rows that the scan cannot read itself */
	Path	   *rest;			/* a path that returns their rows; NULL if there are none */
	List	   *keys;			/* the keys of GROUP BY */
	bool		has_gather;		/* one of them has a Gather, which must not be below another one */
	bool		could_prune;	/* an Append could skip some tables when the query runs */

	bool		list;			/* the rows are those of customers in a list (scan_list.c) */
	bool		final_only;		/* otherwise: the facts of some aggregates cannot be sent to a leader */
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

/* scan_input.c: the tables and the join */
extern bool IsOfColumns(PlannerInfo *root, Node *expr, const RelOptInfo *rel);
extern bool IsOfOther(PlannerInfo *root, Node *expr, const ScanInput *input);
extern bool IsOfOtherRow(PlannerInfo *root, Node *expr, const ScanInput *input);
extern bool IsKeyOfOther(PlannerInfo *root, Node *key, const ScanInput *input);
extern bool IsUnionAll(PlannerInfo *root, const RelOptInfo *rel);
extern bool HasVolatileQual(const RelOptInfo *rel);
extern bool HasPseudoConstantQual(const RelOptInfo *rel);
extern bool AreQualsOfColumns(PlannerInfo *root, const RelOptInfo *rel);
extern bool CouldBeSkipped(PlannerInfo *root, const RelOptInfo *partition);
extern Node *StripPlaceHolders(Node *node, void *context);
extern Node *TranslateToTable(PlannerInfo *root, Node *node, RelOptInfo *input,
							  RelOptInfo *table);
extern List *ExprsOfRows(PlannerInfo *root, const ScanInput *input, List *aggrefs);
extern bool ServesBranch(PlannerInfo *root, const ScanInput *input, RelOptInfo *source,
						 List *exprs);
extern bool CollectTables(PlannerInfo *root, RelOptInfo *rel, ScanInput *input);
extern RelOptInfo *RelationOf(PlannerInfo *root, const List *aggrefs);
extern bool ServesJoin(PlannerInfo *root, RelOptInfo *joinrel, ScanInput *input);

/* scan_rest.c: the tables that are left to PostgreSQL */
extern bool FindRest(ScanInput *input, List *exprs);
extern Node *TranslateToRest(Node *node, const ScanInput *input);
extern Expr *RestEntry(const ScanInput *input, List *values);

/* scan_serves.c: the query */
extern List *DistinctAggrefs(List *nodes);
extern bool ScanServes(PlannerInfo *root, RelOptInfo *rel, RelOptInfo *output, List *having,
					   ScanInput *input, List **distinct);

/* scan_plan.c: the plan of a path */
extern List *AttributesOfKeys(PlannerInfo *root, const ScanInput *input);
extern const CustomPathMethods scan_path_methods;

#endif							/* WINBACK_SCAN_INPUT_H */
