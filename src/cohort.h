/*
 * cohort.h
 *	  The state of an aggregate over customers: the terms, and the facts of each.
 */
#ifndef WINBACK_COHORT_H
#define WINBACK_COHORT_H

#include "postgres.h"

#include "customer.h"
#include "facts.h"
#include "ledger.h"
#include "terms.h"

/* Beyond this many bytes a ledger is looked up in batches. */
#define COHORT_BATCH_FROM		(64 * 1024)
/* Rows a batch; and bytes of key images that it may hold. */
#define COHORT_BATCH_ROWS		256
#define COHORT_BATCH_IMAGES		(16 * 1024)

/* One row, but for the customer: an event that lies before the end. */
typedef struct CohortRow
{
	int64		at;
	uint8		event;			/* LifecycleEvent */
	PurchaseFacts verdict;		/* on a purchase at that instant */
} CohortRow;

/* Rows that wait to be entered together. */
typedef struct CohortBatch
{
	int			nrows;
	Size		images_used;
	LedgerKey	keys[COHORT_BATCH_ROWS];
	CohortRow	rows[COHORT_BATCH_ROWS];
	uint8	   *found[COHORT_BATCH_ROWS];
	char		images[FLEXIBLE_ARRAY_MEMBER];	/* if the form has images */
} CohortBatch;

/* There is one in every group, perhaps hundreds of thousands: keep it small. */
typedef struct Cohort
{
	Terms		terms;
	Ledger		ledger;			/* facts: PurchaseFacts, or EventFacts packed */
	CohortBatch *batch;			/* NULL while the ledger is small */
	Oid			customer_type;
	bool		has_events;		/* not only purchases */
	int64		first_at;		/* the first and last finite instant of any row */
	int64		last_at;
} Cohort;

/* Called with a conduct and how many customers share it. */
typedef void (*CohortVisitor) (void *arg, const Conduct *conduct, int64 customers);

extern Cohort *CohortCreate(MemoryContext context, const Terms *terms,
							bool has_events, CustomerType *customer_type);
extern void CohortEnter(Cohort *cohort, const LedgerKey *key, const CohortRow *row);
extern void CohortFlush(Cohort *cohort);
extern void CohortMerge(Cohort *cohort, Cohort *other);
extern void CohortVisit(Cohort *cohort, CohortVisitor visitor, void *arg);
extern bytea *CohortSerialize(Cohort *cohort);
extern Cohort *CohortDeserialize(bytea *bytes);

#endif							/* WINBACK_COHORT_H */
