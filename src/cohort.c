/*
 * cohort.c
 *	  The state of an aggregate over purchases: a timeline, and in which of its
 *	  zones each customer bought.
 *
 * Once the ledger outgrows the nearer caches, purchases are collected in a
 * batch and entered together (see ledger.c).  Whoever reads the ledger enters
 * what waits first; that changes the form of the state, not its meaning, as
 * numeric's sums do when they carry, so final functions remain READ_ONLY.
 *
 * The wire form is for sending states from parallel workers to their leader,
 * which are one build on one machine; it is not for storage.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "cohort.h"
#include "compat.h"

#define COHORT_WIRE_VERSION		1

/* Every customer on the wire: a word, a byte of facts. */
#define COHORT_WIRE_SLOT		(sizeof(uint64) + sizeof(ZoneBits))

static Cohort *
CohortAlloc(MemoryContext context, const Terms *terms, Oid customer_type)
{
	Cohort	   *cohort = MemoryContextAllocZero(context, sizeof(Cohort));

	cohort->terms = *terms;
	cohort->customer_type = customer_type;
	TermsTimeline(terms, &cohort->timeline);
	return cohort;
}

/* A cohort without customers.  customer_type must live as long. */
Cohort *
CohortCreate(MemoryContext context, const Terms *terms,
			 CustomerType *customer_type)
{
	Cohort	   *cohort = CohortAlloc(context, terms, customer_type->type);

	LedgerInit(&cohort->ledger, context, customer_type->form, sizeof(ZoneBits));
	cohort->ledger.same = CustomerSame;
	cohort->ledger.same_arg = customer_type;
	return cohort;
}

/* Enter what waits in the batch. */
static void
CohortFlush(Cohort *cohort)
{
	CohortBatch *batch = cohort->batch;

	if (batch == NULL || batch->nrows == 0)
		return;

	LedgerLocate(&cohort->ledger, batch->keys, batch->nrows, batch->found);
	for (int i = 0; i < batch->nrows; i++)
		*batch->found[i] |= batch->facts[i];
	batch->nrows = 0;
	batch->images_used = 0;
}

/*
 * Enter a customer at once, or into the batch.
 *
 * The key's image belongs to the row, so a batch keeps a copy of it.
 */
void
CohortEnterSlow(Cohort *cohort, const LedgerKey *key, ZoneBits facts)
{
	CohortBatch *batch = cohort->batch;
	bool		has_image = LedgerHasImage(cohort->ledger.form);
	uint8	   *found;

	if (batch != NULL && has_image && key->length <= COHORT_BATCH_IMAGES)
	{
		if (batch->nrows == COHORT_BATCH_ROWS ||
			batch->images_used + MAXALIGN(key->length) > COHORT_BATCH_IMAGES)
			CohortFlush(cohort);
		batch->keys[batch->nrows] = *key;
		batch->keys[batch->nrows].u.image =
			memcpy(batch->images + batch->images_used, key->u.image, key->length);
		batch->images_used += MAXALIGN(key->length);
		batch->facts[batch->nrows++] = facts;
		return;
	}
	if (batch != NULL && !has_image)
	{
		if (batch->nrows == COHORT_BATCH_ROWS)
			CohortFlush(cohort);
		batch->keys[batch->nrows] = *key;
		batch->facts[batch->nrows++] = facts;
		return;
	}

	/* a small ledger, or a key that is too long for the batch */
	LedgerLocate(&cohort->ledger, key, 1, &found);
	*found |= facts;

	if (batch == NULL && LedgerSize(&cohort->ledger) > COHORT_BATCH_FROM)
	{
		cohort->batch = MemoryContextAlloc(cohort->ledger.context,
										   offsetof(CohortBatch, images) +
										   (has_image ? COHORT_BATCH_IMAGES : 0));
		cohort->batch->nrows = 0;
		cohort->batch->images_used = 0;
	}
}

/*
 * Enter the customers of another cohort, whose keys stay in place meanwhile.
 */
void
CohortMerge(Cohort *cohort, Cohort *other)
{
	LedgerKey	keys[COHORT_BATCH_ROWS];
	uint8	   *facts[COHORT_BATCH_ROWS];
	uint8	   *found[COHORT_BATCH_ROWS];
	uint64		cursor = 0;
	int			nkeys;

	if (cohort->customer_type != other->customer_type)
		elog(ERROR, "cannot merge customers of types %u and %u",
			 cohort->customer_type, other->customer_type);
	if (!TermsEqual(&cohort->terms, &other->terms))
		TermsChanged();

	CohortFlush(cohort);
	CohortFlush(other);

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
			*found[i] |= *facts[i];
	} while (nkeys == COHORT_BATCH_ROWS);
}

/*
 * Count the customers by their facts.
 *
 * Customers who are alike in their facts are alike in every answer, so the rules
 * need to be asked once for each of a few dozen kinds, not for each customer.
 */
void
CohortSummarize(Cohort *cohort, CohortSummary *summary)
{
	uint64		cursor = 0;
	const uint8 *facts;

	CohortFlush(cohort);
	memset(summary, 0, sizeof(*summary));
	while ((facts = LedgerNextFacts(&cohort->ledger, &cursor)) != NULL)
		summary->customers[*facts & ZONE_BITS_MASK]++;
}

static void
SendInterval(StringInfo wire, const Interval *interval)
{
	pq_sendint64(wire, interval->time);
	pq_sendint32(wire, interval->day);
	pq_sendint32(wire, interval->month);
}

