/*
 * state_wire.c
 *	  States as bytes, on the way from a parallel worker to its leader.
 *
 * Worker and leader run the same build on one machine, and the bytes are not meant for
 * storage.  The version protects a user who stores them nevertheless.
 *
 * A message contains:
 *
 *		version, kind, type of the customers, the head that the kind writes
 *		form of the keys, size of the facts, seed, number of customers of the whole state
 *		if the table is an array: its first integer, its number of slots, and the
 *			first slot of this message
 *		the numbers of slots, of bytes of images and of events that follow
 *		for each customer: the word, the rest or the length and the image of the
 *			key (depending on the form), and the facts
 *
 * An array has no keys on the wire.  A kind with a codec writes other bytes in place of
 * the facts.
 *
 * An Agg node sends a state as one value.  A Winback Scan sends it in portions: each is a
 * row and a complete state, of some of the customers, or even of some of the events of
 * one customer.  So only a key or an amount can be too long, neither process holds a
 * state twice, and the leader merges while the worker sends.  As there may be many
 * portions, each must be cheap; and each has the size of the whole table, so that the
 * leader allocates memory for it once.
 *
 * The receiver trusts nothing: it checks sizes before it allocates memory, and this
 * file or the merge checks every value that the merge relies on.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "state/event_log.h"
#include "state/period_state.h"
#include "state/series_state.h"
#include "state/silence_state.h"
#include "state/state_wire.h"
#include "table/large_memory.h"
#include "table/slots.h"

#define STATE_WIRE_VERSION		3

/* An upper bound of the bytes of a message without customers and events. */
#define WIRE_HEADER				1024

/*
 * Bytes of a portion of a state, not counting the rest of the last customer or event.
 * A portion is smaller than the 64 kB of a worker's queue, so that the worker writes the
 * next one while the leader reads this one.  (With larger portions the leader waits, as
 * was measured.)
 */
#ifdef USE_ASSERT_CHECKING
#define WIRE_PORTION			((Size) 256)	/* so that tests have many portions */
#else
#define WIRE_PORTION			((Size) 48 * 1024)
#endif

static const CustomerStateOps *
KindOfTag(int tag)
{
	const CustomerStateOps *const kinds[] = {
		period_purchases_kind, period_events_kind,
		series_purchases_kind, series_amounts_kind, series_events_kind,
		silences_kind, open_silences_kind
	};

	for (int i = 0; i < (int) lengthof(kinds); i++)
	{
		if (kinds[i]->tag == tag)
			return kinds[i];
	}
	elog(ERROR, "unknown kind of a serialized state");
}

/* Return the minimum of bytes of a customer: without the key's image and the events. */
static Size
CustomerSize(const CustomerState *state, KeyForm form, Size facts_size)
{
	const FactsCodec *codec = state->ops->codec;

	return KeySize(form) + (codec != NULL ? codec->customer_size(state) : facts_size);
}

/*
 * Writing.
 */

/* Return an upper bound of the bytes of a whole state. */
static Size
WholeSize(const CustomerState *state)
{
	const CustomerTable *table = &state->table;
	Size		size = WIRE_HEADER + (table->form == KEY_DENSE ? table->nslots : table->ntaken) *
		CustomerSize(state, table->form, table->facts_size);
	uint64		cursor = 0;
	CustomerKey key;
	uint8	   *facts;

	if (FormHasImage(table->form))
	{
		while (CustomerTableNext(table, &cursor, &key, &facts))
			size += key.length;
	}
	if (state->ops->codec != NULL)
		size += state->ops->codec->events_size(state);
	return size;
}

/*
 * Begin a message and allocate memory for it, or raise an error if it is too large.
 * Return the limit of its size, which the last customer or event of a portion may exceed.
 */
static Size
BeginMessage(StringInfo wire, const CustomerState *state, const Portion *portion)
{
	Size		size = portion != NULL ? WIRE_HEADER + WIRE_PORTION : WholeSize(state);

	if (size > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("partial aggregate state is too large to send to the leader process"),
				 errdetail("The state of " UINT64_FORMAT " customers has %zu bytes, "
						   "and the limit is 1 GB.",
						   state->table.ntaken, size),
				 errhint("SET max_parallel_workers_per_gather = 0 for this query, "
						 "or use the two-step form, which can spill to disk.")));

	pq_begintypsend(wire);
	enlargeStringInfo(wire, (int) (size - wire->len - 1));
	return size;
}

