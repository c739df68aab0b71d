/*
 * scan_aggregate.c
 *	  The aggregates of a Winback Scan: their states, and the calls of their functions.
 *
 * A row is entered into a state in one of two ways.  The transition function can enter
 * any row, one in each call; an Agg node calls nothing else.  The function take_rows
 * (one_pass.h) enters many rows in one call, but only if there is a state, and it stops
 * at the first row that needs the transition function.  Most rows do not need it, because
 * their customers only have to be queued in a batch.
 *
 * In a list of customers (scan_list.c) there are no states.  Rows are added to the facts of their
 * customers by the functions of a ListAggregate.
 *
 * An argument without columns is evaluated once in each scan, when the first row arrives.
 * It is not evaluated if no row arrives, because it may raise an error that PostgreSQL
 * would not raise.
 */
#include "postgres.h"

#include "catalog/objectaccess.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
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
#include "scan/scan_filter.h"

const char	scan_call_name[] = "winback scan call";

/* The functions of an aggregate in pg_aggregate. */
typedef struct AggregateFunctions
{
	Oid			transition;
	Oid			serialize;
	Oid			finish;
	bool		finish_extra;	/* pass NULLs for the arguments to the final function */
} AggregateFunctions;

/* Look up the functions of an aggregate. */
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

/* Raise an error unless a role may execute a function. */
void
ScanCheckExecute(Oid function, Oid role, ObjectType type)
{
	AclResult	result = FunctionAclCheck(function, role);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, type, get_func_name(function));
	InvokeFunctionExecuteHook(function);
}

/*
 * Raise an error unless the user may execute an aggregate, and its owner may execute its
 * functions.  An Agg node makes the same checks.
 */
