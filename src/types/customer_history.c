/*
 * customer_history.c
 *	  The stored format of the type customer_history: reading, writing and making it.
 *
 * doc/customer_history.md specifies the format, which never changes: tables contain it.  A new
 * format needs a new version.  The format is canonical: equal histories have equal bytes, because
 * events are sorted, integers have no superfluous bytes, and each choice follows from the events.
 *
 * While a history is made, its events wait in a log of bytes in the order of their arrival
 * (HistoryBuilder).  A group of an aggregate takes one piece of memory, of about ten bytes for
 * each event, and no memory context.
 *
 * Limits: a history takes less than 1 GB.
 */
#include "postgres.h"

#include "common/int.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "types/customer_history.h"

/* The steps of which instants can be multiples.  Each divides the next one. */
const int64 history_steps[HISTORY_STEP_MAX + 1] = {
	1, 1000, USECS_PER_SEC, USECS_PER_MINUTE, USECS_PER_HOUR, USECS_PER_DAY
};

#define STEP_MAX	HISTORY_STEP_MAX

/* Divide by a step.  The divisors are constants, because a division takes long. */
static inline uint64
DivideByStep(uint64 span, int step)
{
	switch (step)
	{
		case 0:
			return span;
		case 1:
			return span / 1000;
		case 2:
			return span / (uint64) USECS_PER_SEC;
		case 3:
			return span / (uint64) USECS_PER_MINUTE;
		case 4:
			return span / (uint64) USECS_PER_HOUR;
		default:
			return span / (uint64) USECS_PER_DAY;
	}
}

/* Return whether an instant is a multiple of a step. */
static inline bool
IsMultiple(int64 at, int step)
{
	/* of the least integer, too, as unsigned */
	uint64		magnitude = at < 0 ? 0 - (uint64) at : (uint64) at;

	return DivideByStep(magnitude, step) * (uint64) history_steps[step] == magnitude;
}

/* The kinds of events that are no purchases, in two bits of an integer. */
static const uint8 others[] = {EVENT_INTEREST, EVENT_CANCELLATION, EVENT_ADJUSTMENT};

#define OTHER_BITS	2
#define OTHER_MASK	0x03

/*
 * Bytes of a numeric in the binary protocol before its digits: the number of digits, weight, sign
 * and scale, of two bytes each, most significant byte first.
 */
#define NUMERIC_HEAD_SIZE	(4 * sizeof(int16))
#define NUMERIC_SIGN_OFFSET	(2 * sizeof(int16))

/*
 * Among mixed amounts, numerics that are no numbers have a form each, and no bytes: the high byte
 * of their sign in the binary protocol.
 */
typedef struct SpecialAmount
{
	uint8		form;
	uint8		sign;
} SpecialAmount;

static const SpecialAmount special_amounts[] = {
	{0xFB, 0xF0},				/* -Infinity */
	{0xFC, 0xD0},				/* Infinity */
	{0xFD, 0xC0}				/* NaN */
};

/* Events between two checks for interrupts. */
#define EVENTS_BETWEEN_CHECKS	65536

/* Raise the error of bytes that are no history. */
void
HistoryIsInvalid(const HistoryReader *reader)
{
	if (reader->sqlstate == ERRCODE_DATA_CORRUPTED)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("customer_history is damaged"),
				 errhint("Make it again from the orders.")));
	ereport(ERROR,
			(errcode(reader->sqlstate),
			 errmsg("invalid binary representation of customer_history")));
}

/* Return the name of the type of instants of a unit. */
const char *
TimeUnitName(TimeUnit unit)
{
	switch (unit)
	{
		case UNIT_DAY:
			return "date";
		case UNIT_TIMESTAMP:
			return "timestamp";
		case UNIT_TIMESTAMPTZ:
			return "timestamptz";
	}
	pg_unreachable();
}

/* Raise an error unless two histories that are to be added have the same unit. */
void
HistoryCheckUnit(TimeUnit unit, TimeUnit other)
{
	if (unit != other)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot add customer histories of %s and of %s",
						TimeUnitName(unit), TimeUnitName(other)),
				 errdetail("All instants of a history have the same type."),
				 errhint("Make both with history_agg from columns of the same type.")));
}

/* Return whether the type of a unit has an instant. */
bool
HistoryInstantIsValid(TimeUnit unit, int64 at)
{
	if (at == BEGINNING_OF_TIME || at == END_OF_TIME)
		return true;
	if (unit == UNIT_DAY)
		return at >= DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE &&
			at < DATE_END_JULIAN - POSTGRES_EPOCH_JDATE;
	return IS_VALID_TIMESTAMP(at);
}

