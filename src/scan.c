/*
 * scan.c
 *	  The Winback Scan: a table read and its rows aggregated in one plan node.
 *
 * The heap does what it does for a sequential scan: which blocks, in what order,
 * who of several processes reads which, which rows are visible, locks of
 * serializable transactions, hint bits.  heap_getnextslot prepares a page and
 * returns its first visible row; the others we take from the scan descriptor
 * ourselves, and tell it that they have been returned.  What is saved is the way of
 * each row through slots, expressions and plan nodes.
 *
 * Of a row we fetch the columns that the aggregates need, and call the transition
 * functions that an Agg node would call.  WHERE and FILTER are PostgreSQL's own
 * expressions, evaluated on a slot.  Arguments without columns are evaluated once a
 * scan.
 *
 * In a parallel plan each process returns its states serialized, and a Finalize
 * Aggregate above Gather puts them together, as with PostgreSQL's own.
 *
 * Limits: scan_path.c says which queries come here.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "catalog/pg_aggregate.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_agg.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/spin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "callsite.h"
#include "chronicle.h"
#include "cohort.h"
#include "compat.h"
#include "scan.h"

/* What pg_aggregate knows of an aggregate. */
typedef struct AggregateFunctions
{
	Oid			transition;
	Oid			serialize;
	Oid			finish;
	bool		finish_extra;	/* the final function gets arguments, all NULL */
} AggregateFunctions;

/* A state and its arguments.  Aggregates that differ in the end only share one. */
typedef struct ScanAggregate
{
	ScanCall	call;
	int			transno;		/* the planner's number for the state */
	ExprState  *filter;			/* NULL if none */
	int			nargs;			/* without the state */
	ExprState **values;			/* of each argument, NULL where it is a column */
	int		   *columns;		/* of each argument: index into the scan's */

	/* made anew for each scan */
	FmgrInfo	flinfo;
	FunctionCallInfo fcinfo;	/* args[0] is the state */
} ScanAggregate;

/* What is put out. */
typedef struct ScanResult
{
	int			column;			/* of the scan tuple, from 0 */
	Aggref	   *aggref;
	ScanAggregate *aggregate;
} ScanResult;

/* What EXPLAIN ANALYZE shows. */
typedef struct ScanCounters
{
	uint64		rows;			/* taken in */
	uint64		customers;		/* in the end, over all states and processes */
	uint64		batches;
	uint64		bytes;
} ScanCounters;

/* In shared memory, before the heap's own. */
typedef struct SharedScan
{
	slock_t		mutex;
	ScanCounters counters;
} SharedScan;

typedef struct WinbackScanState
{
	CustomScanState css;
	TupleTableSlot *slot;		/* a row, for quals and filters */
	bool		needs_slot;		/* is any of these there? */
	int			ncolumns;
	AttrNumber *columns;		/* that are fetched */
	Datum	   *values;			/* of the row */
	bool	   *nulls;
	int			naggregates;
	ScanAggregate *aggregates;
	int			nresults;
	ScanResult *results;
	MemoryContext context;		/* of one scan: states and what they need */
	bool		done;
	ScanCounters counters;
	SharedScan *shared;			/* NULL if not parallel */
} WinbackScanState;

static const CustomExecMethods exec_methods;

/* The transition functions that we call, and their states. */
extern Datum reactivation_trans(PG_FUNCTION_ARGS);
extern Datum winback_trans(PG_FUNCTION_ARGS);
extern Datum lifecycle_counts_trans(PG_FUNCTION_ARGS);
extern Datum lifecycle_series_trans(PG_FUNCTION_ARGS);

static bool
HasCohort(PGFunction transition)
{
	return transition == reactivation_trans || transition == winback_trans;
}

static bool
HasChronicle(PGFunction transition)
{
	return transition == lifecycle_counts_trans || transition == lifecycle_series_trans;
}

static AggregateFunctions
LookUpAggregate(Oid aggregate)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
	Form_pg_aggregate form;
	AggregateFunctions functions;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggregate);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	functions.transition = form->aggtransfn;
	functions.serialize = form->aggserialfn;
	functions.finish = form->aggfinalfn;
	functions.finish_extra = form->aggfinalextra;
	ReleaseSysCache(tuple);
	return functions;
}

