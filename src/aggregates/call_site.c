/*
 * call_site.c
 *	  The arguments of a transition function.
 *
 * A constant argument must cost no time in each row.  To see whether an argument is constant,
 * we need the Aggref, because the expression in fn_expr has dummies for arguments; a
 * window function has no Aggref.  If an argument is not a constant or a parameter of
 * the query, we read the question in every row, and make a new judge when the question
 * differs from that of the row before.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/primnodes.h"

#include "aggregates/call_site.h"
#include "scan/scan_call.h"

/* Return the context for the state of an aggregate, or raise an error outside of one. */
MemoryContext
AggregateContext(FunctionCallInfo fcinfo)
{
	ScanCall   *call = GetScanCall(fcinfo);
	MemoryContext context;

	if (call != NULL)
		return call->context;
	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "function %u called outside an aggregate", fcinfo->flinfo->fn_oid);
	return context;
}

/* Return whether an argument of the aggregate has one value for the whole query. */
static bool
ArgIsConstant(FunctionCallInfo fcinfo, int arg)
{
	ScanCall   *call = GetScanCall(fcinfo);
	Aggref	   *aggref = call ? call->aggref : AggGetAggref(fcinfo);
	Expr	   *expr;

	if (arg == 0)
		return true;
	if (aggref == NULL)
		return false;

	/* argument 0 of the transition function is the state, and is not in the Aggref */
	expr = list_nth_node(TargetEntry, aggref->args, arg - 1)->expr;
	return IsA(expr, Const) ||
		(IsA(expr, Param) && castNode(Param, expr)->paramkind == PARAM_EXTERN);
}

CallSite   *
CallSiteCreate(FunctionCallInfo fcinfo, const Signature *signature)
{
	CallSite   *site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
	bool		has_step = signature->scope == SCOPE_SERIES;
	bool		has_until = signature->scope == SCOPE_BETWEEN;
	bool		has_period = signature->scope != SCOPE_ALWAYS;
	int			arg = AtArg(signature) + 1;
	int			noptional = PG_NARGS() - 2 - has_period - signature->customer - has_step -
		has_until - signature->inactive_after - signature->churned_after - signature->lost_after;

	site->signature = signature;
	/* an optional argument of type numeric is the amount, any other one the event */
	for (; noptional > 0; noptional--)
	{
		if (get_fn_expr_argtype(fcinfo->flinfo, arg) == NUMERICOID)
			site->amount = arg++;
		else
			site->event = arg++;
	}
	if (has_period)
		site->period = arg++;
	if (has_until)
		site->until = arg++;
	if (has_step)
		site->step = arg++;
	if (signature->inactive_after)
		site->inactive_after = arg++;
	if (signature->churned_after)
		site->churned_after = arg++;
	if (signature->lost_after)
		site->lost_after = arg++;
	if (arg != PG_NARGS())
		elog(ERROR, "transition function %u has %d arguments",
			 fcinfo->flinfo->fn_oid, PG_NARGS());

	site->family.context = fcinfo->flinfo->fn_mcxt;
	site->unit = TimeUnitOfType(get_fn_expr_argtype(fcinfo->flinfo, AtArg(signature)));
	if (signature->customer)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, CUSTOMER_ARG);

		if (!OidIsValid(type))
			elog(ERROR, "could not determine the type of the customer");
		site->family.customer_type = CustomerTypeCreate(site->family.context, type,
														PG_GET_COLLATION());
	}
	if (signature->counts_days)
		LocalDaysInit(&site->days, site->family.context, site->unit);
	site->constant = ArgIsConstant(fcinfo, site->period) &&
		ArgIsConstant(fcinfo, site->until) &&
		ArgIsConstant(fcinfo, site->step) &&
		ArgIsConstant(fcinfo, site->inactive_after) &&
		ArgIsConstant(fcinfo, site->churned_after) &&
		ArgIsConstant(fcinfo, site->lost_after);

	fcinfo->flinfo->fn_extra = site;
	return site;
}

/*
 * Return the family of the states that a combine function merges.  The type of the
 * customers comes from a state; all groups of an aggregate have customers of one type.
 */
StateFamily *
CombineFamily(FunctionCallInfo fcinfo, Oid customer_type)
{
	StateFamily *family = fcinfo->flinfo->fn_extra;

	if (family == NULL)
	{
		family = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(StateFamily));
		family->context = fcinfo->flinfo->fn_mcxt;
		family->customer_type = CustomerTypeCreate(family->context, customer_type,
												   PG_GET_COLLATION());
		fcinfo->flinfo->fn_extra = family;
	}
	return family;
}

pg_noreturn static void
NotNull(const char *name, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be null", name),
			 errhint("%s", hint)));
}

/* Read the instant up to which customers are observed. */
static int64
ReadUntil(FunctionCallInfo fcinfo, const CallSite *site, int arg)
{
	int64		until;

	if (PG_ARGISNULL(arg))
		NotNull("until", "Use an instant such as '2024-01-01'.");
	until = InstantFromDatum(site->unit, PG_GETARG_DATUM(arg));
	if (until == BEGINNING_OF_TIME || until == END_OF_TIME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("until must be finite"),
				 errdetail("The silence of a customer who did not return is counted up to it."),
				 errhint("Use an instant such as '2024-01-01', at which the data end.")));
	return until;
}