/*
 * Reading.
 */

static uint32
ReadCount(HistoryReader *reader)
{
	uint64		count = HistoryReadVarint(reader, &reader->cursor, reader->end);

	if (count == 0 || count > PG_INT32_MAX)
		HistoryIsInvalid(reader);
	return (uint32) count;
}

/* Read the head of a history. */
static void
ReadHead(HistoryReader *reader)
{
	HistoryHead *head = &reader->head;
	uint8		flags;
	int			unit;
	int			step;
	uint64		span;

	if (reader->end - reader->cursor < 2)
		HistoryIsInvalid(reader);
	if (reader->cursor[0] != HISTORY_VERSION)
		ereport(ERROR,
				(errcode(reader->sqlstate),
				 errmsg("unknown version of customer_history: %d", reader->cursor[0]),
				 errhint("Update winback, if a newer version of it made this history.")));
	flags = reader->cursor[1];
	reader->cursor += 2;

	unit = flags & HISTORY_UNIT;
	step = (flags & HISTORY_STEP) >> HISTORY_STEP_SHIFT;
	head->amounts = (HistoryAmounts) ((flags & HISTORY_AMOUNTS) >> HISTORY_AMOUNTS_SHIFT);
	if (!IsTimeUnit(unit) || step > STEP_MAX || (unit == UNIT_DAY && step > 0) ||
		head->amounts > HISTORY_MIXED_AMOUNTS)
		HistoryIsInvalid(reader);
	head->unit = (TimeUnit) unit;
	head->step = history_steps[step];

	head->nevents = ReadCount(reader);
	head->nothers = (flags & HISTORY_OTHERS) != 0 ? ReadCount(reader) : 0;
	if (head->nothers > head->nevents)
		HistoryIsInvalid(reader);

	if (pg_mul_s64_overflow(UnZigZag(HistoryReadVarint(reader, &reader->cursor, reader->end)),
							head->step, &head->first))
		HistoryIsInvalid(reader);
	head->last = head->first;
	if (head->nevents > 1)
	{
		reader->left = HistoryReadVarint(reader, &reader->cursor, reader->end);
		if (pg_mul_u64_overflow(reader->left, (uint64) head->step, &span) ||
			span > (uint64) PG_INT64_MAX - (uint64) head->first)
			HistoryIsInvalid(reader);
		head->last = (int64) ((uint64) head->first + span);
	}
	if (!HistoryInstantIsValid(head->unit, head->first) ||
		!HistoryInstantIsValid(head->unit, head->last))
		HistoryIsInvalid(reader);
}

/* Begin to read a history.  An error of its bytes will have that SQLSTATE. */
void
HistoryReaderInit(HistoryReader *reader, const uint8 *bytes, Size size, int sqlstate)
{
	memset(reader, 0, sizeof(*reader));
	reader->sqlstate = sqlstate;
	reader->cursor = bytes;
	reader->end = bytes + size;
	ReadHead(reader);
	reader->at = reader->head.first;
	reader->purchases = PG_UINT32_MAX;

	/* each event but the first and the last has a byte; so a count cannot exceed the bytes */
	if (reader->head.nevents > 2 &&
		(Size) (reader->end - reader->cursor) < reader->head.nevents - 2)
		HistoryIsInvalid(reader);

	if (reader->head.nothers > 0)
	{
		uint32		length = ReadCount(reader);

		if ((Size) (reader->end - reader->cursor) < length)
			HistoryIsInvalid(reader);
		reader->kinds = reader->cursor;
		reader->cursor += length;
		reader->kinds_end = reader->cursor;
		HistoryReadOther(reader);
	}
	if (reader->head.amounts == HISTORY_ONE_SCALE)
	{
		if (reader->cursor == reader->end || *reader->cursor > AMOUNT_MAX_SCALE)
			HistoryIsInvalid(reader);
		reader->scale = *reader->cursor++;
	}
}