/* Is it an aggregate of ours that takes in rows of customers? */
bool
ScanKnows(const Aggref *aggref)
{
	FmgrInfo	flinfo;

	/* by the function itself: names and OIDs may be anybody's */
	fmgr_info(LookUpAggregate(aggref->aggfnoid).transition, &flinfo);
	return HasCohort(flinfo.fn_addr) || HasChronicle(flinfo.fn_addr);
}

/* The column that an argument is, or NULL. */
Var *
ColumnOf(Expr *arg)
{
	while (arg != NULL && IsA(arg, RelabelType))
		arg = ((RelabelType *) arg)->arg;
	return arg != NULL && IsA(arg, Var) ? (Var *) arg : NULL;
}

/* The place among those fetched of a column of the table. */
static int
FetchedColumn(WinbackScanState *scan, AttrNumber column)
{
	int			i;

	for (i = 0; i < scan->ncolumns; i++)
	{
		if (scan->columns[i] == column)
			return i;
	}
	scan->columns[scan->ncolumns++] = column;
	return i;
}

/* The state of an aggregate, which another one may have brought already. */
static ScanAggregate *
FindAggregate(WinbackScanState *scan, Aggref *aggref)
{
	PlanState  *ps = &scan->css.ss.ps;
	ScanAggregate *aggregate;

	for (int i = 0; i < scan->naggregates; i++)
	{
		if (scan->aggregates[i].transno == aggref->aggtransno)
			return &scan->aggregates[i];
	}

	aggregate = &scan->aggregates[scan->naggregates++];
	aggregate->call.node.type = T_ExtensibleNode;
	aggregate->call.node.extnodename = SCAN_CALL;
	aggregate->call.context = scan->context;
	aggregate->transno = aggref->aggtransno;
	aggregate->nargs = list_length(aggref->args);
	aggregate->values = palloc0(aggregate->nargs * sizeof(ExprState *));
	aggregate->columns = palloc0(aggregate->nargs * sizeof(int));
	for (int i = 0; i < aggregate->nargs; i++)
	{
		Expr	   *arg = list_nth_node(TargetEntry, aggref->args, i)->expr;
		Var		   *column = ColumnOf(arg);

		if (column != NULL)
			aggregate->columns[i] = FetchedColumn(scan, column->varattno);
		else
			aggregate->values[i] = ExecInitExpr(arg, ps);
	}
	if (aggref->aggfilter != NULL)
		aggregate->filter = ExecInitQual(list_make1(aggref->aggfilter), ps);
	return aggregate;
}

static Node *
CreateScanState(CustomScan *plan pg_attribute_unused())
{
	WinbackScanState *scan = palloc0(sizeof(WinbackScanState));

	scan->css.ss.ps.type = T_CustomScanState;
	scan->css.methods = &exec_methods;
	return (Node *) scan;
}