/* Write the numbers of slots, of bytes of images and of events. */
static void
WriteCounts(const StateWriter *writer)
{
	pq_sendint64(writer->wire, writer->nslots);
	pq_sendint64(writer->wire, writer->images_size);
	pq_sendint32(writer->wire, writer->nevents);
}

static inline bool
IsFull(const StateWriter *writer)
{
	return (Size) writer->wire->len >= writer->limit;
}

/*
 * Begin to write the events of a customer.  Each portion of a customer's events repeats the key.
 * After a long key we therefore write at least as many bytes of events as precede them.
 */
EventsWriter
BeginEvents(StateWriter *writer)
{
	EventsWriter events = {.begin = writer->wire->len};

	events.limit = Max(writer->limit, Min(2 * (Size) events.begin, MaxAllocSize / 2));
	pq_sendint32(writer->wire, 0);
	return events;
}

/* Set the number of a customer's events, and remember which is the next one, or 0. */
void
EndEvents(StateWriter *writer, const EventsWriter *events, uint32 next)
{
	int			end = writer->wire->len;

	writer->wire->len = events->begin;
	pq_sendint32(writer->wire, events->nevents);
	writer->wire->len = end;
	writer->portion->event = next;
	writer->nevents += events->nevents;
}

/* Write the facts of a customer; the portion's slot is already the next one. */
static void
WriteFacts(StateWriter *writer, const uint8 *facts)
{
	const FactsCodec *codec = writer->state->ops->codec;

	if (codec == NULL)
		pq_sendbytes(writer->wire, (const char *) facts, writer->state->table.facts_size);
	else
	{
		codec->write(writer, facts);
		/* the next portion begins with the other events of this customer */
		if (writer->portion->event != 0)
			writer->portion->slot--;
	}
	writer->nslots++;
}

/* Write slots of an array of a kind without a codec. */
static void
WriteArray(StateWriter *writer)
{
	const CustomerTable *table = &writer->state->table;
	uint64	   *slot = &writer->portion->slot;
	Size		room = writer->limit - writer->wire->len;
	uint64		nslots = Min(table->nslots - *slot, Max(room / table->facts_size, 1));
	Size		size = nslots * table->facts_size;

	for (Size done = 0; done < size; done += PIECE)
	{
		CHECK_FOR_INTERRUPTS();
		pq_sendbytes(writer->wire, SlotAt(table, *slot) + done, (int) Min(PIECE, size - done));
	}
	writer->nslots = nslots;
	*slot += nslots;
}

