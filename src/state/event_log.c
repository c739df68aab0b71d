/*
 * event_log.c
 *	  Events in the order of their arrival, chained by customer.
 *
 * An event takes 16 bytes.  In a log with amounts it takes 8 bytes more, and an amount that is no
 * integer times a power of ten (amount.h) is allocated separately.
 *
 * Limits: a log has at most 2^30 events.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "state/event_log.h"
#include "state/state_wire.h"
#include "table/large_memory.h"

#define FIRST_EVENTS	8

/* Double the room for events and amounts. */
static void
Grow(EventLog *log, MemoryContext context)
{
	Size		allocated = Max((Size) log->allocated * 2, FIRST_EVENTS);

	if (allocated > PG_UINT32_MAX / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows with events or amounts in one group"),
				 errhint("Filter by customers, or use a table of purchases alone.")));
	log->events = MoveToLarger(context, log->events, log->nevents * sizeof(LoggedEvent),
							   0, allocated * sizeof(LoggedEvent));
	if (log->has_amounts)
		log->amounts = MoveToLarger(context, log->amounts, log->nevents * sizeof(AmountValue),
									0, allocated * sizeof(AmountValue));
	log->allocated = allocated;
}

/* Copy the value of an amount of a form, other than AMOUNT_NONE, into a context. */
static AmountValue
CopyAmountValue(uint8 form, AmountValue value, MemoryContext context)
{
	if (form == AMOUNT_NUMERIC)
	{
		Size		size = VARSIZE(value.numeric);

		value.numeric = memcpy(MemoryContextAlloc(context, size), value.numeric, size);
	}
	return value;
}

/* Add an event and return its place. */
uint32
EventLogAdd(EventLog *log, MemoryContext context, int64 at, uint8 event, const Amount *amount)
{
	LoggedEvent *added;

	if (log->nevents % EVENTS_BETWEEN_CHECKS == 0)
		CHECK_FOR_INTERRUPTS();
	if (log->nevents == log->allocated)
		Grow(log, context);

	added = &log->events[log->nevents];
	memset(added, 0, sizeof(*added));
	added->at = at;
	added->event = event;
	added->amount_form = amount->form;
	if (amount->form != AMOUNT_NONE)
		log->amounts[log->nevents] = CopyAmountValue(amount->form, amount->value, context);
	return log->nevents++;
}

/* Add a customer's events in another log, with `theirs` as facts, to this log. */
void
EventLogMerge(EventLog *log, MemoryContext context, uint8 *facts, const EventLog *other,
			  const uint8 *theirs)
{
	for (uint32 e = LoadHead(theirs); e != 0; e = other->events[e - 1].next)
	{
		const LoggedEvent *event = &other->events[e - 1];
		Amount		amount = EventLogAmount(other, e - 1);

		EventLogChain(log, facts,
					  EventLogAdd(log, context, event->at, event->event, &amount));
	}
}

/* Return the number of bytes of all events on the wire. */
Size
EventLogWireSize(const EventLog *log)
{
	Size		size = 0;

	for (uint32 i = 0; i < log->nevents; i++)
	{
		if (i % EVENTS_BETWEEN_CHECKS == 0)
			CHECK_FOR_INTERRUPTS();
		size += LOG_WIRE_EVENT;
		if (log->events[i].amount_form == AMOUNT_NUMERIC)
			size += sizeof(int32) + VARSIZE(log->amounts[i].numeric);
		else if (log->events[i].amount_form != AMOUNT_NONE)
			size += sizeof(int64);
	}
	return size;
}

/*
 * Write the number of a customer's events and then the events, from the portion's event
 * on until the message is full.  Each portion of a customer's events repeats the key.
 * After a long key we therefore write at least as many bytes of events as precede them.
 */
