/*
 * state_wire.c
 *	  States as bytes, on the way from a parallel worker to its leader.
 *
 * Both are one build on one machine, and the bytes are not for storage.  The
 * version is there for the day on which somebody forgets this.
 *
 * A table is sent as its form, the size of the facts, and how much follows; then
 * each customer: word, by the form of the keys the rest, or the length and the image,
 * and facts.  An array is sent as it is, behind its first integer.  Where entries are
 * kept, they stand in place of the facts, behind their number.
 *
 * A state goes as one value where an Agg node asks for it.  A Winback Scan sends it
 * in portions, each a row, and a state for itself: some of the customers, or even
 * some of a customer's entries.  So only a key or an amount can be too long, neither
 * of the processes holds a state twice, and the leader merges while the worker sends.
 * As there may be many portions, each must be cheap, and tells of the whole what the
 * leader needs to make room for it once.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "table/slots.h"
#include "table/large_memory.h"
#include "state/state_wire.h"

#define COHORT_WIRE_VERSION		2
#define CHRONICLE_WIRE_VERSION	2

/* more than all that is not customers, entries or amounts */
#define WIRE_HEADER				1024

/*
 * Bytes of a portion of a state; the last customer or entry may exceed it.  Less than
 * the 64 kB that a worker's queue holds, so that the next is made while this one is
 * read (measured: with larger ones the leader waits).
 */
#ifdef USE_ASSERT_CHECKING
#define WIRE_PORTION			((Size) 256)	/* so that tests see many */
#else
#define WIRE_PORTION			((Size) 48 * 1024)
#endif

/* an entry on the wire: at, event, has_amount */
#define WIRE_ENTRY				(8 + 1 + 1)

/* How much there is in a message; in judge of the wire. */
typedef struct WireCounts
{
	uint64		nslots;			/* customers; of an array, slots */
	uint64		images_size;	/* the sum of the lengths of all images */
	uint32		nentries;
} WireCounts;

/* no table has as many customers */
#define WIRE_MAX_CUSTOMERS		(UINT64CONST(1) << 40)

/* Bytes of a customer without the image, and without entries. */
static Size
WireSlotSize(KeyForm form, Size facts_size, bool has_entries)
{
	return KeySize(form) + (has_entries ? sizeof(uint32) : facts_size);
}

/* Bytes of all that a state has; entries, if they are kept, are the chronicle's. */
static Size
WholeSize(const CustomerTable *table, const Chronicle *entries)
{
	Size		size = WIRE_HEADER + (table->form == KEY_DENSE ? table->nslots : table->ntaken) *
		WireSlotSize(table->form, table->facts_size, entries != NULL);
	uint64		cursor = 0;
	CustomerKey	key;
	uint8	   *facts;

	if (FormHasImage(table->form))
	{
		while (CustomerTableNext(table, &cursor, &key, &facts))
			size += key.length;
	}
	for (uint32 i = 0; entries != NULL && i < entries->nentries; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		size += WIRE_ENTRY;
		if (entries->entries[i].has_amount)
			size += sizeof(int32) + VARSIZE(entries->amounts[i]);
	}
	return size;
}

/*
 * Begin a message with room for what is to be sent, or say that it is too long.
 * Returns how long it may become; a portion, longer by its last customer or entry.
 */
static Size
BeginWire(StringInfo wire, const CustomerTable *table, const Chronicle *entries, const Portion *portion)
{
	Size		size = portion != NULL ? WIRE_HEADER + WIRE_PORTION : WholeSize(table, entries);

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a parallel worker knows too much to tell its leader"),
				 errdetail("The state of " UINT64_FORMAT " customers has %zu bytes, and less than 1 GB can be shipped.",
						   table->ntaken, size),
				 errhint("SET max_parallel_workers_per_gather = 0 for this query, or use the two-step form, which can spill to disk.")));

	pq_begintypsend(wire);
	enlargeStringInfo(wire, (int) (size - wire->len - 1));
	return size;
}

