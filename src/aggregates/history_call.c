/*
 * history_call.c
 *	  The question of a function over histories.
 *
 * The type of a column says at once whether a period must be a tstzrange, a tsrange or a daterange.
 * A history says so only when it is read.  So a period or as_of may have the type text: that is
 * what PostgreSQL takes a literal for, and it is read as the type that suits the history.  A value
 * of another type must suit the history as it would suit a column: PostgreSQL converts a date to a
 * timestamp and both to a timestamptz, and no range to another one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "aggregates/history_call.h"

/* The arguments of a function over one history: history, [period or as_of,] and two thresholds. */
#define WHEN_ARG			1
#define MAX_ARGS			4

static const char *const when_names[] = {"period", "as_of", "until"};

/* Return the type of a period or an instant that suits a unit. */
static Oid
TypeOfWhen(TimeUnit unit, HistoryWhenKind kind)
{
	bool		is_period = kind == WHEN_PERIOD;

	switch (unit)
	{
		case UNIT_DAY:
			return is_period ? DATERANGEOID : DATEOID;
		case UNIT_TIMESTAMP:
			return is_period ? TSRANGEOID : TIMESTAMPOID;
		case UNIT_TIMESTAMPTZ:
			return is_period ? TSTZRANGEOID : TIMESTAMPTZOID;
	}
	pg_unreachable();
}

/* Raise the error of a period or an instant whose type does not suit a unit. */
pg_noreturn static void
WhenDoesNotSuit(Oid type, TimeUnit unit, HistoryWhenKind kind)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s of a history of %s must not be a %s",
					when_names[kind], TimeUnitName(unit), format_type_be(type)),
			 errhint("Use a %s, or a literal such as %s.", format_type_be(TypeOfWhen(unit, kind)),
					 kind == WHEN_PERIOD ? "'[2024-01-01,2024-04-01)'" : "'2024-01-01'")));
}

/* Convert a period or an instant of a type to the one that suits a unit, or raise an error. */
Datum
HistoryWhen(Datum when, Oid type, TimeUnit unit, HistoryWhenKind kind)
{
	Oid			suitable = TypeOfWhen(unit, kind);
	Oid			input;
	Oid			typioparam;

	if (type == suitable)
		return when;
	if (type == TEXTOID)
	{
		getTypeInputInfo(suitable, &input, &typioparam);
		return OidInputFunctionCall(input, TextDatumGetCString(when), typioparam, -1);
	}
	/* the implicit casts of PostgreSQL */
	if (type == DATEOID && suitable == TIMESTAMPOID)
		return DirectFunctionCall1(date_timestamp, when);
	if (type == DATEOID && suitable == TIMESTAMPTZOID)
		return DirectFunctionCall1(date_timestamptz, when);
	if (type == TIMESTAMPOID && suitable == TIMESTAMPTZOID)
		return DirectFunctionCall1(timestamp_timestamptz, when);
	WhenDoesNotSuit(type, unit, kind);
}

/* Return a period or an instant whose type must be the one that suits a unit. */
Datum
HistoryWhenOfUnit(Datum when, Oid type, TimeUnit unit, HistoryWhenKind kind)
{
	if (type != TypeOfWhen(unit, kind))
		WhenDoesNotSuit(type, unit, kind);
	return when;
}

static bool
ArgIsConst(FunctionCallInfo fcinfo, int arg)
{
	Node	   *call = fcinfo->flinfo->fn_expr;

	/* no parameter: PL/pgSQL calls one function with many values of it */
	return call != NULL && IsA(call, FuncExpr) &&
		IsA(list_nth(castNode(FuncExpr, call)->args, arg), Const);
}

