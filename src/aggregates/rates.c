/*
 * rates.c
 *	  The aggregates over customers: rates and tallies.
 *
 * A transition function enters every row into the state.  A final function visits the
 * outcomes of the customers; the functions of rules.c decide who was eligible.
 *
 * One C function serves the three time types, with and without events.
 */
#include "postgres.h"

#include "fmgr.h"

#include "aggregates/aggregates.h"
#include "aggregates/call_site.h"
#include "aggregates/signatures.h"
#include "state/period_state.h"
#include "types/rate_tally.h"

PG_FUNCTION_INFO_V1(reactivation_trans);
PG_FUNCTION_INFO_V1(reactivation_rate_final);
PG_FUNCTION_INFO_V1(reactivation_tally_final);
PG_FUNCTION_INFO_V1(winback_trans);
PG_FUNCTION_INFO_V1(reactivation_lost_after_trans);
PG_FUNCTION_INFO_V1(winback_lost_after_trans);
PG_FUNCTION_INFO_V1(winback_rate_final);
PG_FUNCTION_INFO_V1(winback_tally_final);

/* Create a state for the group of a row. */
static PeriodState *
CreateState(FunctionCallInfo fcinfo, CallSite *site)
{
	MemoryContext context = AggregateContext(fcinfo);

	return PeriodStateCreate(context, &site->family, CallSiteJudge(fcinfo, site),
							 site->event != 0);
}

/* Enter a row into the state. */
static pg_attribute_always_inline void
EnterRow(FunctionCallInfo fcinfo, CallSite *site, PeriodState *state, int64 at,
		 PurchaseFacts verdict)
{
	CustomerType *customer_type = site->family.customer_type;
	Datum		customer = PG_GETARG_DATUM(CUSTOMER_ARG);

	if (site->event)
	{
		PeriodEvent row = {.at = at, .event = CallSiteEvent(fcinfo, site), .verdict = verdict};

		if (!PeriodStateQueueEvent(state, customer_type, customer, at, row.event, verdict))
			CustomerStateEnter(&state->base, customer_type, customer, &row);
	}
	else if (!PeriodStateQueuePurchase(state, customer_type, customer, verdict))
		CustomerStateEnter(&state->base, customer_type, customer, &verdict);
}

/* The body of all transition functions: enter a row into the state. */
static pg_attribute_always_inline Datum
Transition(FunctionCallInfo fcinfo, const Signature *signature)
{
	PeriodState *state = ArgState(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, signature);
	int64		at;
	PurchaseFacts verdict;

	if (CallSiteIgnores(fcinfo, signature, site))
		return ReturnState(fcinfo, state);

	if (unlikely(state == NULL))
		state = CreateState(fcinfo, site);
	else
		CallSiteCheckQuestion(fcinfo, site, state->judge->fingerprint);

	at = CallSiteInstant(fcinfo, signature, site);
	verdict = JudgePurchase(state->judge, at);
	if (verdict != 0)
		EnterRow(fcinfo, site, state, at, verdict);
	PG_RETURN_POINTER(state);
}

Datum
reactivation_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &reactivation_signature);
}

Datum
winback_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &winback_signature);
}

Datum
reactivation_lost_after_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &reactivation_lost_signature);
}

Datum
winback_lost_after_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &winback_lost_signature);
}

/*
 * Queue the rows of a block from `first` on, and return the first row that must go
 * through the transition function, or nrows.
 */
static pg_attribute_always_inline int
TakeBlock(FunctionCallInfo fcinfo, const Signature *signature, const RowBlock *rows, int first)
{
	PeriodState *state = ArgState(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, signature);
	CustomerType *customer_type = site->family.customer_type;
	uint16		judged[ROW_BLOCK_MAX];	/* rows with a verdict other than 0 */
	PurchaseFacts verdicts[ROW_BLOCK_MAX];
	int			njudged = 0;

	if (!RowBlockServes(rows, signature, site))
		return first;
	/* a scan has one group, so its table is the only one */
	if (unlikely(state->base.batch == NULL))
		CustomerStateBeginBatch(&state->base, true);

	/* collect the rows with a verdict, without a branch, as in JudgePurchase */
	for (int row = first; row < rows->nrows; row++)
	{
		int64		at;
		PurchaseFacts verdict;

		if (unlikely(RowBlockIgnores(rows, row, signature, site)))
			continue;
		at = InstantFromDatum(site->unit, rows->values[AtArg(signature)][row]);
		verdict = JudgePurchase(state->judge, at);
		judged[njudged] = row;
		verdicts[njudged] = verdict;
		njudged += (verdict != 0);
	}

	for (int i = 0; i < njudged; i++)
	{
		int			row = judged[i];
		Datum		customer = rows->values[CUSTOMER_ARG][row];

		if (state->base.batch->nrows == BATCH_ROWS)
			CustomerStateFlush(&state->base);
		if (site->event ?
			!PeriodStateQueueEvent(state, customer_type, customer,
								   InstantFromDatum(site->unit,
													rows->values[AtArg(signature)][row]),
								   (LifecycleEvent) DatumGetChar(rows->values[site->event][row]),
								   verdicts[i]) :
			!PeriodStateQueuePurchase(state, customer_type, customer, verdicts[i]))
			return row;
	}
	return rows->nrows;
}

static int
TakeReactivationRows(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return TakeBlock(fcinfo, &reactivation_signature, rows, first);
}

static int
TakeWinbackRows(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return TakeBlock(fcinfo, &winback_signature, rows, first);
}

static int
TakeReactivationLostRows(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return TakeBlock(fcinfo, &reactivation_lost_signature, rows, first);
}

static int
TakeWinbackLostRows(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return TakeBlock(fcinfo, &winback_lost_signature, rows, first);
}

const OnePassAggregate reactivation_aggregate = {
	reactivation_trans, TakeReactivationRows, .nargs = 4, .only_facts = true
};
const OnePassAggregate winback_aggregate = {
	winback_trans, TakeWinbackRows, .nargs = 4, .only_facts = true
};
const OnePassAggregate reactivation_lost_aggregate = {
	reactivation_lost_after_trans, TakeReactivationLostRows, .nargs = 5, .only_facts = true
};
const OnePassAggregate winback_lost_aggregate = {
	winback_lost_after_trans, TakeWinbackLostRows, .nargs = 5, .only_facts = true
};

/* Outcome visitors: add customers to the tally `arg` if they were eligible. */

static void
CountReactivation(void *arg, const Outcome *outcome, int64 customers)
{
	TallyCount(arg, ReactivationEligible(outcome->before), outcome->bought, customers);
}

static void
CountWinback(void *arg, const Outcome *outcome, int64 customers)
{
	TallyCount(arg, WinbackEligible(outcome->before), outcome->bought, customers);
}

static Tally
FinalTally(FunctionCallInfo fcinfo, OutcomeVisitor count)
{
	PeriodState *state = ArgState(fcinfo, 0);
	Tally		tally = {0};

	if (state != NULL)
		PeriodStateVisit(state, count, &tally);
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
