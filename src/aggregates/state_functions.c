/*
 * state_functions.c
 *	  The combine, serialization and deserialization functions of aggregates whose
 *	  state is a CustomerState of any kind.
 */
#include "postgres.h"

#include "fmgr.h"

#include "aggregates/call_site.h"
#include "state/customer_state.h"
#include "state/state_wire.h"

PG_FUNCTION_INFO_V1(customer_state_combine);
PG_FUNCTION_INFO_V1(customer_state_serial);
PG_FUNCTION_INFO_V1(customer_state_deserial);

/*
 * Merge the second state into the first.  If there is no first state, create one, as
 * the memory of the second may be short-lived.
 */
Datum
customer_state_combine(PG_FUNCTION_ARGS)
{
	CustomerState *state = ArgState(fcinfo, 0);
	CustomerState *other = ArgState(fcinfo, 1);
	MemoryContext context = AggregateContext(fcinfo);

	if (other != NULL)
	{
		if (state == NULL)
			state = other->ops->create_like(context, CombineFamily(fcinfo, other->customer_type),
											other);
		CustomerStateMerge(state, other);
	}
	return ReturnState(fcinfo, state);
}

Datum
customer_state_serial(PG_FUNCTION_ARGS)
{
	(void) AggregateContext(fcinfo);
	PG_RETURN_BYTEA_P(CustomerStateSerialize((CustomerState *) PG_GETARG_POINTER(0), NULL));
}

Datum
customer_state_deserial(PG_FUNCTION_ARGS)
{
	(void) AggregateContext(fcinfo);
	PG_RETURN_POINTER(CustomerStateDeserialize(PG_GETARG_BYTEA_PP(0)));
}
