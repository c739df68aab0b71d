/*
 * rates.c
 *	  The aggregates over customers: rates, tallies and counts.
 *
 * What PostgreSQL calls.  Nothing is decided here: a transition function brings
 * every row into the cohort, a final function visits the customers and asks the
 * rules who was eligible and who returned.
 *
 * One C function serves the three time types with and without events, and one
 * set of combine and (de)serialise functions all states that are a Cohort.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"

#include "callsite.h"
#include "cohort.h"
#include "rate_tally.h"

PG_FUNCTION_INFO_V1(reactivation_trans);
PG_FUNCTION_INFO_V1(reactivation_rate_final);
PG_FUNCTION_INFO_V1(reactivation_tally_final);
PG_FUNCTION_INFO_V1(winback_trans);
PG_FUNCTION_INFO_V1(winback_rate_final);
PG_FUNCTION_INFO_V1(winback_tally_final);
PG_FUNCTION_INFO_V1(lifecycle_counts_trans);
PG_FUNCTION_INFO_V1(lifecycle_counts_final);
PG_FUNCTION_INFO_V1(cohort_combine);
PG_FUNCTION_INFO_V1(cohort_serial);
PG_FUNCTION_INFO_V1(cohort_deserial);

static const Signature reactivation_signature = {
	.customer = true, .scope = SCOPE_START, .inactive_after = true
};
static const Signature winback_signature = {
	.customer = true, .scope = SCOPE_START, .churned_after = true
};
static const Signature counts_signature = {
	.customer = true, .scope = SCOPE_BOTH, .inactive_after = true, .churned_after = true
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

/* Bring a row into the cohort. */
static pg_attribute_always_inline Datum
CohortTrans(FunctionCallInfo fcinfo, const Signature *signature)
{
	Cohort	   *cohort = ArgCohort(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, signature);
	const Terms *terms;
	MemoryContext context;
	LedgerKey	key;
	CohortRow	row;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "transition function called outside an aggregate");

	if (CallSiteIgnores(fcinfo, site))
		return ReturnCohort(fcinfo, cohort);

	terms = CallSiteTerms(fcinfo, site);
	if (cohort == NULL)
		cohort = CohortCreate(context, terms, site->event != 0, site->customer_type);
	else if (cohort->terms.fingerprint != terms->fingerprint)
		TermsChanged();

	row.at = CallSiteInstant(fcinfo, site);
	if (signature->scope == SCOPE_BOTH &&
		row.at != BEGINNING_OF_TIME && row.at != END_OF_TIME)
	{
		cohort->first_at = Min(cohort->first_at, row.at);
		cohort->last_at = Max(cohort->last_at, row.at);
	}

	row.verdict = TermsJudge(terms, row.at);
	if (row.verdict != 0)
	{
		row.event = CallSiteEvent(fcinfo, site);
		CustomerKey(site->customer_type, PG_GETARG_DATUM(site->customer), &key);
		CohortEnter(cohort, &key, &row);
	}
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

Datum
lifecycle_counts_trans(PG_FUNCTION_ARGS)
{
	return CohortTrans(fcinfo, &counts_signature);
}

/* What the final functions add up. */

static void
CountReactivation(void *arg, const Conduct *conduct, int64 customers)
{
	if (ReactivationEligible(conduct->before))
		TallyAdd(arg, conduct->bought ? customers : 0, customers);
}

static void
CountWinback(void *arg, const Conduct *conduct, int64 customers)
{
	if (WinbackEligible(conduct->before))
		TallyAdd(arg, conduct->bought ? customers : 0, customers);
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
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "combine function called outside an aggregate");

	if (other != NULL)
	{
		if (cohort == NULL)
		{
			/* all groups of an aggregate have customers of one type */
			if (fcinfo->flinfo->fn_extra == NULL)
				fcinfo->flinfo->fn_extra = CustomerTypeCreate(fcinfo->flinfo->fn_mcxt,
															  other->customer_type,
															  PG_GET_COLLATION());
			cohort = CohortCreate(context, &other->terms, other->has_events,
								  fcinfo->flinfo->fn_extra);
		}
		CohortMerge(cohort, other);
	}
	return ReturnCohort(fcinfo, cohort);
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

/* lifecycle_counts: the columns, in the order of the composite type */

