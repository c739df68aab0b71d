/*
 * period_state.c
 *	  The state of an aggregate over customers: the judge, and the facts of each.
 *
 * Once the table outgrows the nearer caches, and in a scan from the beginning, rows
 * are collected in a batch and entered together (see table.c).  Whoever reads the
 * table enters what waits first; that changes the form of the state, not its
 * meaning, as numeric's sums do when they carry, so final functions remain READ_ONLY.
 *
 * A customer has one byte of facts where all events are purchases, and 34 where
 * there may be others.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "state/period_state.h"

/* A cohort without customers.  judge and customer_type must live as long. */
Cohort *
CohortCreate(MemoryContext context, const PeriodJudge *judge, bool has_events,
			 CustomerType *customer_type)
{
	Cohort	   *cohort = MemoryContextAllocZero(context, sizeof(Cohort));

	cohort->judge = judge;
	cohort->has_events = has_events;
	cohort->customer_type = customer_type->type;
	CustomerTableInit(&cohort->table, context, customer_type->form,
			   has_events ? EVENT_FACTS_SIZE : sizeof(PurchaseFacts));
	cohort->table.same = CustomersEqualByType;
	cohort->table.same_arg = customer_type;
	return cohort;
}

/* Take a row into the facts of its customer. */
static inline void
TakeIn(const Cohort *cohort, uint8 *facts, const CohortRow *row)
{
	EventFacts	known;

	if (!cohort->has_events)
	{
		*facts |= row->verdict;
		return;
	}
	EventFactsLoad(&known, facts);
	EventFactsAdd(&known, row->at, row->event, row->verdict, cohort->judge->period.from);
	EventFactsStore(&known, facts);
}

/* Take other facts into those of the same customer. */
static inline void
TakeInFacts(const Cohort *cohort, uint8 *facts, const uint8 *other)
{
	EventFacts	known;
	EventFacts	more;

	if (!cohort->has_events)
	{
		*facts |= *other;
		return;
	}
	EventFactsLoad(&known, facts);
	EventFactsLoad(&more, other);
	EventFactsMerge(&known, &more);
	EventFactsStore(&known, facts);
}

/* Enter what waits in the batch. */
void
CohortFlush(Cohort *cohort)
{
	int			nrows;

	if (cohort->batch == NULL || cohort->batch->nrows == 0)
		return;

	nrows = BatchLocate(cohort->batch, &cohort->table);
	for (int i = 0; i < nrows; i++)
		TakeIn(cohort, cohort->batch->found[i], &cohort->rows[i]);
	CustomerTableSettle(&cohort->table, BATCH_ROWS);
}

/* From now on rows wait in a batch, if it is worth it: see BatchCreate. */
void
CohortBeginBatch(Cohort *cohort, bool alone)
{
	cohort->batch = BatchCreate(&cohort->table, alone);
	if (cohort->batch != NULL)
		cohort->rows = MemoryContextAlloc(cohort->table.context,
										  BATCH_ROWS * sizeof(CohortRow));
}

/* Enter a row for which the batch has no room, or for which there is none. */
void
CohortEnterNow(Cohort *cohort, CustomerType *customer_type, Datum customer,
			   int64 at, LifecycleEvent event, PurchaseFacts verdict)
{
	CohortRow	row = {.at = at, .event = event, .verdict = verdict};

	CohortFlush(cohort);
	if (CohortDefer(cohort, customer_type, customer, at, event, verdict))
		return;

	TakeIn(cohort, LocateCustomer(&cohort->table, customer_type, customer), &row);

	if (cohort->batch == NULL)
		CohortBeginBatch(cohort, false);
	CohortCheck(cohort, false);
}

/* Enter the customers of another cohort, whose keys stay in place meanwhile. */
void
CohortMerge(Cohort *cohort, Cohort *other)
{
	Meeting		meeting;
	int			ncustomers;

	if (cohort->customer_type != other->customer_type ||
		cohort->has_events != other->has_events)
		elog(ERROR, "cannot merge states of different aggregates");
	if (cohort->judge->fingerprint != other->judge->fingerprint)
		QuestionChanged();

	CohortFlush(cohort);
	CohortFlush(other);

	CustomerTableMatch(&cohort->table, &other->table);
	if (!cohort->has_events && CustomerTableOverlay(&cohort->table, &other->table))
		return;

	meeting.cursor = 0;
	while ((ncustomers = BatchMeet(&meeting, &cohort->table, &other->table)) > 0)
	{
		for (int i = 0; i < ncustomers; i++)
			TakeInFacts(cohort, meeting.ours[i], meeting.theirs[i]);
	}
	CohortCheck(cohort, IsLargeStep(&cohort->table, &other->table));
}

/*
 * Visit all customers.
 *
 * Where there are only purchases, customers who are alike in their facts are
 * alike in every answer, so they are counted first, and the rules are asked once
 * for each of a few dozen kinds rather than for each customer.
 */
void
CohortVisit(Cohort *cohort, CohortVisitor visitor, void *arg)
{
	int64		customers[PURCHASE_FACTS_MASK + 1] = {0};
	uint64		cursor = 0;
	const uint8 *facts;

	CohortFlush(cohort);

	while ((facts = CustomerTableNextFacts(&cohort->table, &cursor)) != NULL)
	{
		if (cohort->has_events)
		{
			EventFacts	known;
			Outcome		outcome;

			EventFactsLoad(&known, facts);
			outcome = OutcomeFromEvents(&known);
			visitor(arg, &outcome, 1);
		}
		else
			customers[*facts & PURCHASE_FACTS_MASK]++;
	}

	for (int kind = 0; kind <= PURCHASE_FACTS_MASK; kind++)
	{
		Outcome		outcome;

		if (customers[kind] == 0)
			continue;
		outcome = OutcomeFromPurchases(kind);
		visitor(arg, &outcome, customers[kind]);
	}
}

#ifdef USE_ASSERT_CHECKING

/* What must hold of a cohort after every step; for `whole` see CustomerTableCheck. */
void
CohortCheck(const Cohort *cohort, bool whole)
{
	Assert(cohort->judge->nedges <= JUDGE_MAX_EDGES);
	Assert(cohort->table.facts_size ==
		   (cohort->has_events ? EVENT_FACTS_SIZE : sizeof(PurchaseFacts)));
	Assert((cohort->batch != NULL) == (cohort->rows != NULL));
	if (cohort->batch != NULL)
		BatchCheck(cohort->batch, &cohort->table);
	CustomerTableCheck(&cohort->table, whole);
}

#endif							/* USE_ASSERT_CHECKING */