static void
SendCounts(StringInfo wire, const WireCounts *counts)
{
	pq_sendint64(wire, counts->nslots);
	pq_sendint64(wire, counts->images_size);
	pq_sendint32(wire, counts->nentries);
}

/* What is sent of a table, and where we are. */
typedef struct Sender
{
	StringInfo	wire;
	Size		limit;			/* stop when the message has that many bytes */
	const CustomerTable *table;
	const Chronicle *entries;	/* NULL if none are kept */
	Portion    *portion;		/* where to begin; then, where to go on */
	WireCounts	counts;			/* of what has been sent */
} Sender;

static inline bool
IsFull(const Sender *sender)
{
	return (Size) sender->wire->len >= sender->limit;
}

/* Send the entries of a customer, from the next one to be sent; behind their number. */
static void
SendEntries(Sender *sender, const uint8 *facts)
{
	StringInfo	wire = sender->wire;
	const Chronicle *entries = sender->entries;
	int			begin = wire->len;
	int			end;
	uint32		nentries = 0;
	uint32		e = sender->portion->entry != 0 ? sender->portion->entry : LoadHead(facts);
	/* a long key, which would go again with each portion, is worth as many bytes of entries */
	Size		limit = Max(sender->limit, Min(2 * (Size) begin, MaxAllocSize / 2));

	pq_sendint32(wire, 0);
	while (e != 0 && (nentries == 0 || (Size) wire->len < limit))
	{
		const Entry *entry = &entries->entries[e - 1];

		if (nentries++ % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendint64(wire, entry->at);
		pq_sendint8(wire, entry->event);
		pq_sendint8(wire, entry->has_amount);
		if (entry->has_amount)
		{
			pq_sendint32(wire, VARSIZE(entries->amounts[e - 1]));
			pq_sendbytes(wire, (char *) entries->amounts[e - 1], VARSIZE(entries->amounts[e - 1]));
		}
		e = entry->next;
	}
	sender->portion->entry = e;
	sender->counts.nentries += nentries;

	/* now we know how many */
	end = wire->len;
	wire->len = begin;
	pq_sendint32(wire, nentries);
	wire->len = end;
}

/* Send the facts of the customer before the portion's slot, or what is kept instead of them. */
static void
SendFacts(Sender *sender, const uint8 *facts)
{
	if (sender->entries == NULL)
		pq_sendbytes(sender->wire, (const char *) facts, sender->table->facts_size);
	else
	{
		SendEntries(sender, facts);
		/* the others with the next portion */
		if (sender->portion->entry != 0)
			sender->portion->slot--;
	}
	sender->counts.nslots++;
}

/* Send slots of an array. */
static void
SendArray(Sender *sender)
{
	const CustomerTable *table = sender->table;
	uint64	   *slot = &sender->portion->slot;
	Size		room = sender->limit - sender->wire->len;
	uint64		nslots = Min(table->nslots - *slot, Max(room / table->facts_size, 1));
	Size		size = nslots * table->facts_size;

	for (Size done = 0; done < size; done += PIECE)
	{
		CHECK_FOR_INTERRUPTS();
		pq_sendbytes(sender->wire, SlotAt(table, *slot) + done, (int) Min(PIECE, size - done));
	}
	sender->counts.nslots = nslots;
	*slot += nslots;
}

/* Send slots of an array whose customers have entries. */
static void
SendArrayOfEntries(Sender *sender)
{
	const CustomerTable *table = sender->table;
	uint64	   *slot = &sender->portion->slot;

	while (*slot < table->nslots && !IsFull(sender))
	{
		const uint8 *facts = SlotFacts(SlotAt(table, *slot), KEY_DENSE);

		if ((*slot)++ % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		SendFacts(sender, facts);
	}
}

/* Send customers of a table. */
static void
SendTable(Sender *sender)
{
	const CustomerTable *table = sender->table;
	StringInfo	wire = sender->wire;
	CustomerKey	key;
	uint8	   *facts;

	while (!IsFull(sender) && CustomerTableNext(table, &sender->portion->slot, &key, &facts))
	{
		if (table->form == KEY_HALF)
			pq_sendint32(wire, key.word >> 32);
		else
			pq_sendint64(wire, key.word);
		if (FormHasImage(table->form))
		{
			pq_sendint64(wire, key.length);
			pq_sendbytes(wire, key.u.image, key.length);
			sender->counts.images_size += key.length;
		}
		else if (FormHasRest(table->form))
			pq_sendint64(wire, key.u.rest);
		SendFacts(sender, facts);
	}
}

/* Send a table and the entries, or the next portion of them. */
static void
SendLedger(StringInfo wire, Size limit, const CustomerTable *table, const Chronicle *entries,
		   Portion *portion)
{
	Portion		whole = {0};
	Sender		sender = {
		.wire = wire,
		.limit = limit,
		.table = table,
		.entries = entries,
		.portion = portion != NULL ? portion : &whole
	};
	bool		is_array = table->form == KEY_DENSE;
	int			begin;
	int			end;

	pq_sendint8(wire, table->form);
	pq_sendint16(wire, table->facts_size);
	pq_sendint64(wire, table->ntaken);
	if (is_array)
	{
		pq_sendint32(wire, table->base);
		pq_sendint64(wire, table->nslots);
		pq_sendint64(wire, sender.portion->slot);
	}
	begin = wire->len;
	SendCounts(wire, &sender.counts);
	if (!is_array)
		SendTable(&sender);
	else if (entries != NULL)
		SendArrayOfEntries(&sender);
	else
		SendArray(&sender);
	sender.portion->done = sender.portion->slot == table->nslots;
	Assert(portion != NULL || whole.done);

	/* now we know how much it was */
	end = wire->len;
	wire->len = begin;
	SendCounts(wire, &sender.counts);
	wire->len = end;
}

/* An amount: a copy, to be aligned, and as long as it says. */
static Numeric
ReceiveAmount(StringInfo wire)
{
	int			size = pq_getmsgint(wire, 4);
	const char *bytes = pq_getmsgbytes(wire, size);
	Numeric		amount;

	if (size < (int) (VARHDRSZ + sizeof(uint16)))
		elog(ERROR, "invalid amount in a serialized state");
	amount = memcpy(palloc(size), bytes, size);
	SET_VARSIZE(amount, size);
	return amount;
}

/*
 * The entries of a customer, and the facts with which they are found.  The last that
 * came gets the lowest index: each was put before what the customer had by then.
 */
static void
ReceiveEntries(StringInfo wire, Chronicle *entries, uint8 *facts)
{
	uint32		nentries = pq_getmsgint(wire, 4);
	uint32		head = entries->nentries + nentries;

	if (nentries > entries->allocated - entries->nentries)
		elog(ERROR, "wrong number of entries in a serialized state");
	for (uint32 e = head; e > entries->nentries; e--)
	{
		Entry	   *entry = &entries->entries[e - 1];

		if (e % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		entry->at = pq_getmsgint64(wire);
		entry->next = e - 1 > entries->nentries ? e - 1 : 0;
		entry->event = pq_getmsgbyte(wire);
		entry->has_amount = pq_getmsgbyte(wire) != 0;
		if (entry->event > EVENT_CANCELLATION || (entry->has_amount && !entries->has_amounts))
			elog(ERROR, "invalid entry in a serialized state");
		if (entry->has_amount)
			entries->amounts[e - 1] = ReceiveAmount(wire);
	}
	entries->nentries = head;

	/* nobody has none */
	head = nentries > 0 ? head : 0;
	facts[0] = nentries > 0 ? SLOT_TAKEN : 0;
	memcpy(facts + 1, &head, sizeof(head));
}

/* Slots of an array, from one on. */
static void
ReceiveArray(StringInfo wire, CustomerTable *table, Size facts_size, Chronicle *entries,
			 const WholeTable *whole, uint64 first, uint64 nslots)
{
	const char *slots;

	if (nslots == 0 || whole->nslots > UINT64CONST(1) << 32 ||
		whole->base + (int64) whole->nslots - 1 > PG_INT32_MAX ||
		first >= whole->nslots || nslots > whole->nslots - first || whole->ntaken > whole->nslots)
		elog(ERROR, "wrong size of a serialized state");
	if (entries != NULL)
	{
		char	   *received = MemoryContextAllocHuge(CurrentMemoryContext, nslots * facts_size);

		for (uint64 i = 0; i < nslots; i++)
		{
			if (i % PIECE_CUSTOMERS == 0)
				CHECK_FOR_INTERRUPTS();
			ReceiveEntries(wire, entries, (uint8 *) received + i * facts_size);
		}
		slots = received;
	}
	else
		slots = pq_getmsgbytes(wire, (int) (nslots * facts_size));
	CustomerTableInitDense(table, CurrentMemoryContext, facts_size,
					(int32) (whole->base + (int64) first), nslots, slots);
}

static void
ReceiveTable(StringInfo wire, CustomerTable *table, KeyForm form, Size facts_size, Chronicle *entries,
			 const WireCounts *counts)
{
	uint64		images_size = counts->images_size;
	uint8		own_facts[ENTRY_FACTS_SIZE];

	CustomerTableInitPacked(table, CurrentMemoryContext, form, facts_size, counts->nslots, images_size);
	for (uint64 i = 0; i < counts->nslots; i++)
	{
		CustomerKey	key = {0};
		const uint8 *facts = own_facts;

		if (i % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		key.word = form == KEY_HALF ? (uint64) pq_getmsgint(wire, 4) << 32 :
			(uint64) pq_getmsgint64(wire);
		if (FormHasImage(form))
		{
			key.length = pq_getmsgint64(wire);
			if (key.length > images_size)
				elog(ERROR, "wrong size of a key in a serialized state");
			images_size -= key.length;
			key.u.image = pq_getmsgbytes(wire, key.length);
		}
		else if (FormHasRest(form))
			key.u.rest = pq_getmsgint64(wire);
		if (entries != NULL)
		{
			ReceiveEntries(wire, entries, own_facts);
			if (LoadHead(own_facts) == 0)
				elog(ERROR, "customer without entries in a serialized state");
		}
		else
			facts = (const uint8 *) pq_getmsgbytes(wire, facts_size);
		CustomerTableAppend(table, &key, facts);
	}
}

/*
 * A table that can only be read, in the order of the wire, and the entries of its
 * customers, if they are kept.
 */
static void
ReceiveLedger(StringInfo wire, CustomerTable *table, Size facts_size, Chronicle *entries)
{
	KeyForm	form = pq_getmsgbyte(wire);
	WholeTable *whole = palloc0(sizeof(WholeTable));
	uint64		first = 0;
	WireCounts	counts;
	uint64		rest;

	if (form > KEY_VALUE || pq_getmsgint(wire, 2) != facts_size)
		elog(ERROR, "unknown form of customers in a serialized state");
	whole->ntaken = pq_getmsgint64(wire);
	if (whole->ntaken > WIRE_MAX_CUSTOMERS)
		elog(ERROR, "wrong number of customers in a serialized state");
	if (form == KEY_DENSE)
	{
		whole->base = pq_getmsgint(wire, 4);
		whole->nslots = pq_getmsgint64(wire);
		first = pq_getmsgint64(wire);
	}
	counts.nslots = pq_getmsgint64(wire);
	counts.images_size = pq_getmsgint64(wire);
	counts.nentries = pq_getmsgint(wire, 4);

	rest = wire->len - wire->cursor;
	if (counts.images_size > rest || counts.nslots > rest || counts.nentries > rest / WIRE_ENTRY ||
		counts.nslots * WireSlotSize(form, facts_size, entries != NULL) +
		(uint64) counts.nentries * WIRE_ENTRY > rest - counts.images_size ||
		(counts.nentries > 0 && entries == NULL))
		elog(ERROR, "wrong size of a serialized state");

	if (counts.nentries > 0)
	{
		entries->entries = MemoryContextAllocHuge(CurrentMemoryContext,
												  counts.nentries * sizeof(Entry));
		if (entries->has_amounts)
			entries->amounts = MemoryContextAllocHuge(CurrentMemoryContext,
													  counts.nentries * sizeof(Numeric));
		entries->allocated = counts.nentries;
	}
	if (form == KEY_DENSE)
		ReceiveArray(wire, table, facts_size, entries, whole, first, counts.nslots);
	else
		ReceiveTable(wire, table, form, facts_size, entries, &counts);
	table->whole = whole;
	if (table->ntaken > whole->ntaken)
		elog(ERROR, "wrong number of customers in a serialized state");
	if (entries != NULL && entries->nentries != counts.nentries)
		elog(ERROR, "wrong number of entries in a serialized state");
}

/* The bytes of a state as a message to be read. */
static StringInfoData
OpenWire(bytea *bytes, int version)
{
	StringInfoData wire = {
		.data = VARDATA_ANY(bytes),
		.len = VARSIZE_ANY_EXHDR(bytes)
	};

	if (pq_getmsgbyte(&wire) != version)
		elog(ERROR, "unknown version of a serialized state");
	return wire;
}

/* All of a cohort, or the next portion of it. */
bytea *
CohortSerialize(Cohort *cohort, Portion *portion)
{
	StringInfoData wire;
	Size		limit;

	CohortFlush(cohort);
	limit = BeginWire(&wire, &cohort->table, NULL, portion);

	pq_sendint8(&wire, COHORT_WIRE_VERSION);
	pq_sendint32(&wire, cohort->customer_type);
	pq_sendint8(&wire, cohort->has_events);
	pq_sendint64(&wire, cohort->judge->fingerprint);
	SendLedger(&wire, limit, &cohort->table, NULL, portion);
	return pq_endtypsend(&wire);
}

/*
 * What a worker sent.  The result lives in the caller's short memory, may point to
 * the bytes, and can only be merged into another cohort, which takes no rows: of
 * the judge they need the fingerprint, to see that they are the same.
 */
Cohort *
CohortDeserialize(bytea *bytes)
{
	StringInfoData wire = OpenWire(bytes, COHORT_WIRE_VERSION);
	Cohort	   *cohort = palloc0(sizeof(Cohort));
	PeriodJudge		judge = {0};

	cohort->customer_type = pq_getmsgint(&wire, 4);
	cohort->has_events = pq_getmsgbyte(&wire) != 0;
	judge.fingerprint = pq_getmsgint64(&wire);
	cohort->judge = PeriodJudgeCopy(CurrentMemoryContext, &judge);
	ReceiveLedger(&wire, &cohort->table,
				  cohort->has_events ? EVENT_FACTS_SIZE : sizeof(PurchaseFacts), NULL);
	pq_getmsgend(&wire);
	CohortCheck(cohort, true);
	return cohort;
}

static void
SendInterval(StringInfo wire, const Interval *interval)
{
	pq_sendint64(wire, interval->time);
	pq_sendint32(wire, interval->day);
	pq_sendint32(wire, interval->month);
}

static void
ReceiveInterval(StringInfo wire, Interval *interval)
{
	interval->time = pq_getmsgint64(wire);
	interval->day = pq_getmsgint(wire, 4);
	interval->month = pq_getmsgint(wire, 4);
}

static void
SendQuestion(StringInfo wire, const Question *question)
{
	pq_sendint8(wire, question->unit);
	pq_sendint64(wire, question->period.from);
	pq_sendint64(wire, question->period.to);
	pq_sendint8(wire, question->has_inactive_after);
	SendInterval(wire, &question->inactive_after);
	pq_sendint8(wire, question->has_churned_after);
	SendInterval(wire, &question->churned_after);
	pq_sendint8(wire, question->has_step);
	SendInterval(wire, &question->step);
	pq_sendint8(wire, question->has_end);
}

static void
ReceiveQuestion(StringInfo wire, Question *question)
{
	memset(question, 0, sizeof(*question));
	question->unit = pq_getmsgbyte(wire);
	if (question->unit > UNIT_TIMESTAMPTZ)
		elog(ERROR, "invalid question in a serialized state");
	question->period.from = pq_getmsgint64(wire);
	question->period.to = pq_getmsgint64(wire);
	question->has_inactive_after = pq_getmsgbyte(wire) != 0;
	ReceiveInterval(wire, &question->inactive_after);
	question->has_churned_after = pq_getmsgbyte(wire) != 0;
	ReceiveInterval(wire, &question->churned_after);
	question->has_step = pq_getmsgbyte(wire) != 0;
	ReceiveInterval(wire, &question->step);
	question->has_end = pq_getmsgbyte(wire) != 0;
	question->fingerprint = QuestionFingerprint(question);
}

/* All of a chronicle, or the next portion of it. */
bytea *
ChronicleSerialize(Chronicle *chronicle, Portion *portion)
{
	StringInfoData wire;
	const Chronicle *entries = chronicle->has_entries ? chronicle : NULL;
	Size		limit;

	ChronicleFlush(chronicle);
	limit = BeginWire(&wire, &chronicle->table, entries, portion);

	pq_sendint8(&wire, CHRONICLE_WIRE_VERSION);
	pq_sendint32(&wire, chronicle->customer_type);
	pq_sendint8(&wire, chronicle->has_entries);
	pq_sendint8(&wire, chronicle->has_amounts);
	pq_sendint64(&wire, chronicle->first_at);
	pq_sendint64(&wire, chronicle->last_at);
	SendQuestion(&wire, &chronicle->calendar->question);
	pq_sendint32(&wire, chronicle->calendar->nedges);
	SendLedger(&wire, limit, &chronicle->table, entries, portion);
	return pq_endtypsend(&wire);
}

/* As CohortDeserialize; of the calendar the question and the number of edges are needed. */
Chronicle *
ChronicleDeserialize(bytea *bytes)
{
	StringInfoData wire = OpenWire(bytes, CHRONICLE_WIRE_VERSION);
	Chronicle  *chronicle = palloc0(sizeof(Chronicle));
	Calendar   *calendar = palloc0(sizeof(Calendar));
	uint64		cursor = 0;
	const uint8 *facts;

	chronicle->customer_type = pq_getmsgint(&wire, 4);
	chronicle->has_entries = pq_getmsgbyte(&wire) != 0;
	chronicle->has_amounts = pq_getmsgbyte(&wire) != 0;
	if (chronicle->has_amounts && !chronicle->has_entries)
		elog(ERROR, "unknown kind of a serialized state");
	chronicle->first_at = pq_getmsgint64(&wire);
	chronicle->last_at = pq_getmsgint64(&wire);
	ReceiveQuestion(&wire, &calendar->question);
	calendar->nedges = pq_getmsgint(&wire, 4);
	if (calendar->nedges <= 0 || calendar->nedges / 8 >= PG_UINT16_MAX)
		elog(ERROR, "unknown calendar of a serialized state");
	chronicle->calendar = calendar;
	ReceiveLedger(&wire, &chronicle->table, chronicle->has_entries ? (int) ENTRY_FACTS_SIZE :
				  ZONE_FACTS_SIZE(calendar), chronicle->has_entries ? chronicle : NULL);
	pq_getmsgend(&wire);

	/* no zone behind the last */
	while (!chronicle->has_entries &&
		   (facts = CustomerTableNextFacts(&chronicle->table, &cursor)) != NULL)
	{
		if (facts[calendar->nedges / 8] >> (calendar->nedges % 8 + 1) != 0)
			elog(ERROR, "invalid customer in a serialized state");
	}
	ChronicleCheck(chronicle, true);
	return chronicle;
}