static void
ReceiveInterval(StringInfo wire, Interval *interval)
{
	interval->time = pq_getmsgint64(wire);
	interval->day = pq_getmsgint(wire, 4);
	interval->month = pq_getmsgint(wire, 4);
}

/* The state for the way from a worker to its leader. */
bytea *
CohortSerialize(Cohort *cohort)
{
	const Terms *terms = &cohort->terms;
	Ledger	   *ledger = &cohort->ledger;
	StringInfoData wire;
	Size		images_size = 0;
	Size		size;
	uint64		cursor = 0;
	LedgerKey	key;
	uint8	   *facts;

	CohortFlush(cohort);

	if (LedgerHasImage(ledger->form))
	{
		while (LedgerNext(ledger, &cursor, &key, &facts))
			images_size += key.length;
	}
	size = images_size + ledger->ntaken *
		(COHORT_WIRE_SLOT + (LedgerHasRest(ledger->form) ? sizeof(uint64) : 0));
	if (size > MaxAllocSize - 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a parallel worker knows too many customers to tell its leader"),
				 errdetail("The state of " UINT64_FORMAT " customers has %zu bytes, and PostgreSQL ships less than 1 GB.",
						   ledger->ntaken, size),
				 errhint("SET max_parallel_workers_per_gather = 0 for this query.")));

	pq_begintypsend(&wire);
	enlargeStringInfo(&wire, size + 512);

	pq_sendint8(&wire, COHORT_WIRE_VERSION);
	pq_sendint32(&wire, cohort->customer_type);
	pq_sendint8(&wire, ledger->form);
	pq_sendint64(&wire, terms->period.from);
	pq_sendint64(&wire, terms->period.to);
	pq_sendint64(&wire, terms->start.inactive_from);
	pq_sendint64(&wire, terms->start.churned_from);
	pq_sendint8(&wire, terms->has_inactive_after);
	SendInterval(&wire, &terms->inactive_after);
	pq_sendint8(&wire, terms->has_churned_after);
	SendInterval(&wire, &terms->churned_after);

	pq_sendint64(&wire, ledger->ntaken);
	pq_sendint64(&wire, images_size);
	cursor = 0;
	while (LedgerNext(ledger, &cursor, &key, &facts))
	{
		pq_sendint64(&wire, key.word);
		pq_sendint8(&wire, *facts);
		if (LedgerHasImage(ledger->form))
		{
			pq_sendint64(&wire, key.length);
			pq_sendbytes(&wire, key.u.image, key.length);
		}
		else if (LedgerHasRest(ledger->form))
			pq_sendint64(&wire, key.u.rest);
	}

	return pq_endtypsend(&wire);
}

/*
 * What a worker sent.  The result lives in the caller's short memory, can only
 * be merged into another cohort, and is read in the order of the wire.
 */
Cohort *
CohortDeserialize(bytea *bytes)
{
	StringInfoData wire;
	Terms		terms;
	Cohort	   *cohort;
	Oid			customer_type;
	LedgerForm	form;
	uint64		ncustomers;
	uint64		images_size;
	Size		slot_size;

	memset(&terms, 0, sizeof(terms));
	initStringInfo(&wire);
	appendBinaryStringInfo(&wire, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));

	if (pq_getmsgbyte(&wire) != COHORT_WIRE_VERSION)
		elog(ERROR, "unknown version of a serialized state");
	customer_type = pq_getmsgint(&wire, 4);
	form = pq_getmsgbyte(&wire);
	if (form > LEDGER_VALUE)
		elog(ERROR, "unknown form of keys in a serialized state");
	terms.period.from = terms.start.at = pq_getmsgint64(&wire);
	terms.period.to = pq_getmsgint64(&wire);
	terms.start.inactive_from = pq_getmsgint64(&wire);
	terms.start.churned_from = pq_getmsgint64(&wire);
	terms.has_inactive_after = pq_getmsgbyte(&wire) != 0;
	ReceiveInterval(&wire, &terms.inactive_after);
	terms.has_churned_after = pq_getmsgbyte(&wire) != 0;
	ReceiveInterval(&wire, &terms.churned_after);

	ncustomers = pq_getmsgint64(&wire);
	images_size = pq_getmsgint64(&wire);
	slot_size = COHORT_WIRE_SLOT + (LedgerHasRest(form) ? sizeof(uint64) : 0);
	if (images_size > wire.len - wire.cursor ||
		ncustomers != (wire.len - wire.cursor - images_size) / slot_size)
		elog(ERROR, "wrong size of a serialized state");

	cohort = CohortAlloc(CurrentMemoryContext, &terms, customer_type);
	LedgerInitPacked(&cohort->ledger, CurrentMemoryContext, form, sizeof(ZoneBits),
					 ncustomers, images_size);

	for (uint64 i = 0; i < ncustomers; i++)
	{
		LedgerKey	key = {0};
		uint8		facts;

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		key.word = pq_getmsgint64(&wire);
		facts = pq_getmsgbyte(&wire) | LEDGER_TAKEN;
		if (LedgerHasImage(form))
		{
			key.length = pq_getmsgint64(&wire);
			if (key.length > images_size)
				elog(ERROR, "wrong size of a key in a serialized state");
			images_size -= key.length;
			key.u.image = pq_getmsgbytes(&wire, key.length);
		}
		else if (LedgerHasRest(form))
			key.u.rest = pq_getmsgint64(&wire);
		LedgerAppend(&cohort->ledger, &key, &facts);
	}
	pq_getmsgend(&wire);

	return cohort;
}
