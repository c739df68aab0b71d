/*
 * state_wire.h
 *	  States as bytes, on the way from a parallel worker to its leader.
 */
#ifndef WINBACK_STATE_WIRE_H
#define WINBACK_STATE_WIRE_H

#include "postgres.h"

#include "state/series_state.h"
#include "state/period_state.h"

/* Where in a state the next portion begins; all zero for the first. */
typedef struct Portion
{
	uint64		slot;			/* of the table, as CustomerTableNext counts them */
	uint32		entry;			/* of that customer, to begin with, plus 1; 0 for the first */
	bool		done;			/* there is no more */
} Portion;

/* As a whole if the portion is NULL. */
extern bytea *CohortSerialize(Cohort *cohort, Portion *portion);
extern Cohort *CohortDeserialize(bytea *bytes);
extern bytea *ChronicleSerialize(Chronicle *chronicle, Portion *portion);
extern Chronicle *ChronicleDeserialize(bytea *bytes);

#endif							/* WINBACK_STATE_WIRE_H */