typedef enum CountsColumn
{
	COUNTS_PERIOD_START,
	COUNTS_PERIOD_END,
	COUNTS_PROSPECTS_START,
	COUNTS_ACTIVE_START,
	COUNTS_INACTIVE_START,
	COUNTS_CHURNED_START,
	COUNTS_NEW_CUSTOMERS,
	COUNTS_CONVERTED,
	COUNTS_RETAINED,
	COUNTS_REACTIVATED,
	COUNTS_WON_BACK,
	COUNTS_PROSPECTS_END,
	COUNTS_ACTIVE_END,
	COUNTS_INACTIVE_END,
	COUNTS_CHURNED_END,
	COUNTS_REACTIVATION,
	COUNTS_WIN_BACK,
	COUNTS_REACTIVATION_RATE,
	COUNTS_WINBACK_RATE,
	COUNTS_HISTORY_COMPLETE,
	COUNTS_PERIOD_COMPLETE,
	COUNTS_NCOLUMNS
} CountsColumn;

typedef struct Counts
{
	int64		n[COUNTS_NCOLUMNS]; /* customers, by column */
	Tally		reactivation;
	Tally		winback;
} Counts;

/* Count a standing in one of four neighbouring columns. */
static void
CountStanding(int64 *columns, LifecycleStatus standing, int64 customers)
{
	switch (standing)
	{
		case LIFECYCLE_PROSPECT:
			columns[0] += customers;
			break;
		case LIFECYCLE_ACTIVE:
			columns[1] += customers;
			break;
		case LIFECYCLE_INACTIVE:
			columns[2] += customers;
			break;
		case LIFECYCLE_CHURNED:
			columns[3] += customers;
			break;
		default:
			break;
	}
}

static void
CountEverything(void *arg, const Conduct *conduct, int64 customers)
{
	Counts	   *counts = arg;

	CountStanding(&counts->n[COUNTS_PROSPECTS_START], conduct->before, customers);
	CountStanding(&counts->n[COUNTS_PROSPECTS_END], conduct->after, customers);

	if (conduct->bought)
	{
		switch (ConductStatus(conduct))
		{
			case LIFECYCLE_NEW:
				counts->n[COUNTS_NEW_CUSTOMERS] += customers;
				if (conduct->before == LIFECYCLE_PROSPECT)
					counts->n[COUNTS_CONVERTED] += customers;
				break;
			case LIFECYCLE_ACTIVE:
				counts->n[COUNTS_RETAINED] += customers;
				break;
			case LIFECYCLE_REACTIVATED:
				counts->n[COUNTS_REACTIVATED] += customers;
				break;
			case LIFECYCLE_WON_BACK:
				counts->n[COUNTS_WON_BACK] += customers;
				break;
			default:
				break;
		}
	}

	CountReactivation(&counts->reactivation, conduct, customers);
	CountWinback(&counts->winback, conduct, customers);
}

Datum
lifecycle_counts_final(PG_FUNCTION_ARGS)
{
	Cohort	   *cohort = ArgCohort(fcinfo, 0);
	const Terms *terms;
	Counts		counts = {0};
	TupleDesc	tupdesc;
	Datum		values[COUNTS_NCOLUMNS];
	bool		nulls[COUNTS_NCOLUMNS] = {0};

	/* without a row there is no period either */
	if (cohort == NULL)
		PG_RETURN_NULL();
	terms = &cohort->terms;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != COUNTS_NCOLUMNS)
		elog(ERROR, "unexpected result type of lifecycle_counts");
	tupdesc = BlessTupleDesc(tupdesc);

	CohortVisit(cohort, CountEverything, &counts);

	for (int i = 0; i < COUNTS_NCOLUMNS; i++)
		values[i] = Int64GetDatum(counts.n[i]);

	values[COUNTS_PERIOD_START] =
		TimestampTzGetDatum(InstantToTimestampTz(terms->unit, terms->period.from));
	values[COUNTS_PERIOD_END] =
		TimestampTzGetDatum(InstantToTimestampTz(terms->unit, terms->period.to));
	values[COUNTS_REACTIVATION] = TallyDatum(&counts.reactivation);
	values[COUNTS_WIN_BACK] = TallyDatum(&counts.winback);
	values[COUNTS_REACTIVATION_RATE] = Float8GetDatum(TallyRate(&counts.reactivation));
	nulls[COUNTS_REACTIVATION_RATE] = counts.reactivation.eligible == 0;
	values[COUNTS_WINBACK_RATE] = Float8GetDatum(TallyRate(&counts.winback));
	nulls[COUNTS_WINBACK_RATE] = counts.winback.eligible == 0;
	values[COUNTS_HISTORY_COMPLETE] = BoolGetDatum(cohort->first_at < TermsReach(terms));
	values[COUNTS_PERIOD_COMPLETE] = BoolGetDatum(cohort->last_at >= terms->period.to - 1);

	if (!terms->has_end)
	{
		nulls[COUNTS_PERIOD_END] = true;
		for (int i = COUNTS_PROSPECTS_END; i <= COUNTS_CHURNED_END; i++)
			nulls[i] = true;
		nulls[COUNTS_PERIOD_COMPLETE] = true;
	}

	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls)));
}
