/*
 * one_pass.c
 *	  The aggregates that a Winback Scan can compute.
 *
 * one_pass.h describes them.  There are only a few, so they are searched one by one.
 */
#include "postgres.h"

#include "scan/one_pass.h"

#define MAX_ONE_PASS_AGGREGATES		32

static const OnePassAggregate *registered[MAX_ONE_PASS_AGGREGATES];
static int	nregistered = 0;

/* Register an aggregate.  The struct must remain valid as long as the library is loaded. */
void
RegisterOnePassAggregate(const OnePassAggregate *aggregate)
{
	if (nregistered == MAX_ONE_PASS_AGGREGATES)
		elog(ERROR, "too many one-pass aggregates");
	registered[nregistered++] = aggregate;
}

/* Return the aggregate of a transition function, or NULL if none is registered. */
const OnePassAggregate *
FindOnePassAggregate(PGFunction transition)
{
	for (int i = 0; i < nregistered; i++)
	{
		if (registered[i]->transition == transition)
			return registered[i];
	}
	return NULL;
}
