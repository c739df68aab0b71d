/*
 * cohort.h
 *	  The state of an aggregate over purchases: a timeline, and in which of its
 *	  zones each customer bought.
 */
#ifndef WINBACK_COHORT_H
#define WINBACK_COHORT_H

#include "postgres.h"

#include "customer.h"
#include "ledger.h"
#include "period.h"
#include "timeline.h"

/* Beyond this many bytes a ledger is looked up in batches. */
#define COHORT_BATCH_FROM		(64 * 1024)
/* Rows a batch; and bytes of key images that it may hold. */
#define COHORT_BATCH_ROWS		256
#define COHORT_BATCH_IMAGES		(16 * 1024)

/* Purchases that wait to be entered together. */
typedef struct CohortBatch
{
	int			nrows;
	Size		images_used;
	LedgerKey	keys[COHORT_BATCH_ROWS];
	ZoneBits	facts[COHORT_BATCH_ROWS];
	uint8	   *found[COHORT_BATCH_ROWS];
	char		images[FLEXIBLE_ARRAY_MEMBER];	/* if the form has images */
} CohortBatch;

/* There is one in every group, perhaps hundreds of thousands: keep it small. */
typedef struct Cohort
{
	Terms		terms;
	Timeline	timeline;		/* follows from the terms */
	Ledger		ledger;			/* facts: one ZoneBits */
	CohortBatch *batch;			/* NULL while the ledger is small */
	Oid			customer_type;
} Cohort;

/* How many customers share the same facts.  All that a rate needs to know. */
typedef struct CohortSummary
{
	int64		customers[ZONE_BITS_MASK + 1];	/* by facts */
} CohortSummary;

extern Cohort *CohortCreate(MemoryContext context, const Terms *terms,
							CustomerType *customer_type);
extern void CohortEnterSlow(Cohort *cohort, const LedgerKey *key, ZoneBits facts);
extern void CohortMerge(Cohort *cohort, Cohort *other);
extern void CohortSummarize(Cohort *cohort, CohortSummary *summary);
extern bytea *CohortSerialize(Cohort *cohort);
extern Cohort *CohortDeserialize(bytea *wire);

/* A customer bought in a zone. */
static pg_attribute_always_inline void
CohortEnter(Cohort *cohort, const LedgerKey *key, int zone)
{
	CohortBatch *batch = cohort->batch;

	/* the usual case: a large ledger, a key without an image, no full batch */
	if (batch != NULL && !LedgerHasImage(cohort->ledger.form) &&
		batch->nrows < COHORT_BATCH_ROWS)
	{
		batch->keys[batch->nrows] = *key;
		batch->facts[batch->nrows] = 1 << zone;
		batch->nrows++;
	}
	else
		CohortEnterSlow(cohort, key, 1 << zone);
}

#endif							/* WINBACK_COHORT_H */
