/*
 * period_state.h
 *	  States of one period: the judge of purchases, and the facts of each customer.
 */
#ifndef WINBACK_PERIOD_STATE_H
#define WINBACK_PERIOD_STATE_H

#include "postgres.h"

#include "rules/facts.h"
#include "rules/period_judge.h"
#include "state/customer_state.h"

typedef struct PeriodState
{
	CustomerState base;
	const PeriodJudge *judge;	/* shared: see StateFamily */
} PeriodState;

/* A row of the batch: an event before the end of the period. */
typedef struct PeriodEvent
{
	int64		at;
	uint8		event;			/* LifecycleEvent */
	PurchaseFacts verdict;		/* of JudgePurchase on `at` */
} PeriodEvent;

/* A callback that gets an outcome and the number of customers who have it. */
typedef void (*OutcomeVisitor) (void *arg, const Outcome *outcome, int64 customers);

extern PeriodState *PeriodStateCreate(MemoryContext context, StateFamily *family,
									  const PeriodJudge *judge, bool has_events);
extern void PeriodStateVisit(PeriodState *state, OutcomeVisitor visitor, void *arg);

extern const CustomerStateOps *const period_purchases_kind;
extern const CustomerStateOps *const period_events_kind;

/* Queue the verdict on a purchase, or return false to have the caller enter it. */
static pg_attribute_always_inline bool
PeriodStateQueuePurchase(PeriodState *state, CustomerType *customer_type, Datum customer,
						 PurchaseFacts verdict)
{
	int			place = CustomerStateQueue(&state->base, customer_type, customer);

	if (unlikely(place < 0))
		return false;
	((PurchaseFacts *) state->base.batch->rows)[place] = verdict;
	return true;
}

/* Queue an event, or return false to have the caller enter it. */
static pg_attribute_always_inline bool
PeriodStateQueueEvent(PeriodState *state, CustomerType *customer_type, Datum customer,
					  int64 at, LifecycleEvent event, PurchaseFacts verdict)
{
	int			place = CustomerStateQueue(&state->base, customer_type, customer);
	PeriodEvent *row;

	if (unlikely(place < 0))
		return false;
	row = (PeriodEvent *) state->base.batch->rows + place;
	row->at = at;
	row->event = event;
	row->verdict = verdict;
	return true;
}

#endif							/* WINBACK_PERIOD_STATE_H */
