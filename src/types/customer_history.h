/*
 * customer_history.h
 *	  The type customer_history: all events of one customer, in order.
 *
 * doc/customer_history.md specifies the stored format.  A value is a varlena of bytes.  Its head
 * has the numbers of events and the first and the last instant, and takes at most
 * HISTORY_HEAD_MAX bytes, so that a slice of a toasted value is enough for it.
 *
 * To read the events of a history:
 *
 *		HistoryReader reader;
 *		HistoryEvent event;
 *
 *		HistoryOpen(&reader, PG_GETARG_DATUM(0));
 *		while (HistoryNext(&reader, &event))
 *			...
 *
 * The reader trusts no byte: a damaged value raises an error.  Events come in the order of their
 * instants, each of which is valid in the unit of the history.
 */
#ifndef WINBACK_CUSTOMER_HISTORY_H
#define WINBACK_CUSTOMER_HISTORY_H

#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "rules/period.h"
#include "rules/rules.h"
#include "state/amount.h"

#define HISTORY_VERSION		1

/* The second byte of a history. */
#define HISTORY_UNIT			0x03	/* TimeUnit */
#define HISTORY_STEP			0x1C	/* place in history_steps[] */
#define HISTORY_STEP_SHIFT		2
#define HISTORY_OTHERS			0x20	/* there are events that are no purchases */
#define HISTORY_AMOUNTS			0xC0	/* HistoryAmounts */
#define HISTORY_AMOUNTS_SHIFT	6

#define HISTORY_STEP_MAX		5

extern const int64 history_steps[HISTORY_STEP_MAX + 1];

/* How the amounts of a history are stored. */
typedef enum HistoryAmounts
{
	HISTORY_NO_AMOUNTS,
	HISTORY_ONE_SCALE,			/* integers * 10^-scale, or NULL */
	HISTORY_MIXED_AMOUNTS		/* each has a form */
} HistoryAmounts;

/* An event.  Those of a history are sorted by (at, event, form, value). */
typedef struct HistoryEvent
{
	int64		at;				/* in the unit of the history */
	AmountValue value;			/* undefined for AMOUNT_NONE */
	uint8		form;			/* of the amount; see HistoryEventAmount */
	uint8		event;			/* LifecycleEvent */
} HistoryEvent;

/* The head of a history. */
typedef struct HistoryHead
{
	TimeUnit	unit;
	HistoryAmounts amounts;
	uint32		nevents;		/* at least 1 */
	uint32		nothers;		/* events that are no purchases */
	int64		step;			/* each instant is a multiple of it */
	int64		first;			/* instants in the unit of the history */
	int64		last;
} HistoryHead;

/* The place in a history at which the next event is read. */
typedef struct HistoryReader
{
	HistoryHead head;
	int			sqlstate;		/* of the error of invalid bytes */
	uint8		scale;			/* if HISTORY_ONE_SCALE */
	uint8		other;			/* event after that many purchases */
	uint32		purchases;		/* before the next event that is no purchase */
	uint32		place;			/* number of events that were read */
	int64		at;				/* of the last one */
	uint64		left;			/* steps from there to the last instant of the history */
	const uint8 *kinds;			/* the rest of the section of kinds */
	const uint8 *kinds_end;
	const uint8 *cursor;		/* the rest of the section of instants and amounts */
	const uint8 *end;
} HistoryReader;

#define HISTORY_HEAD_MAX	32	/* bytes */
#define VARINT_MAX			10	/* bytes of an integer of 64 bits */

extern void HistoryReaderInit(HistoryReader *reader, const uint8 *bytes, Size size, int sqlstate);
extern HistoryHead HistoryReadHead(Datum history);
pg_noreturn extern void HistoryIsInvalid(const HistoryReader *reader);
extern void HistoryReadOther(HistoryReader *reader);
extern void HistoryReadMixedAmount(HistoryReader *reader, HistoryEvent *event);
extern const char *TimeUnitName(TimeUnit unit);
extern bool HistoryInstantIsValid(TimeUnit unit, int64 at);
extern void HistoryCheckUnit(TimeUnit unit, TimeUnit other);

/* Begin to read a history.  A toasted one is copied into the current memory context. */
static inline void
HistoryOpen(HistoryReader *reader, Datum history)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(history);

	HistoryReaderInit(reader, (const uint8 *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes),
					  ERRCODE_DATA_CORRUPTED);
}

/* Read an integer of 64 bits: seven bits in each byte, the lowest ones first. */
static inline uint64
HistoryReadVarint(HistoryReader *reader, const uint8 **cursor, const uint8 *end)
{
	const uint8 *byte = *cursor;
	uint64		value = 0;

	for (int shift = 0; likely(byte < end); shift += 7)
	{
		uint64		bits = *byte++;

		value |= (bits & 0x7f) << shift;
		if (bits < 0x80)
		{
			/* the tenth byte has one bit */
			if (unlikely(shift == 63 && bits > 1))
				break;
			*cursor = byte;
			return value;
		}
		if (unlikely(shift == 63))
			break;
	}
	HistoryIsInvalid(reader);
}

/* Integers of small magnitude become small ones without a sign, and back. */
static inline uint64
ZigZag(int64 value)
{
	return ((uint64) value << 1) ^ (uint64) (value >> 63);
}