/* Return the head of a history, and read as little of a toasted one as possible. */
HistoryHead
HistoryReadHead(Datum history)
{
	HistoryReader reader = {.sqlstate = ERRCODE_DATA_CORRUPTED};
	struct varlena *head = (struct varlena *) DatumGetPointer(history);

	if (VARATT_IS_EXTERNAL(head) || VARATT_IS_COMPRESSED(head))
		head = PG_DETOAST_DATUM_SLICE(history, 0, HISTORY_HEAD_MAX);
	reader.cursor = (const uint8 *) VARDATA_ANY(head);
	reader.end = reader.cursor + VARSIZE_ANY_EXHDR(head);
	ReadHead(&reader);
	if ((Pointer) head != DatumGetPointer(history))
		pfree(head);
	return reader.head;
}

/* Read the next event that is no purchase, and the number of purchases before it. */
void
HistoryReadOther(HistoryReader *reader)
{
	uint64		code;

	/* no event of another kind follows */
	if (reader->kinds == reader->kinds_end)
	{
		reader->purchases = PG_UINT32_MAX;
		return;
	}
	code = HistoryReadVarint(reader, &reader->kinds, reader->kinds_end);
	if ((code & OTHER_MASK) >= lengthof(others) || code >> OTHER_BITS > PG_INT32_MAX)
		HistoryIsInvalid(reader);
	reader->purchases = (uint32) (code >> OTHER_BITS);
	reader->other = others[code & OTHER_MASK];
}

/*
 * Read a numeric in the format of PostgreSQL's binary protocol, which numeric_recv checks.  It is
 * allocated in the current memory context.
 */
static Numeric
ReadNumeric(const uint8 *bytes, Size size)
{
	StringInfoData message = {.data = (char *) unconstify(uint8 *, bytes), .len = (int) size};

	return DatumGetNumeric(DirectFunctionCall3(numeric_recv, PointerGetDatum(&message),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Read the length and the bytes of a numeric. */
static Numeric
ReadLongNumeric(HistoryReader *reader)
{
	uint64		size = HistoryReadVarint(reader, &reader->cursor, reader->end);
	Numeric		numeric;

	/* the number of digits, of two bytes each, then weight, sign and scale, then the digits */
	if (size < NUMERIC_HEAD_SIZE || size > (uint64) (reader->end - reader->cursor) ||
		size != NUMERIC_HEAD_SIZE +
		sizeof(int16) * (reader->cursor[0] << 8 | reader->cursor[1]))
		HistoryIsInvalid(reader);
	numeric = ReadNumeric(reader->cursor, size);
	reader->cursor += size;
	return numeric;
}

/* Return a numeric that is no number, by its form; NULL if the form is another one. */
static Numeric
ReadSpecialAmount(uint8 form)
{
	uint8		bytes[NUMERIC_HEAD_SIZE] = {0};

	for (int i = 0; i < (int) lengthof(special_amounts); i++)
	{
		if (special_amounts[i].form == form)
		{
			bytes[NUMERIC_SIGN_OFFSET] = special_amounts[i].sign;
			return ReadNumeric(bytes, sizeof(bytes));
		}
	}
	return NULL;
}

/* Read the amount of an event if amounts differ in their forms. */
void
HistoryReadMixedAmount(HistoryReader *reader, HistoryEvent *event)
{
	Amount		amount;

	if (reader->cursor == reader->end)
		HistoryIsInvalid(reader);
	event->form = *reader->cursor++;
	if (event->form <= AMOUNT_MAX_SCALE)
	{
		event->value.scaled = UnZigZag(HistoryReadVarint(reader, &reader->cursor, reader->end));
		/* AmountReadScaled never returns it */
		if (event->value.scaled == PG_INT64_MIN)
			HistoryIsInvalid(reader);
	}
	else if (event->form == AMOUNT_NUMERIC)
	{
		event->value.numeric = ReadLongNumeric(reader);
		if (AmountReadScaled(event->value.numeric, &amount) ||
			numeric_is_nan(event->value.numeric) || numeric_is_inf(event->value.numeric))
			HistoryIsInvalid(reader);
	}
	else if (event->form != AMOUNT_NONE)
	{
		event->value.numeric = ReadSpecialAmount(event->form);
		if (event->value.numeric == NULL)
			HistoryIsInvalid(reader);
		event->form = AMOUNT_NUMERIC;
	}
}

/*
 * Writing.
 */

static inline uint8 *
WriteVarint(uint8 *cursor, uint64 value)
{
	while (value >= 0x80)
	{
		*cursor++ = (uint8) (value | 0x80);
		value >>= 7;
	}
	*cursor++ = (uint8) value;
	return cursor;
}

static bytea *
NumericBytes(Numeric numeric)
{
	return DatumGetByteaPP(DirectFunctionCall1(numeric_send, NumericGetDatum(numeric)));
}

/* Return the form of a numeric, given its bytes, among mixed amounts. */
static uint8
FormOfNumeric(bytea *bytes)
{
	uint8		sign = ((uint8 *) VARDATA_ANY(bytes))[NUMERIC_SIGN_OFFSET];

	for (int i = 0; i < (int) lengthof(special_amounts); i++)
	{
		if (special_amounts[i].sign == sign)
			return special_amounts[i].form;
	}
	return AMOUNT_NUMERIC;
}

/* Write the length and the bytes of a numeric. */
static uint8 *
WriteNumeric(uint8 *cursor, Numeric numeric)
{
	bytea	   *bytes = NumericBytes(numeric);
	Size		size = VARSIZE_ANY_EXHDR(bytes);

	cursor = WriteVarint(cursor, size);
	memcpy(cursor, VARDATA_ANY(bytes), size);
	pfree(bytes);
	return cursor + size;
}

/* Return an upper bound of the bytes that WriteNumeric writes. */
static Size
NumericMaxSize(Numeric numeric)
{
	return VARINT_MAX + NUMERIC_HEAD_SIZE + VARSIZE_ANY_EXHDR(numeric);
}

/* Compare two amounts of one form, as strcmp() does. */
static int
CompareAmounts(const HistoryEvent *a, const HistoryEvent *b)
{
	bytea	   *a_bytes;
	bytea	   *b_bytes;
	int			result;

	if (a->form <= AMOUNT_MAX_SCALE)
		return (a->value.scaled > b->value.scaled) - (a->value.scaled < b->value.scaled);
	if (a->form == AMOUNT_NONE)
		return 0;
	a_bytes = NumericBytes(a->value.numeric);
	b_bytes = NumericBytes(b->value.numeric);
	result = (int) FormOfNumeric(a_bytes) - (int) FormOfNumeric(b_bytes);
	if (result == 0)
		result = (VARSIZE_ANY(a_bytes) > VARSIZE_ANY(b_bytes)) -
			(VARSIZE_ANY(a_bytes) < VARSIZE_ANY(b_bytes));
	if (result == 0)
		result = memcmp(VARDATA_ANY(a_bytes), VARDATA_ANY(b_bytes), VARSIZE_ANY_EXHDR(a_bytes));
	pfree(a_bytes);
	pfree(b_bytes);
	return result;
}

/* Compare two events in the order of a history, as strcmp() does. */
static inline int
CompareEvents(const HistoryEvent *a, const HistoryEvent *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->event != b->event)
		return a->event < b->event ? -1 : 1;
	if (a->form != b->form)
		return a->form < b->form ? -1 : 1;
	return CompareAmounts(a, b);
}

#define ST_SORT			SortEvents
#define ST_ELEMENT_TYPE	HistoryEvent
#define ST_COMPARE(a, b)	CompareEvents(a, b)
#define ST_SCOPE		static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

pg_noreturn static void
HistoryTooLarge(uint64 nevents)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("customer_history is too large"),
			 errdetail("It would have " UINT64_FORMAT " events, and the limit is about 1 GB.",
					   nevents)));
}

