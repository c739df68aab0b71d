/*
 * scan_node.c
 *	  The executor's side of a Winback Scan: read tables and aggregate their rows.
 *
 * In a plan of PostgreSQL each row passes through slots, expressions and several nodes.
 * This node avoids that.  It reads pages in the way of a sequential scan (scan_table.c),
 * fetches the columns that the aggregates need from all rows of a page, and passes the
 * rows of the page to each aggregate as one block (scan_aggregate.c).  Common conditions of
 * WHERE and FILTER are evaluated on the columns of the page (scan_filter.c).  Others are
 * PostgreSQL's own expressions, and are evaluated on a slot, row by row.
 *
 * The node reads the partitions of a table one after the other, into the same states.
 *
 * In a parallel plan the processes divide the blocks of one table among them, and then
 * those of the next table.  Each process returns its states in serialized form, one
 * portion in each row (state_wire.c).  A Finalize Aggregate above the Gather node merges
 * them, as it merges the states of a Partial Aggregate.
 *
 * Limits: scan_path.c plans this node only for the queries that ScanServes accepts.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/spin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "scan/scan.h"
#include "scan/scan_aggregate.h"
#include "scan/scan_filter.h"
#include "scan/scan_table.h"

/* One output column: an Aggref, and the state from which its value is computed. */
typedef struct ScanResult
{
	int			column;			/* number in the scan tuple, from 0 */
	Aggref	   *aggref;
	ScanAggregate *aggregate;	/* may belong to several results */
	Portion		next;			/* the next portion of a serialized state; for a final value, only
								 * `done` is used */
} ScanResult;

/* A table to read, and the expressions to evaluate on its rows. */
typedef struct TableToScan
{
	ScanTable	table;
	List	   *filters;		/* the first conditions of WHERE, evaluated on columns */
	bool		by_column;		/* there are conditions evaluated on columns */
	bool		by_row;			/* there is a qual or a FILTER evaluated row by row */
	bool		filtered;		/* every aggregate has such a FILTER */
	ExprState  *qual;			/* the other conditions; NULL if none */
	ScanSource *sources;		/* one for each aggregate of the scan */
} TableToScan;

/*
 * The shared memory of a parallel scan.  The parallel scan descriptors of the tables
 * follow behind it, one for each table.
 */
typedef struct SharedScan
{
	slock_t		mutex;			/* protects the counters */
	ScanCounters counters;		/* the sums over all processes */
	Size		heap_size;		/* bytes of each descriptor */
} SharedScan;

/* The node.  Results share an aggregate if they differ in their final functions only. */
typedef struct WinbackScanState
{
	CustomScanState css;
	int			nresults;
	ScanResult *results;
	int			naggregates;
	ScanAggregate *aggregates;
	int			ntables;
	TableToScan *tables;

	ScanColumns columns;
	ScanPage	page;
	uint16	   *selected;		/* if by_column: the numbers of the rows that WHERE accepts, and after
								 * ChooseSelected at least one aggregate */
	HeapTupleHeader *taken;		/* otherwise: the rows that at least one aggregate takes */
	uint16	   *chosen;			/* for each aggregate, an array (Chosen) of the rows that its FILTER
								 * accepts: numbers in the page, or indexes in `taken` */
	int		   *nchosen;		/* for each aggregate, the number of these rows */

	MemoryContext context;		/* contains the states; reset before each rescan */
	bool		begun;			/* the states have been computed, or are being computed */
	ScanCounters counters;
	SharedScan *shared;			/* NULL if not parallel */
} WinbackScanState;

static const CustomExecMethods exec_methods;

static Node *
CreateScanState(CustomScan *plan pg_attribute_unused())
{
	WinbackScanState *scan = palloc0(sizeof(WinbackScanState));

	scan->css.ss.ps.type = T_CustomScanState;
	scan->css.methods = &exec_methods;
	return (Node *) scan;
}

/* Return the expression of an entry of the plan (scan.h). */
static Expr *
PlanEntry(const CustomScan *plan, int i)
{
	return list_nth_node(TargetEntry, plan->custom_scan_tlist, i)->expr;
}

/*
 * Give each column of a table's filters a place in scan->columns: that of an aggregate's column if
 * it is the same one, or one behind them.  Append the latter to attnos, and return the number of
 * columns that are needed.
 */
