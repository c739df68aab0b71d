/*
 * wire.c
 *	  States as bytes, on the way from a parallel worker to its leader.
 *
 * Both are one build on one machine, and the bytes are not for storage.  The
 * version is there for the day on which somebody forgets this.
 *
 * A ledger is sent as its form, the size of the facts, the number of customers
 * and the sum of the lengths of their images; then each customer: word, facts,
 * and by the form of the keys the rest, or the length and the image.  An array is
 * sent as it is, behind its first integer and its length.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "chronicle.h"
#include "cohort.h"
#include "pieces.h"

#define COHORT_WIRE_VERSION		1
#define CHRONICLE_WIRE_VERSION	1

/* more than all that is not customers, entries or amounts */
#define WIRE_HEADER				1024

/* an entry on the wire: at, next, event, has_amount */
#define WIRE_ENTRY				(8 + 4 + 1 + 1)

/* Bytes of a customer without the image. */
static Size
WireSlotSize(LedgerForm form, Size facts_size)
{
	return sizeof(uint64) + facts_size + (LedgerHasRest(form) ? sizeof(uint64) : 0);
}

static Size
SumOfImages(const Ledger *ledger)
{
	Size		sum = 0;
	uint64		cursor = 0;
	LedgerKey	key;
	uint8	   *facts;

	if (LedgerHasImage(ledger->form))
	{
		while (LedgerNext(ledger, &cursor, &key, &facts))
			sum += key.length;
	}
	return sum;
}

/* Begin a message with a ledger and `more` bytes, or say that it is too long. */
static void
BeginWire(StringInfo wire, const Ledger *ledger, Size images_size, Size more)
{
	Size		size = WIRE_HEADER + images_size + more +
		(ledger->form == LEDGER_DENSE ? ledger->nslots * ledger->facts_size :
		 ledger->ntaken * WireSlotSize(ledger->form, ledger->facts_size));

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a parallel worker knows too much to tell its leader"),
				 errdetail("The state of " UINT64_FORMAT " customers has %zu bytes, and less than 1 GB can be shipped.",
						   ledger->ntaken, size),
				 errhint("SET max_parallel_workers_per_gather = 0 for this query, or use the two-step form, which can spill to disk.")));

	pq_begintypsend(wire);
	enlargeStringInfo(wire, (int) (size - wire->len - 1));
}

static void
SendLedger(StringInfo wire, const Ledger *ledger, Size images_size)
{
	uint64		cursor = 0;
	LedgerKey	key;
	uint8	   *facts;
	Size		size;

	pq_sendint8(wire, ledger->form);
	pq_sendint16(wire, ledger->facts_size);
	pq_sendint64(wire, ledger->ntaken);
	pq_sendint64(wire, images_size);
	if (ledger->form == LEDGER_DENSE)
	{
		pq_sendint32(wire, ledger->base);
		pq_sendint64(wire, ledger->nslots);
		size = ledger->nslots * ledger->facts_size;
		for (Size done = 0; done < size; done += PIECE)
		{
			CHECK_FOR_INTERRUPTS();
			pq_sendbytes(wire, ledger->slots + done, (int) Min(PIECE, size - done));
		}
		return;
	}
	while (LedgerNext(ledger, &cursor, &key, &facts))
	{
		pq_sendint64(wire, key.word);
		pq_sendbytes(wire, (char *) facts, ledger->facts_size);
		if (LedgerHasImage(ledger->form))
		{
			pq_sendint64(wire, key.length);
			pq_sendbytes(wire, key.u.image, key.length);
		}
		else if (LedgerHasRest(ledger->form))
			pq_sendint64(wire, key.u.rest);
	}
}