/* Allocate memory for events. */
HistoryEvent *
HistoryEventsAlloc(uint64 nevents)
{
	if (nevents > PG_INT32_MAX)
		HistoryTooLarge(nevents);
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(nevents, 1) * sizeof(HistoryEvent));
}

/* The choices that follow from the events of a history. */
typedef struct Layout
{
	HistoryAmounts amounts;
	uint8		scale;
	int			step;
	uint32		nothers;
	Size		max_size;		/* an upper bound of its bytes */
} Layout;

static Layout
ChooseLayout(TimeUnit unit, const HistoryEvent *events, uint32 nevents)
{
	Layout		layout = {.step = unit == UNIT_DAY ? 0 : STEP_MAX, .max_size = 64};

	for (uint32 i = 0; i < nevents; i++)
	{
		const HistoryEvent *event = &events[i];

		if (i % EVENTS_BETWEEN_CHECKS == 0)
			CHECK_FOR_INTERRUPTS();
		/* each instant is a multiple of step 0 */
		while (layout.step > 0 && !IsMultiple(event->at, layout.step))
			layout.step--;
		layout.nothers += event->event != EVENT_PURCHASE;
		if (event->form == AMOUNT_NONE)
			continue;
		if (event->form == AMOUNT_NUMERIC)
			layout.max_size += NumericMaxSize(event->value.numeric);
		if (layout.amounts == HISTORY_NO_AMOUNTS && event->form != AMOUNT_NUMERIC)
		{
			layout.amounts = HISTORY_ONE_SCALE;
			layout.scale = event->form;
		}
		else if (layout.amounts != HISTORY_ONE_SCALE || layout.scale != event->form)
			layout.amounts = HISTORY_MIXED_AMOUNTS;
	}
	layout.max_size += (Size) nevents * VARINT_MAX + (Size) layout.nothers * VARINT_MAX / 2;
	if (layout.amounts != HISTORY_NO_AMOUNTS)
		layout.max_size += (Size) nevents * (VARINT_MAX + 1);
	return layout;
}

