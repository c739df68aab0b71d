/*
 * amount_log.c
 *	  The amounts of customers in the periods of a series.
 *
 * An element takes 16 bytes, and a value that is no integer times a power of ten (amount.h) is
 * allocated separately.
 *
 * Memory: a series has at most four elements for each customer and period with amounts, or a million.
 * A single period has one for each customer.  Amounts of different forms are in different elements,
 * and each numeric has one.
 *
 * Limits: a log has at most 2^31 elements.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "state/amount_log.h"
#include "state/event_log.h"
#include "state/state_wire.h"
#include "table/customer_table.h"
#include "table/large_memory.h"

/* AmountLogSumUp is first called when a log has this many elements. */
#ifdef USE_ASSERT_CHECKING
#define SUM_UP_FROM		((uint32) 16)	/* so that tests have many calls */
#else
#define SUM_UP_FROM		((uint32) 1024 * 1024)
#endif

/* The share of customers that are in a sample: one of this many. */
#define SAMPLED_CUSTOMERS	64

/* Elements whose slots are loaded into the cache together. */
#define SUM_UP_AHEAD	64

/* Every segment but the first has more elements than all before it. */
#define SEGMENTS_MAX	(32 - FIRST_SEGMENT_BITS)

/* Allocate segments until `namounts` elements have room. */
static void
Reserve(AmountLog *log, MemoryContext context, uint32 namounts)
{
	if (namounts > AMOUNTS_MAX)
		TooManyEvents();
	if (log->segments == NULL)
		log->segments = MemoryContextAlloc(context, SEGMENTS_MAX * sizeof(LoggedAmount *));
	while (namounts + FIRST_SEGMENT > SegmentSize(log->nsegments))
	{
		log->segments[log->nsegments] =
			AllocateLarge(context, SegmentSize(log->nsegments) * sizeof(LoggedAmount));
		log->nsegments++;
	}
}

/* Make an empty log for a number of periods. */
void
AmountLogInit(AmountLog *log, int nperiods)
{
	memset(log, 0, sizeof(*log));
	log->single = nperiods == 1;
	log->sum_up_at = SUM_UP_FROM;
}

/* Add a value to an element.  Return false if the sum would be a value of another form. */
static inline bool
AddToElement(LoggedAmount *element, uint8 form, AmountValue value)
{
	int64		total;

	if (element->form != form || form == AMOUNT_NUMERIC ||
		pg_add_s64_overflow(element->value.scaled, value.scaled, &total))
		return false;
	element->value.scaled = total;
	return true;
}

/*
 * Add up the elements of the same customer, period and form.  A hash table has the place, plus 1, of
 * the last one that is kept; the elements that are kept move to the front, and `kept` is their
 * number.
 */
static void
SumUp(AmountLog *log)
{
	Size		nslots = pg_nextpower2_64((uint64) log->namounts * 2 + 1);
	uint32	   *last = AllocateLarge(CurrentMemoryContext, nslots * sizeof(uint32));
	uint32		kept = 0;

	ClearMemory((char *) last, nslots * sizeof(uint32));
	for (uint32 begin = 0; begin < log->namounts; begin += SUM_UP_AHEAD)
	{
		uint32		n = Min(SUM_UP_AHEAD, log->namounts - begin);
		Size		slots[SUM_UP_AHEAD];

		if (begin % EVENTS_BETWEEN_CHECKS == 0)
			CHECK_FOR_INTERRUPTS();
		for (uint32 i = 0; i < n; i++)
		{
			const LoggedAmount *amount = AmountAt(log, begin + i);

			slots[i] = hash_combine(murmurhash32(amount->customer), amount->period) & (nslots - 1);
			PrefetchForUpdate(&last[slots[i]]);
		}
		for (uint32 i = 0; i < n; i++)
		{
			if (last[slots[i]] != 0)
				PrefetchForUpdate(AmountAt(log, last[slots[i]] - 1));
		}
		for (uint32 i = 0; i < n; i++)
		{
			LoggedAmount amount = *AmountAt(log, begin + i);
			Size		slot = slots[i];
			LoggedAmount *sum = NULL;

			for (; last[slot] != 0; slot = (slot + 1) & (nslots - 1))
			{
				sum = AmountAt(log, last[slot] - 1);
				if (sum->customer == amount.customer && sum->period == amount.period &&
					sum->form == amount.form)
					break;
			}
			if (last[slot] == 0 || !AddToElement(sum, amount.form, amount.value))
			{
				*AmountAt(log, kept++) = amount;
				last[slot] = kept;
			}
		}
	}
	pfree(last);
	log->namounts = kept;
}

/* Return whether SumUp would remove at least half of the elements, by trying it on few customers. */
static bool
IsWorthSummingUp(const AmountLog *log)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "sample of amounts",
												  ALLOCSET_DEFAULT_SIZES);
	AmountLog	sample;
	uint32		namounts = 0;

	AmountLogInit(&sample, 0);
	for (uint32 place = 0; place < log->namounts; place++)
	{
		const LoggedAmount *element = AmountAt(log, place);
		Amount		amount = {.form = element->form, .value = element->value};

		if (place % EVENTS_BETWEEN_CHECKS == 0)
			CHECK_FOR_INTERRUPTS();
		if (element->customer % SAMPLED_CUSTOMERS == 0)
		{
			AmountLogAdd(&sample, context, element->customer, element->period, &amount);
			namounts++;
		}
	}
	SumUp(&sample);
	MemoryContextDelete(context);
	return sample.namounts <= namounts / 2;
}

