/*
 * row_facts.h
 *	  Add the rows of a page to facts of their customers or groups.
 */
#ifndef WINBACK_ROW_FACTS_H
#define WINBACK_ROW_FACTS_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "scan/scan_aggregate.h"
#include "scan/scan_rows.h"

/* The facts to which the rows of a page are added, those of each aggregate behind each other. */
typedef struct RowFacts
{
	uint8	   *facts[ROW_BLOCK_MAX];	/* by place in the columns; NULL for a row that is left out */
	uint16		chosen[ROW_BLOCK_MAX];	/* places of the rows of an aggregate */
	uint8	   *chosen_facts[ROW_BLOCK_MAX];
} RowFacts;

extern void RowFactsAdd(RowFacts *row_facts, ScanAggregate *aggregates, int naggregates,
						const ScanRows *rows, ExprContext *econtext, bool complete);

#endif							/* WINBACK_ROW_FACTS_H */