/* Return the bits of an event that is no purchase. */
static uint64
OtherCode(uint8 event)
{
	return event == EVENT_INTEREST ? 0 : event == EVENT_CANCELLATION ? 1 : 2;
}

/* Write the section of kinds, with its length. */
static uint8 *
WriteKinds(uint8 *cursor, const HistoryEvent *events, uint32 nevents)
{
	uint8		code[VARINT_MAX];
	Size		size = 0;

	/* the length comes first: compute it in one pass, and write in another */
	for (int pass = 0; pass < 2; pass++)
	{
		uint64		purchases = 0;

		if (pass > 0)
			cursor = WriteVarint(cursor, size);
		for (uint32 i = 0; i < nevents; i++)
		{
			uint64		bits;

			if (events[i].event == EVENT_PURCHASE)
			{
				purchases++;
				continue;
			}
			bits = purchases << OTHER_BITS | OtherCode(events[i].event);
			purchases = 0;
			if (pass > 0)
				cursor = WriteVarint(cursor, bits);
			else
				size += WriteVarint(code, bits) - code;
		}
	}
	return cursor;
}

/* Write a numeric with its form. */
static uint8 *
WriteMixedNumeric(uint8 *cursor, Numeric numeric)
{
	bytea	   *bytes = NumericBytes(numeric);

	*cursor = FormOfNumeric(bytes);
	pfree(bytes);
	if (*cursor++ != AMOUNT_NUMERIC)
		return cursor;
	return WriteNumeric(cursor, numeric);
}

static uint8 *
WriteAmount(uint8 *cursor, const HistoryEvent *event, HistoryAmounts amounts)
{
	switch (amounts)
	{
		case HISTORY_NO_AMOUNTS:
			break;
		case HISTORY_ONE_SCALE:
			return WriteVarint(cursor, event->form == AMOUNT_NONE ? 0 :
							   ZigZag(event->value.scaled) + 1);
		case HISTORY_MIXED_AMOUNTS:
			if (event->form == AMOUNT_NUMERIC)
				return WriteMixedNumeric(cursor, event->value.numeric);
			*cursor++ = event->form;
			if (event->form <= AMOUNT_MAX_SCALE)
				return WriteVarint(cursor, ZigZag(event->value.scaled));
			break;
	}
	return cursor;
}

/* Make a history of sorted events, of which there is at least one. */
struct varlena *
HistoryEncode(TimeUnit unit, const HistoryEvent *events, uint32 nevents)
{
	Layout		layout = ChooseLayout(unit, events, nevents);
	struct varlena *history;
	uint8	   *cursor;

	Assert(nevents > 0);
	if (layout.max_size > MaxAllocSize - VARHDRSZ)
		HistoryTooLarge(nevents);
	history = palloc(VARHDRSZ + layout.max_size);
	cursor = (uint8 *) VARDATA(history);

	*cursor++ = HISTORY_VERSION;
	*cursor++ = (uint8) (unit | layout.step << HISTORY_STEP_SHIFT |
						 (layout.nothers > 0 ? HISTORY_OTHERS : 0) |
						 layout.amounts << HISTORY_AMOUNTS_SHIFT);
	cursor = WriteVarint(cursor, nevents);
	if (layout.nothers > 0)
		cursor = WriteVarint(cursor, layout.nothers);
	cursor = WriteVarint(cursor, ZigZag(events[0].at / history_steps[layout.step]));
	if (nevents > 1)
		cursor = WriteVarint(cursor,
							 DivideByStep((uint64) events[nevents - 1].at - (uint64) events[0].at,
										  layout.step));
	Assert(cursor - (uint8 *) VARDATA(history) <= HISTORY_HEAD_MAX);

	if (layout.nothers > 0)
		cursor = WriteKinds(cursor, events, nevents);
	if (layout.amounts == HISTORY_ONE_SCALE)
		*cursor++ = layout.scale;
	for (uint32 i = 0; i < nevents; i++)
	{
		if (i % EVENTS_BETWEEN_CHECKS == 0)
			CHECK_FOR_INTERRUPTS();
		Assert(i == 0 || CompareEvents(&events[i - 1], &events[i]) <= 0);
		if (i > 0 && i < nevents - 1)
			cursor = WriteVarint(cursor,
								 DivideByStep((uint64) events[i].at - (uint64) events[i - 1].at,
											  layout.step));
		cursor = WriteAmount(cursor, &events[i], layout.amounts);
	}
	Assert((Size) (cursor - (uint8 *) VARDATA(history)) <= layout.max_size);
	SET_VARSIZE(history, cursor - (uint8 *) history);
	return history;
}

