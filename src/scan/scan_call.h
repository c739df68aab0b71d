/*
 * scan_call.h
 *	  The fcinfo->context with which a Winback Scan calls the functions of an aggregate.
 *
 * An Agg node passes its AggState there, and the function gets from it the memory context
 * of the state and the expressions of its arguments.  A Winback Scan passes a ScanCall,
 * which contains both.
 */
#ifndef WINBACK_SCAN_CALL_H
#define WINBACK_SCAN_CALL_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/extensible.h"
#include "nodes/primnodes.h"

typedef struct ScanCall
{
	ExtensibleNode node;		/* with scan_call_name as its name */
	MemoryContext context;		/* contains the state */
	Aggref	   *aggref;			/* its arguments without columns are Consts; NULL before the first
								 * row */
	const Aggref *planned;		/* the same, as it was planned */
} ScanCall;

extern const char scan_call_name[];

/* Return the ScanCall of a function call, or NULL if the caller is not a Winback Scan. */
static inline ScanCall *
GetScanCall(FunctionCallInfo fcinfo)
{
	ScanCall   *call = (ScanCall *) fcinfo->context;

	/* the name is this very string, so that a call costs no comparison of texts */
	if (call != NULL && IsA(call, ExtensibleNode) && call->node.extnodename == scan_call_name)
		return call;
	return NULL;
}

#endif							/* WINBACK_SCAN_CALL_H */
