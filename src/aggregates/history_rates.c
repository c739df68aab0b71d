/*
 * history_rates.c
 *	  The aggregates over histories: rates and tallies.
 *
 * A history is all that is known of a customer, so the outcome is known at once, and the state is a
 * rate_tally: two numbers, which any server can send and add up.  All customers of a group must be
 * asked one question.  To prove it, the high bits of `eligible` hold a mark, a hash of the question;
 * the final functions drop it.  A state without customers is 0/0, without a mark.
 *
 * Most histories contain purchases only.  Then the standing at the start of the period depends on
 * the last purchase before it, and the reader stops there, or earlier, or does not begin: the head
 * of a history has the first and the last instant.
 */
#include "postgres.h"

#include "fmgr.h"

#include "aggregates/history_site.h"
#include "types/rate_tally.h"

PG_FUNCTION_INFO_V1(reactivation_history_trans);
PG_FUNCTION_INFO_V1(winback_history_trans);
PG_FUNCTION_INFO_V1(reactivation_lost_after_history_trans);
PG_FUNCTION_INFO_V1(winback_lost_after_history_trans);
PG_FUNCTION_INFO_V1(history_tally_combine);
PG_FUNCTION_INFO_V1(history_tally_final);
PG_FUNCTION_INFO_V1(history_rate_final);

#define MARK_SHIFT		42
#define MARK_BITS		21		/* 63 with the number of customers: eligible is positive */
#define CUSTOMERS_MASK	((INT64CONST(1) << MARK_SHIFT) - 1)
#define MARK_OF(tally)	((tally)->eligible >> MARK_SHIFT)

StaticAssertDecl(MARK_SHIFT + MARK_BITS == 63, "a mark must leave the sign bit");
StaticAssertDecl(HISTORY_MARK_BITS == MARK_BITS, "a mark must fit");

static const Signature reactivation_signature = {
	.customer = true, .scope = SCOPE_START, .inactive_after = true
};
static const Signature winback_signature = {
	.customer = true, .scope = SCOPE_START, .churned_after = true
};
static const Signature reactivation_lost_signature = {
	.customer = true, .scope = SCOPE_START, .inactive_after = true, .lost_after = true
};
static const Signature winback_lost_signature = {
	.customer = true, .scope = SCOPE_START, .churned_after = true, .lost_after = true
};

/* Return the judge for a history of a unit. */
static inline const PeriodJudge *
Judge(FunctionCallInfo fcinfo, HistorySite *history_site, TimeUnit unit)
{
	CallSite   *site = &history_site->sites[unit];

	HistorySiteQuestion(fcinfo, history_site, unit);
	return likely(site->has_judge) ? &site->judge : CallSiteMakeJudge(site);
}

/* Raise the error of too many customers. */
pg_noreturn static void
TooManyCustomers(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("rate_tally out of range"),
			 errdetail("A rate over histories counts up to " INT64_FORMAT " customers.",
					   CUSTOMERS_MASK)));
}

/* Count a customer in a state. */
static inline void
Count(Tally *tally, int64 mark, bool eligible, bool bought)
{
	if (unlikely(MARK_OF(tally) != mark))
	{
		if (MARK_OF(tally) != 0)
			HistoryQuestionsDiffer();
		tally->eligible |= mark << MARK_SHIFT;
	}
	if (eligible)
	{
		if (unlikely((tally->eligible & CUSTOMERS_MASK) == CUSTOMERS_MASK))
			TooManyCustomers();
		tally->eligible++;
		tally->returned += bought;
	}
}

/* Return the outcome of a history of purchases only. */
static Outcome
OutcomeOfPurchases(HistoryReader *reader, const PeriodJudge *judge)
{
	const HistoryHead *head = &reader->head;
	PurchaseFacts facts = 0;
	HistoryEvent event;

	/* the last purchase has the best verdict */
	if (head->last < judge->period.from)
		return OutcomeFromPurchases(JudgePurchase(judge, head->last));

	while (HistoryNext(reader, &event))
	{
		facts |= JudgePurchase(judge, event.at);
		if (event.at >= judge->period.from)
			break;
	}
	return OutcomeFromPurchases(facts);
}

