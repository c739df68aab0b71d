/*
 * scan_list.c
 *	  A list of customers in a Winback Scan: GROUP BY the customer.
 *
 * If the key of GROUP BY is the customer, there are as many groups as customers.  All of them are
 * in one customer table.  The facts of a customer are a byte that belongs to the table, and behind
 * it the facts of each aggregate (list_aggregate.h).  The keys of all rows of a page are made, and
 * their slots prefetched, before the first is looked up.  Then each aggregate adds its columns of
 * the page to the facts.
 *
 * Rows whose customer is NULL make a group, too.  Its facts are not in the table.
 *
 * A list may have more customers than memory can hold.  When the table would exceed the limit,
 * `full` is set.  The caller then makes the list forget half of the customers (ScanListKeepPart),
 * and goes on to read the tables.  Other passes over the tables have the customers that were
 * forgotten.
 *
 * Limits: the customer is a column of a type for which CustomerHasOneImage is true, so that a
 * customer in the table can be returned in place of each equal one.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "scan/scan_list.h"
#include "table/batch.h"
#include "table/slots.h"

/* The bytes of facts before those of the first aggregate. */
#define LIST_HEAD		1

/* A pass over the tables has at least half of this many customers, whatever the limit. */
#define CUSTOMERS_MIN	256

StaticAssertDecl(LIST_HEAD + LIST_MAX_AGGREGATES * LIST_MAX_FACTS <= MAX_FACTS_SIZE,
				 "the facts of a list do not fit a customer table");

/* Create a list for customers in a column.  The aggregates must stay where they are. */
ScanList *
ScanListCreate(Oid type, Oid collation, int column, ScanAggregate *aggregates, int naggregates)
{
	ScanList   *list = palloc0(sizeof(ScanList));

	list->customer_type = CustomerTypeCreate(CurrentMemoryContext, type, collation);
	list->column = column;
	list->aggregates = aggregates;
	list->naggregates = naggregates;
	return list;
}

/*
 * Begin a pass over the tables for a part of the customers, which will be allocated in `context`.
 * ScanAggregateStart must have been called for all aggregates.
 */
void
ScanListStart(ScanList *list, MemoryContext context, GroupPart part, Size limit)
{
	int			facts_size = LIST_HEAD;

	for (int i = 0; i < list->naggregates; i++)
	{
		list->aggregates[i].facts_offset = facts_size;
		facts_size += ListFactsSize(list->aggregates[i].aggref);
	}
	list->context = context;
	list->part = part;
	list->full = false;
	list->null_facts = MemoryContextAllocZero(context, facts_size);
	list->cursor = 0;
	list->nahead = list->nreturned = 0;
	list->current = NULL;
	CustomerTableInit(&list->table, context, list->customer_type->form, facts_size,
					  list->customer_type->seed);
	list->table.customer_type = list->customer_type;
	/* whatever the calls of the aggregates take, customers may take as much as the limit */
	list->limit = limit == SIZE_MAX ? limit : limit + MemoryContextMemAllocated(context, true);
}

/* Return the bytes of memory that the list takes. */
static Size
MemoryUsed(const ScanList *list)
{
	/* the system gives no memory for images that are not there yet */
	return MemoryContextMemAllocated(list->context, true) -
		(list->table.images_size - list->table.images_used);
}

/* Return whether this pass over the tables leaves a customer out. */
static inline bool
IsLeftOut(const ScanList *list, Datum customer, bool isnull)
{
	uint64		hash = isnull ? 0 : CustomerHash(list->customer_type, customer);

	return !IsInPart((uint32) (hash >> 32), list->part);
}

/* Move the customers of this part of the list to a new table. */
static void
MoveToNewTable(ScanList *list)
{
	CustomerTable *table = &list->table;
	CustomerTable old = *table;
	uint64		cursor = 0;
	const uint8 *facts;

	/* an array of half of the integers would be as large as the old one */
	CustomerTableInit(table, list->context, old.form == KEY_DENSE ? KEY_HALF : old.form,
					  old.facts_size, list->customer_type->seed);
	table->customer_type = list->customer_type;
	/* make the table as large as it will be: customers come in the order of its slots */
	CustomerTableReserve(table, old.ntaken / 2);
	while ((facts = CustomerTableNextFacts(&old, &cursor)) != NULL)
	{
		Datum		customer = CustomerOfFacts(list->customer_type, &old, facts);

		if (!IsLeftOut(list, customer, false))
			memcpy(LocateCustomer(table, list->customer_type, customer), facts, old.facts_size);
		MemoryContextReset(CurrentMemoryContext);
	}
	pfree(old.slots);
	if (old.images != NULL)
		pfree(old.images);
}

/*
 * Forget the customers that are not in a part, which is half of the part so far.  The current
 * context must be short-lived; it is reset.
 *
 * Return false if that does not free enough memory, because some belongs to aggregates.  The caller
 * must then begin the pass again.
 */
