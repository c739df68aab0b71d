/*
 * scan.h
 *	  The Winback Scan: a plan node that reads a table and aggregates its rows.
 */
#ifndef WINBACK_SCAN_H
#define WINBACK_SCAN_H

#include "postgres.h"

#include "access/htup_details.h"
#include "nodes/extensible.h"
#include "nodes/primnodes.h"
#include "optimizer/optimizer.h"

/*
 * The planner's side makes a CustomScan, and the executor's side reads it.  Its scanrelid
 * is the table that the query names, or 0 if it names a UNION ALL.  Its custom_scan_tlist has
 * three parts:
 *
 * 1. an entry for each column of that table or UNION ALL, with the column's name; column n is
 *	  entry n;
 * 2. an entry for each aggregate, and one for each key of GROUP BY; in a join, one for the key of
 *	  the join, and one for each element of SCAN_JOIN_ATTRIBUTES;
 * 3. an entry for each table to read: a row with the SCAN_TABLE_FIELDS below, and then the entries
 *	  of part 2 again, with the columns of this table.  If it is a branch of a UNION ALL,
 *	  constants and expressions may stand in place of columns.  A subquery is like a table
 *	  here; custom_plans contains the plan of each subquery (scan_subquery.h), behind that of a
 *	  join.  The last entry may be that of the rest, the tables that the scan cannot read
 *	  (scan_rest.c): its fields refer to columns of the last plan in custom_plans, as INDEX_VAR.
 *
 * The target list of the plan refers to the entries of part 2, and its qual, which is WHERE, to
 * those of part 1.  A key that is a column is in both parts.  Part 3 is in this list because the
 * planner adjusts the numbers of tables in it, as in all target lists.  The planner replaces an
 * expression of the target list that is equal to an entry by a reference to the entry; no
 * expression is equal to a row of part 3.  In a tuple of the scan the columns of parts 1 and 3 are
 * NULL, but for the keys that are columns.
 *
 * custom_exprs contains HAVING (true if there is none), the list of all parameters in
 * custom_scan_tlist, because the planner looks for parameters in custom_exprs only, and then each
 * key again, for EXPLAIN.
 */
enum
{
	SCAN_EXPRS_HAVING,
	SCAN_EXPRS_PARAMS,
	SCAN_EXPRS_KEYS
};

/* The elements of custom_private. */
enum
{
	SCAN_PRIVATE_NCOLUMNS,		/* Integer: the entries of part 1 */
	SCAN_PRIVATE_NAGGREGATES,	/* Integer */
	SCAN_PRIVATE_OPERATORS,		/* the equality operator of each key: a list of Oids */
	SCAN_PRIVATE_IS_LIST,		/* Integer: whether the key is the customer of a list */
	SCAN_PRIVATE_JOIN			/* NIL, or a list of the elements below */
};

/*
 * The elements of SCAN_PRIVATE_JOIN.  The plan of the other side of the join is in custom_plans.
 * Its first column is the key, and its other columns are used for keys of GROUP BY or as the
 * customers of aggregates.
 */
enum
{
	SCAN_JOIN_TYPE,				/* Integer: a JoinType */
	SCAN_JOIN_COLUMN,			/* Integer: the key's number in the table that the query names */
	SCAN_JOIN_TYPES,			/* Oids: the types of the two keys, and the collation */
	SCAN_JOIN_KEYS,				/* integers: the numbers of the keys of GROUP BY that are from the other
								 * side, from 0 on */
	SCAN_JOIN_ATTRIBUTES,		/* integers: the columns of the other side that these depend on */
	SCAN_JOIN_CUSTOMERS			/* integers: for the customer of each aggregate, its column of the other
								 * side, or 0 if it is not from there */
};

#define SCAN_TABLE_OID		0	/* the column tableoid; its varno identifies the table */
#define SCAN_TABLE_QUAL		1	/* the condition on the rows, true if there is none; unused for
								 * the table that the query names (plan.qual) */
#define SCAN_TABLE_FIELDS	2

/*
 * The largest number of entries.  PostgreSQL numbers the entries of a target list with 16
 * bits, and may add a few entries of its own.
 */
#define SCAN_MAX_ENTRIES	(PG_INT16_MAX - 2 * MaxTupleAttributeNumber)

/* scan_path.c, the planner's side */
extern void ScanPathInit(void);

/* Return how many processes a parallel plan has, with those workers. */
static inline int
ScanProcesses(int workers)
{
	return workers + (parallel_leader_participation ? 1 : 0);
}

/* scan_node.c, the executor's side */
extern const CustomScanMethods scan_methods;

#endif							/* WINBACK_SCAN_H */
