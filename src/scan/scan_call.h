/*
 * scan_call.h
 *	  The call of an aggregate's function by a Winback Scan.
 *
 * An Agg node puts its AggState in fcinfo->context, and the function asks it for the
 * memory context of the state and for the arguments of the query.  A Winback Scan
 * puts a ScanCall there, which answers the same questions.
 */
#ifndef WINBACK_SCAN_CALL_H
#define WINBACK_SCAN_CALL_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/extensible.h"
#include "nodes/primnodes.h"

typedef struct ScanCall
{
	ExtensibleNode node;		/* with SCAN_CALL as its name */
	MemoryContext context;		/* where the state lives */
	Aggref	   *aggref;			/* with constants for arguments that do not change */
} ScanCall;

#define SCAN_CALL		"winback scan call"

/* The scan's call, or NULL if something else calls. */
static inline ScanCall *
GetScanCall(FunctionCallInfo fcinfo)
{
	ScanCall   *call = (ScanCall *) fcinfo->context;

	if (call != NULL && IsA(call, ExtensibleNode) &&
		strcmp(call->node.extnodename, SCAN_CALL) == 0)
		return call;
	return NULL;
}

#endif							/* WINBACK_SCAN_CALL_H */
