/*
 * callsite.c
 *	  The arguments of a transition function.
 *
 * A constant argument should cost nothing a row.  Whether it is one, only the
 * Aggref tells (the expression in fn_expr has dummies for arguments), and a
 * window function has none; then the question is read with every row, and terms
 * are made of it again when it differs from the last.
 */
#include "postgres.h"

#include "nodes/primnodes.h"

#include "callsite.h"

/* Is an argument of the aggregate one value for the whole query? */
static bool
ArgIsConstant(FunctionCallInfo fcinfo, int arg)
{
	Aggref	   *aggref = AggGetAggref(fcinfo);
	Expr	   *expr;

	if (arg == 0)
		return true;
	if (aggref == NULL)
		return false;

	/* the first argument is the state, of which the Aggref knows nothing */
	expr = list_nth_node(TargetEntry, aggref->args, arg - 1)->expr;
	return IsA(expr, Const) ||
		(IsA(expr, Param) && castNode(Param, expr)->paramkind == PARAM_EXTERN);
}

CallSite *
CallSiteCreate(FunctionCallInfo fcinfo, const Signature *signature)
{
	CallSite   *site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
	int			nargs = 3 + signature->customer + signature->inactive_after +
		signature->churned_after;
	int			arg = 1;

	site->signature = signature;
	if (signature->customer)
		site->customer = arg++;
	site->at = arg++;
	if (PG_NARGS() == nargs + 1)
		site->event = arg++;
	site->period = arg++;
	if (signature->inactive_after)
		site->inactive_after = arg++;
	if (signature->churned_after)
		site->churned_after = arg++;
	if (arg != PG_NARGS())
		elog(ERROR, "transition function %u has %d arguments",
			 fcinfo->flinfo->fn_oid, PG_NARGS());

	site->unit = TimeUnitOfType(get_fn_expr_argtype(fcinfo->flinfo, site->at));
	if (site->customer)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, site->customer);

		if (!OidIsValid(type))
			elog(ERROR, "could not determine the type of the customer");
		site->customer_type = CustomerTypeCreate(fcinfo->flinfo->fn_mcxt, type,
												 PG_GET_COLLATION());
	}
	site->constant = ArgIsConstant(fcinfo, site->period) &&
		ArgIsConstant(fcinfo, site->inactive_after) &&
		ArgIsConstant(fcinfo, site->churned_after);

	fcinfo->flinfo->fn_extra = site;
	return site;
}

pg_noreturn static void
NotNull(const char *name, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be null", name),
			 errhint("%s", hint)));
}

static Period
ReadPeriod(FunctionCallInfo fcinfo, const CallSite *site)
{
	Period		period;

	if (site->signature->scope == SCOPE_INSTANT)
	{
		if (PG_ARGISNULL(site->period))
			NotNull("as_of", "Use an instant such as '2024-01-01'.");
		return PeriodBefore(InstantFromDatum(site->unit, PG_GETARG_DATUM(site->period)));
	}

	if (PG_ARGISNULL(site->period))
		NotNull("period", "Use a period such as '[2024-01-01,2024-04-01)'.");
	period = PeriodFromRange(site->unit, PG_GETARG_RANGE_P(site->period));
	if (site->signature->scope == SCOPE_BOUNDED && period.to == END_OF_TIME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("period must have an upper bound"),
				 errdetail("The status of a customer who does not buy is their standing at its end."),
				 errhint("Use a period such as '[2024-01-01,2024-04-01)'.")));
	return period;
}

/*
 * The thresholds of a row.  NULL as churned_after means "only by cancellation",
 * and NULL as inactive_after is a mistake.
 */
static void
ReadThresholds(FunctionCallInfo fcinfo, const CallSite *site, Question *question)
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
}

const Terms *
CallSiteReadTerms(FunctionCallInfo fcinfo, CallSite *site)
{
	Question	question = {0};

	question.period = ReadPeriod(fcinfo, site);
	question.has_end = site->signature->scope >= SCOPE_BOTH;
	ReadThresholds(fcinfo, site, &question);

	if (!site->asked || !QuestionEqual(&question, &site->question))
	{
		site->asked = false;	/* until it is known to be sound */
		TermsInit(&site->terms, site->unit, &question);
		site->question = question;
		site->asked = true;
	}
	return &site->terms;
}