/*
 * Add up the elements of a log that has grown large, unless few would be removed.  The log may then
 * double before the next time.  So it has at most four times as many elements as there are customers
 * and periods with amounts, or SUM_UP_FROM, and each element is visited few times.
 */
static void
AmountLogSumUp(AmountLog *log)
{
	if (IsWorthSummingUp(log))
		SumUp(log);
	log->sum_up_at = Min(Max(log->namounts * 2, SUM_UP_FROM), AMOUNTS_MAX);
}

/*
 * Add an amount, other than NULL, of a customer in a period.  `customer` is the customer's number,
 * or 0 if they have none.  Return their number.  The log must not be chained.  It keeps a pointer to
 * the value of a numeric.
 */
uint32
AmountLogAdd(AmountLog *log, MemoryContext context, uint32 customer, uint16 period,
			 const Amount *amount)
{
	LoggedAmount *added;

	Assert(!log->chained);
	if (log->single && customer != 0 &&
		AddToElement(AmountAt(log, customer - 1), amount->form, amount->value))
		return customer;

	if (log->namounts % EVENTS_BETWEEN_CHECKS == 0)
		CHECK_FOR_INTERRUPTS();
	if (unlikely(log->namounts == log->sum_up_at) && !log->single)
		AmountLogSumUp(log);
	if (unlikely(log->namounts + FIRST_SEGMENT == SegmentSize(log->nsegments)))
		Reserve(log, context, log->namounts + 1);
	/* with a single period, a customer's number is the place of their first element, plus 1 */
	if (customer == 0)
		customer = log->highest = log->single ? log->namounts + 1 : log->highest + 1;
	added = AmountAt(log, log->namounts++);
	added->value = amount->value;
	added->customer = customer;
	added->period = period;
	added->form = amount->form;
	return customer;
}

/*
 * Chain the elements of each customer.  Return the places of the last elements, plus 1, for all
 * numbers of customers.
 */
uint32 *
AmountLogChain(AmountLog *log)
{
	uint32	   *heads = MemoryContextAllocExtended(CurrentMemoryContext,
												   ((Size) log->highest + 1) * sizeof(uint32),
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (uint32 place = 0; place < log->namounts; place++)
	{
		LoggedAmount *amount = AmountAt(log, place);
		uint32		customer = amount->customer;

		if (place % EVENTS_BETWEEN_CHECKS == 0)
			CHECK_FOR_INTERRUPTS();
		amount->customer = heads[customer];
		heads[customer] = place + 1;
	}
	log->chained = true;
	return heads;
}

/* Give a number to the customer whose last element is `head`, and to their elements. */
uint32
AmountLogNumber(AmountLog *log, uint32 head)
{
	uint32		number;

	if (head == 0)
		return 0;
	number = log->single ? head : log->highest + 1;
	log->highest = Max(log->highest, number);
	while (head != 0)
	{
		LoggedAmount *amount = AmountAt(log, head - 1);

		head = amount->customer;
		amount->customer = number;
	}
	return number;
}

/* Return the number of bytes of all elements on the wire. */
Size
AmountLogWireSize(const AmountLog *log)
{
	Size		size = 0;

	for (uint32 place = 0; place < log->namounts; place++)
	{
		const LoggedAmount *amount = AmountAt(log, place);

		if (place % EVENTS_BETWEEN_CHECKS == 0)
			CHECK_FOR_INTERRUPTS();
		size += sizeof(uint16) + 1 + AmountWireSize(amount->form, amount->value);
	}
	return size;
}

/* Write the elements of a customer of a chained log, until the message is full. */
void
AmountLogWrite(const AmountLog *log, StateWriter *writer, uint32 head)
{
	EventsWriter events = BeginEvents(writer);
	uint32		next = writer->portion->event != 0 ? writer->portion->event : head;

	while (next != 0 && MoreEventsFit(writer, &events))
	{
		const LoggedAmount *amount = AmountAt(log, next - 1);

		pq_sendint16(writer->wire, amount->period);
		pq_sendint8(writer->wire, amount->form);
		AmountSend(writer->wire, amount->form, amount->value);
		next = amount->customer;
	}
	EndEvents(writer, &events, next);
}

/* Read the elements of a customer into a log that is chained, and return the head of the chain. */
uint32
AmountLogRead(AmountLog *log, MemoryContext context, StringInfo wire)
{
	uint32		namounts = pq_getmsgint(wire, 4);
	uint32		head;

	if (namounts > (uint32) (wire->len - wire->cursor) / AMOUNTS_WIRE_AMOUNT)
		elog(ERROR, "wrong number of amounts in a serialized state");
	head = log->namounts + namounts;
	Reserve(log, context, head);
	for (uint32 place = head; place > log->namounts; place--)
	{
		LoggedAmount *amount = AmountAt(log, place - 1);

		if (place % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		amount->period = pq_getmsgint(wire, 2);
		amount->form = pq_getmsgbyte(wire);
		if (!IsAmountForm(amount->form) || amount->form == AMOUNT_NONE)
			elog(ERROR, "invalid amount in a serialized state");
		amount->value = AmountReceive(wire, context, amount->form);
		amount->customer = place - 1 > log->namounts ? place - 1 : 0;
	}
	log->namounts = head;
	return namounts > 0 ? head : 0;
}