/* A ledger that can only be read, in the order of the wire. */
static void
ReceiveLedger(StringInfo wire, Ledger *ledger, Size facts_size)
{
	LedgerForm	form = pq_getmsgbyte(wire);
	uint64		ncustomers;
	uint64		images_size;
	uint64		rest;

	if (form > LEDGER_VALUE || pq_getmsgint(wire, 2) != facts_size)
		elog(ERROR, "unknown form of customers in a serialized state");
	ncustomers = pq_getmsgint64(wire);
	images_size = pq_getmsgint64(wire);
	if (form == LEDGER_DENSE)
	{
		int32		base = pq_getmsgint(wire, 4);
		uint64		nslots = pq_getmsgint64(wire);

		if (nslots == 0 || nslots > (uint64) (wire->len - wire->cursor) / facts_size ||
			base + (int64) nslots - 1 > PG_INT32_MAX)
			elog(ERROR, "wrong size of a serialized state");
		LedgerInitDense(ledger, CurrentMemoryContext, facts_size, base, nslots,
						pq_getmsgbytes(wire, (int) (nslots * facts_size)));
		if (ledger->ntaken != ncustomers)
			elog(ERROR, "wrong number of customers in a serialized state");
		return;
	}
	rest = wire->len - wire->cursor;
	if (images_size > rest || ncustomers > rest ||
		ncustomers * WireSlotSize(form, facts_size) > rest - images_size)
		elog(ERROR, "wrong size of a serialized state");

	LedgerInitPacked(ledger, CurrentMemoryContext, form, facts_size,
					 ncustomers, images_size);
	for (uint64 i = 0; i < ncustomers; i++)
	{
		LedgerKey	key = {0};
		const char *facts;

		if (i % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		key.word = pq_getmsgint64(wire);
		facts = pq_getmsgbytes(wire, facts_size);
		if (LedgerHasImage(form))
		{
			key.length = pq_getmsgint64(wire);
			if (key.length > images_size)
				elog(ERROR, "wrong size of a key in a serialized state");
			images_size -= key.length;
			key.u.image = pq_getmsgbytes(wire, key.length);
		}
		else if (LedgerHasRest(form))
			key.u.rest = pq_getmsgint64(wire);
		LedgerAppend(ledger, &key, (const uint8 *) facts);
	}
}

/* The bytes of a state as a message to be read. */
static StringInfoData
OpenWire(bytea *bytes, int version)
{
	StringInfoData wire = {
		.data = VARDATA_ANY(bytes),
		.len = VARSIZE_ANY_EXHDR(bytes)
	};

	if (pq_getmsgbyte(&wire) != version)
		elog(ERROR, "unknown version of a serialized state");
	return wire;
}

bytea *
CohortSerialize(Cohort *cohort)
{
	StringInfoData wire;
	Size		images_size;

	CohortFlush(cohort);
	images_size = SumOfImages(&cohort->ledger);
	BeginWire(&wire, &cohort->ledger, images_size, 0);

	pq_sendint8(&wire, COHORT_WIRE_VERSION);
	pq_sendint32(&wire, cohort->customer_type);
	pq_sendint8(&wire, cohort->has_events);
	pq_sendint64(&wire, cohort->terms->fingerprint);
	SendLedger(&wire, &cohort->ledger, images_size);
	return pq_endtypsend(&wire);
}

/*
 * What a worker sent.  The result lives in the caller's short memory, may point to
 * the bytes, and can only be merged into another cohort, which takes no rows: of
 * the terms they need the fingerprint, to see that they are the same.
 */
Cohort *
CohortDeserialize(bytea *bytes)
{
	StringInfoData wire = OpenWire(bytes, COHORT_WIRE_VERSION);
	Cohort	   *cohort = palloc0(sizeof(Cohort));
	Terms		terms = {0};

	cohort->customer_type = pq_getmsgint(&wire, 4);
	cohort->has_events = pq_getmsgbyte(&wire) != 0;
	terms.fingerprint = pq_getmsgint64(&wire);
	cohort->terms = TermsCopy(CurrentMemoryContext, &terms);
	ReceiveLedger(&wire, &cohort->ledger,
				  cohort->has_events ? EVENT_FACTS_SIZE : sizeof(PurchaseFacts));
	pq_getmsgend(&wire);
	CohortCheck(cohort, true);
	return cohort;
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

/* The calendar is made again from the question. */
static void
SendQuestion(StringInfo wire, const Question *question)
{
	pq_sendint8(wire, question->unit);
	pq_sendint64(wire, question->period.from);
	pq_sendint64(wire, question->period.to);
	pq_sendint8(wire, question->has_inactive_after);
	SendInterval(wire, &question->inactive_after);
	pq_sendint8(wire, question->has_churned_after);
	SendInterval(wire, &question->churned_after);
	pq_sendint8(wire, question->has_step);
	SendInterval(wire, &question->step);
	pq_sendint8(wire, question->has_end);
}

static void
ReceiveQuestion(StringInfo wire, Question *question)
{
	memset(question, 0, sizeof(*question));
	question->unit = pq_getmsgbyte(wire);
	if (question->unit > UNIT_TIMESTAMPTZ)
		elog(ERROR, "invalid question in a serialized state");
	question->period.from = pq_getmsgint64(wire);
	question->period.to = pq_getmsgint64(wire);
	question->has_inactive_after = pq_getmsgbyte(wire) != 0;
	ReceiveInterval(wire, &question->inactive_after);
	question->has_churned_after = pq_getmsgbyte(wire) != 0;
	ReceiveInterval(wire, &question->churned_after);
	question->has_step = pq_getmsgbyte(wire) != 0;
	ReceiveInterval(wire, &question->step);
	question->has_end = pq_getmsgbyte(wire) != 0;
	question->fingerprint = QuestionFingerprint(question);
}

bytea *
ChronicleSerialize(Chronicle *chronicle)
{
	StringInfoData wire;
	Size		images_size;
	Size		entries_size = (Size) chronicle->nentries * WIRE_ENTRY;

	ChronicleFlush(chronicle);
	images_size = SumOfImages(&chronicle->ledger);
	for (uint32 i = 0; i < chronicle->nentries; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (chronicle->entries[i].has_amount)
			entries_size += sizeof(int32) + VARSIZE(chronicle->amounts[i]);
	}
	BeginWire(&wire, &chronicle->ledger, images_size, entries_size);

	pq_sendint8(&wire, CHRONICLE_WIRE_VERSION);
	pq_sendint32(&wire, chronicle->customer_type);
	pq_sendint8(&wire, chronicle->has_entries);
	pq_sendint8(&wire, chronicle->has_amounts);
	pq_sendint64(&wire, chronicle->first_at);
	pq_sendint64(&wire, chronicle->last_at);
	SendQuestion(&wire, &chronicle->calendar->question);
	SendLedger(&wire, &chronicle->ledger, images_size);

	pq_sendint32(&wire, chronicle->nentries);
	for (uint32 i = 0; i < chronicle->nentries; i++)
	{
		const Entry *entry = &chronicle->entries[i];

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		pq_sendint64(&wire, entry->at);
		pq_sendint32(&wire, entry->next);
		pq_sendint8(&wire, entry->event);
		pq_sendint8(&wire, entry->has_amount);
		if (entry->has_amount)
		{
			pq_sendint32(&wire, VARSIZE(chronicle->amounts[i]));
			pq_sendbytes(&wire, (char *) chronicle->amounts[i], VARSIZE(chronicle->amounts[i]));
		}
	}
	return pq_endtypsend(&wire);
}

/* An amount: a copy, to be aligned, and as long as it says. */
static Numeric
ReceiveAmount(StringInfo wire)
{
	int			size = pq_getmsgint(wire, 4);
	const char *bytes = pq_getmsgbytes(wire, size);
	Numeric		amount;

	if (size < (int) (VARHDRSZ + sizeof(uint16)))
		elog(ERROR, "invalid amount in a serialized state");
	amount = memcpy(palloc(size), bytes, size);
	SET_VARSIZE(amount, size);
	return amount;
}

/* As CohortDeserialize. */
Chronicle *
ChronicleDeserialize(bytea *bytes)
{
	StringInfoData wire = OpenWire(bytes, CHRONICLE_WIRE_VERSION);
	Chronicle  *chronicle = palloc0(sizeof(Chronicle));
	Question	question;
	int			nedges;
	uint64		cursor = 0;
	const uint8 *facts;

	chronicle->customer_type = pq_getmsgint(&wire, 4);
	chronicle->has_entries = pq_getmsgbyte(&wire) != 0;
	chronicle->has_amounts = pq_getmsgbyte(&wire) != 0;
	if (chronicle->has_amounts && !chronicle->has_entries)
		elog(ERROR, "unknown kind of a serialized state");
	chronicle->first_at = pq_getmsgint64(&wire);
	chronicle->last_at = pq_getmsgint64(&wire);
	ReceiveQuestion(&wire, &question);
	chronicle->calendar = CalendarCreate(CurrentMemoryContext, &question);
	ReceiveLedger(&wire, &chronicle->ledger, chronicle->has_entries ? (int) ENTRY_FACTS_SIZE :
				  ZONE_FACTS_SIZE(chronicle->calendar));

	chronicle->nentries = pq_getmsgint(&wire, 4);
	if (chronicle->nentries > (uint32) (wire.len - wire.cursor) / WIRE_ENTRY ||
		(chronicle->nentries > 0 && !chronicle->has_entries))
		elog(ERROR, "wrong size of a serialized state");
	if (chronicle->nentries > 0)
	{
		chronicle->entries = MemoryContextAllocHuge(CurrentMemoryContext,
													chronicle->nentries * sizeof(Entry));
		chronicle->amounts = MemoryContextAllocHuge(CurrentMemoryContext,
													chronicle->nentries * sizeof(Numeric));
	}
	for (uint32 i = 0; i < chronicle->nentries; i++)
	{
		Entry	   *entry = &chronicle->entries[i];

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		entry->at = pq_getmsgint64(&wire);
		entry->next = pq_getmsgint(&wire, 4);
		entry->event = pq_getmsgbyte(&wire);
		entry->has_amount = pq_getmsgbyte(&wire) != 0;
		/* each was put before what the customer had by then */
		if (entry->next > i || entry->event > EVENT_CANCELLATION ||
			(entry->has_amount && !chronicle->has_amounts))
			elog(ERROR, "invalid entry in a serialized state");
		if (entry->has_amount)
			chronicle->amounts[i] = ReceiveAmount(&wire);
	}
	pq_getmsgend(&wire);

	/* no entry behind the last, and no zone */
	nedges = chronicle->calendar->nedges;
	while ((facts = LedgerNextFacts(&chronicle->ledger, &cursor)) != NULL)
	{
		if (chronicle->has_entries ? LoadHead(facts) > chronicle->nentries :
			facts[nedges / 8] >> (nedges % 8 + 1) != 0)
			elog(ERROR, "invalid customer in a serialized state");
	}
	ChronicleCheck(chronicle, true);
	return chronicle;
}
