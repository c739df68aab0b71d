/*
 * state_wire.h
 *	  States as bytes, on the way from a parallel worker to its leader.
 */
#ifndef WINBACK_STATE_WIRE_H
#define WINBACK_STATE_WIRE_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "state/customer_state.h"

/* Where in a state the next portion begins; all zero for the first. */
typedef struct Portion
{
	uint64		slot;			/* of the table, as CustomerTableNext counts them */
	uint32		event;			/* of that customer, plus 1; 0 to begin with the last */
	bool		done;			/* there is no more */
} Portion;

/* A message that is being written. */
struct StateWriter
{
	StringInfo	wire;
	Size		limit;			/* stop when the message has that many bytes */
	const CustomerState *state;
	Portion    *portion;		/* where to begin; then, where to go on */

	/* what has been written */
	uint64		nslots;			/* customers; of an array, slots */
	uint64		images_size;	/* bytes of the images of all keys */
	uint32		nevents;
};

/* As a whole if the portion is NULL. */
extern bytea *CustomerStateSerialize(CustomerState *state, Portion *portion);
extern CustomerState *CustomerStateDeserialize(bytea *bytes);

#endif							/* WINBACK_STATE_WIRE_H */
