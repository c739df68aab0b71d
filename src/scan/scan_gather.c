/*
 * scan_gather.c
 *	  Gather the facts of a Winback Scan by the key of its join, before the rows of the other side
 *	  are used.
 *
 * If each row of the scan fetched its columns from the other side, a table of ten orders a customer
 * would look up each customer ten times, and the rows of many groups would have to be sorted out.
 * But all rows with the same key have the same columns from the other side.  So the rows are
 * entered into states in which the key of the join is the customer, and at the end the facts of
 * each key are merged once into the states of its group, under the aggregate's own customer.
 *
 * A bit for each key (JoinBits) records which keys rows of the scan have.  A key all of whose rows
 * the aggregates ignore has no facts, but its group exists.
 *
 * Limits: inner joins and semi-joins; keys for which there are bits; keys of GROUP BY and customers
 * that depend on the key of the join only; aggregates of winback whose states are no more than the facts of
 * customers, which merge_facts can move (OnePassAggregate.only_facts).
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "scan/scan_gather.h"

/*
 * Set up the gathering of facts for a join and its aggregates.  Return NULL if it is not possible.
 * The key of the join and the customers of the aggregates must have their places in `columns`.
 */
ScanGather *
ScanGatherCreate(const ScanJoin *join, const ScanAggregate *aggregates, int naggregates,
				 ScanColumns *columns, PlanState *ps)
{
	ScanGather *gather;

	if ((join->type != JOIN_INNER && join->type != JOIN_SEMI) ||
		!CustomerIsInteger(join->own_type) || !CustomerIsInteger(join->other_type))
		return NULL;
	for (int i = 0; i < naggregates; i++)
	{
		if (aggregates[i].one_pass == NULL || !aggregates[i].one_pass->only_facts ||
			(aggregates[i].joined < 0 && aggregates[i].columns[0] != join->column))
			return NULL;
	}

	gather = palloc0(sizeof(ScanGather));
	gather->naggregates = naggregates;
	gather->aggregates = palloc0(naggregates * sizeof(GatheredAggregate));
	for (int i = 0; i < naggregates; i++)
	{
		const ScanAggregate *aggregate = &aggregates[i];
		const Aggref *aggref = aggregate->aggref;
		GatheredAggregate *gathered = &gather->aggregates[i];
		Oid			type = OidIsValid(aggregate->customer_type) ? aggregate->customer_type :
			linitial_oid(aggref->aggargtypes);

		ScanAggregateInit(&gathered->by_key, aggref, false, join->column, join->own_type->type,
						  columns, ps);
		gathered->column = aggregate->columns[0];
		gathered->customer_type = CustomerTypeCreate(CurrentMemoryContext, type,
													 aggref->inputcollid);
	}
	return gather;
}

/* Begin a scan.  The states will be allocated in the context that is current now. */
void
ScanGatherStart(ScanGather *gather)
{
	for (int i = 0; i < gather->naggregates; i++)
	{
		GatheredAggregate *gathered = &gather->aggregates[i];

		ScanAggregateStart(&gathered->by_key);
		gathered->family = (StateFamily)
		{
			.context = CurrentMemoryContext, .customer_type = gathered->customer_type
		};
	}
}

/* Enter the rows of a page that the join keeps. */
void
ScanGatherEnter(ScanGather *gather, ExprContext *econtext, const ScanRows *rows)
{
	for (int i = 0; i < gather->naggregates; i++)
	{
		int			nrows;
		const uint16 *chosen = RowsOfAggregate(rows, i, &nrows);

		ScanAggregateEnter(&gather->aggregates[i].by_key, econtext, &rows->columns, chosen, nrows);
	}
}

/* Return the least n from `from` on whose bit is set, or `nbits` if there is none. */
static uint64
NextBit(const uint64 *words, uint64 from, uint64 nbits)
{
	while (from < nbits)
	{
		uint64		rest = words[from / 64] >> (from % 64);

		if (rest != 0)
			return from + pg_rightmost_one_pos64(rest);
		from += 64 - from % 64;
	}
	return nbits;
}

/*
 * Make the next keys that rows of the scan have the rows of a page, with their columns from the
 * other side.  Return whether there is one.  rows->all then points to `kept`.  The current context is
 * reset.
 */
static bool
NextKeys(ScanJoin *join, ScanRows *rows, uint16 *kept, uint64 *bit)
{
	const JoinBits *bits = &join->bits;
	const ScanColumn *column = &rows->columns.columns[join->column];

	CHECK_FOR_INTERRUPTS();
	MemoryContextReset(CurrentMemoryContext);
	rows->nrows = 0;
	rows->all = NULL;
	for (*bit = NextBit(bits->met, *bit, bits->nbits);
		 *bit < bits->nbits && rows->nrows < MaxHeapTuplesPerPage;
		 *bit = NextBit(bits->met, *bit + 1, bits->nbits))
	{
		column->values[rows->nrows] = CustomerOfInteger(join->own_type->path,
														bits->first + (int64) *bit);
		column->nulls[rows->nrows++] = false;
	}
	if (rows->nrows == 0)
		return false;
	ScanJoinStore(join, rows, kept);
	return true;
}

