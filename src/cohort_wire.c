/*
 * cohort_wire.c
 *	  A cohort as bytes, on the way from a parallel worker to its leader.
 *
 * Both are one build on one machine, and the bytes are not for storage.  The
 * version is there for the day on which somebody forgets this.
 *
 * Layout: version, what the customers are, the terms; the number of customers
 * and the sum of the lengths of their images; then each customer: word, facts,
 * and by the form of the keys the rest, or the length and the image.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "cohort.h"

#define COHORT_WIRE_VERSION		1

/* more than all that precedes the customers */
#define COHORT_WIRE_HEADER		1024

/* Bytes of a customer without the image. */
static Size
WireSlotSize(LedgerForm form, int facts_size)
{
	return sizeof(uint64) + facts_size + (LedgerHasRest(form) ? sizeof(uint64) : 0);
}

static void
SendTerms(StringInfo wire, const Terms *terms)
{
	pq_sendint64(wire, terms->fingerprint);
	pq_sendint64(wire, terms->period.from);
	pq_sendint64(wire, terms->period.to);
	pq_sendint64(wire, terms->start.inactive_from);
	pq_sendint64(wire, terms->start.churned_from);
	pq_sendint64(wire, terms->end.inactive_from);
	pq_sendint64(wire, terms->end.churned_from);
	pq_sendint8(wire, terms->unit);
	pq_sendint8(wire, terms->has_end);
	pq_sendint8(wire, terms->nedges);
	for (int i = 0; i < terms->nedges; i++)
	{
		pq_sendint8(wire, terms->verdicts[i]);
		pq_sendint64(wire, terms->edges[i]);
	}
}

static void
ReceiveTerms(StringInfo wire, Terms *terms)
{
	memset(terms, 0, sizeof(*terms));
	terms->fingerprint = pq_getmsgint64(wire);
	terms->period.from = pq_getmsgint64(wire);
	terms->period.to = pq_getmsgint64(wire);
	terms->start.inactive_from = pq_getmsgint64(wire);
	terms->start.churned_from = pq_getmsgint64(wire);
	terms->end.inactive_from = pq_getmsgint64(wire);
	terms->end.churned_from = pq_getmsgint64(wire);
	terms->unit = pq_getmsgbyte(wire);
	terms->has_end = pq_getmsgbyte(wire) != 0;
	terms->nedges = pq_getmsgbyte(wire);
	if (terms->unit > UNIT_TIMESTAMPTZ || terms->nedges > TERMS_MAX_EDGES)
		elog(ERROR, "invalid terms in a serialized state");
	for (int i = 0; i < terms->nedges; i++)
	{
		terms->verdicts[i] = pq_getmsgbyte(wire);
		terms->edges[i] = pq_getmsgint64(wire);
	}
}

bytea *
CohortSerialize(Cohort *cohort)
{
	Ledger	   *ledger;
	StringInfoData wire;
	Size		images_size = 0;
	Size		size;
	uint64		cursor = 0;
	LedgerKey	key;
	uint8	   *facts;

	CohortFlush(cohort);
	ledger = &cohort->ledger;

	if (LedgerHasImage(ledger->form))
	{
		while (LedgerNext(ledger, &cursor, &key, &facts))
			images_size += key.length;
	}
	size = COHORT_WIRE_HEADER + images_size +
		ledger->ntaken * WireSlotSize(ledger->form, ledger->facts_size);
	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a parallel worker knows too many customers to tell its leader"),
				 errdetail("The state of " UINT64_FORMAT " customers has %zu bytes, and less than 1 GB can be shipped.",
						   ledger->ntaken, size),
				 errhint("SET max_parallel_workers_per_gather = 0 for this query.")));

	pq_begintypsend(&wire);
	enlargeStringInfo(&wire, (int) (size - wire.len - 1));

	pq_sendint8(&wire, COHORT_WIRE_VERSION);
	pq_sendint32(&wire, cohort->customer_type);
	pq_sendint8(&wire, ledger->form);
	pq_sendint8(&wire, cohort->has_events);
	pq_sendint64(&wire, cohort->first_at);
	pq_sendint64(&wire, cohort->last_at);
	SendTerms(&wire, &cohort->terms);
	pq_sendint64(&wire, ledger->ntaken);
	pq_sendint64(&wire, images_size);

	cursor = 0;
	while (LedgerNext(ledger, &cursor, &key, &facts))
	{
		pq_sendint64(&wire, key.word);
		pq_sendbytes(&wire, (char *) facts, ledger->facts_size);
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
	Cohort	   *cohort = palloc0(sizeof(Cohort));
	Ledger	   *ledger = &cohort->ledger;
	StringInfoData wire = {
		.data = VARDATA_ANY(bytes),
		.len = VARSIZE_ANY_EXHDR(bytes)
	};
	LedgerForm	form;
	int			facts_size;
	uint64		ncustomers;
	uint64		images_size;
	uint64		rest;

	if (pq_getmsgbyte(&wire) != COHORT_WIRE_VERSION)
		elog(ERROR, "unknown version of a serialized state");
	cohort->customer_type = pq_getmsgint(&wire, 4);
	form = pq_getmsgbyte(&wire);
	if (form > LEDGER_VALUE)
		elog(ERROR, "unknown form of keys in a serialized state");
	cohort->has_events = pq_getmsgbyte(&wire) != 0;
	cohort->first_at = pq_getmsgint64(&wire);
	cohort->last_at = pq_getmsgint64(&wire);
	ReceiveTerms(&wire, &cohort->terms);
	ncustomers = pq_getmsgint64(&wire);
	images_size = pq_getmsgint64(&wire);

	facts_size = cohort->has_events ? EVENT_FACTS_SIZE : sizeof(PurchaseFacts);
	rest = wire.len - wire.cursor;
	if (images_size > rest || ncustomers > rest ||
		ncustomers * WireSlotSize(form, facts_size) != rest - images_size)
		elog(ERROR, "wrong size of a serialized state");

	LedgerInitPacked(ledger, CurrentMemoryContext, form, facts_size,
					 ncustomers, images_size);
	for (uint64 i = 0; i < ncustomers; i++)
	{
		LedgerKey	key = {0};
		const char *facts;

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		key.word = pq_getmsgint64(&wire);
		facts = pq_getmsgbytes(&wire, facts_size);
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
		LedgerAppend(ledger, &key, (const uint8 *) facts);
	}
	pq_getmsgend(&wire);

	return cohort;
}
