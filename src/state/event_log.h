/*
 * event_log.h
 *	  Events in the order of their arrival, chained by customer.
 *
 * A customer's facts are a byte for the table and the place of their last event in
 * the log, plus 1.  Each event has the place of the customer's event before it, plus 1.
 * A new event goes to the front of the chain, so the places in a chain descend, and a
 * chain has no loop.
 */
#ifndef WINBACK_EVENT_LOG_H
#define WINBACK_EVENT_LOG_H

#include "postgres.h"

#include "rules/rules.h"
#include "state/amount.h"
#include "state/customer_state.h"

typedef struct LoggedEvent
{
	int64		at;
	uint32		next;			/* place of the customer's next event, plus 1; 0 at the end */
	uint8		event;			/* LifecycleEvent */
	uint8		amount_form;	/* of the element of amounts[] at the place of the event */
	uint16		zone;			/* of the calendar; undefined in a received log */
} LoggedEvent;

typedef struct EventLog
{
	LoggedEvent *events;
	AmountValue *amounts;		/* NULL unless has_amounts */
	uint32		nevents;
	uint32		allocated;
	bool		has_amounts;
} EventLog;

/* Events between two checks for interrupts. */
#define EVENTS_BETWEEN_CHECKS	65536

/* Bytes of a customer's facts: the byte for the table, and the place. */
#define LOG_FACTS_SIZE		NUMBER_FACTS_SIZE

/* Return the place of the customer's last event, plus 1, or 0 if there is none. */
static inline uint32
LoadHead(const uint8 *facts)
{
	return LoadNumber(facts);
}

static inline void
StoreHead(uint8 *facts, uint32 head)
{
	StoreNumber(facts, head);
}

/* Return the amount of the event at a place. */
static inline Amount
EventLogAmount(const EventLog *log, uint32 place)
{
	Amount		amount = {.form = log->events[place].amount_form};

	if (amount.form != AMOUNT_NONE)
		amount.value = log->amounts[place];
	return amount;
}

/* Add the event at a place to the front of a customer's chain. */
static inline void
EventLogChain(EventLog *log, uint8 *facts, uint32 place)
{
	log->events[place].next = LoadHead(facts);
	StoreHead(facts, place + 1);
}

pg_noreturn extern void TooManyEvents(void);
extern uint32 EventLogAdd(EventLog *log, MemoryContext context, int64 at, uint16 zone,
						  uint8 event, const Amount *amount);

/* The codec of event logs; see FactsCodec. */
#define LOG_WIRE_CUSTOMER	sizeof(uint32)	/* the number of events */
#define LOG_WIRE_EVENT		(sizeof(int64) + 1 + 1) /* at, event, amount_form */
extern Size EventLogWireSize(const EventLog *log);
extern void EventLogWrite(const EventLog *log, StateWriter *writer, const uint8 *facts);
extern void EventLogBeginReading(EventLog *log, MemoryContext context, uint32 nevents);
extern void EventLogRead(EventLog *log, MemoryContext context, StringInfo wire, uint8 *facts);

#ifdef USE_ASSERT_CHECKING
extern void EventLogCheck(const EventLog *log, const CustomerState *state, bool whole);
#endif

#endif							/* WINBACK_EVENT_LOG_H */
