/*
 * series_state.c
 *	  The state of an aggregate over a series of periods: the calendar, and what
 *	  each customer did.
 *
 * Of purchases alone it is enough to know in which zones of the calendar they
 * lie: a bit a zone, some four zones a period. Merging is OR, as in facts.h.
 *
 * Where the order of a purchase and a cancellation matters, or amounts are to be
 * added up, that is not enough. Then every row is kept, 16 bytes (24 where there are
 * amounts, and its amount) in an array, chained by customer. Merging is appending.
 *
 * What the customers did in each period is counted in series_summary.c.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "state/series_state.h"
#include "table/large_memory.h"

/* A chronicle without customers.  customer_type must live as long. */
Chronicle *
ChronicleCreate(MemoryContext context, Calendar *calendar, bool has_events,
				bool has_amounts, CustomerType *customer_type)
{
	Chronicle  *chronicle = MemoryContextAllocZero(context, sizeof(Chronicle));

	chronicle->calendar = calendar;
	chronicle->customer_type = customer_type->type;
	chronicle->has_entries = has_events || has_amounts;
	chronicle->has_amounts = has_amounts;
	chronicle->first_at = END_OF_TIME;
	chronicle->last_at = BEGINNING_OF_TIME;
	CustomerTableInit(&chronicle->table, context, customer_type->form,
			   chronicle->has_entries ? (int) ENTRY_FACTS_SIZE : ZONE_FACTS_SIZE(calendar));
	chronicle->table.same = CustomersEqualByType;
	chronicle->table.same_arg = customer_type;
	return chronicle;
}

/* A zone is a bit; an entry goes before the customer's others. */
static inline void
TakeIn(Chronicle *chronicle, uint8 *facts, uint32 mark)
{
	uint32		head = mark + 1;

	if (!chronicle->has_entries)
	{
		facts[(mark + 1) / 8] |= 1 << ((mark + 1) % 8);
		return;
	}
	chronicle->entries[mark].next = LoadHead(facts);
	memcpy(facts + 1, &head, sizeof(head));
}

/* Keep a row; returns its index. */
static uint32
AddEntry(Chronicle *chronicle, int64 at, uint8 event, Numeric amount)
{
	MemoryContext context = chronicle->table.context;
	Entry	   *entry;

	if (chronicle->nentries % 65536 == 0)
		CHECK_FOR_INTERRUPTS();
	if (chronicle->nentries == chronicle->allocated)
	{
		Size		allocated = chronicle->allocated == 0 ? 8 : (Size) chronicle->allocated * 2;

		if (allocated > PG_UINT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many rows with events or amounts in one group"),
					 errhint("Filter by customers, or use a table of purchases alone.")));
		chronicle->entries = MoveToLarger(context, chronicle->entries,
									 chronicle->nentries * sizeof(Entry),
									 0, allocated * sizeof(Entry));
		if (chronicle->has_amounts)
			chronicle->amounts = MoveToLarger(context, chronicle->amounts,
										 chronicle->nentries * sizeof(Numeric),
										 0, allocated * sizeof(Numeric));
		chronicle->allocated = allocated;
	}

	entry = &chronicle->entries[chronicle->nentries];
	memset(entry, 0, sizeof(*entry));
	entry->at = at;
	entry->event = event;
	entry->has_amount = amount != NULL;
	if (amount != NULL)
	{
		Size		size = VARSIZE(amount);

		chronicle->amounts[chronicle->nentries] =
			memcpy(MemoryContextAlloc(context, size), amount, size);
	}
	return chronicle->nentries++;
}

/* Enter what waits in the batch. */
void
ChronicleFlush(Chronicle *chronicle)
{
	int			nrows;

	if (chronicle->batch == NULL || chronicle->batch->nrows == 0)
		return;

	nrows = BatchLocate(chronicle->batch, &chronicle->table);
	for (int i = 0; i < nrows; i++)
		TakeIn(chronicle, chronicle->batch->found[i], chronicle->marks[i]);
	CustomerTableSettle(&chronicle->table, BATCH_ROWS);
}

/* From now on rows wait in a batch, if it is worth it: see BatchCreate. */
void
ChronicleBeginBatch(Chronicle *chronicle, bool alone)
{
	chronicle->batch = BatchCreate(&chronicle->table, alone);
	if (chronicle->batch != NULL)
		chronicle->marks = MemoryContextAlloc(chronicle->table.context,
											  BATCH_ROWS * sizeof(uint32));
}

/* Enter a row that lies in the given zone of the calendar. */
void
ChronicleEnter(Chronicle *chronicle, CustomerType *customer_type, Datum customer,
			   const ChronicleRow *row, int zone)
{
	uint32		mark = zone;

	if (chronicle->has_entries)
		mark = AddEntry(chronicle, row->at, row->event, row->amount);

	if (likely(ChronicleDefer(chronicle, customer_type, customer, mark)))
		return;
	ChronicleFlush(chronicle);
	if (ChronicleDefer(chronicle, customer_type, customer, mark))
		return;

	TakeIn(chronicle, LocateCustomer(&chronicle->table, customer_type, customer), mark);

	if (chronicle->batch == NULL)
		ChronicleBeginBatch(chronicle, false);
	ChronicleCheck(chronicle, false);
}