/* Return the outcome of a history.  One with adjustments only needs no judge. */
static Outcome
OutcomeOfEvents(FunctionCallInfo fcinfo, HistorySite *history_site, HistoryReader *reader,
				bool *asked)
{
	const PeriodJudge *judge = NULL;
	EventFacts	facts = {0};
	HistoryEvent event;

	while (HistoryNext(reader, &event))
	{
		PurchaseFacts verdict;

		if (!IsHistory((LifecycleEvent) event.event))
			continue;
		if (judge == NULL)
			judge = Judge(fcinfo, history_site, reader->head.unit);
		verdict = JudgePurchase(judge, event.at);
		/* events are in order, so all others are at or after the end, too */
		if (verdict == 0)
			break;
		EventFactsAdd(&facts, event.at, (LifecycleEvent) event.event, verdict,
					  judge->period.from);
	}
	*asked = judge != NULL;
	return OutcomeFromEvents(&facts);
}

/* The body of all transition functions: count the customer of a history. */
static pg_attribute_always_inline Datum
Transition(FunctionCallInfo fcinfo, const Signature *signature, bool (*eligible) (Standing))
{
	HistorySite *history_site;
	HistoryReader reader;
	Outcome		outcome;
	Tally	   *tally = ArgState(fcinfo, 0);
	bool		asked = true;

	if (PG_ARGISNULL(HISTORY_ARG))
		return ReturnState(fcinfo, tally);
	/* the state of an aggregate is changed in place */
	if (unlikely(tally == NULL))
		tally = palloc0(sizeof(Tally));
	else if (unlikely(!AggCheckCallContext(fcinfo, NULL)))
		tally = (Tally *) DatumGetPointer(TallyDatum(tally));

	history_site = HistorySiteGet(fcinfo, signature, sizeof(HistorySite));
	HistoryOpen(&reader, PG_GETARG_DATUM(HISTORY_ARG));
	outcome = reader.head.nothers == 0 ?
		OutcomeOfPurchases(&reader, Judge(fcinfo, history_site, reader.head.unit)) :
		OutcomeOfEvents(fcinfo, history_site, &reader, &asked);
	if (likely(asked))
		Count(tally, history_site->marks[reader.head.unit], eligible(outcome.before), outcome.bought);
	PG_RETURN_POINTER(tally);
}

Datum
reactivation_history_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &reactivation_signature, ReactivationEligible);
}

Datum
winback_history_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &winback_signature, WinbackEligible);
}

Datum
reactivation_lost_after_history_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &reactivation_lost_signature, ReactivationEligible);
}

Datum
winback_lost_after_history_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &winback_lost_signature, WinbackEligible);
}

/* Add the states of two workers or servers. */
Datum
history_tally_combine(PG_FUNCTION_ARGS)
{
	Tally	   *state = ArgState(fcinfo, 0);
	const Tally *other = ArgState(fcinfo, 1);
	int64		eligible = (state->eligible & CUSTOMERS_MASK) + (other->eligible & CUSTOMERS_MASK);
	Tally	   *sum = AggCheckCallContext(fcinfo, NULL) ? state : palloc(sizeof(Tally));

	if (MARK_OF(state) != MARK_OF(other) && MARK_OF(state) != 0 && MARK_OF(other) != 0)
		HistoryQuestionsDiffer();
	if (eligible > CUSTOMERS_MASK)
		TooManyCustomers();
	sum->eligible = (MARK_OF(state) | MARK_OF(other)) << MARK_SHIFT | eligible;
	sum->returned = state->returned + other->returned;
	PG_RETURN_POINTER(sum);
}

/* Return the tally of a state, without its mark. */
static Tally
TallyOfState(const Tally *state)
{
	Tally		tally = {state->returned, state->eligible & CUSTOMERS_MASK};

	return tally;
}

Datum
history_tally_final(PG_FUNCTION_ARGS)
{
	Tally		tally = TallyOfState(ArgState(fcinfo, 0));

	return TallyDatum(&tally);
}

Datum
history_rate_final(PG_FUNCTION_ARGS)
{
	Tally		tally = TallyOfState(ArgState(fcinfo, 0));

	return TallyRateDatum(fcinfo, &tally);
}
