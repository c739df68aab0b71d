/*
 * list_aggregate.c
 *	  The aggregates that a Winback Scan can compute for each customer.
 *
 * list_aggregate.h describes them.  There are only a few, so they are searched one by one.
 */
#include "postgres.h"

#include "scan/list_aggregate.h"

#define MAX_LIST_AGGREGATES		64

static const ListAggregate *registered[MAX_LIST_AGGREGATES];
static int	nregistered = 0;

/* Register an aggregate.  The struct must remain valid as long as the library is loaded. */
void
RegisterListAggregate(const ListAggregate *aggregate)
{
	if (nregistered == MAX_LIST_AGGREGATES)
		elog(ERROR, "too many aggregates for lists of customers");
	registered[nregistered++] = aggregate;
}

/* Return the aggregate with these functions, or NULL if none is registered. */
const ListAggregate *
FindListAggregate(Oid aggregate, PGFunction transition, PGFunction final)
{
	for (int i = 0; i < nregistered; i++)
	{
		const ListAggregate *candidate = registered[i];

		if (OidIsValid(candidate->aggregate) ? candidate->aggregate == aggregate :
			candidate->transition == transition &&
			(candidate->final == NULL || candidate->final == final))
			return candidate;
	}
	return NULL;
}