/* Take the facts of another chronicle into those of the same customer. */
static inline void
TakeInFacts(Chronicle *chronicle, uint8 *facts, const Chronicle *other, const uint8 *theirs)
{
	if (!chronicle->has_entries)
	{
		for (int b = 0; b < chronicle->table.facts_size; b++)
			facts[b] |= theirs[b];
		return;
	}
	for (uint32 e = LoadHead(theirs); e != 0; e = other->entries[e - 1].next)
	{
		const Entry *entry = &other->entries[e - 1];

		TakeIn(chronicle, facts,
			   AddEntry(chronicle, entry->at, entry->event,
						entry->has_amount ? other->amounts[e - 1] : NULL));
	}
}

/* Enter the customers of another chronicle, whose keys stay in place meanwhile. */
void
ChronicleMerge(Chronicle *chronicle, Chronicle *other)
{
	Meeting		meeting;
	int			ncustomers;

	if (chronicle->customer_type != other->customer_type ||
		chronicle->has_entries != other->has_entries ||
		chronicle->has_amounts != other->has_amounts)
		elog(ERROR, "cannot merge states of different aggregates");
	if (chronicle->calendar->question.fingerprint != other->calendar->question.fingerprint)
		QuestionChanged();
	if (chronicle->table.facts_size != other->table.facts_size)
		elog(ERROR, "cannot merge states of different calendars");

	ChronicleFlush(chronicle);
	ChronicleFlush(other);
	chronicle->first_at = Min(chronicle->first_at, other->first_at);
	chronicle->last_at = Max(chronicle->last_at, other->last_at);

	CustomerTableMatch(&chronicle->table, &other->table);
	if (!chronicle->has_entries && CustomerTableOverlay(&chronicle->table, &other->table))
		return;

	meeting.cursor = 0;
	while ((ncustomers = BatchMeet(&meeting, &chronicle->table, &other->table)) > 0)
	{
		for (int i = 0; i < ncustomers; i++)
			TakeInFacts(chronicle, meeting.ours[i], other, meeting.theirs[i]);
	}
	ChronicleCheck(chronicle, IsLargeStep(&chronicle->table, &other->table));
}

#ifdef USE_ASSERT_CHECKING

/* What must hold of a chronicle after every step; for `whole` see CustomerTableCheck. */
void
ChronicleCheck(const Chronicle *chronicle, bool whole)
{
	const CustomerTable *table = &chronicle->table;
	int			nedges = chronicle->calendar->nedges;
	int			nwaiting = chronicle->batch != NULL ? chronicle->batch->nrows : 0;
	uint64		nchained = 0;
	uint64		cursor = 0;
	const uint8 *facts;

	Assert(chronicle->has_entries || !chronicle->has_amounts);
	Assert(chronicle->has_entries || chronicle->nentries == 0);
	Assert(table->facts_size == (chronicle->has_entries ? (int) ENTRY_FACTS_SIZE :
								  ZONE_FACTS_SIZE(chronicle->calendar)));
	Assert((chronicle->batch != NULL) == (chronicle->marks != NULL));
	if (chronicle->batch != NULL)
		BatchCheck(chronicle->batch, table);
	if (nwaiting > 0)
		Assert(chronicle->has_entries ?
			   chronicle->marks[nwaiting - 1] == chronicle->nentries - 1 :
			   chronicle->marks[nwaiting - 1] < (uint32) nedges);
	CustomerTableCheck(table, whole);

	if (!whole && (CustomerTableSize(table) > SMALL_TABLE ||
				   chronicle->nentries * sizeof(Entry) > SMALL_TABLE))
		return;
	while ((facts = CustomerTableNextFacts(table, &cursor)) != NULL)
	{
		if (chronicle->has_entries)
		{
			/* each entry comes before the next, so that no chain has a loop */
			uint32		limit = chronicle->nentries;

			for (uint32 e = LoadHead(facts); e != 0; e = chronicle->entries[e - 1].next)
			{
				Assert(e <= limit);
				limit = e - 1;
				nchained++;
			}
		}
		else
		{
			/* no bits behind the last zone's */
			for (int bit = nedges + 1; bit < table->facts_size * 8; bit++)
				Assert((facts[bit / 8] & (1 << (bit % 8))) == 0);
		}
	}
	/* each entry is in one chain, or will be (of what came by wire, we only trust that) */
	Assert(!chronicle->has_entries || table->packed ||
		   nchained + nwaiting == chronicle->nentries);
}

#endif							/* USE_ASSERT_CHECKING */
