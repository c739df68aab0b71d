/*
 * rates.c
 *	  The aggregates over customers: rates and tallies.
 *
 * What PostgreSQL calls.  Nothing is decided here: a transition function brings
 * every row into the cohort, a final function visits the customers and asks the
 * rules who was eligible and who returned.
 *
 * One C function serves the three time types with and without events, and one
 * set of combine and (de)serialise functions all states that are a Cohort.
 */
#include "postgres.h"

#include "fmgr.h"

#include "aggregates/call_site.h"
#include "state/period_state.h"
#include "types/rate_tally.h"
#include "scan/scan_aggregate.h"
#include "state/state_wire.h"

PG_FUNCTION_INFO_V1(reactivation_trans);
PG_FUNCTION_INFO_V1(reactivation_rate_final);
PG_FUNCTION_INFO_V1(reactivation_tally_final);
PG_FUNCTION_INFO_V1(winback_trans);
PG_FUNCTION_INFO_V1(winback_rate_final);
PG_FUNCTION_INFO_V1(winback_tally_final);
PG_FUNCTION_INFO_V1(cohort_combine);
PG_FUNCTION_INFO_V1(cohort_serial);
PG_FUNCTION_INFO_V1(cohort_deserial);

static const Signature reactivation_signature = {
	.customer = true, .scope = SCOPE_START, .inactive_after = true
};
static const Signature winback_signature = {
	.customer = true, .scope = SCOPE_START, .churned_after = true
};

static inline Cohort *
ArgCohort(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : (Cohort *) PG_GETARG_POINTER(arg);
}

