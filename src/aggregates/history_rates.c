/*
 * history_rates.c
 *	  The aggregates over histories: rates and tallies.
 *
 * A history is all that is known of a customer, so the outcome is known at once, and the state is a
 * rate_tally: two numbers, which any server can send and add up.  All customers of a group must be
 * asked one question.  To prove it, the high bits of `eligible` hold a mark, which is a hash of the
 * question; the final functions drop it.  A state without customers is 0/0, without a mark.
 *
 * Most histories contain few events, which are all purchases.  Then the standing at the start of the
 * period depends on the last purchase before it.  If all purchases lie on one side of the start, the
 * head of the history, which has the first and the last instant, is enough.
 */
#include "postgres.h"

#include "fmgr.h"

#include "aggregates/aggregates.h"
#include "aggregates/history_site.h"
#include "aggregates/signatures.h"
#include "types/history_purchases.h"
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
	/* without a branch, because the processor would often predict it wrongly */
	if (unlikely(((tally->eligible & CUSTOMERS_MASK) == CUSTOMERS_MASK) & eligible))
		TooManyCustomers();
	tally->eligible += eligible;
	tally->returned += eligible & bought;
}

/* The data that all calls of one transition function in one plan share; nothing of a group. */
typedef struct RatesSite
{
	HistorySite base;
	bool		is_set;
	uint8		outcomes[256];	/* what follows from each PurchaseFacts */
} RatesSite;

#define OUTCOME_ELIGIBLE	0x01
#define OUTCOME_BOUGHT		0x02

static void
SetOutcomes(RatesSite *site, bool (*eligible) (Standing))
{
	for (int facts = 0; facts <= PG_UINT8_MAX; facts++)
	{
		Outcome		outcome = OutcomeFromPurchases((PurchaseFacts) facts);

		site->outcomes[facts] = (eligible(outcome.before) ? OUTCOME_ELIGIBLE : 0) |
			(outcome.bought ? OUTCOME_BOUGHT : 0);
	}
	site->is_set = true;
}

/*
 * Get the facts of a history of few purchases: those of its last purchase before the period, which
 * has the best verdict, and of one in the period.  Return false if the history must be read
 * otherwise.
 */
static inline bool
FactsOfPurchases(const Purchases *purchases, const PeriodJudge *judge, PurchaseFacts *facts)
{
	const Period *period = &judge->period;
	bool		all_before = purchases->last < period->from;
	int64		before = all_before ? purchases->last : purchases->first;
	int64		after = period->to;

	if (!all_before && before < period->from &&
		!PurchasesAround(purchases, period->from, &before, &after))
		return false;
	*facts = JudgePurchase(judge, before) | (after < period->to ? FACT_BOUGHT : 0);
	return true;
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

/* Count the customer of a history that the fast functions leave. */
static pg_noinline void
CountAnyHistory(FunctionCallInfo fcinfo, RatesSite *site, struct varlena *history, Tally *tally,
				bool (*eligible) (Standing))
{
	HistoryReader reader;
	Outcome		outcome;
	bool		asked;

	HistoryOpen(&reader, PointerGetDatum(history));
	outcome = OutcomeOfEvents(fcinfo, &site->base, &reader, &asked);
	if (asked)
		Count(tally, site->base.marks[reader.head.unit], eligible(outcome.before),
			  outcome.bought);
}

/* The body of all transition functions: count the customer of a history. */
static pg_attribute_always_inline Datum
Transition(FunctionCallInfo fcinfo, const Signature *signature, bool (*eligible) (Standing))
{
	Tally	   *tally = ArgState(fcinfo, 0);
	RatesSite  *site;
	struct varlena *history;
	Purchases	purchases;
	PurchaseFacts facts;

	if (PG_ARGISNULL(HISTORY_ARG))
		return ReturnState(fcinfo, tally);
	/* the state of an aggregate is changed in place */
	if (unlikely(tally == NULL))
		tally = palloc0(sizeof(Tally));
	else if (unlikely(!IsInAggregate(fcinfo)))
		tally = (Tally *) DatumGetPointer(TallyDatum(tally));

	site = HistorySiteGet(fcinfo, signature, sizeof(RatesSite));
	if (unlikely(!site->is_set))
		SetOutcomes(site, eligible);
	history = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(HISTORY_ARG));
	if (PurchasesReadHead(&purchases, history) &&
		FactsOfPurchases(&purchases, Judge(fcinfo, &site->base, purchases.unit), &facts))
		Count(tally, site->base.marks[purchases.unit],
			  (site->outcomes[facts] & OUTCOME_ELIGIBLE) != 0,
			  (site->outcomes[facts] & OUTCOME_BOUGHT) != 0);
	else
		CountAnyHistory(fcinfo, site, history, tally, eligible);
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

/* the state of a rate, and the header of its memory */
#define TALLY_BYTES		(sizeof(Tally) + 16)

const ListAggregate reactivation_history =
LIST_AGGREGATE_OF_STATE(reactivation_history_trans, 2, TALLY_BYTES);
const ListAggregate winback_history =
LIST_AGGREGATE_OF_STATE(winback_history_trans, 2, TALLY_BYTES);
const ListAggregate reactivation_lost_after_history =
LIST_AGGREGATE_OF_STATE(reactivation_lost_after_history_trans, 3, TALLY_BYTES);
const ListAggregate winback_lost_after_history =
LIST_AGGREGATE_OF_STATE(winback_lost_after_history_trans, 3, TALLY_BYTES);

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
