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

/* Raise the error of a log that is full. */
void
TooManyEvents(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("too many rows with events or amounts in one group"),
			 errhint("Filter by customers, or use a table of purchases alone.")));
}

/* Double the room for events and amounts. */
static void
Grow(EventLog *log, MemoryContext context)
{
	Size		allocated = Max((Size) log->allocated * 2, FIRST_EVENTS);

	if (allocated > PG_UINT32_MAX / 2)
		TooManyEvents();
	log->events = MoveToLarger(context, log->events, log->nevents * sizeof(LoggedEvent),
							   0, allocated * sizeof(LoggedEvent));
	if (log->has_amounts)
		log->amounts = MoveToLarger(context, log->amounts, log->nevents * sizeof(AmountValue),
									0, allocated * sizeof(AmountValue));
	log->allocated = allocated;
}

/* Add an event and return its place. */
uint32
EventLogAdd(EventLog *log, MemoryContext context, int64 at, uint16 zone, uint8 event,
			const Amount *amount)
{
	LoggedEvent *added;

	if (log->nevents % EVENTS_BETWEEN_CHECKS == 0)
		CHECK_FOR_INTERRUPTS();
	if (log->nevents == log->allocated)
		Grow(log, context);

	added = &log->events[log->nevents];
	memset(added, 0, sizeof(*added));
	added->at = at;
	added->zone = zone;
	added->event = event;
	added->amount_form = amount->form;
	if (amount->form != AMOUNT_NONE)
		log->amounts[log->nevents] = AmountCopy(amount, context).value;
	return log->nevents++;
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
		if (log->events[i].amount_form != AMOUNT_NONE)
			size += AmountWireSize(log->events[i].amount_form, log->amounts[i]);
	}
	return size;
}

/* Write the events of a customer, until the message is full. */
void
EventLogWrite(const EventLog *log, StateWriter *writer, const uint8 *facts)
{
	EventsWriter events = BeginEvents(writer);
	uint32		e = writer->portion->event != 0 ? writer->portion->event : LoadHead(facts);

	while (e != 0 && MoreEventsFit(writer, &events))
	{
		const LoggedEvent *event = &log->events[e - 1];

		pq_sendint64(writer->wire, event->at);
		pq_sendint8(writer->wire, event->event);
		pq_sendint8(writer->wire, event->amount_form);
		if (event->amount_form != AMOUNT_NONE)
			AmountSend(writer->wire, event->amount_form, log->amounts[e - 1]);
		e = event->next;
	}
	EndEvents(writer, &events, e);
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
		if (event->amount_form != AMOUNT_NONE)
			log->amounts[e - 1] = AmountReceive(wire, context, event->amount_form);
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