void
ScanCheckPrivileges(const Aggref *aggref)
{
	AggregateFunctions functions = LookUpAggregate(aggref->aggfnoid);
	/* only states of type internal need a function to be sent */
	Oid			last = DO_AGGSPLIT_SERIALIZE(aggref->aggsplit) ? functions.serialize : functions.finish;
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(aggref->aggfnoid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", aggref->aggfnoid);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);

	ScanCheckExecute(aggref->aggfnoid, GetUserId(), OBJECT_AGGREGATE);
	if (OidIsValid(last))
		ScanCheckExecute(last, owner, OBJECT_FUNCTION);
	ScanCheckExecute(functions.transition, owner, OBJECT_FUNCTION);
}

/* Return the one-pass aggregate of an Aggref, or NULL if it is another aggregate. */
const OnePassAggregate *
OnePassOf(const Aggref *aggref)
{
	FmgrInfo	flinfo;

	/* compare the C functions, because any user can create an aggregate of any name */
	fmgr_info(LookUpAggregate(aggref->aggfnoid).transition, &flinfo);
	return FindOnePassAggregate(flinfo.fn_addr);
}

/* Return whether an aggregate is one-pass, that is, whether the scan can compute it. */
bool
IsOnePass(const Aggref *aggref)
{
	return OnePassOf(aggref) != NULL;
}

/* Return the aggregate of an Aggref in a list of customers, or NULL if it is another one. */
const ListAggregate *
ListAggregateOf(const Aggref *aggref)
{
	AggregateFunctions functions = LookUpAggregate(aggref->aggfnoid);
	FmgrInfo	transition;
	FmgrInfo	final = {0};

	fmgr_info(functions.transition, &transition);
	if (OidIsValid(functions.finish))
		fmgr_info(functions.finish, &final);
	return FindListAggregate(aggref->aggfnoid, transition.fn_addr, final.fn_addr);
}

/*
 * Return the column that an argument consists of, or NULL if it is another expression.
 * A cast that does not change the value is ignored.
 */
Var *
ColumnOf(Expr *arg)
{
	while (arg != NULL && IsA(arg, RelabelType))
		arg = ((RelabelType *) arg)->arg;
	return arg != NULL && IsA(arg, Var) ? (Var *) arg : NULL;
}

/* Return argument i of an aggregate. */
Expr *
ArgOf(const Aggref *aggref, int i)
{
	return list_nth_node(TargetEntry, aggref->args, i)->expr;
}

/* Return the customer of an aggregate of winback, or NULL for another aggregate. */
Expr *
CustomerOf(const Aggref *aggref)
{
	return IsOnePass(aggref) ? ArgOf(aggref, 0) : NULL;
}

/* Set up a ScanAggregate, and add the columns that it needs to `columns`. */
void
ScanAggregateInit(ScanAggregate *aggregate, const Aggref *aggref, bool grouped, int joined,
				  Oid customer_type, ScanColumns *columns, PlanState *ps)
{
	aggregate->aggref = aggref;
	aggregate->grouped = grouped;
	aggregate->joined = joined;
	aggregate->customer_type = customer_type;
	aggregate->one_pass = OnePassOf(aggref);
	aggregate->list = ListAggregateOf(aggref);
	if (aggregate->one_pass == NULL && aggregate->list == NULL)
		elog(ERROR, "transition function of aggregate %u has changed since planning",
			 aggref->aggfnoid);
	aggregate->nargs = list_length(aggref->args);
	aggregate->constants = palloc0(aggregate->nargs * sizeof(ExprState *));
	aggregate->columns = palloc(aggregate->nargs * sizeof(int));
	for (int i = 0; i < aggregate->nargs; i++)
	{
		Expr	   *arg = ArgOf(aggref, i);
		Var		   *column = ColumnOf(arg);

		if (i == 0 && joined >= 0)
		{
			aggregate->columns[i] = joined;
			continue;
		}
		aggregate->columns[i] = column != NULL ?
			ScanColumnsAdd(columns, column->varattno, column->vartype) : -1;
		if (column == NULL)
			aggregate->constants[i] = ExecInitExpr(arg, ps);
	}
}

/*
 * Set up the FILTER of a ScanAggregate for one table.  `aggref` contains the columns of this
 * table.  Append the columns that the FILTER reads by column to `filter_attnos`.
 */
void
ScanSourceInit(ScanSource *source, const Aggref *aggref, List **filter_attnos, PlanState *ps)
{
	List	   *quals = make_ands_implicit(aggref->aggfilter);
	List	   *others = quals;
	List	   *read = NIL;

	source->column_filters = ScanFiltersMake(&others, &read, ps);
	if (others == NIL)
		*filter_attnos = list_concat_unique_int(*filter_attnos, read);
	else
	{
		source->column_filters = NIL;
		source->filter = ExecInitQual(quals, ps);
	}
	source->prepared = true;
}

/*
 * Evaluate argument i, which has one value for the whole scan, and pass it to all calls
 * of the transition function.  Return it as a Const, so that the transition function
 * reads it only once.
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

/*
 * Prepare a call of a function of an aggregate, with all arguments NULL.  From `expr` the
 * function gets the types of its arguments.
 */
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

/*
 * Begin a scan, without a state.  The state will be allocated in the context that is
 * current now.
 */
void
ScanAggregateStart(ScanAggregate *aggregate)
{
	const Aggref *aggref = aggregate->aggref;
	Oid			transition = LookUpAggregate(aggref->aggfnoid).transition;
	Oid			types[FUNC_MAX_ARGS];
	int			ntypes = get_aggregate_argtypes(unconstify(Aggref *, aggref), types);
	Expr	   *expr;

	aggregate->call.node.type = T_ExtensibleNode;
	aggregate->call.node.extnodename = scan_call_name;
	aggregate->call.context = CurrentMemoryContext;
	aggregate->call.aggref = NULL;
	aggregate->call.planned = aggref;
	aggregate->batch = NULL;

	if (OidIsValid(aggregate->customer_type))
		types[0] = aggregate->customer_type;
	build_aggregate_transfn_expr(types, ntypes, 0, false, aggref->aggtranstype,
								 aggref->inputcollid, transition, InvalidOid, &expr, NULL);
	aggregate->fcinfo = PrepareCall(aggregate, &aggregate->flinfo, transition, expr,
									ntypes + 1, aggref->inputcollid);
}

/* Evaluate the arguments that are not columns, when the first row has arrived. */
static void
EvaluateArgs(ScanAggregate *aggregate, ExprContext *econtext)
{
	MemoryContext old_context = MemoryContextSwitchTo(aggregate->call.context);
	const Aggref *aggref = aggregate->aggref;
	Aggref	   *evaluated = makeNode(Aggref);

	*evaluated = *aggref;
	evaluated->args = NIL;
	for (int i = 0; i < aggregate->nargs; i++)
	{
		Expr	   *arg = aggregate->constants[i] != NULL ? EvaluateArg(aggregate, i, econtext) :
			ArgOf(aggref, i);

		evaluated->args = lappend(evaluated->args, makeTargetEntry(arg, i + 1, NULL, false));
	}
	aggregate->call.aggref = evaluated;
	MemoryContextSwitchTo(old_context);
}

/* Enter one row by a call of the transition function. */
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

/* Return the state of an aggregate, or NULL if no row has made one. */
CustomerState *
ScanAggregateState(const ScanAggregate *aggregate)
{
	return aggregate->fcinfo->args[0].isnull ? NULL :
		(CustomerState *) DatumGetPointer(aggregate->fcinfo->args[0].value);
}

/* Enter the next rows into a state, or into a new one if it is NULL. */
void
ScanAggregateSetState(ScanAggregate *aggregate, CustomerState *state)
{
	aggregate->fcinfo->args[0].value = PointerGetDatum(state);
	aggregate->fcinfo->args[0].isnull = state == NULL;
}

/*
 * Give the state the aggregate's batch if it has none, so that the small states of many groups
 * need none of their own.
 */
static void
LendBatch(ScanAggregate *aggregate)
{
	CustomerState *state = ScanAggregateState(aggregate);

	if (state == NULL || state->batch != NULL)
		return;
	if (aggregate->batch == NULL)
		aggregate->batch = BatchCreate(&state->table, state->ops->row_size, true);
	state->batch = aggregate->batch;
}

/* Enter the rows that wait in a batch that was lent, and take it back. */
static void
ReturnBatch(ScanAggregate *aggregate)
{
	CustomerState *state = ScanAggregateState(aggregate);

	if (state == NULL || state->batch != aggregate->batch)
		return;
	CustomerStateFlush(state);
	state->batch = NULL;
}

/*
 * Make a column of the scan an argument of the block.  Use its values in the rows
 * `chosen`, or in all rows if `chosen` is NULL.
 */
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

/* Prepare the arguments of calls for rows of a page, as in ScanAggregateEnter. */
static void
SetBlock(ScanAggregate *aggregate, ExprContext *econtext, const ScanColumns *columns,
		 const uint16 *chosen, int nrows)
{
	if (unlikely(aggregate->call.aggref == NULL))
		EvaluateArgs(aggregate, econtext);

	aggregate->block.nrows = nrows;
	for (int i = 0; i < aggregate->nargs; i++)
	{
		/* the state is argument 0 */
		if (aggregate->columns[i] >= 0)
			SetBlockColumn(&aggregate->block, i + 1, &columns->columns[aggregate->columns[i]],
						   chosen);
	}
}

/*
 * Enter rows of a page into the state.  Their columns have been fetched.  Enter the nrows
 * rows whose numbers are in `chosen`, or rows 0..nrows-1 if `chosen` is NULL.
 *
 * The current context must be short-lived; it is reset after each call of a function.
 */
void
ScanAggregateEnter(ScanAggregate *aggregate, ExprContext *econtext, const ScanColumns *columns,
				   const uint16 *chosen, int nrows)
{
	if (nrows == 0)
		return;
	SetBlock(aggregate, econtext, columns, chosen, nrows);
	for (int row = 0; row < nrows; row++)
	{
		if (aggregate->grouped)
			LendBatch(aggregate);
		if (!aggregate->fcinfo->args[0].isnull)
			row = aggregate->one_pass->take_rows(aggregate->fcinfo, &aggregate->block, row);
		if (row < nrows)
			EnterRow(aggregate, row);
		MemoryContextReset(CurrentMemoryContext);
	}
	if (aggregate->grouped)
		ReturnBatch(aggregate);
}

/* Return the bytes of facts of a customer, in a list of customers. */
int
ListFactsSize(const Aggref *aggref)
{
	return ListAggregateOf(aggref)->facts_size(list_length(aggref->args));
}

/*
 * Estimate the bytes that an aggregate takes for a customer of so many rows besides facts, in a
 * list of customers.
 */
double
ListOtherBytes(const Aggref *aggref, double rows)
{
	const ListAggregate *list = ListAggregateOf(aggref);

	return list->customer_bytes + list->row_bytes * rows;
}

/*
 * Add rows of a page to the facts of their customers: facts[i] belongs to row chosen[i], or to row
 * i if `chosen` is NULL.
 */
void
ScanAggregateAdd(ScanAggregate *aggregate, ExprContext *econtext, const ScanColumns *columns,
				 const uint16 *chosen, int nrows, uint8 *const *facts)
{
	if (nrows == 0)
		return;
	SetBlock(aggregate, econtext, columns, chosen, nrows);
	aggregate->list->add_rows(aggregate->fcinfo, &aggregate->block, facts,
							  aggregate->facts_offset);
}

/* Return the result for the customer with these facts. */
Datum
ScanAggregateFinish(const ScanAggregate *aggregate, const ScanFinish *finish, const uint8 *facts,
					bool *isnull)
{
	return aggregate->list->finish(aggregate->fcinfo, finish->fcinfo,
								   facts + aggregate->facts_offset, isnull);
}

/* Return the state of a group with these facts, for a leader.  It has one portion. */
Datum
ScanAggregateSend(const ScanAggregate *aggregate, Portion *portion, const uint8 *facts,
				  bool *isnull)
{
	*isnull = portion->done;
	if (portion->done)
		return (Datum) 0;
	portion->done = true;
	return aggregate->list->finish(aggregate->fcinfo, NULL, facts + aggregate->facts_offset,
								   isnull);
}

/* Add the numbers of a state to the counters, after the last row has been entered. */
void
ScanAggregateMeasure(ScanAggregate *aggregate, ScanCounters *counters)
{
	CustomerState *state = ScanAggregateState(aggregate);

	if (state == NULL)
		return;
	CustomerStateFlush(state);
	counters->customers += state->table.ntaken;
	if (state->batch != NULL)
		counters->batches += state->batch->nbatches;
}

/* Prepare calls of the final function of `aggref`, in the context that is current now. */
void
ScanFinishStart(ScanFinish *finish, ScanAggregate *aggregate, const Aggref *aggref)
{
	AggregateFunctions functions = LookUpAggregate(aggref->aggfnoid);
	Oid			types[FUNC_MAX_ARGS];
	int			ntypes = get_aggregate_argtypes(unconstify(Aggref *, aggref), types);
	int			nargs = functions.finish_extra ? ntypes + 1 : 1;
	Expr	   *expr;

	finish->fcinfo = NULL;
	if (!OidIsValid(functions.finish))
		return;
	build_aggregate_finalfn_expr(types, nargs, aggref->aggtranstype, aggref->aggtype,
								 aggref->inputcollid, functions.finish, &expr);
	finish->fcinfo = PrepareCall(aggregate, &finish->flinfo, functions.finish, expr, nargs,
								 aggref->inputcollid);
}

/* Return the result of a final function on a state. */
Datum
ScanCallFinal(FunctionCallInfo final, NullableDatum state, bool *isnull)
{
	Datum		value;

	final->args[0] = state;
	*isnull = final->flinfo->fn_strict && (final->nargs > 1 || state.isnull);
	if (*isnull)
		return (Datum) 0;
	final->isnull = false;
	value = FunctionCallInvoke(final);
	*isnull = final->isnull;
	return value;
}

/* Return the result of a final function on the state of the aggregate. */
Datum
ScanFinishCall(ScanFinish *finish, const ScanAggregate *aggregate, bool *isnull)
{
	return ScanCallFinal(finish->fcinfo, aggregate->fcinfo->args[0], isnull);
}

/* Serialize the next portion of the state.  Return NULL after the last one. */
Datum
ScanAggregateSerialize(ScanAggregate *aggregate, Portion *portion, bool *isnull)
{
	CustomerState *state = ScanAggregateState(aggregate);

	*isnull = portion->done || state == NULL;
	if (*isnull)
	{
		portion->done = true;
		return (Datum) 0;
	}
	return PointerGetDatum(CustomerStateSerialize(state, portion));
}
