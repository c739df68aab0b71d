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
 * The node reads the partitions of a table, or the tables of a UNION ALL, one after the other, into
 * the same states.  The rows of foreign tables among them come from a plan, which is read last.
 *
 * In a parallel plan the processes divide the blocks of one table among them, and then
 * those of the next table.  Each process returns its states in serialized form, one
 * portion in each row (state_wire.c).  A Finalize Aggregate above the Gather node merges
 * them, as it merges the states of a Partial Aggregate.
 *
 * In another parallel plan the processes divide the groups among them, or the customers of a list.
 * Each process takes a part of the groups, reads all tables, leaves out the rows of other groups,
 * and returns final values.  The parts are disjoint, so nothing is merged.  If fewer processes come
 * than were planned, one of them takes another part.
 *
 * Limits: this node is planned only for the queries that ScanServes accepts (scan_serves.c).
 */
#include "postgres.h"

#include "access/tableam.h"
#include "executor/executor.h"
#include "miscadmin.h"

#include "compat.h"
#include "scan/scan_filter.h"
#include "scan/scan_state.h"

/*
 * The share of hash_mem for the rows that wait in the buffer, and the largest size of them: what the
 * second cache of most processors holds, and their tables of pages.
 */
#define BUFFER_SHARE		4
#define MAX_BUFFER			((Size) 2 * 1024 * 1024)

static const CustomExecMethods exec_methods;

static Node *
CreateScanState(CustomScan *plan pg_attribute_unused())
{
	WinbackScanState *scan = palloc0(sizeof(WinbackScanState));

	scan->css.ss.ps.type = T_CustomScanState;
	scan->css.methods = &exec_methods;
	return (Node *) scan;
}

/* Return whether the groups or customers found so far take all the memory that they may take. */
static inline bool
IsFull(const WinbackScanState *scan)
{
	return scan->list != NULL ? scan->list->full : scan->groups.full;
}

/* Enter the rows of one group, which wait in the buffer, into its states. */
void
EnterGroup(void *arg, uint32 group)
{
	WinbackScanState *scan = arg;
	CustomerState **states = GroupStates(&scan->groups, group);
	uint32		nwaiting = scan->buffer.rows[group].nrows;
	uint16		chosen[ROW_BLOCK_MAX];

	CHECK_FOR_INTERRUPTS();
	for (uint32 first = 0; first < nwaiting; first += ROW_BLOCK_MAX)
	{
		int			nrows = Min(nwaiting - first, ROW_BLOCK_MAX);

		RowBufferSetColumns(&scan->buffer, group, first, scan->group_columns.columns);
		for (int i = 0; i < scan->nstates; i++)
		{
			ScanAggregate *aggregate = &scan->aggregates[i];
			const bool *accepts = RowBufferAccepts(&scan->buffer, group, first, i);
			int			nchosen = 0;

			for (int row = 0; accepts != NULL && row < nrows; row++)
			{
				chosen[nchosen] = row;
				nchosen += accepts[row];
			}
			ScanAggregateSetState(aggregate, states[i]);
			ScanAggregateEnter(aggregate, scan->css.ss.ps.ps_ExprContext, &scan->group_columns,
							   accepts != NULL ? chosen : NULL,
							   accepts != NULL ? nchosen : nrows);
			states[i] = ScanAggregateState(aggregate);
		}
	}
}

/* Return the number of tables whose blocks the processes divide among them. */
static inline int
SharedTables(const WinbackScanState *scan)
{
	return DividesGroups(scan) ? 0 : scan->ntables;
}

/* Return the parallel scan descriptor of a table in shared memory. */
static ParallelTableScanDesc
SharedHeap(SharedScan *shared, int table)
{
	return (ParallelTableScanDesc) ((char *) shared + MAXALIGN(sizeof(SharedScan)) +
									table * shared->heap_size);
}

/*
 * Add the rows of the current page to the facts of aggregates without states.  groups[i] is the group
 * of row i; without GROUP BY, `groups` is NULL.
 */
static void
AddToFacts(WinbackScanState *scan, const uint32 *groups)
{
	const ScanRows *rows = &scan->rows;

	for (int i = 0; i < rows->nrows; i++)
		scan->row_facts->facts[PlaceOf(rows, i)] = groups == NULL ? scan->facts :
			groups[i] == NO_GROUP ? NULL : GroupFacts(&scan->groups, groups[i]);
	RowFactsAdd(scan->row_facts, scan->aggregates, scan->naggregates, rows,
				scan->css.ss.ps.ps_ExprContext, scan->parts[scan->nparts - 1].parts == 1);
}

