/*
 * facts.h
 *	  What is kept of a customer: a byte of purchases, and, where there are other
 *	  events, four instants.
 *
 * A purchase matters only by how it is judged: at the start of the period, at
 * its end, and whether it lies in it.  So it is judged when its row comes, and
 * what is kept is a bit for each verdict that ever occurred:
 *
 *		before the start	FACT_START_CHURNED, _INACTIVE or _ACTIVE
 *		in the period		FACT_BOUGHT
 *		before the end		FACT_END_CHURNED, _INACTIVE or _ACTIVE
 *
 * The best verdict is that of the last purchase (see rules.c).  Merging what two
 * workers know is OR: it does not matter in which order the rows came, how
 * often, or who saw them.
 *
 * With cancellations the order of two instants matters as well, so the last
 * purchase and the last cancellation before the start and in the period are
 * kept.  Merging is then OR and the later of each.
 */
#ifndef WINBACK_FACTS_H
#define WINBACK_FACTS_H

#include "postgres.h"

#include "rules/rules.h"

typedef uint8 PurchaseFacts;

#define FACT_START_CHURNED		0x02
#define FACT_START_INACTIVE		0x04
#define FACT_START_ACTIVE		0x08
#define FACT_BOUGHT				0x10
#define FACT_END_CHURNED		0x20
#define FACT_END_INACTIVE		0x40
#define FACT_END_ACTIVE			0x80
/* the lowest bit is left to the table */
#define PURCHASE_FACTS_MASK		0xfe

#define FACT_START				(FACT_START_CHURNED | FACT_START_INACTIVE | FACT_START_ACTIVE)

/*
 * An instant so stored that zero is the earliest: memory that was cleared says
 * "never, or -infinity", and bits elsewhere tell which.
 */
typedef uint64 LaterInstant;

#define LaterInstantFrom(at)	((uint64) (at) ^ (UINT64CONST(1) << 63))
#define LaterInstantGet(later)	((int64) ((later) ^ (UINT64CONST(1) << 63)))

/* Everything about one customer.  Begins with the byte of purchases. */
typedef struct EventFacts
{
	PurchaseFacts purchases;
	uint8		events;
	LaterInstant last_purchase;	/* before the start */
	LaterInstant last_cancellation;
	LaterInstant period_purchase;	/* the last ones in the period */
	LaterInstant period_cancellation;
} EventFacts;

#define EVENT_KNOWN_AT_START	0x01	/* any event before the start */
#define EVENT_KNOWN_AT_END		0x02	/* any event before the end */
#define EVENT_CANCELLED			0x04	/* before the start */
#define EVENT_CANCELLED_IN		0x08	/* in the period */

/* Bytes of EventFacts in a table: without padding, and not aligned. */
#define EVENT_FACTS_SIZE		(2 + 4 * sizeof(LaterInstant))

/* A customer as the rules want to see them. */
typedef struct Outcome
{
	LifecycleStatus before;		/* standing at the start */
	bool		bought;			/* in the period */
	LifecycleStatus after;		/* standing at the end */
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
