/*
 * rates.c
 *	  The aggregates reactivation_rate and winback_rate over (customer, at,
 *	  period, threshold): what PostgreSQL calls.
 *
 * Nothing is decided here.  A transition function finds out once how its call
 * is typed, then for every row brings (customer, at) into the cohort; a final
 * function asks the rules who was eligible and who returned.
 *
 * One C function serves all three time types, and one set of combine and
 * (de)serialise functions serves every aggregate whose state is a Cohort.
 */
#include "postgres.h"

#include "fmgr.h"
#include "nodes/primnodes.h"

#include "cohort.h"
#include "compat.h"
#include "customer.h"
#include "period.h"
#include "rules.h"

PG_FUNCTION_INFO_V1(reactivation_rate_trans);
PG_FUNCTION_INFO_V1(reactivation_rate_final);
PG_FUNCTION_INFO_V1(winback_rate_trans);
PG_FUNCTION_INFO_V1(winback_rate_final);
PG_FUNCTION_INFO_V1(cohort_combine);
PG_FUNCTION_INFO_V1(cohort_serial);
PG_FUNCTION_INFO_V1(cohort_deserial);

/* arguments of the transition functions */
#define ARG_STATE		0
#define ARG_CUSTOMER	1
#define ARG_AT			2
#define ARG_PERIOD		3
#define ARG_THRESHOLD	4

/*
 * What is the same for all calls of one transition function in one plan: types,
 * never values, because groups and grouping sets take turns.
 */
typedef struct CallSite
{
	CustomerType *customer_type;
	TimeUnit	unit;
	bool		constant;		/* period and threshold cannot change */
} CallSite;

/* Which threshold an aggregate takes. */
typedef enum Threshold
{
	INACTIVE_AFTER,
	CHURNED_AFTER
} Threshold;

/* Is an argument of the aggregate one value for the whole query? */
static bool
ArgIsConstant(FunctionCallInfo fcinfo, int arg)
{
	Aggref	   *aggref = AggGetAggref(fcinfo);
	Expr	   *expr;

	/* a window function does not tell */
	if (aggref == NULL)
		return false;

	expr = list_nth_node(TargetEntry, aggref->args, arg - 1)->expr;
	return IsA(expr, Const) ||
		(IsA(expr, Param) && castNode(Param, expr)->paramkind == PARAM_EXTERN);
}

static CallSite *
CallSiteCreate(FunctionCallInfo fcinfo)
{
	CallSite   *site = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
	Oid			customer_type = get_fn_expr_argtype(fcinfo->flinfo, ARG_CUSTOMER);

	if (!OidIsValid(customer_type))
		elog(ERROR, "could not determine the type of the customer");

	site->customer_type = CustomerTypeCreate(fcinfo->flinfo->fn_mcxt, customer_type,
											 PG_GET_COLLATION());
	site->unit = TimeUnitOfType(get_fn_expr_argtype(fcinfo->flinfo, ARG_AT));
	site->constant = ArgIsConstant(fcinfo, ARG_PERIOD) &&
		ArgIsConstant(fcinfo, ARG_THRESHOLD);
	fcinfo->flinfo->fn_extra = site;
	return site;
}

/* The period of a row. */
static Period
ArgPeriod(FunctionCallInfo fcinfo, TimeUnit unit)
{
	if (PG_ARGISNULL(ARG_PERIOD))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("period must not be null"),
				 errhint("Use a period such as '[2024-01-01,2024-04-01)'.")));
	return PeriodFromRange(unit, PG_GETARG_RANGE_P(ARG_PERIOD));
}

/*
 * The threshold of a row.  NULL as churned_after means "only by cancellation",
 * and NULL as inactive_after is a mistake.
 */
static const Interval *
ArgThreshold(FunctionCallInfo fcinfo, Threshold threshold)
{
	if (!PG_ARGISNULL(ARG_THRESHOLD))
		return PG_GETARG_INTERVAL_P(ARG_THRESHOLD);
	if (threshold == INACTIVE_AFTER)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("inactive_after must not be null"),
				 errhint("Use a length of time such as '90 days'.")));
	return NULL;
}