static inline Datum
ReturnCohort(FunctionCallInfo fcinfo, Cohort *cohort)
{
	if (cohort == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(cohort);
}

/* A cohort for the group of a row.  PeriodJudge that may change are those of a row only. */
static Cohort *
CreateCohort(FunctionCallInfo fcinfo, CallSite *site)
{
	MemoryContext context = AggregateContext(fcinfo);
	const PeriodJudge *judge = CallSiteJudge(fcinfo, site);

	return CohortCreate(context, site->constant ? judge : PeriodJudgeCopy(context, judge),
						site->event != 0, site->customer_type);
}

/* Bring a row into the cohort. */
static pg_attribute_always_inline Datum
CohortTrans(FunctionCallInfo fcinfo, const Signature *signature)
{
	Cohort	   *cohort = ArgCohort(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, signature);
	int64		at;
	PurchaseFacts verdict;

	if (CallSiteIgnores(fcinfo, signature, site))
		return ReturnCohort(fcinfo, cohort);

	if (unlikely(cohort == NULL))
		cohort = CreateCohort(fcinfo, site);
	else if (unlikely(!site->constant) &&
			 cohort->judge->fingerprint != CallSiteJudge(fcinfo, site)->fingerprint)
		QuestionChanged();

	at = CallSiteInstant(fcinfo, signature, site);
	verdict = JudgePurchase(cohort->judge, at);
	if (verdict != 0)
		CohortEnter(cohort, site->customer_type, PG_GETARG_DATUM(CUSTOMER_ARG),
					at, CallSiteEvent(fcinfo, site), verdict);
	PG_RETURN_POINTER(cohort);
}

Datum
reactivation_trans(PG_FUNCTION_ARGS)
{
	return CohortTrans(fcinfo, &reactivation_signature);
}

Datum
winback_trans(PG_FUNCTION_ARGS)
{
	return CohortTrans(fcinfo, &winback_signature);
}

/*
 * Let rows of a Winback Scan wait in the batch: what CohortTrans does with most of
 * them, in a loop (see DeferRows).
 */
static pg_attribute_always_inline int
CohortDeferRows(FunctionCallInfo fcinfo, const Signature *signature, const RowBlock *rows,
				int first)
{
	Cohort	   *cohort = ArgCohort(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, signature);
	uint16		judged[MaxHeapTuplesPerPage];	/* rows that count */
	PurchaseFacts verdicts[MaxHeapTuplesPerPage];
	int			njudged = 0;

	if (!RowBlockServes(rows, signature, site))
		return first;
	/* a scan has one group */
	if (unlikely(cohort->batch == NULL))
		CohortBeginBatch(cohort, true);

	/* those that count, without a branch on that, as in JudgePurchase */
	for (int row = first; row < rows->nrows; row++)
	{
		int64		at;
		PurchaseFacts verdict;

		if (unlikely(RowBlockIgnores(rows, row, signature, site)))
			continue;
		at = InstantFromDatum(site->unit, rows->values[AtArg(signature)][row]);
		verdict = JudgePurchase(cohort->judge, at);
		judged[njudged] = row;
		verdicts[njudged] = verdict;
		njudged += (verdict != 0);
	}

	for (int i = 0; i < njudged; i++)
	{
		int			row = judged[i];
		int64		at = 0;
		LifecycleEvent event = EVENT_PURCHASE;

		if (site->event)
		{
			at = InstantFromDatum(site->unit, rows->values[AtArg(signature)][row]);
			event = (LifecycleEvent) DatumGetChar(rows->values[site->event][row]);
		}
		if (cohort->batch->nrows == BATCH_ROWS)
			CohortFlush(cohort);
		if (!CohortDefer(cohort, site->customer_type, rows->values[CUSTOMER_ARG][row],
						 at, event, verdicts[i]))
			return row;
	}
	return rows->nrows;
}

int
ReactivationDefer(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return CohortDeferRows(fcinfo, &reactivation_signature, rows, first);
}

int
WinbackDefer(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return CohortDeferRows(fcinfo, &winback_signature, rows, first);
}

/* What the final functions add up. */

static void
CountReactivation(void *arg, const Outcome *outcome, int64 customers)
{
	if (ReactivationEligible(outcome->before))
		TallyAdd(arg, outcome->bought ? customers : 0, customers);
}

static void
CountWinback(void *arg, const Outcome *outcome, int64 customers)
{
	if (WinbackEligible(outcome->before))
		TallyAdd(arg, outcome->bought ? customers : 0, customers);
}

static Tally
FinalTally(FunctionCallInfo fcinfo, CohortVisitor count)
{
	Cohort	   *cohort = ArgCohort(fcinfo, 0);
	Tally		tally = {0};

	if (cohort != NULL)
		CohortVisit(cohort, count, &tally);
	return tally;
}

Datum
reactivation_rate_final(PG_FUNCTION_ARGS)
{
	Tally		tally = FinalTally(fcinfo, CountReactivation);

	return TallyRateDatum(fcinfo, &tally);
}

Datum
reactivation_tally_final(PG_FUNCTION_ARGS)
{
	Tally		tally = FinalTally(fcinfo, CountReactivation);

	return TallyDatum(&tally);
}

Datum
winback_rate_final(PG_FUNCTION_ARGS)
{
	Tally		tally = FinalTally(fcinfo, CountWinback);

	return TallyRateDatum(fcinfo, &tally);
}

Datum
winback_tally_final(PG_FUNCTION_ARGS)
{
	Tally		tally = FinalTally(fcinfo, CountWinback);

	return TallyDatum(&tally);
}

/*
 * Merge the second state into the first.  The second one may live in short
 * memory only, so without a first one its customers are copied.
 */
Datum
cohort_combine(PG_FUNCTION_ARGS)
{
	Cohort	   *cohort = ArgCohort(fcinfo, 0);
	Cohort	   *other = ArgCohort(fcinfo, 1);
	MemoryContext context = AggregateContext(fcinfo);

	if (other != NULL)
	{
		if (cohort == NULL)
			cohort = CohortCreate(context, PeriodJudgeCopy(context, other->judge), other->has_events,
								  CombineCustomerType(fcinfo, other->customer_type));
		CohortMerge(cohort, other);
	}
	return ReturnCohort(fcinfo, cohort);
}

Datum
cohort_serial(PG_FUNCTION_ARGS)
{
	(void) AggregateContext(fcinfo);
	PG_RETURN_BYTEA_P(CohortSerialize((Cohort *) PG_GETARG_POINTER(0), NULL));
}

Datum
cohort_deserial(PG_FUNCTION_ARGS)
{
	(void) AggregateContext(fcinfo);
	PG_RETURN_POINTER(CohortDeserialize(PG_GETARG_BYTEA_PP(0)));
}