static Period
ReadPeriod(FunctionCallInfo fcinfo, const CallSite *site)
{
	Period		period = {BEGINNING_OF_TIME, END_OF_TIME};

	if (site->signature->scope == SCOPE_ALWAYS)
		return period;
	if (site->signature->scope == SCOPE_UNTIL)
	{
		period.to = ReadUntil(fcinfo, site, site->period);
		return period;
	}
	if (site->signature->scope == SCOPE_INSTANT || site->signature->scope == SCOPE_BETWEEN)
	{
		if (PG_ARGISNULL(site->period))
			NotNull("as_of", "Use an instant such as '2024-01-01'.");
		period = PeriodBefore(InstantFromDatum(site->unit, PG_GETARG_DATUM(site->period)));
		if (site->until)
		{
			period.to = ReadUntil(fcinfo, site, site->until);
			if (period.to <= period.from)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("until must be later than as_of"),
						 errdetail("Customers are observed from as_of to until."),
						 errhint("Pass as_of before until.")));
		}
		return period;
	}

	if (PG_ARGISNULL(site->period))
		NotNull("period", "Use a period such as '[2024-01-01,2024-04-01)'.");
	period = PeriodFromRange(site->unit, PG_GETARG_RANGE_P(site->period));
	if (ScopeNeedsEnd(site->signature->scope) && period.to == END_OF_TIME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period must have an upper bound"),
				 site->signature->scope == SCOPE_SERIES ?
				 errdetail("Without an end there is no last step.") :
				 errdetail("The status of a customer who does not buy "
						   "is their standing at its end."),
				 errhint("Use a period such as '[2024-01-01,2024-04-01)'.")));
	return period;
}

/*
 * Read the lengths of time of a row.
 *
 * If churned_after is NULL, only a cancellation makes a customer churned.  Without events nobody
 * cancels, so the win-back rate, which counts churned customers only, needs churned_after.
 * If lost_after is NULL, nobody is lost.  Counts show lost customers as churned ones, so there
 * silence that makes a customer lost must make them churned first.  Any other length must not
 * be NULL.
 */
static void
ReadLengths(FunctionCallInfo fcinfo, const CallSite *site, Question *question)
{
	if (site->inactive_after)
	{
		if (PG_ARGISNULL(site->inactive_after))
			NotNull("inactive_after", "Use a length of time such as '90 days'.");
		question->has_inactive_after = true;
		question->inactive_after = *PG_GETARG_INTERVAL_P(site->inactive_after);
	}
	if (site->churned_after && !PG_ARGISNULL(site->churned_after))
	{
		question->has_churned_after = true;
		question->churned_after = *PG_GETARG_INTERVAL_P(site->churned_after);
	}
	else if (site->churned_after && !site->inactive_after && !site->event)
		NotNull("churned_after", "Use a length of time such as '180 days', or pass events: "
				"without cancellations and without this threshold, nobody churns.");
	if (site->lost_after && !PG_ARGISNULL(site->lost_after))
	{
		question->has_lost_after = true;
		question->lost_after = *PG_GETARG_INTERVAL_P(site->lost_after);
		if (site->inactive_after && site->churned_after && !question->has_churned_after)
			NotNull("churned_after", "A lost customer is a churned one: "
					"use a length of time such as '180 days', or pass lost_after as NULL, too.");
	}
	if (site->step)
	{
		if (PG_ARGISNULL(site->step))
			NotNull("step", "Use a length of time such as '1 month'.");
		question->has_step = true;
		question->step = *PG_GETARG_INTERVAL_P(site->step);
	}
}

const Question *
CallSiteReadQuestion(FunctionCallInfo fcinfo, CallSite *site)
{
	Question	question = {0};

	question.unit = site->unit;
	question.period = ReadPeriod(fcinfo, site);
	question.has_end = ScopeHasEnd(site->signature->scope);
	ReadLengths(fcinfo, site, &question);

	if (!site->asked || !QuestionEqual(&question, &site->question))
	{
		question.fingerprint = QuestionFingerprint(&question);
		site->question = question;
		site->asked = true;
		site->has_judge = false;
	}
	return &site->question;
}

/* Return the question of a row in memory that all states of the call site share. */
const Question *
CallSiteShareQuestion(FunctionCallInfo fcinfo, CallSite *site)
{
	const Question *question = CallSiteQuestion(fcinfo, site);
	Question   *shared;

	if (site->shared != NULL && site->shared->fingerprint == question->fingerprint)
		return site->shared;
	shared = MemoryContextAlloc(site->family.context, sizeof(Question));
	*shared = *question;
	site->shared = shared;
	return shared;
}

const PeriodJudge *
CallSiteMakeJudge(CallSite *site)
{
	PeriodJudgeInit(&site->judge, &site->question);
	site->has_judge = true;
	return &site->judge;
}