static HistoryCall *
HistoryCallCreate(FunctionCallInfo fcinfo, const Signature *signature)
{
	HistoryCall *call = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(HistoryCall));
	bool		has_when = signature->scope != SCOPE_ALWAYS;
	int			inactive_after = has_when ? WHEN_ARG + 1 : WHEN_ARG;
	int			churned_after = inactive_after + 1;

	if (PG_NARGS() != churned_after + 1)
		elog(ERROR, "function %u has %d arguments", fcinfo->flinfo->fn_oid, PG_NARGS());
	if (has_when)
	{
		call->when_type = get_fn_expr_argtype(fcinfo->flinfo, WHEN_ARG);
		if (!OidIsValid(call->when_type))
			elog(ERROR, "could not determine the type of the period or as_of");
	}
	for (int unit = 0; unit < NTIME_UNITS; unit++)
	{
		CallSite   *site = &call->sites[unit];

		site->signature = signature;
		site->unit = (TimeUnit) unit;
		site->period = has_when ? WHEN_ARG : 0;
		site->inactive_after = inactive_after;
		site->churned_after = churned_after;
		site->constant = ArgIsConst(fcinfo, WHEN_ARG) &&
			ArgIsConst(fcinfo, inactive_after) && ArgIsConst(fcinfo, churned_after);
	}
	fcinfo->flinfo->fn_extra = call;
	return call;
}

HistoryCall *
HistoryCallGet(FunctionCallInfo fcinfo, const Signature *signature)
{
	HistoryCall *call = fcinfo->flinfo->fn_extra;

	if (unlikely(call == NULL))
		call = HistoryCallCreate(fcinfo, signature);
	/* PL/pgSQL keeps calls while settings change */
	if (unlikely(call->timezone != session_timezone || call->date_order != DateOrder))
	{
		for (int unit = 0; unit < NTIME_UNITS; unit++)
		{
			call->sites[unit].asked = false;
			call->literals[unit].text = NULL;
		}
		call->timezone = session_timezone;
		call->date_order = DateOrder;
	}
	return call;
}

/* Return the value of a literal in a unit, which is kept for the next call. */
static Datum
LiteralValue(FunctionCallInfo fcinfo, HistoryCall *call, TimeUnit unit, HistoryWhenKind kind)
{
	HistoryLiteral *literal = &call->literals[unit];
	text	   *when = PG_GETARG_TEXT_PP(WHEN_ARG);
	Size		size = VARSIZE_ANY_EXHDR(when);
	MemoryContext caller;

	if (literal->text != NULL && VARSIZE_ANY_EXHDR(literal->text) == size &&
		memcmp(VARDATA_ANY(literal->text), VARDATA_ANY(when), size) == 0)
		return literal->value;

	if (literal->text != NULL)
	{
		pfree(literal->text);
		literal->text = NULL;
		if (kind == WHEN_PERIOD)
			pfree(DatumGetPointer(literal->value));
	}
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	literal->value = HistoryWhen(PointerGetDatum(when), TEXTOID, unit, kind);
	literal->text = cstring_to_text_with_len(VARDATA_ANY(when), (int) size);
	MemoryContextSwitchTo(caller);
	return literal->value;
}

/* Return the judge for the question of a call over a history of a unit. */
const PeriodJudge *
HistoryCallJudge(FunctionCallInfo fcinfo, HistoryCall *call, TimeUnit unit)
{
	CallSite   *site = &call->sites[unit];
	HistoryWhenKind kind = site->signature->scope == SCOPE_INSTANT ? WHEN_AS_OF : WHEN_PERIOD;
	LOCAL_FCINFO(args, MAX_ARGS);

	if (likely(site->constant && site->asked && site->has_judge))
		return &site->judge;

	/* CallSite reads the arguments of a column of the unit */
	memcpy(args, fcinfo, SizeForFunctionCallInfo(PG_NARGS()));
	if (!PG_ARGISNULL(WHEN_ARG))
	{
		if (call->when_type == TEXTOID)
			args->args[WHEN_ARG].value = LiteralValue(fcinfo, call, unit, kind);
		else
			args->args[WHEN_ARG].value = HistoryWhen(PG_GETARG_DATUM(WHEN_ARG), call->when_type,
													 unit, kind);
	}
	return CallSiteJudge(args, site);
}

/* Return the question of a call without a period and as_of, over a history of a unit. */
const Question *
HistoryCallQuestion(FunctionCallInfo fcinfo, HistoryCall *call, TimeUnit unit)
{
	return CallSiteQuestion(fcinfo, &call->sites[unit]);
}