static inline int64
UnZigZag(uint64 value)
{
	return (int64) ((value >> 1) ^ (0 - (value & 1)));
}

/* Read the next event.  Return false if there is none. */
static inline bool
HistoryNext(HistoryReader *reader, HistoryEvent *event)
{
	const HistoryHead *head = &reader->head;

	if (reader->place == head->nevents)
		return false;

	/* the first and the last instant are in the head */
	if (reader->place > 0)
	{
		if (reader->place == head->nevents - 1)
			reader->at = head->last;
		else
		{
			uint64		steps = HistoryReadVarint(reader, &reader->cursor, reader->end);

			if (unlikely(steps > reader->left))
				HistoryIsInvalid(reader);
			reader->left -= steps;
			reader->at = (int64) ((uint64) reader->at + steps * (uint64) head->step);
		}
	}
	event->at = reader->at;

	if (likely(reader->purchases > 0))
	{
		reader->purchases--;
		event->event = EVENT_PURCHASE;
	}
	else
	{
		event->event = reader->other;
		HistoryReadOther(reader);
	}

	event->form = AMOUNT_NONE;
	if (head->amounts == HISTORY_ONE_SCALE)
	{
		uint64		code = HistoryReadVarint(reader, &reader->cursor, reader->end);

		/* zero is NULL */
		if (code != 0)
		{
			event->form = reader->scale;
			event->value.scaled = UnZigZag(code - 1);
		}
	}
	else if (head->amounts == HISTORY_MIXED_AMOUNTS)
		HistoryReadMixedAmount(reader, event);

	reader->place++;
	if (unlikely(reader->place == head->nevents && reader->cursor != reader->end))
		HistoryIsInvalid(reader);
	return true;
}

/* Return the amount of an event, in a form that the rest of winback takes on this platform. */
static inline Amount
HistoryEventAmount(const HistoryEvent *event)
{
	Amount		amount = {.form = event->form};

	if (amount.form != AMOUNT_NONE)
		amount.value = event->value;
#ifndef HAVE_INT128
	if (amount.form <= AMOUNT_MAX_SCALE)
		amount = (Amount)
	{
		.form = AMOUNT_NUMERIC, .value.numeric = AmountToNumeric(&amount)
	};
#endif
	return amount;
}

/* Set the amount of an event to a numeric that is not toasted. */
static inline void
HistoryEventSetAmount(HistoryEvent *event, Numeric numeric)
{
	Amount		amount = {.form = AMOUNT_NUMERIC, .value.numeric = numeric};

	(void) AmountReadScaled(numeric, &amount);
	event->form = amount.form;
	event->value = amount.value;
}

/*
 * Making histories.
 */
/* Return true if an event may be in a history: see AmountCheck(). */
static inline bool
HistoryEventCheck(const HistoryEvent *event, int sqlstate, Node *escontext)
{
	Amount		amount = {.form = event->form, .value = event->value};

	return AmountCheck((LifecycleEvent) event->event, &amount, sqlstate, escontext);
}

extern struct varlena *HistoryEncode(TimeUnit unit, const HistoryEvent *events, uint32 nevents);
extern struct varlena *HistoryFromEvents(TimeUnit unit, HistoryEvent *events, uint32 nevents);
extern HistoryEvent *HistoryEventsAlloc(uint64 nevents);

/* The events of a history that is being made, in the order of their arrival. */
typedef struct HistoryBuilder
{
	uint32		allocated;		/* bytes, with this head */
	uint32		used;
	uint32		nevents;
	uint8		unit;			/* TimeUnit */
	uint8		scale;			/* of the last amount with AMOUNT_SAME_SCALE or AMOUNT_SCALE */
	int64		at;				/* of the last event */
	uint8		log[FLEXIBLE_ARRAY_MEMBER];
} HistoryBuilder;

/*
 * Memory for the builders of many customers, in large pieces.  A piece of a builder is a power of
 * two, and begins at a cache line.
 */
#define BUILDER_CLASSES		32

typedef struct BuilderArena
{
	MemoryContext context;
	Size		total;			/* bytes allocated so far */
	uint8	   *next;			/* the rest of the last piece */
	uint8	   *end;
	void	   *free[BUILDER_CLASSES];	/* builders that have moved: lists by the power of two */
} BuilderArena;

extern BuilderArena *BuilderArenaCreate(MemoryContext context);
extern HistoryBuilder *HistoryBuilderCreateIn(BuilderArena *arena, TimeUnit unit);
extern HistoryBuilder *HistoryBuilderAddIn(BuilderArena *arena, HistoryBuilder *builder,
										   const HistoryEvent *event);

extern HistoryBuilder *HistoryBuilderCreate(MemoryContext context, TimeUnit unit);
extern HistoryBuilder *HistoryBuilderAdd(HistoryBuilder *builder, const HistoryEvent *event);
extern HistoryBuilder *HistoryBuilderMerge(HistoryBuilder *builder, const HistoryBuilder *other);
extern struct varlena *HistoryBuilderFinish(const HistoryBuilder *builder);
extern bytea *HistoryBuilderSerialize(const HistoryBuilder *builder);
extern HistoryBuilder *HistoryBuilderDeserialize(bytea *bytes);

#endif							/* WINBACK_CUSTOMER_HISTORY_H */