static void
BeginScan(CustomScanState *node, EState *estate, int eflags pg_attribute_unused())
{
	WinbackScanState *scan = (WinbackScanState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	TupleDesc	tupdesc = RelationGetDescr(node->ss.ss_currentRelation);
	int			nentries = list_length(plan->custom_scan_tlist);

	scan->context = AllocSetContextCreate(CurrentMemoryContext, "Winback Scan",
										  ALLOCSET_DEFAULT_SIZES);

	/*
	 * What the executor has prepared for quals assumes our output.  They are about
	 * rows of the table; its columns are numbered alike.
	 */
	scan->slot = ExecInitExtraTupleSlot(estate, tupdesc, &TTSOpsBufferHeapTuple);
	node->ss.ps.scandesc = tupdesc;
	node->ss.ps.scanops = &TTSOpsBufferHeapTuple;
	node->ss.ps.qual = ExecInitQual(plan->scan.plan.qual, &node->ss.ps);

	scan->columns = palloc(tupdesc->natts * sizeof(AttrNumber));
	scan->aggregates = palloc0(nentries * sizeof(ScanAggregate));
	scan->results = palloc0(nentries * sizeof(ScanResult));
	for (int i = 0; i < nentries; i++)
	{
		Expr	   *expr = list_nth_node(TargetEntry, plan->custom_scan_tlist, i)->expr;

		if (IsA(expr, Aggref))
		{
			ScanResult *result = &scan->results[scan->nresults++];

			result->column = i;
			result->aggref = (Aggref *) expr;
			result->aggregate = FindAggregate(scan, result->aggref);
			scan->needs_slot |= result->aggregate->filter != NULL;
		}
	}
	scan->needs_slot |= node->ss.ps.qual != NULL;
	scan->values = palloc(Max(scan->ncolumns, 1) * sizeof(Datum));
	scan->nulls = palloc(Max(scan->ncolumns, 1) * sizeof(bool));
}

/*
 * An argument that is one value for the whole scan.  The Aggref gets it as a
 * constant, so that the transition function need not look at it again.
 */
static Expr *
EvaluateArg(WinbackScanState *scan, ScanAggregate *aggregate, int i, const Expr *arg)
{
	NullableDatum *value = &aggregate->fcinfo->args[i + 1];
	int16		typlen;
	bool		typbyval;

	get_typlenbyval(exprType((Node *) arg), &typlen, &typbyval);
	value->value = ExecEvalExprSwitchContext(aggregate->values[i],
											 scan->css.ss.ps.ps_ExprContext, &value->isnull);
	if (!value->isnull)
		value->value = datumCopy(value->value, typbyval, typlen);
	return (Expr *) makeConst(exprType((Node *) arg), exprTypmod((Node *) arg),
							  exprCollation((Node *) arg), typlen, value->value,
							  value->isnull, typbyval);
}

/* A call of a function over an aggregate's state, with fn_expr in place. */
static FunctionCallInfo
PrepareCall(ScanAggregate *aggregate, FmgrInfo *flinfo, Oid function, Expr *expr, int nargs,
			Oid collation)
{
	FunctionCallInfo fcinfo = palloc0(SizeForFunctionCallInfo(nargs));

	fmgr_info(function, flinfo);
	fmgr_info_set_expr((Node *) expr, flinfo);
	InitFunctionCallInfoData(*fcinfo, flinfo, nargs, collation, (fmNodePtr) &aggregate->call, NULL);
	for (int i = 0; i < nargs; i++)
		fcinfo->args[i].isnull = true;
	return fcinfo;
}

/* Begin with no state; in the context of the scan. */
static void
StartAggregate(WinbackScanState *scan, ScanAggregate *aggregate, Aggref *aggref)
{
	Oid			transition = LookUpAggregate(aggref->aggfnoid).transition;
	Aggref	   *known = makeNode(Aggref);
	Oid			types[FUNC_MAX_ARGS];
	int			ntypes = get_aggregate_argtypes(aggref, types);
	Expr	   *expr;

	build_aggregate_transfn_expr(types, ntypes, 0, false, aggref->aggtranstype,
								 aggref->inputcollid, transition, InvalidOid, &expr, NULL);
	aggregate->fcinfo = PrepareCall(aggregate, &aggregate->flinfo, transition, expr,
									ntypes + 1, aggref->inputcollid);

	*known = *aggref;
	known->args = NIL;
	for (int i = 0; i < aggregate->nargs; i++)
	{
		Expr	   *arg = list_nth_node(TargetEntry, aggref->args, i)->expr;

		if (aggregate->values[i] != NULL)
			arg = EvaluateArg(scan, aggregate, i, arg);
		known->args = lappend(known->args, makeTargetEntry(arg, i + 1, NULL, false));
	}
	aggregate->call.aggref = known;
}

/* Take a row of the table into all states. */
static pg_attribute_always_inline void
TakeInRow(WinbackScanState *scan, HeapTuple tuple, Buffer buffer)
{
	PlanState  *ps = &scan->css.ss.ps;
	ExprContext *econtext = ps->ps_ExprContext;
	TupleDesc	tupdesc = scan->slot->tts_tupleDescriptor;

	ResetExprContext(econtext);
	if (scan->needs_slot)
	{
		econtext->ecxt_scantuple = ExecStoreBufferHeapTuple(tuple, scan->slot, buffer);
		if (!ExecQual(ps->qual, econtext))
		{
			InstrCountFiltered1(ps, 1);
			return;
		}
	}

	scan->counters.rows++;
	for (int i = 0; i < scan->ncolumns; i++)
		scan->values[i] = heap_getattr(tuple, scan->columns[i], tupdesc, &scan->nulls[i]);

	for (int i = 0; i < scan->naggregates; i++)
	{
		ScanAggregate *aggregate = &scan->aggregates[i];
		FunctionCallInfo fcinfo = aggregate->fcinfo;

		if (aggregate->filter != NULL && !ExecQual(aggregate->filter, econtext))
			continue;
		for (int arg = 0; arg < aggregate->nargs; arg++)
		{
			if (aggregate->values[arg] == NULL)
			{
				fcinfo->args[arg + 1].value = scan->values[aggregate->columns[arg]];
				fcinfo->args[arg + 1].isnull = scan->nulls[aggregate->columns[arg]];
			}
		}
		fcinfo->isnull = false;
		fcinfo->args[0].value = FunctionCallInvoke(fcinfo);
		fcinfo->args[0].isnull = fcinfo->isnull;
	}
}

/* Take in the visible rows of the page that the heap has prepared. */
static void
TakeInPage(WinbackScanState *scan, HeapScanDesc heap)
{
	Relation	relation = heap->rs_base.rs_rd;
	Page		page = BufferGetPage(heap->rs_cbuf);
	int			nrows = heap->rs_ntuples;
	HeapTupleData tuple;

	tuple.t_tableOid = RelationGetRelid(relation);
	for (int i = heap->rs_cindex; i < nrows; i++)
	{
		OffsetNumber offset = heap->rs_vistuples[i];
		ItemId		item = PageGetItemId(page, offset);

		if (i > (int) heap->rs_cindex)
			pgstat_count_heap_getnext(relation);
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		ItemPointerSet(&tuple.t_self, heap->rs_cblock, offset);
		TakeInRow(scan, &tuple, heap->rs_cbuf);
	}
	ExecClearTuple(scan->slot);
	heap->rs_cindex = nrows - 1;	/* all of them have been returned */
}

static void
TakeInTable(WinbackScanState *scan)
{
	ScanState  *ss = &scan->css.ss;
	HeapScanDesc heap = (HeapScanDesc) ss->ss_currentScanDesc;
	MemoryContext old_context;

	if ((heap->rs_base.rs_flags & SO_ALLOW_PAGEMODE) == 0)
		elog(ERROR, "cannot scan pages with this kind of snapshot");

	old_context = MemoryContextSwitchTo(ss->ps.ps_ExprContext->ecxt_per_tuple_memory);
	while (heap_getnextslot(&heap->rs_base, ForwardScanDirection, scan->slot))
	{
		CHECK_FOR_INTERRUPTS();
		TakeInPage(scan, heap);
	}
	MemoryContextSwitchTo(old_context);
}

/* Note how large the states have become. */
static void
CountStates(WinbackScanState *scan)
{
	for (int i = 0; i < scan->naggregates; i++)
	{
		ScanAggregate *aggregate = &scan->aggregates[i];
		void	   *state = DatumGetPointer(aggregate->fcinfo->args[0].value);
		const Ledger *ledger;
		const Batch *batch;

		if (aggregate->fcinfo->args[0].isnull)
			continue;
		if (HasCohort(aggregate->flinfo.fn_addr))
		{
			ledger = &((Cohort *) state)->ledger;
			batch = ((Cohort *) state)->batch;
		}
		else
		{
			ledger = &((Chronicle *) state)->ledger;
			batch = ((Chronicle *) state)->batch;
		}
		scan->counters.customers += ledger->ntaken;
		scan->counters.batches += batch ? batch->nbatches : 0;
	}
	scan->counters.bytes += MemoryContextMemAllocated(scan->context, true);
}

/* The value of an aggregate, or its state on the way to another process. */
static Datum
Finish(const ScanResult *result, bool *isnull)
{
	Aggref	   *aggref = result->aggref;
	ScanAggregate *aggregate = result->aggregate;
	AggregateFunctions functions = LookUpAggregate(aggref->aggfnoid);
	bool		partial = DO_AGGSPLIT_SERIALIZE(aggref->aggsplit);
	FmgrInfo	flinfo;
	FunctionCallInfo fcinfo;
	Oid			types[FUNC_MAX_ARGS];
	int			ntypes = get_aggregate_argtypes(aggref, types);
	Expr	   *expr;
	Datum		value;

	if (partial)
	{
		build_aggregate_serialfn_expr(functions.serialize, &expr);
		fcinfo = PrepareCall(aggregate, &flinfo, functions.serialize, expr, 1, InvalidOid);
	}
	else
	{
		int			nargs = functions.finish_extra ? ntypes + 1 : 1;

		build_aggregate_finalfn_expr(types, nargs, aggref->aggtranstype, aggref->aggtype,
									 aggref->inputcollid, functions.finish, &expr);
		fcinfo = PrepareCall(aggregate, &flinfo, functions.finish, expr, nargs,
							 aggref->inputcollid);
	}
	fcinfo->args[0] = aggregate->fcinfo->args[0];

	*isnull = flinfo.fn_strict && (fcinfo->nargs > 1 || fcinfo->args[0].isnull);
	if (*isnull)
		return (Datum) 0;
	value = FunctionCallInvoke(fcinfo);
	*isnull = fcinfo->isnull;
	return value;
}

static TupleTableSlot *
ExecScanOnce(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	TupleTableSlot *output = node->ss.ss_ScanTupleSlot;
	MemoryContext old_context;

	/* there is one row in all */
	if (scan->done)
		return NULL;
	scan->done = true;

	/* a parallel scan has begun already, as has one that is repeated */
	if (node->ss.ss_currentScanDesc == NULL)
		node->ss.ss_currentScanDesc = table_beginscan(node->ss.ss_currentRelation,
													  node->ss.ps.state->es_snapshot, 0, NULL);

	old_context = MemoryContextSwitchTo(scan->context);
	for (int i = 0; i < scan->nresults; i++)
	{
		ScanAggregate *aggregate = scan->results[i].aggregate;

		if (aggregate->fcinfo == NULL)
			StartAggregate(scan, aggregate, scan->results[i].aggref);
	}
	TakeInTable(scan);
	CountStates(scan);

	ExecClearTuple(output);
	memset(output->tts_isnull, true, output->tts_tupleDescriptor->natts * sizeof(bool));
	for (int i = 0; i < scan->nresults; i++)
	{
		int			column = scan->results[i].column;

		output->tts_values[column] = Finish(&scan->results[i], &output->tts_isnull[column]);
	}
	ExecStoreVirtualTuple(output);
	MemoryContextSwitchTo(old_context);

	if (scan->shared != NULL)
	{
		SpinLockAcquire(&scan->shared->mutex);
		scan->shared->counters.rows += scan->counters.rows;
		scan->shared->counters.customers += scan->counters.customers;
		scan->shared->counters.batches += scan->counters.batches;
		scan->shared->counters.bytes += scan->counters.bytes;
		SpinLockRelease(&scan->shared->mutex);
	}

	ResetExprContext(econtext);
	econtext->ecxt_scantuple = output;
	return node->ss.ps.ps_ProjInfo ? ExecProject(node->ss.ps.ps_ProjInfo) : output;
}

static void
EndScan(CustomScanState *node)
{
	if (node->ss.ss_currentScanDesc != NULL)
		table_endscan(node->ss.ss_currentScanDesc);
}

static void
ReScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;

	if (node->ss.ss_currentScanDesc != NULL)
		table_rescan(node->ss.ss_currentScanDesc, NULL);
	ExecScanReScan(&node->ss);
	MemoryContextReset(scan->context);
	for (int i = 0; i < scan->naggregates; i++)
		scan->aggregates[i].fcinfo = NULL;
	memset(&scan->counters, 0, sizeof(scan->counters));
	scan->done = false;
}