/* Find the facts of the keys on a page; NULL for a key without facts. */
static void
FindFacts(const CustomerState *state, const ScanRows *rows, int column, const uint8 **facts)
{
	const Datum *values = rows->columns.columns[column].values;
	CustomerKey keys[MaxHeapTuplesPerPage];

	for (int i = 0; i < rows->nrows; i++)
	{
		MakeCustomerKey(state->table.customer_type, &state->table, values[rows->all[i]], &keys[i]);
		if (!keys[i].wide)
			CustomerTablePrefetch(&state->table, keys[i].word);
	}
	CustomerTableFind(&state->table, keys, rows->nrows, facts);
}

/* Begin to load the slot of a customer, if the key costs little. */
static inline void
PrefetchCustomer(CustomerType *customer_type, const CustomerTable *table, Datum customer)
{
	CustomerKey key;

	if (!CustomerIsInteger(customer_type))
		return;
	MakeCustomerKey(customer_type, table, customer, &key);
	if (!key.wide)
		CustomerTablePrefetch(table, key.word);
}

/*
 * Merge the facts of the keys on a page into states under the aggregate's own customers.  The state
 * of key i is states[found[i] * nstates].
 */
static void
MergeFacts(GatheredAggregate *gathered, const ScanJoin *join, const ScanRows *rows,
		   CustomerState **states, int nstates, const uint32 *found)
{
	CustomerState *by_key = ScanAggregateState(&gathered->by_key);
	const ScanColumn *column = &rows->columns.columns[gathered->column];
	const uint8 *facts[MaxHeapTuplesPerPage];
	CustomerState *merged[MaxHeapTuplesPerPage];

	if (by_key == NULL)
		return;
	Assert(by_key->ops->prepare == NULL);
	FindFacts(by_key, rows, join->column, facts);
	for (int i = 0; i < rows->nrows; i++)
	{
		CustomerState **state;

		merged[i] = NULL;
		if (facts[i] == NULL || column->nulls[rows->all[i]] || found[i] == NO_GROUP)
			continue;
		state = &states[(Size) found[i] * nstates];
		if (*state == NULL)
			*state = by_key->ops->create_like(gathered->family.context, &gathered->family, by_key);
		merged[i] = *state;
		PrefetchCustomer(gathered->customer_type, &merged[i]->table, column->values[rows->all[i]]);
	}
	for (int i = 0; i < rows->nrows; i++)
	{
		CustomerTable *table;

		if (merged[i] == NULL)
			continue;
		table = &merged[i]->table;
		if (table->ntaken % BATCH_ROWS == 0)
			CustomerTableSettle(table, BATCH_ROWS);
		by_key->ops->merge_facts(merged[i], LocateCustomer(table, gathered->customer_type,
														   column->values[rows->all[i]]),
								 by_key, facts[i]);
	}
}

/* Enter the rows that still wait for their states by key. */
static void
FlushStates(ScanGather *gather)
{
	for (int i = 0; i < gather->naggregates; i++)
	{
		CustomerState *by_key = ScanAggregateState(&gather->aggregates[i].by_key);

		if (by_key != NULL)
			CustomerStateFlush(by_key);
	}
}

/*
 * Merge the facts of all keys into the states of the groups.  The columns in `rows` are overwritten.
 * If `stops_when_full`, stop when the groups are full.  The current context must be short-lived; it
 * is reset.
 */
void
ScanGatherFinishGroups(ScanGather *gather, ScanJoin *join, ScanRows *rows, ScanGroups *groups,
					   bool stops_when_full)
{
	uint32		found[MaxHeapTuplesPerPage];
	uint16		kept[MaxHeapTuplesPerPage];
	uint64		bit = 0;

	FlushStates(gather);
	while (!(stops_when_full && groups->full) && NextKeys(join, rows, kept, &bit))
	{
		ScanGroupsFind(groups, &rows->columns, rows->all, rows->nrows, found);
		for (int i = 0; i < gather->naggregates; i++)
			MergeFacts(&gather->aggregates[i], join, rows, groups->states + i, groups->nstates,
					   found);
	}
}

/* Without GROUP BY: likewise, into the states of `aggregates`. */
void
ScanGatherFinish(ScanGather *gather, ScanJoin *join, ScanRows *rows, ScanAggregate *aggregates)
{
	const uint32 found[MaxHeapTuplesPerPage] = {0};
	uint16		kept[MaxHeapTuplesPerPage];
	uint64		bit = 0;

	FlushStates(gather);
	while (NextKeys(join, rows, kept, &bit))
	{
		for (int i = 0; i < gather->naggregates; i++)
		{
			CustomerState *state = ScanAggregateState(&aggregates[i]);

			MergeFacts(&gather->aggregates[i], join, rows, &state, 0, found);
			ScanAggregateSetState(&aggregates[i], state);
		}
	}
}

/* Return the number of batches of keys that were looked up. */
uint64
ScanGatherBatches(const ScanGather *gather)
{
	uint64		batches = 0;

	for (int i = 0; i < gather->naggregates; i++)
	{
		const CustomerState *by_key = ScanAggregateState(&gather->aggregates[i].by_key);

		if (by_key != NULL && by_key->batch != NULL)
			batches += by_key->batch->nbatches;
	}
	return batches;
}