bool
ScanListKeepPart(ScanList *list, GroupPart part)
{
	list->part = part;
	if (IsLeftOut(list, (Datum) 0, true))
		memset(list->null_facts, 0, list->table.facts_size);
	MoveToNewTable(list);
	list->full = false;
	return part.parts < MAX_PARTS && MemoryUsed(list) < list->limit / 4 * 3;
}

/*
 * Collect the places of the rows of a page that this pass does not leave out, without a branch,
 * because the processor cannot predict it.  Return their number.
 */
static pg_attribute_always_inline int
ChoosePlaces(ScanList *list, const ScanRows *rows)
{
	const ScanColumn *column = &rows->columns.columns[list->column];
	bool		is_whole = list->part.parts == 1;
	int			nplaces = 0;

	for (int i = 0; i < rows->nrows; i++)
	{
		int			place = PlaceOf(rows, i);

		list->row_facts.facts[place] = NULL;
		list->places[nplaces] = place;
		nplaces += is_whole || !IsLeftOut(list, column->values[place], column->nulls[place]);
	}
	return nplaces;
}

/*
 * Make the keys of the rows of a page that this pass does not leave out, and prefetch their slots.
 * Return their number, or -1 if a key did not fit the form of the table, which has been changed for
 * it.
 */
static pg_attribute_always_inline int
MakeKeys(ScanList *list, const ScanRows *rows)
{
	const ScanColumn *column = &rows->columns.columns[list->column];
	CustomerType *customer_type = list->customer_type;
	int			nplaces = ChoosePlaces(list, rows);
	int			nkeys = 0;

	for (int i = 0; i < nplaces; i++)
	{
		int			place = list->places[i];
		CustomerKey *key = &list->keys[nkeys];

		if (unlikely(column->nulls[place]))
		{
			*list->null_facts |= SLOT_TAKEN;
			list->row_facts.facts[place] = list->null_facts;
			continue;
		}
		MakeCustomerKey(customer_type, &list->table, column->values[place], key);
		if (unlikely(key->wide))
		{
			CustomerTableWiden(&list->table, key);
			return -1;
		}
		CustomerTablePrefetch(&list->table, key->word);
		list->places[nkeys++] = place;
	}
	return nkeys;
}

/* Set `full` if more customers would take more memory than they should. */
static void
CheckLimit(ScanList *list)
{
	const CustomerTable *table = &list->table;
	Size		size = MemoryUsed(list);

	/* a table that must grow will be twice as large */
	if (table->form != KEY_DENSE &&
		ROOM_OF_SLOTS(table->nslots) < table->ntaken + ROW_BLOCK_MAX)
		size += table->nslots * table->slot_size;
	list->full = size > list->limit && table->ntaken >= CUSTOMERS_MIN;
}

/* Find the facts of the customers of all rows of a page: list->row_facts. */
static void
FindCustomers(ScanList *list, const ScanRows *rows)
{
	int			nkeys;

	CustomerTableSettle(&list->table, rows->nrows);
	do
	{
		nkeys = MakeKeys(list, rows);
	} while (nkeys < 0);
	CustomerTableLocate(&list->table, list->keys, nkeys, list->found);
	for (int i = 0; i < nkeys; i++)
		list->row_facts.facts[list->places[i]] = list->found[i];
}

/*
 * Add the rows of a page to the facts of their customers.  The current context must be
 * short-lived; it is reset.
 */
void
ScanListEnter(ScanList *list, const ScanRows *rows, ExprContext *econtext)
{
	FindCustomers(list, rows);
	RowFactsAdd(&list->row_facts, list->aggregates, list->naggregates, rows, econtext,
				list->part.parts == 1);
	CheckLimit(list);
	MemoryContextReset(CurrentMemoryContext);
}

/* Return the number of groups. */
uint64
ScanListCustomers(const ScanList *list)
{
	return list->table.ntaken + (*list->null_facts & SLOT_TAKEN);
}

/* Find the next customers, and begin to load what their facts point to. */
static void
LookAhead(ScanList *list)
{
	const uint8 *facts;

	list->nahead = list->nreturned = 0;
	while (list->nahead < LIST_AHEAD &&
		   (facts = CustomerTableNextFacts(&list->table, &list->cursor)) != NULL)
	{
		list->ahead[list->nahead++] = facts;
		for (int i = 0; i < list->naggregates; i++)
		{
			const ScanAggregate *aggregate = &list->aggregates[i];

			if (aggregate->list->prefetch != NULL)
				aggregate->list->prefetch(facts + aggregate->facts_offset);
		}
	}
}

/* Go on to the next customer of this pass, or to the rows without one.  Return false at the end. */
bool
ScanListNext(ScanList *list)
{
	if (list->current == list->null_facts)
		return false;
	if (list->nreturned == list->nahead)
		LookAhead(list);
	list->current = list->nahead > 0 ? list->ahead[list->nreturned++] : list->null_facts;
	return *list->current & SLOT_TAKEN;
}

/* Return the current customer, allocated in the current context. */
Datum
ScanListCustomer(const ScanList *list, bool *isnull)
{
	*isnull = list->current == list->null_facts;
	return *isnull ? (Datum) 0 :
		CustomerOfFacts(list->customer_type, &list->table, list->current);
}
