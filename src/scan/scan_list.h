/*
 * scan_list.h
 *	  A list of customers in a Winback Scan: GROUP BY the customer.
 */
#ifndef WINBACK_SCAN_LIST_H
#define WINBACK_SCAN_LIST_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "scan/row_facts.h"
#include "scan/scan_aggregate.h"
#include "scan/scan_group.h"
#include "scan/scan_rows.h"
#include "table/customer_table.h"
#include "table/customer_type.h"

/* The customers whose facts are found at a time (measured: 8 to 32 are the same). */
#define LIST_AHEAD		16

typedef struct ScanList
{
	/* set by ScanListInit */
	CustomerType *customer_type;
	int			column;			/* of the customer: index in ScanColumns */
	int			naggregates;
	ScanAggregate *aggregates;

	/* set by ScanListStart */
	MemoryContext context;
	CustomerTable table;
	GroupPart	part;			/* the customers of this pass over the tables */
	Size		limit;			/* bytes of memory that the context should not exceed */
	bool		full;			/* it would exceed them with more customers */
	uint8	   *null_facts;		/* of the rows without a customer; its first byte is SLOT_TAKEN if
								 * there is one */

	/* the rows of a page */
	CustomerKey keys[ROW_BLOCK_MAX];
	uint16		places[ROW_BLOCK_MAX];	/* of each key, the place of its row in the columns */
	uint8	   *found[ROW_BLOCK_MAX];	/* of each key, the facts */
	RowFacts	row_facts;

	/* set by ScanListNext */
	uint64		cursor;
	const uint8 *ahead[LIST_AHEAD]; /* the facts of the next customers */
	int			nahead;
	int			nreturned;		/* of those */
	const uint8 *current;		/* the facts of the customer to return; NULL at first */
} ScanList;

extern ScanList *ScanListCreate(Oid type, Oid collation, int column, ScanAggregate *aggregates,
								int naggregates);
extern void ScanListStart(ScanList *list, MemoryContext context, GroupPart part, Size limit);
extern bool ScanListKeepPart(ScanList *list, GroupPart part);
extern void ScanListEnter(ScanList *list, const ScanRows *rows, ExprContext *econtext);
extern uint64 ScanListCustomers(const ScanList *list);
extern bool ScanListNext(ScanList *list);
extern Datum ScanListCustomer(const ScanList *list, bool *isnull);

#endif							/* WINBACK_SCAN_LIST_H */