/* Make a history of events in any order; they are sorted. */
struct varlena *
HistoryFromEvents(TimeUnit unit, HistoryEvent *events, uint32 nevents)
{
	for (uint32 i = 1; i < nevents; i++)
	{
		if (CompareEvents(&events[i - 1], &events[i]) > 0)
		{
			SortEvents(events, nevents);
			break;
		}
	}
	return HistoryEncode(unit, events, nevents);
}

/*
 * The builder.
 *
 * The log of a builder is a record for each event:
 *
 *		a byte of the kind and the form of the amount (LogForm)
 *		the difference to the instant of the event before, modulo 2^64, in zigzag
 *		with LOG_SCALE: the scale, and with it or LOG_SAME_SCALE the integer, in zigzag
 *		with LOG_NUMERIC: the length and the bytes of a numeric
 */
typedef enum LogForm
{
	LOG_NONE,
	LOG_SAME_SCALE,				/* the scale of the last amount with a scale, at first 0 */
	LOG_SCALE,
	LOG_NUMERIC
} LogForm;

/* The kinds of events are multiples of 16, so the form fits below them. */
#define LOG_FORM_MASK	0x0F

#define LOG_WIRE_VERSION	1

/* The first events fit into so many bytes.  Powers of two waste no memory. */
#define BUILDER_FIRST	64

/* Make a builder of new memory. */
static HistoryBuilder *
InitBuilder(void *memory, Size size, TimeUnit unit)
{
	HistoryBuilder *builder = memory;

	memset(builder, 0, offsetof(HistoryBuilder, log));
	builder->allocated = (uint32) size;
	builder->used = offsetof(HistoryBuilder, log);
	builder->unit = unit;
	return builder;
}

HistoryBuilder *
HistoryBuilderCreate(MemoryContext context, TimeUnit unit)
{
	return InitBuilder(MemoryContextAlloc(context, BUILDER_FIRST), BUILDER_FIRST, unit);
}

/* The least bytes of a piece of memory of an arena, and those from which on it gets huge pages. */
#define ARENA_PIECE		((Size) 64 * 1024)
#define ARENA_HUGE		((Size) 4 * 1024 * 1024)

BuilderArena *
BuilderArenaCreate(MemoryContext context)
{
	BuilderArena *arena = MemoryContextAllocZero(context, sizeof(BuilderArena));

	arena->context = context;
	return arena;
}

/* Allocate 2^power bytes. */
static void *
ArenaAlloc(BuilderArena *arena, int power)
{
	Size		size = (Size) 1 << power;
	void	   *chunk = arena->free[power];

	if (chunk != NULL)
	{
		arena->free[power] = *(void **) chunk;
		return chunk;
	}
	if ((Size) (arena->end - arena->next) < size)
	{
		/* a quarter of what there is, so that no more than that is wasted */
		Size		piece = Max(Max(arena->total / 4, ARENA_PIECE), 2 * size);

		arena->next = MemoryContextAllocHuge(arena->context, piece);
		arena->end = arena->next + piece;
		arena->total += piece;
		if (piece >= ARENA_HUGE)
			AdviseHugePages(arena->next, piece);
		arena->next = (uint8 *) TYPEALIGN(BUILDER_FIRST, arena->next);
	}
	chunk = arena->next;
	arena->next += size;
	return chunk;
}

HistoryBuilder *
HistoryBuilderCreateIn(BuilderArena *arena, TimeUnit unit)
{
	return InitBuilder(ArenaAlloc(arena, pg_leftmost_one_pos64(BUILDER_FIRST)), BUILDER_FIRST,
					   unit);
}