/* Enter the rows of the current page into the states, or into the buffer. */
static void
EnterPage(WinbackScanState *scan, TableToScan *table)
{
	PlanState  *ps = &scan->css.ss.ps;
	ScanRows   *rows = &scan->rows;
	uint32		groups[MaxHeapTuplesPerPage];
	uint16		kept[MaxHeapTuplesPerPage];

	/* a join detoasts keys, and there may be no row to enter into a state for a long time */
	ResetExprContext(ps->ps_ExprContext);
	ScanRowsChoose(rows, table, ps);
	if (scan->list != NULL)
	{
		ScanListEnter(scan->list, rows, ps->ps_ExprContext);
		return;
	}
	if (scan->join != NULL)
	{
		ScanJoinProbe(scan->join, rows, kept);
		ScanRowsEvaluateJoined(rows, table, ps->ps_ExprContext);
		if (scan->join->gathers)
		{
			ScanGatherEnter(scan->gather, ps->ps_ExprContext, rows);
			return;
		}
	}
	if (scan->grouped)
	{
		ScanGroupsFind(&scan->groups, &rows->columns, rows->all, rows->nrows, groups);
		if (scan->row_facts != NULL)
			AddToFacts(scan, groups);
		if (scan->nstates > 0)
			RowBufferAppend(&scan->buffer, rows, groups, scan->groups.ngroups);
		return;
	}
	if (scan->row_facts != NULL)
		AddToFacts(scan, NULL);
	for (int i = 0; i < scan->nstates; i++)
	{
		int			nrows;
		const uint16 *chosen = RowsOfAggregate(rows, i, &nrows);

		ScanAggregateEnter(&scan->aggregates[i], ps->ps_ExprContext, &rows->columns, chosen, nrows);
	}
}

/* Begin to read the current table, if the scan has not begun to read it. */
static void
OpenTable(WinbackScanState *scan, TableToScan *table)
{
	MemoryContext old_context;

	if (table->table.is_open)
		return;
	old_context = MemoryContextSwitchTo(scan->values);
	ScanRowsFillConstants(&scan->rows, table);
	ScanFiltersStart(table->filters, scan->values);
	for (int i = 0; i < scan->naggregates; i++)
		ScanFiltersStart(table->sources[i].column_filters, scan->values);
	ScanTableBegin(&table->table, scan->css.ss.ps.state->es_snapshot,
				   scan->shared != NULL && scan->table < SharedTables(scan) ?
				   SharedHeap(scan->shared, scan->table) : NULL);
	MemoryContextSwitchTo(old_context);
}

/* Enter the rows of all tables into the states, or of as many pages as memory allows. */
static void
EnterTables(WinbackScanState *scan)
{
	MemoryContext old_context =
		MemoryContextSwitchTo(scan->css.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);

	for (; scan->table < scan->ntables && !IsFull(scan); scan->table++)
	{
		TableToScan *table = &scan->tables[scan->table];

		OpenTable(scan, table);
		while (!IsFull(scan) && !ScanFiltersKeepNone(table->filters) &&
			   ScanTableNextPage(&table->table, &scan->rows.page))
		{
			CHECK_FOR_INTERRUPTS();
			EnterPage(scan, table);
		}
		if (IsFull(scan))
			break;
		ScanTableEnd(&table->table);
	}
	if (scan->join != NULL && scan->join->gathers && scan->grouped)
		ScanGatherFinishGroups(scan->gather, scan->join, &scan->rows, &scan->groups,
							   !IsPartial(&scan->results[0]));
	else if (scan->join != NULL && scan->join->gathers)
		ScanGatherFinish(scan->gather, scan->join, &scan->rows, scan->aggregates);
	else if (scan->grouped)
		RowBufferEnterAll(&scan->buffer);
	MemoryContextSwitchTo(old_context);
}