static int
BindFilters(WinbackScanState *scan, TableToScan *table, List *filter_attnos, AttrNumber *attnos)
{
	int		   *places = palloc((RelationGetNumberOfAttributes(table->table.relation) + 1) *
								sizeof(int));
	int			ncolumns = scan->columns.ncolumns;
	ListCell   *lc;

	foreach(lc, filter_attnos)
	{
		int			place = 0;

		while (place < ncolumns && attnos[place] != lfirst_int(lc))
			place++;
		if (place == ncolumns)
		{
			ScanColumnsReserve(&scan->columns, place);
			attnos[ncolumns++] = lfirst_int(lc);
		}
		places[lfirst_int(lc)] = place;
	}
	ScanFiltersBind(table->filters, places);
	for (int i = 0; i < scan->naggregates; i++)
		ScanFiltersBind(table->sources[i].column_filters, places);
	pfree(places);
	return ncolumns;
}

/* Prepare to read a table.  Its entries in the plan begin with number `entry`. */
static void
BeginTable(WinbackScanState *scan, TableToScan *table, EState *estate, int entry, int eflags)
{
	PlanState  *ps = &scan->css.ss.ps;
	const CustomScan *plan = (const CustomScan *) ps->plan;
	const Var  *oid = castNode(Var, PlanEntry(plan, entry + SCAN_TABLE_OID));
	List	   *quals = oid->varno == (int) plan->scan.scanrelid ? plan->scan.plan.qual :
		make_ands_implicit(PlanEntry(plan, entry + SCAN_TABLE_QUAL));
	TupleDesc	own_desc = ps->scandesc;
	const TupleTableSlotOps *own_ops = ps->scanops;
	List	   *filter_attnos = NIL;
	AttrNumber *attnos;

	ScanTableOpen(&table->table, estate, oid->varno, eflags);
	attnos = palloc0((scan->columns.ncolumns +
					  RelationGetNumberOfAttributes(table->table.relation)) * sizeof(AttrNumber));

	/* compile expressions for the rows of the table, not for those that the node returns */
	ps->scandesc = RelationGetDescr(table->table.relation);
	ps->scanops = &TTSOpsBufferHeapTuple;
	table->filters = ScanFiltersMake(&quals, &filter_attnos, ps);
	table->qual = ExecInitQual(quals, ps);

	table->by_column = table->filters != NIL;
	table->by_row = table->qual != NULL;
	table->filtered = true;
	table->sources = palloc0(scan->naggregates * sizeof(ScanSource));
	for (int i = 0; i < scan->nresults; i++)
	{
		const ScanAggregate *aggregate = scan->results[i].aggregate;
		ScanSource *source = &table->sources[aggregate - scan->aggregates];

		/* results that share an aggregate have the same arguments and the same FILTER */
		if (!source->prepared)
			ScanSourceInit(source, aggregate,
						   castNode(Aggref, PlanEntry(plan, entry + SCAN_TABLE_ENTRIES + i)),
						   attnos, &filter_attnos, ps);
		table->by_column |= source->column_filters != NIL;
		table->by_row |= source->filter != NULL;
		table->filtered &= source->filter != NULL;
	}
	ScanTableSetColumns(&table->table, attnos, BindFilters(scan, table, filter_attnos, attnos));
	ps->scandesc = own_desc;
	ps->scanops = own_ops;
}

/*
 * Return the aggregate of an Aggref.  Set it up unless an earlier Aggref with the same
 * transition number has done so.
 */
static ScanAggregate *
FindAggregate(WinbackScanState *scan, const Aggref *aggref)
{
	ScanAggregate *aggregate;

	for (int i = 0; i < scan->naggregates; i++)
	{
		if (scan->aggregates[i].aggref->aggtransno == aggref->aggtransno)
			return &scan->aggregates[i];
	}
	aggregate = &scan->aggregates[scan->naggregates++];
	ScanAggregateInit(aggregate, aggref, &scan->columns, &scan->css.ss.ps);
	return aggregate;
}

