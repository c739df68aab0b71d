/*
 * scan.h
 *	  The Winback Scan: a table read and its rows aggregated in one plan node.
 */
#ifndef WINBACK_SCAN_H
#define WINBACK_SCAN_H

#include "postgres.h"

#include "nodes/extensible.h"
#include "nodes/primnodes.h"

/* scan_path.c, the planner's side: which queries, and at what cost */
extern void ScanPathInit(void);

/* scan.c, the executor's side */
extern const CustomScanMethods scan_methods;

extern bool ScanKnows(const Aggref *aggref);
extern Var *ColumnOf(Expr *arg);

#endif							/* WINBACK_SCAN_H */