/* Write slots of an array of a kind with a codec. */
static void
WriteArrayOfEvents(StateWriter *writer)
{
	const CustomerTable *table = &writer->state->table;
	uint64	   *slot = &writer->portion->slot;

	while (*slot < table->nslots && !IsFull(writer))
	{
		const uint8 *facts = SlotFacts(SlotAt(table, *slot), KEY_DENSE);

		if ((*slot)++ % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		WriteFacts(writer, facts);
	}
}

/* Write customers with their keys. */
static void
WriteCustomers(StateWriter *writer)
{
	const CustomerTable *table = &writer->state->table;
	StringInfo	wire = writer->wire;
	CustomerKey key;
	uint8	   *facts;

	while (!IsFull(writer) && CustomerTableNext(table, &writer->portion->slot, &key, &facts))
	{
		if (table->form == KEY_HALF)
			pq_sendint32(wire, key.word >> 32);
		else
			pq_sendint64(wire, key.word);
		if (FormHasImage(table->form))
		{
			pq_sendint64(wire, key.length);
			pq_sendbytes(wire, key.u.image, key.length);
			writer->images_size += key.length;
		}
		for (int w = 1; w < FormWords(table->form); w++)
			pq_sendint64(wire, key.u.rest[w - 1]);
		WriteFacts(writer, facts);
	}
}

/* Write the table, or the next portion of it. */
static void
WriteTable(StateWriter *writer)
{
	StringInfo	wire = writer->wire;
	const CustomerTable *table = &writer->state->table;
	bool		is_array = table->form == KEY_DENSE;
	int			begin;
	int			end;

	pq_sendint8(wire, table->form);
	pq_sendint16(wire, table->facts_size);
	pq_sendint64(wire, table->seed);
	pq_sendint64(wire, table->ntaken);
	if (is_array)
	{
		pq_sendint32(wire, table->base);
		pq_sendint64(wire, table->nslots);
		pq_sendint64(wire, writer->portion->slot);
	}
	begin = wire->len;
	WriteCounts(writer);
	if (!is_array)
		WriteCustomers(writer);
	else if (writer->state->ops->codec != NULL)
		WriteArrayOfEvents(writer);
	else
		WriteArray(writer);
	writer->portion->done = writer->portion->slot == table->nslots;

	/* overwrite the zeros with the counts */
	end = wire->len;
	wire->len = begin;
	WriteCounts(writer);
	wire->len = end;
}

/* Serialize a state, or the next portion of it. */
bytea	   *
CustomerStateSerialize(CustomerState *state, Portion *portion)
{
	StringInfoData wire;
	Portion		whole = {0};
	StateWriter writer = {
		.wire = &wire,
		.state = state,
		.portion = portion != NULL ? portion : &whole
	};

	CustomerStateFlush(state);
	if (state->ops->prepare != NULL)
		state->ops->prepare(state);
	writer.limit = BeginMessage(&wire, state, portion);
	pq_sendint8(&wire, STATE_WIRE_VERSION);
	pq_sendint8(&wire, state->ops->tag);
	pq_sendint32(&wire, state->customer_type);
	state->ops->write_head(&wire, state);
	WriteTable(&writer);
	if (portion == NULL && !whole.done)
		elog(ERROR, "a serialized state is longer than expected");
	return pq_endtypsend(&wire);
}

/*
 * Reading.
 */

/* The counts that a message contains; the reader must check them. */
typedef struct WireCounts
{
	uint64		nslots;
	uint64		images_size;
	uint32		nevents;
} WireCounts;

/* Read slots of an array, from `first` on. */
static void
ReadArray(StringInfo wire, CustomerState *state, Size facts_size, const WholeTable *whole,
		  uint64 first, uint64 nslots)
{
	const FactsCodec *codec = state->ops->codec;
	const char *slots;

	if (nslots == 0 || whole->nslots > UINT64CONST(1) << 32 ||
		whole->base + (int64) whole->nslots - 1 > PG_INT32_MAX ||
		first >= whole->nslots || nslots > whole->nslots - first || whole->ntaken > whole->nslots)
		elog(ERROR, "wrong size of a serialized state");
	if (codec != NULL)
	{
		char	   *received = MemoryContextAllocHuge(CurrentMemoryContext, nslots * facts_size);

		for (uint64 i = 0; i < nslots; i++)
		{
			if (i % PIECE_CUSTOMERS == 0)
				CHECK_FOR_INTERRUPTS();
			codec->read(wire, state, (uint8 *) received + i * facts_size);
		}
		slots = received;
	}
	else
		slots = pq_getmsgbytes(wire, (int) (nslots * facts_size));
	CustomerTableInitDense(&state->table, CurrentMemoryContext, facts_size,
						   (int32) (whole->base + (int64) first), nslots, slots);
}

/* Read customers with their keys. */
static void
ReadCustomers(StringInfo wire, CustomerState *state, KeyForm form, Size facts_size, uint64 seed,
			  const WireCounts *counts)
{
	const FactsCodec *codec = state->ops->codec;
	uint64		images_size = counts->images_size;
	uint8	   *decoded = palloc0(facts_size);

	CustomerTableInitPacked(&state->table, CurrentMemoryContext, form, facts_size, seed,
							counts->nslots, images_size);
	for (uint64 i = 0; i < counts->nslots; i++)
	{
		CustomerKey key = {0};
		const uint8 *facts = decoded;

		if (i % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		key.word = form == KEY_HALF ? (uint64) pq_getmsgint(wire, 4) << 32 :
			(uint64) pq_getmsgint64(wire);
		if (FormHasImage(form))
		{
			key.length = pq_getmsgint64(wire);
			if (key.length > images_size)
				elog(ERROR, "wrong size of a key in a serialized state");
			images_size -= key.length;
			key.u.image = pq_getmsgbytes(wire, key.length);
		}
		for (int w = 1; w < FormWords(form); w++)
			key.u.rest[w - 1] = pq_getmsgint64(wire);
		if (codec == NULL)
			facts = (const uint8 *) pq_getmsgbytes(wire, facts_size);
		else
		{
			codec->read(wire, state, decoded);
			if (!(decoded[0] & SLOT_TAKEN))
				elog(ERROR, "customer without events in a serialized state");
		}
		CustomerTableAppend(&state->table, &key, facts);
	}
	pfree(decoded);
}

/* Read a table.  It can only be read in the order of the message, and not searched. */
static void
ReadTable(StringInfo wire, CustomerState *state)
{
	const FactsCodec *codec = state->ops->codec;
	Size		facts_size = state->ops->facts_size(state);
	KeyForm		form = pq_getmsgbyte(wire);
	WholeTable *whole = palloc0(sizeof(WholeTable));
	uint64		seed;
	uint64		first = 0;
	WireCounts	counts;
	uint64		rest;

	if (!IsKeyForm(form) || (Size) pq_getmsgint(wire, 2) != facts_size)
		elog(ERROR, "unknown form of customers in a serialized state");
	seed = pq_getmsgint64(wire);
	whole->ntaken = pq_getmsgint64(wire);
	if (whole->ntaken > MAX_CUSTOMERS)
		elog(ERROR, "wrong number of customers in a serialized state");
	if (form == KEY_DENSE)
	{
		whole->base = pq_getmsgint(wire, 4);
		whole->nslots = pq_getmsgint64(wire);
		first = pq_getmsgint64(wire);
	}
	counts.nslots = pq_getmsgint64(wire);
	counts.images_size = pq_getmsgint64(wire);
	counts.nevents = pq_getmsgint(wire, 4);

	/* the rest of the message must have the bytes that these counts take */
	rest = wire->len - wire->cursor;
	if (counts.images_size > rest || counts.nslots > rest || counts.nevents > rest ||
		counts.nslots * CustomerSize(state, form, facts_size) +
		(codec != NULL ? counts.nevents * (uint64) codec->event_size : 0) >
		rest - counts.images_size ||
		(counts.nevents > 0 && codec == NULL))
		elog(ERROR, "wrong size of a serialized state");

	if (codec != NULL && codec->begin_reading != NULL)
		codec->begin_reading(state, counts.nevents);
	if (form == KEY_DENSE)
		ReadArray(wire, state, facts_size, whole, first, counts.nslots);
	else
		ReadCustomers(wire, state, form, facts_size, seed, &counts);
	state->table.whole = whole;
	if (state->table.ntaken > whole->ntaken)
		elog(ERROR, "wrong number of customers in a serialized state");
	if (codec != NULL && codec->nevents(state) != counts.nevents)
		elog(ERROR, "wrong number of events in a serialized state");
}

/*
 * Read a state.  The result is allocated in the current memory context, may point into
 * `bytes`, and can only be merged into another state.
 */
CustomerState *
CustomerStateDeserialize(bytea *bytes)
{
	StringInfoData wire = {
		.data = VARDATA_ANY(bytes),
		.len = VARSIZE_ANY_EXHDR(bytes)
	};
	const CustomerStateOps *ops;
	CustomerState *state;
	Oid			customer_type;

	if (pq_getmsgbyte(&wire) != STATE_WIRE_VERSION)
		elog(ERROR, "unknown version of a serialized state");
	ops = KindOfTag(pq_getmsgbyte(&wire));
	customer_type = pq_getmsgint(&wire, 4);
	state = ops->read_head(&wire);
	state->ops = ops;
	state->customer_type = customer_type;
	ReadTable(&wire, state);
	pq_getmsgend(&wire);

	if (ops->check_facts != NULL)
	{
		uint64		cursor = 0;
		const uint8 *facts;

		while ((facts = CustomerTableNextFacts(&state->table, &cursor)) != NULL)
			ops->check_facts(state, facts);
	}
	CustomerStateCheck(state, true);
	return state;
}