static void
BeginScan(CustomScanState *node, EState *estate, int eflags)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	const CustomScan *plan = (const CustomScan *) node->ss.ps.plan;
	int			entry = RelationGetNumberOfAttributes(node->ss.ss_currentRelation);

	scan->context = AllocSetContextCreate(CurrentMemoryContext, "Winback Scan",
										  ALLOCSET_DEFAULT_SIZES);

	scan->nresults = intVal(linitial(plan->custom_private));
	scan->results = palloc0(scan->nresults * sizeof(ScanResult));
	scan->aggregates = palloc0(scan->nresults * sizeof(ScanAggregate));
	/* of the aggregates, and of the filters: each may be any column that the query names */
	scan->columns.columns = palloc0((Size) 2 * entry * sizeof(ScanColumn));
	for (int i = 0; i < scan->nresults; i++, entry++)
	{
		ScanResult *result = &scan->results[i];

		result->column = entry;
		result->aggref = castNode(Aggref, PlanEntry(plan, entry));
		ScanCheckPrivileges(result->aggref);
		result->aggregate = FindAggregate(scan, result->aggref);
	}

	scan->ntables = (list_length(plan->custom_scan_tlist) - entry) /
		(SCAN_TABLE_ENTRIES + scan->nresults);
	scan->tables = palloc0(scan->ntables * sizeof(TableToScan));
	for (int i = 0; i < scan->ntables; i++, entry += SCAN_TABLE_ENTRIES + scan->nresults)
		BeginTable(scan, &scan->tables[i], estate, entry, eflags);

	scan->selected = palloc(MaxHeapTuplesPerPage * sizeof(uint16));
	scan->taken = palloc(MaxHeapTuplesPerPage * sizeof(HeapTupleHeader));
	scan->chosen = palloc((Size) scan->naggregates * MaxHeapTuplesPerPage * sizeof(uint16));
	scan->nchosen = palloc(scan->naggregates * sizeof(int));
}

/* Return the array of the rows that the FILTER of an aggregate accepts. */
static inline uint16 *
Chosen(WinbackScanState *scan, int aggregate)
{
	return scan->chosen + (Size) aggregate * MaxHeapTuplesPerPage;
}

/*
 * Evaluate the FILTERs of all aggregates on the row in the slot.  Add `row` to the lists of those
 * that accept it, and return whether there is one.
 */
static bool
ChooseForFilters(WinbackScanState *scan, TableToScan *table, uint16 row)
{
	bool		chosen = false;

	for (int i = 0; i < scan->naggregates; i++)
	{
		if (table->sources[i].filter != NULL &&
			ExecQual(table->sources[i].filter, scan->css.ss.ps.ps_ExprContext))
		{
			Chosen(scan, i)[scan->nchosen[i]++] = row;
			chosen = true;
		}
	}
	return chosen;
}

/*
 * Fetch the columns of all rows of a page, evaluate the table's filters on them, collect the
 * numbers of the rows that they accept in scan->selected, and return how many these are.
 */
static int
SelectRows(WinbackScanState *scan, TableToScan *table)
{
	int			nrows = scan->page.nrows;
	int			nselected;

	/* a filter may detoast values */
	ResetExprContext(scan->css.ss.ps.ps_ExprContext);
	ScanTableFetch(&table->table, &scan->columns, scan->page.rows, nrows);
	for (int row = 0; row < nrows; row++)
		scan->selected[row] = row;
	nselected = ScanFiltersApply(table->filters, scan->css.ss.ps.ps_ExprContext, &scan->columns,
								 scan->selected, nrows);
	InstrCountFiltered1(&scan->css.ss.ps, nrows - nselected);
	return nselected;
}

/*
 * Evaluate the qual and FILTER on the first `nrows` rows in scan->selected.  Keep there the rows
 * that at least one aggregate takes, and return their number.
 */
static int
ChooseSelected(WinbackScanState *scan, TableToScan *table, int nrows)
{
	PlanState  *ps = &scan->css.ss.ps;
	ExprContext *econtext = ps->ps_ExprContext;
	int			ntaken = 0;

	memset(scan->nchosen, 0, scan->naggregates * sizeof(int));
	for (int i = 0; i < nrows; i++)
	{
		uint16		row = scan->selected[i];
		bool		taken = !table->filtered;

		ResetExprContext(econtext);
		econtext->ecxt_scantuple = ScanTableRow(&table->table, &scan->page, row);
		if (!ExecQual(table->qual, econtext))
		{
			InstrCountFiltered1(ps, 1);
			continue;
		}
		scan->counters.rows++;
		taken |= ChooseForFilters(scan, table, row);
		scan->selected[ntaken] = row;
		ntaken += taken;
	}
	return ntaken;
}