/*
 * Parallel plans.  Our part of shared memory: the counters, then the heap's.
 */

static ParallelTableScanDesc
SharedHeap(void *coordinate)
{
	return (ParallelTableScanDesc) ((char *) coordinate + MAXALIGN(sizeof(SharedScan)));
}

static void
JoinParallelScan(CustomScanState *node, void *coordinate)
{
	((WinbackScanState *) node)->shared = coordinate;
	node->ss.ss_currentScanDesc =
		table_beginscan_parallel(node->ss.ss_currentRelation, SharedHeap(coordinate));
}

static Size
EstimateShared(CustomScanState *node, ParallelContext *pcxt pg_attribute_unused())
{
	return MAXALIGN(sizeof(SharedScan)) +
		table_parallelscan_estimate(node->ss.ss_currentRelation, node->ss.ps.state->es_snapshot);
}

static void
InitializeShared(CustomScanState *node, ParallelContext *pcxt pg_attribute_unused(),
				 void *coordinate)
{
	SharedScan *shared = coordinate;

	memset(shared, 0, sizeof(*shared));
	SpinLockInit(&shared->mutex);
	table_parallelscan_initialize(node->ss.ss_currentRelation, SharedHeap(coordinate),
								  node->ss.ps.state->es_snapshot);
	JoinParallelScan(node, coordinate);
}