void
EventLogWrite(const EventLog *log, StateWriter *writer, const uint8 *facts)
{
	StringInfo	wire = writer->wire;
	int			begin = wire->len;
	int			end;
	uint32		nevents = 0;
	uint32		e = writer->portion->event != 0 ? writer->portion->event : LoadHead(facts);
	Size		limit = Max(writer->limit, Min(2 * (Size) begin, MaxAllocSize / 2));

	pq_sendint32(wire, 0);
	while (e != 0 && (nevents == 0 || (Size) wire->len < limit))
	{
		const LoggedEvent *event = &log->events[e - 1];

		if (nevents++ % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendint64(wire, event->at);
		pq_sendint8(wire, event->event);
		pq_sendint8(wire, event->amount_form);
		if (event->amount_form == AMOUNT_NUMERIC)
		{
			Numeric		numeric = log->amounts[e - 1].numeric;

			pq_sendint32(wire, VARSIZE(numeric));
			pq_sendbytes(wire, (char *) numeric, VARSIZE(numeric));
		}
		else if (event->amount_form != AMOUNT_NONE)
			pq_sendint64(wire, log->amounts[e - 1].scaled);
		e = event->next;
	}
	writer->portion->event = e;
	writer->nevents += nevents;

	/* overwrite the 0 with the number of events */
	end = wire->len;
	wire->len = begin;
	pq_sendint32(wire, nevents);
	wire->len = end;
}

/* Allocate room for the events of a message. */
void
EventLogBeginReading(EventLog *log, MemoryContext context, uint32 nevents)
{
	if (nevents == 0)
		return;
	log->events = MemoryContextAllocHuge(context, nevents * sizeof(LoggedEvent));
	if (log->has_amounts)
		log->amounts = MemoryContextAllocHuge(context, nevents * sizeof(AmountValue));
	log->allocated = nevents;
}

/* Read a numeric into aligned memory, and set its length to that of the message. */
static Numeric
ReadNumeric(StringInfo wire, MemoryContext context)
{
	int			size = pq_getmsgint(wire, 4);
	const char *bytes = pq_getmsgbytes(wire, size);
	Numeric		amount;
	uint16		header;

	if (size < (int) (VARHDRSZ + sizeof(header)))
		elog(ERROR, "invalid amount in a serialized state");
	/* without the uppermost bit, the header of a numeric has a second word: numeric.c */
	memcpy(&header, bytes + VARHDRSZ, sizeof(header));
	if ((header & 0x8000) == 0 && size < (int) (VARHDRSZ + 2 * sizeof(header)))
		elog(ERROR, "invalid amount in a serialized state");
	amount = memcpy(MemoryContextAlloc(context, size), bytes, size);
	SET_VARSIZE(amount, size);
	return amount;
}

/*
 * Read the events of a customer, and set the facts to the place of the last one.  The
 * message begins with the last event, so the event read last gets the lowest place.
 */
void
EventLogRead(EventLog *log, MemoryContext context, StringInfo wire, uint8 *facts)
{
	uint32		nevents = pq_getmsgint(wire, 4);
	uint32		head = log->nevents + nevents;

	if (nevents > log->allocated - log->nevents)
		elog(ERROR, "wrong number of events in a serialized state");
	for (uint32 e = head; e > log->nevents; e--)
	{
		LoggedEvent *event = &log->events[e - 1];

		if (e % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		event->at = pq_getmsgint64(wire);
		event->next = e - 1 > log->nevents ? e - 1 : 0;
		event->event = pq_getmsgbyte(wire);
		event->amount_form = pq_getmsgbyte(wire);
		if (!IsLifecycleEvent(event->event) || !IsAmountForm(event->amount_form) ||
			(event->amount_form != AMOUNT_NONE && !log->has_amounts))
			elog(ERROR, "invalid event in a serialized state");
		if (event->amount_form == AMOUNT_NUMERIC)
			log->amounts[e - 1].numeric = ReadNumeric(wire, context);
		else if (event->amount_form != AMOUNT_NONE)
			log->amounts[e - 1].scaled = pq_getmsgint64(wire);
	}
	log->nevents = head;

	/* mark the slot as free if it has no events */
	facts[0] = nevents > 0 ? SLOT_TAKEN : 0;
	StoreHead(facts, nevents > 0 ? head : 0);
}

#ifdef USE_ASSERT_CHECKING

/* Assert that each event is in one chain or belongs to a row in the batch. */
void
EventLogCheck(const EventLog *log, const CustomerState *state, bool whole)
{
	uint32		nwaiting = state->batch != NULL ? state->batch->nrows : 0;
	uint64		nchained = 0;
	uint64		cursor = 0;
	const uint8 *facts;

	if (nwaiting > 0)
		Assert(((uint32 *) state->batch->rows)[nwaiting - 1] == log->nevents - 1);
	if (!whole && (CustomerTableSize(&state->table) > SMALL_TABLE ||
				   log->nevents * sizeof(LoggedEvent) > SMALL_TABLE))
		return;
	while ((facts = CustomerTableNextFacts(&state->table, &cursor)) != NULL)
	{
		uint32		limit = log->nevents;

		for (uint32 e = LoadHead(facts); e != 0; e = log->events[e - 1].next)
		{
			Assert(e <= limit);
			limit = e - 1;
			nchained++;
		}
	}
	/* a received log may have events that are in no chain */
	Assert(state->table.packed || nchained + nwaiting == log->nevents);
}

#endif							/* USE_ASSERT_CHECKING */
