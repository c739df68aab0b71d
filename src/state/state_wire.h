/*
 * state_wire.h
 *	  States as bytes, on the way from a parallel worker to its leader.
 */
#ifndef WINBACK_STATE_WIRE_H
#define WINBACK_STATE_WIRE_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "state/customer_state.h"
#include "table/large_memory.h"

/* The place in a state where the next portion begins; all zero for the first. */
typedef struct Portion
{
	uint64		slot;			/* cursor of CustomerTableNext */
	uint32		event;			/* place of the customer's event, plus 1; 0 for the last one */
	bool		done;			/* no portion is left */
} Portion;

/* A message while it is being written. */
struct StateWriter
{
	StringInfo	wire;
	Size		limit;			/* stop when the message has `limit` bytes */
	const CustomerState *state;
	Portion    *portion;		/* the begin of this portion, then that of the next */

	/* counts of the message so far */
	uint64		nslots;			/* customers; in an array, slots */
	uint64		images_size;	/* bytes of the images of all keys */
	uint32		nevents;
};

/* The events of one customer in a message while they are being written, after their number. */
typedef struct EventsWriter
{
	int			begin;			/* where the message has the number of events */
	uint32		nevents;		/* written so far */
	Size		limit;			/* stop when the message has `limit` bytes */
} EventsWriter;

extern EventsWriter BeginEvents(StateWriter *writer);
extern void EndEvents(StateWriter *writer, const EventsWriter *events, uint32 next);

/* Return whether another event may be written, and count it. */
static inline bool
MoreEventsFit(const StateWriter *writer, EventsWriter *events)
{
	if (events->nevents > 0 && (Size) writer->wire->len >= events->limit)
		return false;
	if (events->nevents++ % PIECE_CUSTOMERS == 0)
		CHECK_FOR_INTERRUPTS();
	return true;
}

/* Serialize the whole state if portion is NULL, else the next portion. */
extern bytea *CustomerStateSerialize(CustomerState *state, Portion *portion);
extern CustomerState *CustomerStateDeserialize(bytea *bytes);

#endif							/* WINBACK_STATE_WIRE_H */
