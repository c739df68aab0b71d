/*
 * facts.h
 *	  The facts of a customer in one period: a byte of verdicts on purchases, and
 *	  four instants if rows have events.
 *
 * For each purchase we must know whether it lies in the period, and how long ago it
 * was at the start and at the end of the period.  So each row is judged at once, and
 * the byte has a bit for each verdict that occurred:
 *
 *		before the start	FACT_START_LOST, _CHURNED, _INACTIVE or _ACTIVE
 *		in the period		FACT_BOUGHT
 *		before the end		FACT_END_INACTIVE or _ACTIVE, or neither: churned
 *
 * The last purchase has the best verdict (see rules.h).  No aggregate of one period asks
 * who is lost at its end.  Facts of two workers are merged by OR, so the result depends
 * neither on the order of the rows, nor on duplicates, nor on which worker reads a row.
 *
 * With cancellations the order of two instants matters as well.  So EventFacts has
 * the last purchase and the last cancellation before the start, and the last ones in
 * the period.  A merge takes the OR of the bits and the later of two instants.
 */
#ifndef WINBACK_FACTS_H
#define WINBACK_FACTS_H

#include "postgres.h"

#include "rules/rules.h"

typedef uint8 PurchaseFacts;

#define FACT_START_LOST			0x02
#define FACT_START_CHURNED		0x04
#define FACT_START_INACTIVE		0x08
#define FACT_START_ACTIVE		0x10
#define FACT_BOUGHT				0x20
#define FACT_END_INACTIVE		0x40
#define FACT_END_ACTIVE			0x80
/* the lowest bit belongs to the customer table */
#define PURCHASE_FACTS_MASK		0xfe

#define FACT_START \
	(FACT_START_LOST | FACT_START_CHURNED | FACT_START_INACTIVE | FACT_START_ACTIVE)

/*
 * An instant with the sign bit inverted, so that zero is the earliest instant.  Cleared
 * memory means no instant or -infinity; the bits of EventFacts distinguish these.
 */
typedef uint64 LaterInstant;

#define LaterInstantFrom(at)	((uint64) (at) ^ (UINT64CONST(1) << 63))
#define LaterInstantGet(later)	((int64) ((later) ^ (UINT64CONST(1) << 63)))

/* The facts of one customer if rows have events. */
typedef struct EventFacts
{
	PurchaseFacts purchases;
	uint8		events;
	LaterInstant last_purchase; /* the last ones before the start */
	LaterInstant last_cancellation;
	LaterInstant period_purchase;	/* the last ones in the period */
	LaterInstant period_cancellation;
} EventFacts;

#define EVENT_KNOWN_AT_START	0x01	/* any event before the start */
#define EVENT_KNOWN_AT_END		0x02	/* any event before the end */
#define EVENT_CANCELLED			0x04	/* a cancellation before the start */
#define EVENT_CANCELLED_IN		0x08	/* a cancellation in the period */

/* Bytes of EventFacts in a table, where they have no padding and are not aligned. */
#define EVENT_FACTS_SIZE		(2 + 4 * sizeof(LaterInstant))

/* The arguments of StatusOver for one customer and one period. */
typedef struct Outcome
{
	Standing	before;			/* at the start */
	bool		bought;			/* in the period */
	Standing	after;			/* at the end */
} Outcome;

extern void EventFactsAdd(EventFacts *facts, int64 at, LifecycleEvent event,
						  PurchaseFacts verdict, int64 from);
extern void EventFactsMerge(EventFacts *facts, const EventFacts *other);
extern Outcome OutcomeFromPurchases(PurchaseFacts facts);
extern Outcome OutcomeFromEvents(const EventFacts *facts);
extern LifecycleStatus OutcomeStatus(const Outcome *outcome);

/* The address of instant n, from 0 on, in the packed form. */
#define PACKED_INSTANT(packed, n)	((packed) + 2 + (n) * sizeof(LaterInstant))

/* Read the facts from the packed form. */
static inline void
EventFactsLoad(EventFacts *facts, const uint8 *packed)
{
	facts->purchases = packed[0];
	facts->events = packed[1];
	memcpy(&facts->last_purchase, PACKED_INSTANT(packed, 0), sizeof(LaterInstant));
	memcpy(&facts->last_cancellation, PACKED_INSTANT(packed, 1), sizeof(LaterInstant));
	memcpy(&facts->period_purchase, PACKED_INSTANT(packed, 2), sizeof(LaterInstant));
	memcpy(&facts->period_cancellation, PACKED_INSTANT(packed, 3), sizeof(LaterInstant));
}

/* Write the facts in the packed form. */
static inline void
EventFactsStore(const EventFacts *facts, uint8 *packed)
{
	packed[0] = facts->purchases;
	packed[1] = facts->events;
	memcpy(PACKED_INSTANT(packed, 0), &facts->last_purchase, sizeof(LaterInstant));
	memcpy(PACKED_INSTANT(packed, 1), &facts->last_cancellation, sizeof(LaterInstant));
	memcpy(PACKED_INSTANT(packed, 2), &facts->period_purchase, sizeof(LaterInstant));
	memcpy(PACKED_INSTANT(packed, 3), &facts->period_cancellation, sizeof(LaterInstant));
}

#endif							/* WINBACK_FACTS_H */