/* Forget all states and groups, and prepare for others. */
static void
StartStates(WinbackScanState *scan)
{
	GroupPart	part = scan->parts[scan->nparts - 1];
	Size		limit = get_hash_memory_limit();
	MemoryContext old_context;

	MemoryContextReset(scan->context);
	old_context = MemoryContextSwitchTo(scan->context);
	for (int i = 0; i < scan->naggregates; i++)
		ScanAggregateStart(&scan->aggregates[i]);
	if (scan->gather != NULL)
		ScanGatherStart(scan->gather);
	if (scan->row_facts != NULL && !scan->grouped)
		scan->facts = palloc0(scan->facts_size);
	for (int i = 0; i < scan->nresults; i++)
	{
		ScanResult *result = &scan->results[i];

		if (!IsPartial(result))
			ScanFinishStart(&result->finish, result->aggregate, result->aggref);
		memset(&result->next, 0, sizeof(Portion));
	}
	if (scan->grouped)
	{
		ScanGroupsStart(&scan->groups, scan->context, part,
						part.parts < MAX_PARTS ? limit : SIZE_MAX);
		RowBufferStart(&scan->buffer, Min(limit / BUFFER_SHARE, MAX_BUFFER));
	}
	if (scan->list != NULL)
		ScanListStart(scan->list, scan->context, part,
					  part.parts < MAX_PARTS ? limit : SIZE_MAX);
	scan->group = 0;
	MemoryContextSwitchTo(old_context);
}

/* Begin to read the tables, from the first one on. */
static void
StartTables(WinbackScanState *scan)
{
	if (scan->table < scan->ntables && scan->tables[scan->table].table.is_open)
		ScanTableEnd(&scan->tables[scan->table].table);
	MemoryContextReset(scan->values);
	scan->rows.naccepted = 0;
	scan->table = 0;
}

/* Make a group the one whose states the aggregates have. */
static void
SelectGroup(WinbackScanState *scan, uint32 group)
{
	for (int i = 0; i < scan->nstates; i++)
		ScanAggregateSetState(&scan->aggregates[i], GroupStates(&scan->groups, group)[i]);
}

/* Add the numbers of the states to the counters for EXPLAIN. */
static void
MeasureStates(WinbackScanState *scan)
{
	ScanCounters *counters = &scan->counters;

	for (uint32 group = 0; group < scan->groups.ngroups; group++)
	{
		SelectGroup(scan, group);
		for (int i = 0; i < scan->nstates; i++)
			ScanAggregateMeasure(&scan->aggregates[i], counters);
	}
	for (int i = 0; i < scan->nstates; i++)
	{
		if (!scan->grouped)
			ScanAggregateMeasure(&scan->aggregates[i], counters);
		else if (scan->aggregates[i].batch != NULL)
			counters->batches += scan->aggregates[i].batch->nbatches;
	}
	if (scan->gather != NULL)
		counters->batches += ScanGatherBatches(scan->gather);
	if (scan->list != NULL)
		counters->customers += ScanListCustomers(scan->list);
	/* other processes and passes read the same rows */
	if (!DividesGroups(scan) || scan->parts[scan->nparts - 1].part == 0)
		counters->rows = scan->rows.naccepted;
	counters->groups += scan->groups.ngroups;
	counters->bytes = Max(counters->bytes, MemoryContextMemAllocated(scan->context, true));
}

/* Add what this process has counted since the last call to the counters of all processes. */
static void
ShareCounters(WinbackScanState *scan)
{
	const ScanCounters *own = &scan->counters;
	ScanCounters *told = &scan->told;
	ScanCounters *sum;

	if (scan->shared == NULL)
		return;
	sum = &scan->shared->counters;
	SpinLockAcquire(&scan->shared->mutex);
	sum->rows += own->rows - told->rows;
	sum->groups += own->groups - told->groups;
	sum->customers += own->customers - told->customers;
	sum->batches += own->batches - told->batches;
	sum->bytes += own->bytes - told->bytes;
	if (DividesGroups(scan))
		sum->passes = Max(sum->passes, own->passes);
	SpinLockRelease(&scan->shared->mutex);
	*told = *own;
}

/* Split the current part of the groups in two, and make one of them the current one. */
static void
SplitPart(WinbackScanState *scan)
{
	GroupPart  *part = &scan->parts[scan->nparts - 1];

	part->parts *= 2;
	part->part *= 2;
	part[1] = *part;
	part[1].part++;
	scan->nparts++;
}

/*
 * Forget the customers of a list that are not in the current part.  Return false if the tables must
 * be read again instead.
 */
static bool
KeepPart(WinbackScanState *scan)
{
	MemoryContext old_context =
		MemoryContextSwitchTo(scan->css.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);
	bool		kept = scan->list != NULL &&
		ScanListKeepPart(scan->list, scan->parts[scan->nparts - 1]);

	MemoryContextSwitchTo(old_context);
	return kept;
}

/* Take the next part of the groups that no process has taken.  Return false if there is none. */
static bool
TakePart(WinbackScanState *scan)
{
	GroupPart	taken = {.parts = 1, .part = scan->computed ? 1 : 0};

	if (scan->shared != NULL && DividesGroups(scan))
	{
		taken.parts = scan->shared->nparts;
		taken.part = pg_atomic_fetch_add_u32(&scan->shared->ntaken, 1);
	}
	if (taken.part >= taken.parts)
		return false;
	scan->parts[0] = taken;
	scan->nparts = 1;
	return true;
}