static Datum
RateTrans(FunctionCallInfo fcinfo, Threshold threshold)
{
	Cohort	   *cohort = PG_ARGISNULL(ARG_STATE) ? NULL :
		(Cohort *) PG_GETARG_POINTER(ARG_STATE);
	CallSite   *site = fcinfo->flinfo->fn_extra;
	MemoryContext context;
	int			zone;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "transition function called outside an aggregate");

	if (PG_ARGISNULL(ARG_CUSTOMER) || PG_ARGISNULL(ARG_AT))
	{
		if (cohort == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(cohort);
	}

	if (site == NULL)
		site = CallSiteCreate(fcinfo);

	if (cohort == NULL || !site->constant)
	{
		Period		period = ArgPeriod(fcinfo, site->unit);
		const Interval *after = ArgThreshold(fcinfo, threshold);
		const Interval *inactive_after = threshold == INACTIVE_AFTER ? after : NULL;
		const Interval *churned_after = threshold == CHURNED_AFTER ? after : NULL;

		if (cohort == NULL)
		{
			Terms		terms;

			TermsInit(&terms, site->unit, period, inactive_after, churned_after);
			cohort = CohortCreate(context, &terms, site->customer_type);
		}
		else if (!TermsAsked(&cohort->terms, period, inactive_after, churned_after))
			TermsChanged();
	}

	zone = TimelineZone(&cohort->timeline,
						InstantFromDatum(site->unit, PG_GETARG_DATUM(ARG_AT)));
	if (zone < cohort->timeline.nzones)
	{
		LedgerKey	key;

		CustomerKey(site->customer_type, PG_GETARG_DATUM(ARG_CUSTOMER), &key);
		CohortEnter(cohort, &key, zone);
	}

	PG_RETURN_POINTER(cohort);
}

Datum
reactivation_rate_trans(PG_FUNCTION_ARGS)
{
	return RateTrans(fcinfo, INACTIVE_AFTER);
}

Datum
winback_rate_trans(PG_FUNCTION_ARGS)
{
	return RateTrans(fcinfo, CHURNED_AFTER);
}

/* Of those who were eligible at the period's start, how many bought in it. */
static Datum
RateFinal(FunctionCallInfo fcinfo, bool (*is_eligible) (LifecycleStatus))
{
	Cohort	   *cohort;
	CohortSummary summary;
	Tally		tally = {0};

	if (PG_ARGISNULL(ARG_STATE))
		PG_RETURN_NULL();
	cohort = (Cohort *) PG_GETARG_POINTER(ARG_STATE);

	CohortSummarize(cohort, &summary);
	for (int facts = 0; facts <= ZONE_BITS_MASK; facts++)
	{
		const Period *period = &cohort->terms.period;
		History		before;

		if (summary.customers[facts] == 0)
			continue;
		TimelineHistory(&cohort->timeline, facts, period->from, &before);
		if (!is_eligible(StandingAt(&cohort->terms.start, &before)))
			continue;
		tally.eligible += summary.customers[facts];
		if (TimelineBoughtIn(&cohort->timeline, facts, period->from, period->to))
			tally.returned += summary.customers[facts];
	}

	if (tally.eligible == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((float8) tally.returned / (float8) tally.eligible);
}

Datum
reactivation_rate_final(PG_FUNCTION_ARGS)
{
	return RateFinal(fcinfo, ReactivationEligible);
}

Datum
winback_rate_final(PG_FUNCTION_ARGS)
{
	return RateFinal(fcinfo, WinbackEligible);
}

/*
 * Merge the second state into the first.  The second one may live in short
 * memory only, so without a first one its customers are copied.
 */
Datum
cohort_combine(PG_FUNCTION_ARGS)
{
	Cohort	   *cohort = PG_ARGISNULL(0) ? NULL : (Cohort *) PG_GETARG_POINTER(0);
	Cohort	   *other = PG_ARGISNULL(1) ? NULL : (Cohort *) PG_GETARG_POINTER(1);
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "combine function called outside an aggregate");

	if (other != NULL)
	{
		if (cohort == NULL)
		{
			CustomerType *customer_type = fcinfo->flinfo->fn_extra;

			/* all groups of an aggregate have customers of one type */
			if (customer_type == NULL)
			{
				customer_type = CustomerTypeCreate(fcinfo->flinfo->fn_mcxt,
												   other->customer_type,
												   PG_GET_COLLATION());
				fcinfo->flinfo->fn_extra = customer_type;
			}
			cohort = CohortCreate(context, &other->terms, customer_type);
		}
		CohortMerge(cohort, other);
	}

	if (cohort == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(cohort);
}

Datum
cohort_serial(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "serialize function called outside an aggregate");
	PG_RETURN_BYTEA_P(CohortSerialize((Cohort *) PG_GETARG_POINTER(0)));
}

Datum
cohort_deserial(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "deserialize function called outside an aggregate");
	PG_RETURN_POINTER(CohortDeserialize(PG_GETARG_BYTEA_PP(0)));
}