/*
 * Evaluate WHERE and FILTER on the rows of a page.  Collect the rows that at least one
 * aggregate takes in scan->taken, fetch their columns, and return their number.
 *
 * To evaluate the expressions, PostgreSQL deforms each row from its first column to the
 * last one that they need.  ScanTableShouldCopy decides, on the first row that is taken,
 * whether to copy the columns of the aggregates from the slot row by row.  Otherwise they
 * are fetched from all rows after the loop.
 */
static int
ChooseRows(WinbackScanState *scan, TableToScan *table)
{
	PlanState  *ps = &scan->css.ss.ps;
	ExprContext *econtext = ps->ps_ExprContext;
	int			ntaken = 0;
	bool		copy = false;

	memset(scan->nchosen, 0, scan->naggregates * sizeof(int));
	for (int row = 0; row < scan->page.nrows; row++)
	{
		bool		taken = !table->filtered;

		ResetExprContext(econtext);
		econtext->ecxt_scantuple = ScanTableRow(&table->table, &scan->page, row);
		if (!ExecQual(table->qual, econtext))
		{
			InstrCountFiltered1(ps, 1);
			continue;
		}
		scan->counters.rows++;
		taken |= ChooseForFilters(scan, table, ntaken);
		if (!taken)
			continue;
		if (ntaken == 0)
			copy = ScanTableShouldCopy(&table->table);
		if (copy)
			ScanTableCopy(&table->table, &scan->columns, ntaken);
		scan->taken[ntaken++] = scan->page.rows[row];
	}
	if (!copy)
		ScanTableFetch(&table->table, &scan->columns, scan->taken, ntaken);
	return ntaken;
}

/* Enter the rows of the current page into the states. */
static void
EnterPage(WinbackScanState *scan, TableToScan *table)
{
	int			nrows = scan->page.nrows;
	const uint16 *all = NULL;	/* the rows that an aggregate without a FILTER takes */

	if (table->by_column)
	{
		nrows = SelectRows(scan, table);
		all = scan->selected;
	}
	else if (!table->by_row)
		ScanTableFetch(&table->table, &scan->columns, scan->page.rows, nrows);

	if (!table->by_row)
		scan->counters.rows += nrows;
	else if (table->by_column)
		nrows = ChooseSelected(scan, table, nrows);
	else
		nrows = ChooseRows(scan, table);
	for (int i = 0; i < scan->naggregates; i++)
	{
		ScanSource *source = &table->sources[i];
		/* if a FILTER accepts all rows that are taken, no list of them is needed */
		bool		filtered = source->filter != NULL && scan->nchosen[i] < nrows;

		if (source->column_filters != NIL)
		{
			memcpy(Chosen(scan, i), scan->selected, nrows * sizeof(uint16));
			scan->nchosen[i] = ScanFiltersApply(source->column_filters,
												scan->css.ss.ps.ps_ExprContext, &scan->columns,
												Chosen(scan, i), nrows);
			filtered = true;
		}

		ScanAggregateEnter(&scan->aggregates[i], scan->css.ss.ps.ps_ExprContext, &scan->columns,
						   filtered ? Chosen(scan, i) : all,
						   filtered ? scan->nchosen[i] : nrows);
	}
}

/* Return the parallel scan descriptor of a table in shared memory. */
static ParallelTableScanDesc
SharedHeap(SharedScan *shared, int table)
{
	return (ParallelTableScanDesc) ((char *) shared + MAXALIGN(sizeof(SharedScan)) +
									table * shared->heap_size);
}

/* Enter the rows of all tables into the states. */
static void
EnterTables(WinbackScanState *scan)
{
	PlanState  *ps = &scan->css.ss.ps;

	for (int i = 0; i < scan->ntables; i++)
	{
		TableToScan *table = &scan->tables[i];
		MemoryContext old_context;

		ScanFiltersStart(table->filters, scan->context);
		for (int j = 0; j < scan->naggregates; j++)
			ScanFiltersStart(table->sources[j].column_filters, scan->context);
		ScanTableBegin(&table->table, ps->state->es_snapshot,
					   scan->shared != NULL ? SharedHeap(scan->shared, i) : NULL);
		old_context = MemoryContextSwitchTo(ps->ps_ExprContext->ecxt_per_tuple_memory);
		while (ScanTableNextPage(&table->table, &scan->page))
		{
			CHECK_FOR_INTERRUPTS();
			EnterPage(scan, table);
		}
		MemoryContextSwitchTo(old_context);
		ScanTableEnd(&table->table);
	}
}

