/*
 * scan_filter.h
 *	  Conditions on columns that a Winback Scan evaluates for all rows of a page together.
 */
#ifndef WINBACK_SCAN_FILTER_H
#define WINBACK_SCAN_FILTER_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "scan/scan_table.h"

typedef struct ScanFilter ScanFilter;

extern List *ScanFiltersMake(List **quals, List **attnos, PlanState *ps);
extern void ScanFiltersBind(List *filters, const int *columns);
extern void ScanFiltersStart(List *filters, MemoryContext context);
extern int	ScanFiltersApply(List *filters, ExprContext *econtext, const ScanColumns *columns,
							 uint16 *rows, int nrows);
extern bool ScanFiltersKeepNone(const List *filters);

#endif							/* WINBACK_SCAN_FILTER_H */