/* Move a builder to larger memory.  Without an arena it stays in its memory context. */
static pg_noinline HistoryBuilder *
GrowBuilder(BuilderArena *arena, HistoryBuilder *builder, Size size)
{
	Size		allocated = builder->allocated;
	HistoryBuilder *larger;

	while (allocated - builder->used < size)
		allocated *= 2;
	/* the largest power of two below 1 GB is 512 MB */
	if (arena == NULL)
		allocated = Min(allocated, MaxAllocSize);
	if (allocated > MaxAllocSize || allocated - builder->used < size)
		HistoryTooLarge(builder->nevents);
	if (arena == NULL)
		larger = repalloc(builder, allocated);
	else
	{
		void	  **list = &arena->free[pg_leftmost_one_pos64(builder->allocated)];

		larger = ArenaAlloc(arena, pg_leftmost_one_pos64(allocated));
		memcpy(larger, builder, builder->used);
		*(void **) builder = *list;
		*list = builder;
	}
	larger->allocated = (uint32) allocated;
	return larger;
}

/* Add an event.  The builder may move. */
static pg_attribute_always_inline HistoryBuilder *
AddEvent(BuilderArena *arena, HistoryBuilder *builder, const HistoryEvent *event)
{
	Size		size = 1 + VARINT_MAX + 1 + VARINT_MAX;
	LogForm		form = LOG_NONE;
	uint8	   *cursor;

	if (event->form == AMOUNT_NUMERIC)
	{
		form = LOG_NUMERIC;
		size += NumericMaxSize(event->value.numeric);
	}
	else if (event->form != AMOUNT_NONE)
		form = event->form == builder->scale ? LOG_SAME_SCALE : LOG_SCALE;
	else
		size = 1 + VARINT_MAX;
	if (unlikely(builder->allocated - builder->used < size))
		builder = GrowBuilder(arena, builder, size);

	cursor = (uint8 *) builder + builder->used;
	*cursor++ = (uint8) (event->event | form);
	cursor = WriteVarint(cursor, ZigZag((int64) ((uint64) event->at - (uint64) builder->at)));
	if (form == LOG_SCALE)
	{
		builder->scale = event->form;
		*cursor++ = event->form;
	}
	if (form == LOG_SCALE || form == LOG_SAME_SCALE)
		cursor = WriteVarint(cursor, ZigZag(event->value.scaled));
	else if (form == LOG_NUMERIC)
		cursor = WriteNumeric(cursor, event->value.numeric);
	builder->used = (uint32) (cursor - (uint8 *) builder);
	builder->at = event->at;
	builder->nevents++;
	return builder;
}

HistoryBuilder *
HistoryBuilderAdd(HistoryBuilder *builder, const HistoryEvent *event)
{
	return AddEvent(NULL, builder, event);
}

/* Add an event to a builder of an arena. */
HistoryBuilder *
HistoryBuilderAddIn(BuilderArena *arena, HistoryBuilder *builder, const HistoryEvent *event)
{
	return AddEvent(arena, builder, event);
}

/* Read the log of a builder: fields of the reader have the same meaning as in a history. */
static void
LogReaderInit(HistoryReader *reader, const HistoryBuilder *builder)
{
	memset(reader, 0, sizeof(*reader));
	reader->sqlstate = ERRCODE_DATA_CORRUPTED;
	reader->cursor = builder->log;
	reader->end = (const uint8 *) builder + builder->used;
}

/* Read the next event of a log.  Return false if there is none. */
static bool
LogNext(HistoryReader *reader, HistoryEvent *event)
{
	uint64		difference;

	if (reader->cursor == reader->end)
		return false;
	event->event = *reader->cursor & ~LOG_FORM_MASK;
	event->form = *reader->cursor++ & LOG_FORM_MASK;
	if (!IsLifecycleEvent(event->event))
		HistoryIsInvalid(reader);

	difference = HistoryReadVarint(reader, &reader->cursor, reader->end);
	reader->at = (int64) ((uint64) reader->at + (uint64) UnZigZag(difference));
	event->at = reader->at;

	switch ((LogForm) event->form)
	{
		case LOG_NONE:
			event->form = AMOUNT_NONE;
			return true;
		case LOG_NUMERIC:
			event->form = AMOUNT_NUMERIC;
			event->value.numeric = ReadLongNumeric(reader);
			return true;
		case LOG_SCALE:
			if (reader->cursor == reader->end || *reader->cursor > AMOUNT_MAX_SCALE)
				HistoryIsInvalid(reader);
			reader->scale = *reader->cursor++;
			break;
		case LOG_SAME_SCALE:
			break;
		default:
			HistoryIsInvalid(reader);
	}
	event->form = reader->scale;
	event->value.scaled = UnZigZag(HistoryReadVarint(reader, &reader->cursor, reader->end));
	return true;
}