/* Compute the states, and add up the counters for EXPLAIN. */
static void
ComputeStates(WinbackScanState *scan)
{
	MemoryContext old_context = MemoryContextSwitchTo(scan->context);

	for (int i = 0; i < scan->naggregates; i++)
		ScanAggregateStart(&scan->aggregates[i]);
	EnterTables(scan);
	MemoryContextSwitchTo(old_context);

	for (int i = 0; i < scan->naggregates; i++)
		ScanAggregateMeasure(&scan->aggregates[i], &scan->counters);
	scan->counters.bytes += MemoryContextMemAllocated(scan->context, true);
	if (scan->shared != NULL)
	{
		SpinLockAcquire(&scan->shared->mutex);
		scan->shared->counters.rows += scan->counters.rows;
		scan->shared->counters.customers += scan->counters.customers;
		scan->shared->counters.batches += scan->counters.batches;
		scan->shared->counters.bytes += scan->counters.bytes;
		SpinLockRelease(&scan->shared->mutex);
	}
}

/*
 * Return the value of a result in the next output row, allocated in the current context.
 * A final value is in the only row.  A state that is serialized has one portion in each
 * row, and NULL after its last portion.
 */
static Datum
NextValue(ScanResult *result, bool *isnull)
{
	if (DO_AGGSPLIT_SERIALIZE(result->aggref->aggsplit))
		return ScanAggregateSerialize(result->aggregate, &result->next, isnull);

	/* a node with final values returns a single row */
	result->next.done = true;
	return ScanAggregateFinish(result->aggregate, result->aggref, isnull);
}

/* Return whether the last row has been returned. */
static bool
AllResultsAreDone(const WinbackScanState *scan)
{
	for (int i = 0; i < scan->nresults; i++)
	{
		if (!scan->results[i].next.done)
			return false;
	}
	return true;
}

/* Return the row of the final values, or the next row with portions of the states. */
static TupleTableSlot *
ExecWinbackScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	TupleTableSlot *output = node->ss.ss_ScanTupleSlot;
	MemoryContext old_context;

	ExecClearTuple(output);
	ResetExprContext(econtext);
	if (!scan->begun)
	{
		scan->begun = true;
		ComputeStates(scan);
	}
	else if (AllResultsAreDone(scan))
		return NULL;

	memset(output->tts_isnull, true, output->tts_tupleDescriptor->natts * sizeof(bool));
	old_context = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	for (int i = 0; i < scan->nresults; i++)
	{
		ScanResult *result = &scan->results[i];

		output->tts_values[result->column] = NextValue(result, &output->tts_isnull[result->column]);
	}
	MemoryContextSwitchTo(old_context);
	ExecStoreVirtualTuple(output);

	econtext->ecxt_scantuple = output;
	return node->ss.ps.ps_ProjInfo ? ExecProject(node->ss.ps.ps_ProjInfo) : output;
}

/*
 * Do nothing: the scan of each table was closed at its end (ScanTableEnd).  If an error
 * ended it early, PostgreSQL releases its resources.
 */
static void
EndScan(CustomScanState *node pg_attribute_unused())
{
}

/* Begin again, with new states. */
static void
ReScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;

	ExecScanReScan(&node->ss);
	MemoryContextReset(scan->context);
	memset(&scan->counters, 0, sizeof(scan->counters));
	for (int i = 0; i < scan->nresults; i++)
		memset(&scan->results[i].next, 0, sizeof(Portion));
	scan->begun = false;
}

/*
 * Parallel plans.
 */

/* Use the shared memory of a parallel scan, in the leader or a worker. */
static void
JoinParallelScan(CustomScanState *node, shm_toc *toc pg_attribute_unused(), void *coordinate)
{
	((WinbackScanState *) node)->shared = coordinate;
}

/* Return the size of a parallel scan descriptor, the largest of all tables. */
static Size
SharedHeapSize(WinbackScanState *scan)
{
	Size		size = 0;

	for (int i = 0; i < scan->ntables; i++)
		size = Max(size, table_parallelscan_estimate(scan->tables[i].table.relation,
													 scan->css.ss.ps.state->es_snapshot));
	return MAXALIGN(size);
}

