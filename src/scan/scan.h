/*
 * scan.h
 *	  The Winback Scan: a table read and its rows aggregated in one plan node.
 */
#ifndef WINBACK_SCAN_H
#define WINBACK_SCAN_H

#include "postgres.h"

#include "access/htup_details.h"
#include "nodes/extensible.h"
#include "nodes/primnodes.h"

/*
 * What both sides agree on: a CustomScan whose scanrelid is the table that the
 * query names, and whose custom_scan_tlist has
 *
 * - the columns of that table, column n as element n,
 * - the aggregates, custom_private telling how many,
 * - for each table to be read, SCAN_TABLE_ENTRIES and the aggregates once more, in
 *	 judge of that table's columns.
 *
 * The first two parts are what the scan returns (columns as NULLs).  The third
 * stands there because the planner then numbers its tables as it does all others.
 */
#define SCAN_TABLE_OID		0	/* its column tableoid, which says which it is */
#define SCAN_TABLE_QUAL		1	/* the condition for its rows, true if none; of the
								 * table that the query names it is the plan's qual */
#define SCAN_TABLE_ENTRIES	2

/*
 * An element of a target list has a 16-bit number.  PostgreSQL may add a few of its
 * own, so stay well below.
 */
#define SCAN_MAX_ENTRIES	(PG_INT16_MAX - 2 * MaxTupleAttributeNumber)

/* scan_path.c, the planner's side: which queries, and at what cost */
extern void ScanPathInit(void);

/* scan_node.c, the executor's side */
extern const CustomScanMethods scan_methods;

#endif							/* WINBACK_SCAN_H */