/* Add the events of another builder. */
HistoryBuilder *
HistoryBuilderMerge(HistoryBuilder *builder, const HistoryBuilder *other)
{
	HistoryReader reader;
	HistoryEvent event;

	HistoryCheckUnit(builder->unit, other->unit);
	LogReaderInit(&reader, other);
	for (uint32 i = 0; LogNext(&reader, &event); i++)
	{
		if (i % EVENTS_BETWEEN_CHECKS == 0)
			CHECK_FOR_INTERRUPTS();
		builder = HistoryBuilderAdd(builder, &event);
		if (event.form == AMOUNT_NUMERIC)
			pfree(event.value.numeric);
	}
	return builder;
}

/* Make the history of all events that were added, of which there is at least one. */
struct varlena *
HistoryBuilderFinish(const HistoryBuilder *builder)
{
	HistoryEvent small[64];
	HistoryEvent *events = small;
	HistoryReader reader;
	struct varlena *history;
	uint32		nevents = 0;

	if (builder->nevents > lengthof(small))
		events = HistoryEventsAlloc(builder->nevents);
	LogReaderInit(&reader, builder);
	while (nevents < builder->nevents && LogNext(&reader, &events[nevents]))
	{
		if (nevents++ % EVENTS_BETWEEN_CHECKS == 0)
			CHECK_FOR_INTERRUPTS();
	}
	if (nevents == 0 || nevents != builder->nevents || reader.cursor != reader.end)
		HistoryIsInvalid(&reader);
	history = HistoryFromEvents(builder->unit, events, nevents);
	if (events != small)
		pfree(events);
	return history;
}

/* Return a builder as bytes, on the way from a parallel worker to its leader. */
bytea *
HistoryBuilderSerialize(const HistoryBuilder *builder)
{
	StringInfoData wire;

	pq_begintypsend(&wire);
	pq_sendint8(&wire, LOG_WIRE_VERSION);
	pq_sendint8(&wire, builder->unit);
	pq_sendint32(&wire, builder->nevents);
	pq_sendbytes(&wire, (const char *) builder->log,
				 (int) (builder->used - offsetof(HistoryBuilder, log)));
	return pq_endtypsend(&wire);
}

/* Make a builder from bytes, in the current memory context, and check each of its events. */
HistoryBuilder *
HistoryBuilderDeserialize(bytea *bytes)
{
	StringInfoData wire = {
		.data = VARDATA_ANY(bytes),
		.len = VARSIZE_ANY_EXHDR(bytes)
	};
	HistoryBuilder *builder;
	HistoryReader reader;
	HistoryEvent event;
	Size		size;
	int			unit;
	uint32		nevents;

	if (pq_getmsgbyte(&wire) != LOG_WIRE_VERSION)
		elog(ERROR, "unknown version of a serialized state");
	unit = pq_getmsgbyte(&wire);
	if (!IsTimeUnit(unit))
		elog(ERROR, "unknown unit of a serialized state");
	nevents = pq_getmsgint(&wire, 4);
	size = wire.len - wire.cursor;

	builder = palloc(offsetof(HistoryBuilder, log) + size);
	memset(builder, 0, offsetof(HistoryBuilder, log));
	builder->allocated = builder->used = (uint32) (offsetof(HistoryBuilder, log) + size);
	builder->unit = (uint8) unit;
	builder->nevents = nevents;
	memcpy(builder->log, pq_getmsgbytes(&wire, (int) size), size);

	LogReaderInit(&reader, builder);
	for (nevents = 0; LogNext(&reader, &event); nevents++)
	{
		if (nevents % EVENTS_BETWEEN_CHECKS == 0)
			CHECK_FOR_INTERRUPTS();
		if (!HistoryInstantIsValid(builder->unit, event.at))
			elog(ERROR, "invalid instant in a serialized state");
		if (event.form == AMOUNT_NUMERIC)
			pfree(event.value.numeric);
	}
	if (nevents == 0 || nevents != builder->nevents)
		elog(ERROR, "wrong number of events in a serialized state");
	builder->at = reader.at;
	builder->scale = reader.scale;
	return builder;
}
