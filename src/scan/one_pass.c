/*
 * one_pass.c
 *	  The aggregates that a Winback Scan can compute.
 *
 * See one_pass.h.  The list is a handful, made when the library is loaded.
 */
#include "postgres.h"

#include "scan/one_pass.h"

#define MAX_ONE_PASS_AGGREGATES		32

static const OnePassAggregate *registered[MAX_ONE_PASS_AGGREGATES];
static int	nregistered = 0;

/* Register an aggregate, which must live as long as the library. */
void
RegisterOnePassAggregate(const OnePassAggregate *aggregate)
{
	if (nregistered == MAX_ONE_PASS_AGGREGATES)
		elog(ERROR, "too many one-pass aggregates");
	registered[nregistered++] = aggregate;
}

/* The aggregate with a transition function, or NULL if none is registered. */
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
