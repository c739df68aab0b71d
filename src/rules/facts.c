/*
 * facts.c
 *	  What is kept of a customer, and how it looks to the rules.
 *
 * See facts.h for the idea.
 */
#include "postgres.h"

#include "rules/facts.h"

/*
 * Take in an event that lies before the end.
 *
 * verdict is what JudgePurchase says of a purchase at that instant; from is the
 * start of the period.
 */
void
EventFactsAdd(EventFacts *facts, int64 at, LifecycleEvent event,
			  PurchaseFacts verdict, int64 from)
{
	LaterInstant instant = LaterInstantFrom(at);
	bool		in_period = (at >= from);

	facts->events |= EVENT_KNOWN_AT_END;
	if (!in_period)
		facts->events |= EVENT_KNOWN_AT_START;

	switch (event)
	{
		case EVENT_INTEREST:
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

/* Take in what somebody else knows of the same customer. */
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

/* The verdict on the last of several purchases, which is the best of them. */
static LifecycleStatus
BestVerdict(PurchaseFacts facts, PurchaseFacts active, PurchaseFacts inactive,
			PurchaseFacts churned)
{
	if (facts & active)
		return LIFECYCLE_ACTIVE;
	if (facts & inactive)
		return LIFECYCLE_INACTIVE;
	if (facts & churned)
		return LIFECYCLE_CHURNED;
	return LIFECYCLE_NONE;
}

static LifecycleStatus
SilenceAtStart(PurchaseFacts facts)
{
	return BestVerdict(facts, FACT_START_ACTIVE, FACT_START_INACTIVE, FACT_START_CHURNED);
}

static LifecycleStatus
SilenceAtEnd(PurchaseFacts facts)
{
	return BestVerdict(facts, FACT_END_ACTIVE, FACT_END_INACTIVE, FACT_END_CHURNED);
}

/* A customer of whom there are only purchases. */
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

/* A customer of whom there may be cancellations and interest, too. */
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
