/*
 * split_aggregate.c
 *	  An aggregate that calls the functions of another one as worker_partial_agg of Citus does.
 *
 * split_aggregate(aggregate, arguments...) calls the transition function of the aggregate for each
 * row, and then its final function, and returns the result as text.  As Citus does, it makes a new
 * FmgrInfo for each call, without fn_expr, and passes on the node of the plan.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(split_aggregate_trans);
PG_FUNCTION_INFO_V1(split_aggregate_final);

typedef struct SplitState
{
	FormData_pg_aggregate form;
	Datum		value;
	bool		isnull;
} SplitState;

static SplitState *
CreateState(Oid aggregate, MemoryContext context)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
	SplitState *state = MemoryContextAllocZero(context, sizeof(SplitState));
	Datum		initial;
	MemoryContext caller = MemoryContextSwitchTo(context);

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "no aggregate %u", aggregate);
	memcpy(&state->form, GETSTRUCT(tuple), sizeof(state->form));
	initial = SysCacheGetAttr(AGGFNOID, tuple, Anum_pg_aggregate_agginitval, &state->isnull);
	if (!state->isnull)
	{
		Oid			input;
		Oid			parameter;

		getTypeInputInfo(state->form.aggtranstype, &input, &parameter);
		state->value = OidInputFunctionCall(input, TextDatumGetCString(initial), parameter, -1);
	}
	ReleaseSysCache(tuple);
	MemoryContextSwitchTo(caller);
	return state;
}

Datum
split_aggregate_trans(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(inner, FUNC_MAX_ARGS);
	MemoryContext context;
	MemoryContext caller;
	SplitState *state;
	FmgrInfo	function;
	Datum		value;
	int16		typlen;
	bool		typbyval;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "not called by an aggregate");
	state = PG_ARGISNULL(0) ? CreateState(PG_GETARG_OID(1), context) :
		(SplitState *) PG_GETARG_POINTER(0);

	fmgr_info(state->form.aggtransfn, &function);
	InitFunctionCallInfoData(*inner, &function, PG_NARGS() - 1, fcinfo->fncollation,
							 fcinfo->context, NULL);
	inner->args[0].value = state->value;
	inner->args[0].isnull = state->isnull;
	for (int i = 2; i < PG_NARGS(); i++)
		inner->args[i - 1] = fcinfo->args[i];
	value = FunctionCallInvoke(inner);

	/* a state that was changed in place stays where it is */
	get_typlenbyval(state->form.aggtranstype, &typlen, &typbyval);
	if (!inner->isnull && !typbyval && (state->isnull || value != state->value))
	{
		caller = MemoryContextSwitchTo(context);
		value = datumCopy(value, typbyval, typlen);
		MemoryContextSwitchTo(caller);
	}
	state->value = value;
	state->isnull = inner->isnull;
	PG_RETURN_POINTER(state);
}

Datum
split_aggregate_final(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(inner, 1);
	SplitState *state;
	FmgrInfo	function;
	Datum		value;
	Oid			type;
	Oid			output;
	bool		is_varlena;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SplitState *) PG_GETARG_POINTER(0);
	value = state->value;
	type = state->form.aggtranstype;
	if (OidIsValid(state->form.aggfinalfn))
	{
		fmgr_info(state->form.aggfinalfn, &function);
		InitFunctionCallInfoData(*inner, &function, 1, fcinfo->fncollation, fcinfo->context, NULL);
		inner->args[0].value = value;
		inner->args[0].isnull = state->isnull;
		value = FunctionCallInvoke(inner);
		if (inner->isnull)
			PG_RETURN_NULL();
		type = get_func_rettype(state->form.aggfinalfn);
	}
	else if (state->isnull)
		PG_RETURN_NULL();
	getTypeOutputInfo(type, &output, &is_varlena);
	PG_RETURN_TEXT_P(cstring_to_text(OidOutputFunctionCall(output, value)));
}
