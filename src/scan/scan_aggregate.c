/*
 * scan_aggregate.c
 *	  The aggregates of a Winback Scan: their states, and the calls.
 *
 * Rows take one of two lanes.  Any row can be given to the transition function, as
 * an Agg node would.  Most, once there is a state, only have to wait in a batch; the
 * function that lets them, many at a time, is the fast lane.  It stops at the first
 * row with which there is more to do, and that goes the slow way.
 *
 * Arguments without columns are evaluated once a scan, when its first row comes:
 * without one PostgreSQL would not evaluate them either, and they may be mistaken.
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_agg.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "compat.h"
#include "scan/scan_aggregate.h"

/* What pg_aggregate knows. */
typedef struct AggregateFunctions
{
	Oid			transition;
	Oid			serialize;
	Oid			finish;
	bool		finish_extra;	/* the final function gets arguments, all NULL */
} AggregateFunctions;

static AggregateFunctions
LookUpAggregate(Oid aggregate)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
	Form_pg_aggregate form;
	AggregateFunctions functions;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggregate);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	functions.transition = form->aggtransfn;
	functions.serialize = form->aggserialfn;
	functions.finish = form->aggfinalfn;
	functions.finish_extra = form->aggfinalextra;
	ReleaseSysCache(tuple);
	return functions;
}

static void
CheckExecute(Oid function, Oid role, ObjectType type)
{
	AclResult	result = FunctionAclCheck(function, role);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, type, get_func_name(function));
	InvokeFunctionExecuteHook(function);
}