/*
 * Compute the next states to return.  Return false if there are none.
 *
 * If there are too many groups for the memory, partial states of those that have been found are
 * returned, and the scan goes on with new states.  Final values need all rows of a group, so then
 * the scan begins again with half of the groups, and another pass over the tables has the others.
 * A list of customers need not begin again: it keeps half of its customers.
 * No condition is volatile, so every pass sees the same rows.
 */
static bool
ComputeStates(WinbackScanState *scan)
{
	bool		partial = IsPartial(&scan->results[0]);

	if (!scan->computed)
		scan->nparts = 0;
	else if (scan->table == scan->ntables)
	{
		StartTables(scan);
		scan->nparts--;
	}
	if (scan->nparts == 0 && !TakePart(scan))
		return false;

	if (scan->join != NULL)
		ScanJoinBuild(scan->join);
	scan->counters.passes++;
	StartStates(scan);
	EnterTables(scan);
	while (IsFull(scan) && !partial)
	{
		SplitPart(scan);
		if (!KeepPart(scan))
		{
			StartTables(scan);
			scan->counters.passes++;
			StartStates(scan);
		}
		EnterTables(scan);
	}
	MeasureStates(scan);
	if (scan->table == scan->ntables)
		ShareCounters(scan);
	return true;
}

/*
 * Return the value of a result in the next output row, allocated in the current context.
 * A final value is in the only row of a group.  A state that is serialized has one portion in each
 * row, and NULL after its last portion.
 */
static Datum
NextValue(const WinbackScanState *scan, ScanResult *result, bool *isnull)
{
	const uint8 *facts = scan->list != NULL ? scan->list->current :
		scan->grouped ? GroupFacts(&scan->groups, scan->group) : scan->facts;

	if (IsPartial(result))
		return result->aggregate->list != NULL ?
			ScanAggregateSend(result->aggregate, &result->next, facts, isnull) :
			ScanAggregateSerialize(result->aggregate, &result->next, isnull);

	/* a node with final values returns a single row for each group */
	result->next.done = true;
	if (result->aggregate->list != NULL)
		return ScanAggregateFinish(result->aggregate, &result->finish, facts, isnull);
	return ScanFinishCall(&result->finish, result->aggregate, isnull);
}

/* Return whether the last row of a group has been returned. */
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

/* Go on to the next customer of a list.  Return false if there is none. */
static bool
NextCustomer(WinbackScanState *scan)
{
	while (!scan->computed || !ScanListNext(scan->list))
	{
		if (!ComputeStates(scan))
			return false;
		scan->computed = true;
	}
	return true;
}

/*
 * Go on to the next row of a group, or to the first row of the next group.  Return false if there
 * is none.
 */
static bool
NextRow(WinbackScanState *scan)
{
	uint32		ngroups = scan->grouped ? scan->groups.ngroups : 1;

	if (scan->list != NULL)
		return NextCustomer(scan);
	if (scan->computed && scan->group < ngroups && !AllResultsAreDone(scan))
		return true;
	if (scan->computed)
		scan->group++;
	while (!scan->computed || scan->group >= ngroups)
	{
		if (!ComputeStates(scan))
			return false;
		scan->computed = true;
		ngroups = scan->grouped ? scan->groups.ngroups : 1;
	}
	for (int i = 0; i < scan->nresults; i++)
		memset(&scan->results[i].next, 0, sizeof(Portion));
	if (scan->grouped)
		SelectGroup(scan, scan->group);
	return true;
}

/* Store a key of GROUP BY in a scan tuple. */
static void
StoreKey(TupleTableSlot *output, const ScanKeyEntry *key, Datum value, bool isnull)
{
	int			entries[] = {key->entry, key->column_entry};

	for (int e = 0; e < (int) lengthof(entries); e++)
	{
		if (entries[e] < 0)
			continue;
		output->tts_values[entries[e]] = value;
		output->tts_isnull[entries[e]] = isnull;
	}
}

/* Store the current customer of a list in a scan tuple. */
static void
StoreCustomer(WinbackScanState *scan, TupleTableSlot *output)
{
	bool		isnull;
	Datum		customer = ScanListCustomer(scan->list, &isnull);

	StoreKey(output, scan->keys, customer, isnull);
}