static Size
EstimateShared(CustomScanState *node, ParallelContext *pcxt pg_attribute_unused())
{
	WinbackScanState *scan = (WinbackScanState *) node;

	return MAXALIGN(sizeof(SharedScan)) + mul_size(scan->ntables, SharedHeapSize(scan));
}

static void
InitializeShared(CustomScanState *node, ParallelContext *pcxt pg_attribute_unused(),
				 void *coordinate)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	SharedScan *shared = coordinate;

	memset(shared, 0, sizeof(*shared));
	SpinLockInit(&shared->mutex);
	shared->heap_size = SharedHeapSize(scan);
	for (int i = 0; i < scan->ntables; i++)
		table_parallelscan_initialize(scan->tables[i].table.relation, SharedHeap(shared, i),
									  node->ss.ps.state->es_snapshot);
	JoinParallelScan(node, NULL, shared);
}

static void
ReInitializeShared(CustomScanState *node, ParallelContext *pcxt pg_attribute_unused(),
				   void *coordinate)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	SharedScan *shared = coordinate;

	JoinParallelScan(node, NULL, shared);
	memset(&shared->counters, 0, sizeof(ScanCounters));
	for (int i = 0; i < scan->ntables; i++)
		table_parallelscan_reinitialize(scan->tables[i].table.relation, SharedHeap(shared, i));
}

/* Copy the counters of all processes for EXPLAIN, before the shared memory is detached. */
static void
ShutdownScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;

	if (scan->shared != NULL)
		scan->counters = scan->shared->counters;
	scan->shared = NULL;
}

/* Return the names of the columns that the aggregates need. */
static List *
ColumnNames(const WinbackScanState *scan)
{
	TupleDesc	tupdesc = RelationGetDescr(scan->css.ss.ss_currentRelation);
	List	   *columns = NIL;
	List	   *names = NIL;

	for (int i = 0; i < scan->naggregates; i++)
	{
		ListCell   *lc;

		foreach(lc, scan->aggregates[i].aggref->args)
		{
			Var		   *column = ColumnOf(lfirst_node(TargetEntry, lc)->expr);

			if (column != NULL && !list_member_int(columns, column->varattno))
			{
				columns = lappend_int(columns, column->varattno);
				names = lappend(names,
								NameStr(TupleDescAttr(tupdesc, column->varattno - 1)->attname));
			}
		}
	}
	return names;
}

/* Return how many conditions of WHERE and FILTER on a table are evaluated by column. */
static int
CountColumnConditions(const WinbackScanState *scan, const TableToScan *table)
{
	int			n = list_length(table->filters);

	for (int i = 0; i < scan->naggregates; i++)
		n += list_length(table->sources[i].column_filters);
	return n;
}

static void
ExplainScan(CustomScanState *node, List *ancestors pg_attribute_unused(), ExplainState *es)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	bool		is_divided = node->ss.ss_currentRelation->rd_rel->relhassubclass;

	if (es->verbose)
		ExplainPropertyList("Columns", ColumnNames(scan), es);
	if (es->verbose && is_divided)
	{
		List	   *names = NIL;

		for (int i = 0; i < scan->ntables; i++)
			names = lappend(names, RelationGetRelationName(scan->tables[i].table.relation));
		ExplainPropertyList("Tables", names, es);
	}
	else if (is_divided)
		ExplainPropertyInteger("Tables", NULL, scan->ntables, es);
	if (es->verbose && scan->tables[0].by_column)
		ExplainPropertyInteger("Conditions by Column", NULL,
							   CountColumnConditions(scan, &scan->tables[0]), es);
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
	.ExecCustomScan = ExecWinbackScan,
	.EndCustomScan = EndScan,
	.ReScanCustomScan = ReScan,
	.EstimateDSMCustomScan = EstimateShared,
	.InitializeDSMCustomScan = InitializeShared,
	.ReInitializeDSMCustomScan = ReInitializeShared,
	.InitializeWorkerCustomScan = JoinParallelScan,
	.ShutdownCustomScan = ShutdownScan,
	.ExplainCustomScan = ExplainScan
};

const CustomScanMethods scan_methods = {
	.CustomName = "Winback Scan",
	.CreateCustomScanState = CreateScanState
};
