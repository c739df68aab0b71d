/*
 * state_wire.h
 *	  States as bytes, on the way from a parallel worker to its leader.
 */
#ifndef WINBACK_STATE_WIRE_H
#define WINBACK_STATE_WIRE_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "state/customer_state.h"

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

/* Serialize the whole state if portion is NULL, else the next portion. */
extern bytea *CustomerStateSerialize(CustomerState *state, Portion *portion);
extern CustomerState *CustomerStateDeserialize(bytea *bytes);

#endif							/* WINBACK_STATE_WIRE_H */
