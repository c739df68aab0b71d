/*
 * list_state.c
 *	  Aggregates whose facts are a state of their transition function.
 *
 * The aggregates over histories need no table of customers: each row has all that is known of one.
 * Their states are small, and of types that have values.  So the facts of a group are a pointer to
 * its state, which the transition function changes in place, as below an Agg node.
 */
#include "postgres.h"

#include "catalog/pg_aggregate.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "scan/scan_aggregate.h"

/* The argument of the transition function that differs from row to row: the first after the state. */
#define ROW_ARG			1

int
StateFactsSize(int nargs pg_attribute_unused())
{
	return sizeof(NullableDatum);
}

static inline NullableDatum
LoadState(const uint8 *facts)
{
	NullableDatum state;

	memcpy(&state, facts, sizeof(state));
	return state;
}

static inline void
StoreState(uint8 *facts, NullableDatum state)
{
	memcpy(facts, &state, sizeof(state));
}

/* Return whether a group has a state.  Facts are zero at first. */
static inline bool
HasState(NullableDatum state)
{
	return state.isnull || state.value != (Datum) 0;
}

/* Return the state of a group without rows, which is the INITCOND of the aggregate. */
static NullableDatum
InitialState(const ScanCall *call)
{
	const Aggref *aggref = call->planned;
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	NullableDatum state;
	Datum		initial;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	initial = SysCacheGetAttr(AGGFNOID, tuple, Anum_pg_aggregate_agginitval, &state.isnull);
	state.value = (Datum) 0;
	if (!state.isnull)
	{
		MemoryContext old_context = MemoryContextSwitchTo(call->context);
		char	   *string = TextDatumGetCString(initial);
		Oid			input;
		Oid			param;

		getTypeInputInfo(aggref->aggtranstype, &input, &param);
		state.value = OidInputFunctionCall(input, string, param, -1);
		MemoryContextSwitchTo(old_context);
	}
	ReleaseSysCache(tuple);
	return state;
}

/* Call the transition function, and keep a new state in the context of the states. */
static inline NullableDatum
Advance(FunctionCallInfo fcinfo, const ScanCall *call, NullableDatum state, int16 typlen)
{
	NullableDatum next;

	fcinfo->args[0] = state;
	fcinfo->isnull = false;
	next.value = FunctionCallInvoke(fcinfo);
	next.isnull = fcinfo->isnull;
	if (likely(next.value == state.value && next.isnull == state.isnull))
		return state;
	if (!next.isnull)
	{
		MemoryContext old_context = MemoryContextSwitchTo(call->context);

		next.value = datumCopy(next.value, false, typlen);
		MemoryContextSwitchTo(old_context);
	}
	if (!state.isnull)
		pfree(DatumGetPointer(state.value));
	return next;
}

void
StateAddRows(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts, int offset)
{
	const ScanCall *call = GetScanCall(fcinfo);
	int16		typlen = get_typlen(call->planned->aggtranstype);

	for (int i = 0; i < rows->nrows; i++)
	{
		uint8	   *place = facts[i] + offset;
		NullableDatum state = LoadState(place);
		NullableDatum *arg = &fcinfo->args[ROW_ARG];
		struct varlena *copy = NULL;

		if (rows->values[ROW_ARG] != NULL)
		{
			arg->value = rows->values[ROW_ARG][i];
			arg->isnull = rows->nulls[ROW_ARG][i];
			/* the current context is not reset before the end of the page */
			if (!arg->isnull && VARATT_IS_EXTENDED(DatumGetPointer(arg->value)) &&
				!VARATT_IS_SHORT(DatumGetPointer(arg->value)))
				arg->value = PointerGetDatum(copy = PG_DETOAST_DATUM(arg->value));
		}
		if (unlikely(!HasState(state)))
			state = InitialState(call);
		StoreState(place, Advance(fcinfo, call, state, typlen));
		if (copy != NULL)
			pfree(copy);
	}
}

/* Return the state of a group, which may have no rows. */
static NullableDatum
StateOf(FunctionCallInfo fcinfo, const uint8 *facts)
{
	NullableDatum state = LoadState(facts);

	return HasState(state) ? state : InitialState(GetScanCall(fcinfo));
}

Datum
StateFinish(FunctionCallInfo fcinfo, FunctionCallInfo final, const uint8 *facts, bool *isnull)
{
	NullableDatum state = StateOf(fcinfo, facts);

	if (final == NULL)
	{
		*isnull = state.isnull;
		return state.value;
	}
	return ScanCallFinal(final, state, isnull);
}