/* May the user call an aggregate, and its owner the functions of it?  As an Agg node asks. */
void
ScanCheckPrivileges(const Aggref *aggref)
{
	AggregateFunctions functions = LookUpAggregate(aggref->aggfnoid);
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(aggref->aggfnoid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", aggref->aggfnoid);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);

	CheckExecute(aggref->aggfnoid, GetUserId(), OBJECT_AGGREGATE);
	CheckExecute(DO_AGGSPLIT_SERIALIZE(aggref->aggsplit) ? functions.serialize : functions.finish,
				 owner, OBJECT_FUNCTION);
	CheckExecute(functions.transition, owner, OBJECT_FUNCTION);
}

/* The one-pass aggregate that is called, or NULL if it is another one. */
static const OnePassAggregate *
OnePassOf(const Aggref *aggref)
{
	FmgrInfo	flinfo;

	/* found by the function itself: names and OIDs may be anybody's */
	fmgr_info(LookUpAggregate(aggref->aggfnoid).transition, &flinfo);
	return FindOnePassAggregate(flinfo.fn_addr);
}

/* Can the scan compute an aggregate? */
bool
IsOnePass(const Aggref *aggref)
{
	return OnePassOf(aggref) != NULL;
}

/* The column that an argument is, or NULL. */
Var *
ColumnOf(Expr *arg)
{
	while (arg != NULL && IsA(arg, RelabelType))
		arg = ((RelabelType *) arg)->arg;
	return arg != NULL && IsA(arg, Var) ? (Var *) arg : NULL;
}

static Expr *
ArgOf(const Aggref *aggref, int i)
{
	return list_nth_node(TargetEntry, aggref->args, i)->expr;
}

/* Prepare the state of an aggregate, and add the columns that it needs. */
void
ScanAggregateInit(ScanAggregate *aggregate, const Aggref *aggref, ScanColumns *columns,
				  PlanState *ps)
{
	aggregate->aggref = aggref;
	aggregate->one_pass = OnePassOf(aggref);
	if (aggregate->one_pass == NULL)
		elog(ERROR, "transition function of aggregate %u is not what it was in planning",
			 aggref->aggfnoid);
	aggregate->nargs = list_length(aggref->args);
	aggregate->constants = palloc0(aggregate->nargs * sizeof(ExprState *));
	aggregate->columns = palloc(aggregate->nargs * sizeof(int));
	for (int i = 0; i < aggregate->nargs; i++)
	{
		Expr	   *arg = ArgOf(aggref, i);
		Var		   *column = ColumnOf(arg);

		aggregate->columns[i] = column != NULL ? ScanColumnsAdd(columns, column->varattno) : -1;
		if (column == NULL)
			aggregate->constants[i] = ExecInitExpr(arg, ps);
	}
}

/* The same in one table: its FILTER, and in attnos the numbers of its columns there. */
void
ScanSourceInit(ScanSource *source, const ScanAggregate *aggregate, const Aggref *aggref,
			   AttrNumber *attnos, PlanState *ps)
{
	for (int i = 0; i < aggregate->nargs; i++)
	{
		if (aggregate->columns[i] >= 0)
			attnos[aggregate->columns[i]] = ColumnOf(ArgOf(aggref, i))->varattno;
	}
	source->filter = ExecInitQual(make_ands_implicit(aggref->aggfilter), ps);
	source->prepared = true;
}

/*
 * An argument that is one value for the whole scan.  The Aggref gets it as a
 * constant, so that the transition function need not look at it again.
 */
static Expr *
EvaluateArg(ScanAggregate *aggregate, int i, ExprContext *econtext)
{
	const Node *arg = (const Node *) ArgOf(aggregate->aggref, i);
	NullableDatum *value = &aggregate->fcinfo->args[i + 1];
	int16		typlen;
	bool		typbyval;

	get_typlenbyval(exprType(arg), &typlen, &typbyval);
	value->value = ExecEvalExprSwitchContext(aggregate->constants[i], econtext, &value->isnull);
	if (!value->isnull)
		value->value = datumCopy(value->value, typbyval, typlen);
	return (Expr *) makeConst(exprType(arg), exprTypmod(arg), exprCollation(arg),
							  typlen, value->value, value->isnull, typbyval);
}

/* A call of a function over an aggregate's state, with fn_expr in place. */
static FunctionCallInfo
PrepareCall(ScanAggregate *aggregate, FmgrInfo *flinfo, Oid function, Expr *expr, int nargs,
			Oid collation)
{
	FunctionCallInfo fcinfo = palloc0(SizeForFunctionCallInfo(nargs));

	fmgr_info(function, flinfo);
	fmgr_info_set_expr((Node *) expr, flinfo);
	InitFunctionCallInfoData(*fcinfo, flinfo, nargs, collation, (Node *) &aggregate->call, NULL);
	for (int i = 0; i < nargs; i++)
		fcinfo->args[i].isnull = true;
	return fcinfo;
}

/* Begin with no state; all that is made lives in the current context. */
void
ScanAggregateStart(ScanAggregate *aggregate)
{
	const Aggref *aggref = aggregate->aggref;
	Oid			transition = LookUpAggregate(aggref->aggfnoid).transition;
	Oid			types[FUNC_MAX_ARGS];
	int			ntypes = get_aggregate_argtypes(unconstify(Aggref *, aggref), types);
	Expr	   *expr;

	aggregate->call.node.type = T_ExtensibleNode;
	aggregate->call.node.extnodename = SCAN_CALL;
	aggregate->call.context = CurrentMemoryContext;
	aggregate->call.aggref = NULL;

	build_aggregate_transfn_expr(types, ntypes, 0, false, aggref->aggtranstype,
								 aggref->inputcollid, transition, InvalidOid, &expr, NULL);
	aggregate->fcinfo = PrepareCall(aggregate, &aggregate->flinfo, transition, expr,
									ntypes + 1, aggref->inputcollid);
}

/* The arguments that are no columns. */
static void
EvaluateArgs(ScanAggregate *aggregate, ExprContext *econtext)
{
	MemoryContext old_context = MemoryContextSwitchTo(aggregate->call.context);
	const Aggref *aggref = aggregate->aggref;
	Aggref	   *known = makeNode(Aggref);

	*known = *aggref;
	known->args = NIL;
	for (int i = 0; i < aggregate->nargs; i++)
	{
		Expr	   *arg = aggregate->constants[i] != NULL ? EvaluateArg(aggregate, i, econtext) :
			ArgOf(aggref, i);

		known->args = lappend(known->args, makeTargetEntry(arg, i + 1, NULL, false));
	}
	aggregate->call.aggref = known;
	MemoryContextSwitchTo(old_context);
}

/* The slow lane: one row by the transition function. */
static void
EnterRow(ScanAggregate *aggregate, int row)
{
	FunctionCallInfo fcinfo = aggregate->fcinfo;

	for (int arg = 1; arg <= aggregate->nargs; arg++)
	{
		if (aggregate->block.values[arg] != NULL)
		{
			fcinfo->args[arg].value = aggregate->block.values[arg][row];
			fcinfo->args[arg].isnull = aggregate->block.nulls[arg][row];
		}
	}
	fcinfo->isnull = false;
	fcinfo->args[0].value = FunctionCallInvoke(fcinfo);
	fcinfo->args[0].isnull = fcinfo->isnull;
}

/* Let a column of the scan be an argument; of the chosen rows only, if not all are. */
static void
SetBlockColumn(RowBlock *block, int arg, const ScanColumn *column, const uint16 *chosen)
{
	block->values[arg] = chosen != NULL ? column->chosen_values : column->values;
	block->nulls[arg] = chosen != NULL ? column->chosen_nulls : column->nulls;
	for (int i = 0; chosen != NULL && i < block->nrows; i++)
	{
		column->chosen_values[i] = column->values[chosen[i]];
		column->chosen_nulls[i] = column->nulls[chosen[i]];
	}
}

/*
 * Take in rows of a page, whose columns have been fetched: all, or those at the places
 * in `chosen`.  The current context is reset again and again.
 */
void
ScanAggregateEnter(ScanAggregate *aggregate, ExprContext *econtext, const ScanColumns *columns,
					const uint16 *chosen, int nrows)
{
	RowBlock   *block = &aggregate->block;

	if (nrows == 0)
		return;
	if (unlikely(aggregate->call.aggref == NULL))
		EvaluateArgs(aggregate, econtext);

	block->nrows = nrows;
	for (int i = 0; i < aggregate->nargs; i++)
	{
		/* the state is argument 0 */
		if (aggregate->columns[i] >= 0)
			SetBlockColumn(block, i + 1, &columns->columns[aggregate->columns[i]], chosen);
	}

	for (int row = 0; row < nrows; row++)
	{
		if (!aggregate->fcinfo->args[0].isnull)
			row = aggregate->one_pass->take_rows(aggregate->fcinfo, block, row);
		if (row < nrows)
			EnterRow(aggregate, row);
		MemoryContextReset(CurrentMemoryContext);
	}
}

/* The state of an aggregate; NULL if there is none. */
static CustomerState *
StateOf(const ScanAggregate *aggregate)
{
	return aggregate->fcinfo->args[0].isnull ? NULL :
		(CustomerState *) DatumGetPointer(aggregate->fcinfo->args[0].value);
}

/* Add how much there is in a state, once all rows have been taken in. */
void
ScanAggregateMeasure(ScanAggregate *aggregate, ScanCounters *counters)
{
	CustomerState *state = StateOf(aggregate);

	if (state == NULL)
		return;
	CustomerStateFlush(state);
	counters->customers += state->table.ntaken;
	counters->batches += state->batch != NULL ? state->batch->nbatches : 0;
}

/* The value of an aggregate with that state. */
Datum
ScanAggregateFinish(ScanAggregate *aggregate, const Aggref *aggref, bool *isnull)
{
	AggregateFunctions functions = LookUpAggregate(aggref->aggfnoid);
	FmgrInfo	flinfo;
	FunctionCallInfo fcinfo;
	Oid			types[FUNC_MAX_ARGS];
	int			ntypes = get_aggregate_argtypes(unconstify(Aggref *, aggref), types);
	int			nargs = functions.finish_extra ? ntypes + 1 : 1;
	Expr	   *expr;
	Datum		value;

	build_aggregate_finalfn_expr(types, nargs, aggref->aggtranstype, aggref->aggtype,
								 aggref->inputcollid, functions.finish, &expr);
	fcinfo = PrepareCall(aggregate, &flinfo, functions.finish, expr, nargs, aggref->inputcollid);
	fcinfo->args[0] = aggregate->fcinfo->args[0];

	*isnull = flinfo.fn_strict && (fcinfo->nargs > 1 || fcinfo->args[0].isnull);
	if (*isnull)
		return (Datum) 0;
	value = FunctionCallInvoke(fcinfo);
	*isnull = fcinfo->isnull;
	return value;
}

/* The next portion of the state, on the way to another process; NULL when all has been sent. */
Datum
ScanAggregateSerialize(ScanAggregate *aggregate, Portion *portion, bool *isnull)
{
	CustomerState *state = StateOf(aggregate);

	*isnull = portion->done || state == NULL;
	if (*isnull)
	{
		portion->done = true;
		return (Datum) 0;
	}
	return PointerGetDatum(CustomerStateSerialize(state, portion));
}