static void
ReInitializeShared(CustomScanState *node, ParallelContext *pcxt pg_attribute_unused(),
				   void *coordinate)
{
	memset(&((SharedScan *) coordinate)->counters, 0, sizeof(ScanCounters));
	table_parallelscan_reinitialize(node->ss.ss_currentRelation, SharedHeap(coordinate));
}

static void
InitializeWorker(CustomScanState *node, shm_toc *toc pg_attribute_unused(), void *coordinate)
{
	JoinParallelScan(node, coordinate);
}

/* The shared memory is about to go: keep what EXPLAIN will want to know. */
static void
ShutdownScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;

	if (scan->shared != NULL)
		scan->counters = scan->shared->counters;
	scan->shared = NULL;
}

static void
ExplainScan(CustomScanState *node, List *ancestors pg_attribute_unused(), ExplainState *es)
{
	WinbackScanState *scan = (WinbackScanState *) node;

	if (es->verbose)
	{
		List	   *names = NIL;

		for (int i = 0; i < scan->ncolumns; i++)
			names = lappend(names, NameStr(TupleDescAttr(scan->slot->tts_tupleDescriptor,
														 scan->columns[i] - 1)->attname));
		ExplainPropertyList("Columns", names, es);
	}
	if (es->analyze)
	{
		ExplainPropertyUInteger("Rows Scanned", NULL, scan->counters.rows, es);
		ExplainPropertyUInteger("Customers", NULL, scan->counters.customers, es);
		ExplainPropertyUInteger("Batches", NULL, scan->counters.batches, es);
		ExplainPropertyUInteger("Memory", "kB", (scan->counters.bytes + 1023) / 1024, es);
	}
}

static const CustomExecMethods exec_methods = {
	.CustomName = "Winback Scan",
	.BeginCustomScan = BeginScan,
	.ExecCustomScan = ExecScanOnce,
	.EndCustomScan = EndScan,
	.ReScanCustomScan = ReScan,
	.EstimateDSMCustomScan = EstimateShared,
	.InitializeDSMCustomScan = InitializeShared,
	.ReInitializeDSMCustomScan = ReInitializeShared,
	.InitializeWorkerCustomScan = InitializeWorker,
	.ShutdownCustomScan = ShutdownScan,
	.ExplainCustomScan = ExplainScan
};

const CustomScanMethods scan_methods = {
	.CustomName = "Winback Scan",
	.CreateCustomScanState = CreateScanState
};
