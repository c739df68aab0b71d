/*
 * cohort.c
 *	  The state of an aggregate over customers: the terms, and the facts of each.
 *
 * Once the ledger outgrows the nearer caches, rows are collected in a batch and
 * entered together (see ledger.c).  Whoever reads the ledger enters what waits
 * first; that changes the form of the state, not its meaning, as numeric's sums
 * do when they carry, so final functions remain READ_ONLY.
 *
 * A customer has one byte of facts where all events are purchases, and 34 where
 * there may be others.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "cohort.h"

/* A cohort without customers.  customer_type must live as long. */
Cohort *
CohortCreate(MemoryContext context, const Terms *terms, bool has_events,
			 CustomerType *customer_type)
{
	Cohort	   *cohort = MemoryContextAllocZero(context, sizeof(Cohort));

	cohort->terms = *terms;
	cohort->has_events = has_events;
	cohort->customer_type = customer_type->type;
	cohort->first_at = END_OF_TIME;
	cohort->last_at = BEGINNING_OF_TIME;
	LedgerInit(&cohort->ledger, context, customer_type->form,
			   has_events ? EVENT_FACTS_SIZE : sizeof(PurchaseFacts));
	cohort->ledger.same = CustomerSame;
	cohort->ledger.same_arg = customer_type;
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
	EventFactsAdd(&known, row->at, row->event, row->verdict, cohort->terms.period.from);
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
	CohortBatch *batch = cohort->batch;

	if (batch == NULL || batch->nrows == 0)
		return;

	LedgerLocate(&cohort->ledger, batch->keys, batch->nrows, batch->found);
	for (int i = 0; i < batch->nrows; i++)
		TakeIn(cohort, batch->found[i], &batch->rows[i]);
	batch->nrows = 0;
	batch->images_used = 0;
}

static void
StartBatches(Cohort *cohort)
{
	Size		images = LedgerHasImage(cohort->ledger.form) ? COHORT_BATCH_IMAGES : 0;

	cohort->batch = MemoryContextAlloc(cohort->ledger.context,
									   offsetof(CohortBatch, images) + images);
	cohort->batch->nrows = 0;
	cohort->batch->images_used = 0;
}

/*
 * Enter a row, now or with the next batch.
 *
 * The key's image belongs to the row, so that a batch must copy it.
 */
void
CohortEnter(Cohort *cohort, const LedgerKey *key, const CohortRow *row)
{
	CohortBatch *batch = cohort->batch;
	Size		image_size = LedgerHasImage(cohort->ledger.form) ? MAXALIGN(key->length) : 0;

	if (batch == NULL || image_size > COHORT_BATCH_IMAGES)
	{
		uint8	   *facts;

		LedgerLocate(&cohort->ledger, key, 1, &facts);
		TakeIn(cohort, facts, row);
		if (batch == NULL && LedgerSize(&cohort->ledger) > COHORT_BATCH_FROM)
			StartBatches(cohort);
		return;
	}

	if (batch->nrows == COHORT_BATCH_ROWS ||
		batch->images_used + image_size > COHORT_BATCH_IMAGES)
		CohortFlush(cohort);

	batch->keys[batch->nrows] = *key;
	batch->rows[batch->nrows] = *row;
	if (image_size > 0)
	{
		batch->keys[batch->nrows].u.image =
			memcpy(batch->images + batch->images_used, key->u.image, key->length);
		batch->images_used += image_size;
	}
	batch->nrows++;
}

/* Enter the customers of another cohort, whose keys stay in place meanwhile. */
void
CohortMerge(Cohort *cohort, Cohort *other)
{
	LedgerKey	keys[COHORT_BATCH_ROWS];
	uint8	   *facts[COHORT_BATCH_ROWS];
	uint8	   *found[COHORT_BATCH_ROWS];
	uint64		cursor = 0;
	int			nkeys;

	if (cohort->customer_type != other->customer_type ||
		cohort->has_events != other->has_events)
		elog(ERROR, "cannot merge states of different aggregates");
	if (cohort->terms.fingerprint != other->terms.fingerprint)
		TermsChanged();

	CohortFlush(cohort);
	CohortFlush(other);
	cohort->first_at = Min(cohort->first_at, other->first_at);
	cohort->last_at = Max(cohort->last_at, other->last_at);

	/* into an empty ledger nobody comes twice */
	if (cohort->ledger.ntaken == 0)
		LedgerReserve(&cohort->ledger, other->ledger.ntaken);

	do
	{
		for (nkeys = 0; nkeys < COHORT_BATCH_ROWS; nkeys++)
		{
			if (!LedgerNext(&other->ledger, &cursor, &keys[nkeys], &facts[nkeys]))
				break;
		}
		LedgerLocate(&cohort->ledger, keys, nkeys, found);
		for (int i = 0; i < nkeys; i++)
			TakeInFacts(cohort, found[i], facts[i]);
	} while (nkeys == COHORT_BATCH_ROWS);
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

	while ((facts = LedgerNextFacts(&cohort->ledger, &cursor)) != NULL)
	{
		if (cohort->has_events)
		{
			EventFacts	known;
			Conduct		conduct;

			EventFactsLoad(&known, facts);
			conduct = ConductFromEvents(&known);
			visitor(arg, &conduct, 1);
		}
		else
			customers[*facts & PURCHASE_FACTS_MASK]++;
	}

	for (int kind = 0; kind <= PURCHASE_FACTS_MASK; kind++)
	{
		Conduct		conduct;

		if (customers[kind] == 0)
			continue;
		conduct = ConductFromPurchases(kind);
		visitor(arg, &conduct, customers[kind]);
	}
}
