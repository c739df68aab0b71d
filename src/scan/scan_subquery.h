/*
 * scan_subquery.h
 *	  The tables of a subquery that the planner has not merged into the query.
 */
#ifndef WINBACK_SCAN_SUBQUERY_H
#define WINBACK_SCAN_SUBQUERY_H

#include "postgres.h"

#include "nodes/plannodes.h"

/* A table that a subquery reads. */
typedef struct SubqueryTable
{
	Index		relid;			/* in the range table of the whole plan */
	List	   *quals;			/* the conditions on its rows, in the order of evaluation */
	List	   *outputs;		/* for each column of the subquery, its expression on these rows */
} SubqueryTable;

extern List *SubqueryTables(Plan *plan, Index subquery);
extern Node *SubqueryReplaceColumns(Node *node, Index subquery, List *outputs);

#endif							/* WINBACK_SCAN_SUBQUERY_H */
