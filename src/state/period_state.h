/*
 * period_state.h
 *	  The state of an aggregate over customers: the judge, and the facts of each.
 */
#ifndef WINBACK_PERIOD_STATE_H
#define WINBACK_PERIOD_STATE_H

#include "postgres.h"

#include "table/batch.h"
#include "table/customer_type.h"
#include "rules/facts.h"
#include "table/customer_table.h"
#include "rules/period_judge.h"

/* One row, but for the customer: an event that lies before the end. */
typedef struct CohortRow
{
	int64		at;
	uint8		event;			/* LifecycleEvent */
	PurchaseFacts verdict;		/* on a purchase at that instant */
} CohortRow;

/* There is one in every group, perhaps hundreds of thousands: keep it small. */
typedef struct Cohort
{
	const PeriodJudge *judge;			/* shared by the groups if they are constant */
	CustomerTable		table;			/* facts: PurchaseFacts, or EventFacts packed */
	Batch	   *batch;			/* NULL while it is not worth it: BatchCreate */
	CohortRow  *rows;			/* what goes with the keys of the batch */
	Oid			customer_type;
	bool		has_events;		/* not only purchases */
} Cohort;

/* Called with a outcome and how many customers share it. */
typedef void (*CohortVisitor) (void *arg, const Outcome *outcome, int64 customers);

extern Cohort *CohortCreate(MemoryContext context, const PeriodJudge *judge,
							bool has_events, CustomerType *customer_type);
extern void CohortEnterNow(Cohort *cohort, CustomerType *customer_type, Datum customer,
						   int64 at, LifecycleEvent event, PurchaseFacts verdict);
extern void CohortBeginBatch(Cohort *cohort, bool alone);
extern void CohortFlush(Cohort *cohort);
extern void CohortMerge(Cohort *cohort, Cohort *other);
extern void CohortVisit(Cohort *cohort, CohortVisitor visitor, void *arg);

#ifdef USE_ASSERT_CHECKING
extern void CohortCheck(const Cohort *cohort, bool whole);
#else
#define CohortCheck(cohort, whole)	((void) 0)
#endif

/*
 * Let a row wait in the batch; false if it cannot.
 *
 * All that is done for most rows.  Nothing here has its address taken on the
 * stack, and what a row does not need it does not store: either costs time.
 */
static pg_attribute_always_inline bool
CohortDefer(Cohort *cohort, CustomerType *customer_type, Datum customer,
			int64 at, LifecycleEvent event, PurchaseFacts verdict)
{
	CohortRow  *waiting;
	int			index;

	if (unlikely(cohort->batch == NULL))
		return false;
	index = BatchAdd(cohort->batch, &cohort->table, customer_type, customer);
	if (unlikely(index < 0))
		return false;

	waiting = &cohort->rows[index];
	waiting->verdict = verdict;
	if (cohort->has_events)
	{
		waiting->at = at;
		waiting->event = event;
	}
	return true;
}

/* Enter a row, now or with the next batch. */
static pg_attribute_always_inline void
CohortEnter(Cohort *cohort, CustomerType *customer_type, Datum customer,
			int64 at, LifecycleEvent event, PurchaseFacts verdict)
{
	if (unlikely(!CohortDefer(cohort, customer_type, customer, at, event, verdict)))
		CohortEnterNow(cohort, customer_type, customer, at, event, verdict);
}

#endif							/* WINBACK_PERIOD_STATE_H */
