/*
 * facts.c
 *	  The facts of a customer in one period, and the outcome that follows from them.
 *
 * See facts.h for the idea.
 */
#include "postgres.h"

#include "rules/facts.h"

/*
 * Add an event before the end of the period.
 *
 * `verdict` is the result of JudgePurchase for `at`, and `from` is the start of the
 * period.
 */
void
EventFactsAdd(EventFacts *facts, int64 at, LifecycleEvent event,
			  PurchaseFacts verdict, int64 from)
{
	LaterInstant instant = LaterInstantFrom(at);
	bool		in_period = (at >= from);

	Assert(IsHistory(event));

	facts->events |= EVENT_KNOWN_AT_END;
	if (!in_period)
		facts->events |= EVENT_KNOWN_AT_START;

	switch (event)
	{
		case EVENT_INTEREST:
		case EVENT_ADJUSTMENT:
			break;

		case EVENT_PURCHASE:
			facts->purchases |= verdict;
			if (in_period)
				facts->period_purchase = Max(facts->period_purchase, instant);
			else
				facts->last_purchase = Max(facts->last_purchase, instant);
			break;

		case EVENT_CANCELLATION:
			if (in_period)
			{
				facts->events |= EVENT_CANCELLED_IN;
				facts->period_cancellation = Max(facts->period_cancellation, instant);
			}
			else
			{
				facts->events |= EVENT_CANCELLED;
				facts->last_cancellation = Max(facts->last_cancellation, instant);
			}
			break;
	}
}

/* Merge other facts of the same customer. */
void
EventFactsMerge(EventFacts *facts, const EventFacts *other)
{
	facts->purchases |= other->purchases;
	facts->events |= other->events;
	facts->last_purchase = Max(facts->last_purchase, other->last_purchase);
	facts->last_cancellation = Max(facts->last_cancellation, other->last_cancellation);
	facts->period_purchase = Max(facts->period_purchase, other->period_purchase);
	facts->period_cancellation = Max(facts->period_cancellation, other->period_cancellation);
}

/*
 * Return History.silence at the start: the best of the verdicts, which is the verdict on the
 * last purchase.
 */
static Standing
SilenceAtStart(PurchaseFacts facts)
{
	if (facts & FACT_START_ACTIVE)
		return STANDING_ACTIVE;
	if (facts & FACT_START_INACTIVE)
		return STANDING_INACTIVE;
	if (facts & FACT_START_CHURNED)
		return STANDING_CHURNED;
	if (facts & FACT_START_LOST)
		return STANDING_LOST;
	return STANDING_NONE;
}

/* Return the same at the end. */
static Standing
SilenceAtEnd(PurchaseFacts facts)
{
	if (facts & FACT_END_ACTIVE)
		return STANDING_ACTIVE;
	if (facts & FACT_END_INACTIVE)
		return STANDING_INACTIVE;
	if (facts & (FACT_START | FACT_BOUGHT))
		return STANDING_CHURNED;
	return STANDING_NONE;
}

/* Return the outcome of a customer if all rows are purchases. */
Outcome
OutcomeFromPurchases(PurchaseFacts facts)
{
	History		start = {
		.known = (facts & FACT_START) != 0,
		.silence = SilenceAtStart(facts)
	};
	History		end = {
		.known = (facts & PURCHASE_FACTS_MASK) != 0,
		.silence = SilenceAtEnd(facts)
	};
	Outcome		outcome = {
		.before = StandingOf(&start),
		.bought = (facts & FACT_BOUGHT) != 0,
		.after = StandingOf(&end)
	};

	return outcome;
}

/* Return the outcome of a customer if rows have events. */
Outcome
OutcomeFromEvents(const EventFacts *facts)
{
	bool		bought = (facts->purchases & FACT_BOUGHT) != 0;
	bool		cancelled = (facts->events & EVENT_CANCELLED) != 0;
	bool		cancelled_in = (facts->events & EVENT_CANCELLED_IN) != 0;
	LaterInstant purchase = bought ? facts->period_purchase : facts->last_purchase;
	LaterInstant cancellation = cancelled_in ? facts->period_cancellation :
		facts->last_cancellation;
	History		start = {
		.known = (facts->events & EVENT_KNOWN_AT_START) != 0,
		.cancelled_since = cancelled && facts->last_cancellation >= facts->last_purchase,
		.silence = SilenceAtStart(facts->purchases)
	};
	History		end = {
		.known = (facts->events & EVENT_KNOWN_AT_END) != 0,
		.cancelled_since = (cancelled || cancelled_in) && cancellation >= purchase,
		.silence = SilenceAtEnd(facts->purchases)
	};
	Outcome		outcome = {
		.before = StandingOf(&start),
		.bought = bought,
		.after = StandingOf(&end)
	};

	return outcome;
}

LifecycleStatus
OutcomeStatus(const Outcome *outcome)
{
	return StatusOver(outcome->before, outcome->bought, outcome->after);
}