/* Store the keys of the current group in a scan tuple. */
static void
StoreKeys(WinbackScanState *scan, TupleTableSlot *output)
{
	const TupleTableSlot *own = ScanGroupsKeys(&scan->groups, scan->group);
	const TupleTableSlot *other = NULL;

	for (int i = 0; i < scan->nkeys; i++)
	{
		const ScanKeyEntry *key = &scan->keys[i];
		const TupleTableSlot *keys = own;

		if (key->of_other)
		{
			if (other == NULL)
				other = ScanJoinKeys(scan->join,
									 DatumGetUInt32(own->tts_values[scan->class_place]));
			keys = other;
		}
		StoreKey(output, key, keys->tts_values[key->place], keys->tts_isnull[key->place]);
	}
}

/* Return the next row of final values, or of portions of the states. */
static TupleTableSlot *
ExecWinbackScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	TupleTableSlot *output = node->ss.ss_ScanTupleSlot;

	while (NextRow(scan))
	{
		MemoryContext old_context;

		CHECK_FOR_INTERRUPTS();
		ResetExprContext(econtext);
		ExecClearTuple(output);
		memset(output->tts_isnull, true, output->tts_tupleDescriptor->natts * sizeof(bool));
		old_context = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
		if (scan->list != NULL)
			StoreCustomer(scan, output);
		else if (scan->nkeys > 0)
			StoreKeys(scan, output);
		for (int i = 0; i < scan->nresults; i++)
		{
			ScanResult *result = &scan->results[i];

			output->tts_values[result->column] =
				NextValue(scan, result, &output->tts_isnull[result->column]);
		}
		MemoryContextSwitchTo(old_context);
		ExecStoreVirtualTuple(output);

		econtext->ecxt_scantuple = output;
		if (scan->having != NULL && !ExecQual(scan->having, econtext))
			continue;
		return node->ss.ps.ps_ProjInfo ? ExecProject(node->ss.ps.ps_ProjInfo) : output;
	}
	return ExecClearTuple(output);
}

/*
 * End the scan of a table that was not read to its end, for example below LIMIT, and the plans of
 * the other side of a join and of the rest.
 */
static void
EndScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	ListCell   *lc;

	StartTables(scan);
	foreach(lc, node->custom_ps)
	{
		ExecEndNode(lfirst(lc));
	}
}

/* Begin again, with new states. */
static void
ReScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;

	ExecScanReScan(&node->ss);
	MemoryContextReset(scan->context);
	memset(&scan->counters, 0, sizeof(scan->counters));
	memset(&scan->told, 0, sizeof(scan->told));
	StartTables(scan);
	scan->computed = false;
	if (node->ss.ps.chgParam != NULL)
	{
		ListCell   *lc;

		foreach(lc, node->custom_ps)
		{
			UpdateChangedParamSet(lfirst(lc), node->ss.ps.chgParam);
		}
	}
	/* the plan of the rest is rescanned when it is read */
	if (scan->join != NULL)
	{
		if (scan->join->other->chgParam == NULL)
			ExecReScan(scan->join->other);
		ScanJoinReset(scan->join);
	}
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

	return MAXALIGN(sizeof(SharedScan)) + mul_size(SharedTables(scan), SharedHeapSize(scan));
}

static void
InitializeShared(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	SharedScan *shared = coordinate;

	memset(shared, 0, sizeof(*shared));
	SpinLockInit(&shared->mutex);
	pg_atomic_init_u32(&shared->ntaken, 0);
	shared->nparts = ScanProcesses(pcxt->nworkers);
	shared->heap_size = SharedHeapSize(scan);
	for (int i = 0; i < SharedTables(scan); i++)
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
	pg_atomic_write_u32(&shared->ntaken, 0);
	for (int i = 0; i < SharedTables(scan); i++)
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

static const CustomExecMethods exec_methods = {
	.CustomName = "Winback Scan",
	.BeginCustomScan = BeginWinbackScan,
	.ExecCustomScan = ExecWinbackScan,
	.EndCustomScan = EndScan,
	.ReScanCustomScan = ReScan,
	.EstimateDSMCustomScan = EstimateShared,
	.InitializeDSMCustomScan = InitializeShared,
	.ReInitializeDSMCustomScan = ReInitializeShared,
	.InitializeWorkerCustomScan = JoinParallelScan,
	.ShutdownCustomScan = ShutdownScan,
	.ExplainCustomScan = ExplainWinbackScan
};

const CustomScanMethods scan_methods = {
	.CustomName = "Winback Scan",
	.CreateCustomScanState = CreateScanState
};
