/*
 * customer_state.h
 *	  The state of an aggregate over customers, of any kind.
 *
 * A state is a table of customers, with some bytes of facts for each, and a question
 * that the facts answer.  The kind of the state determines the facts:
 *
 *		purchases of one period		a byte of bits (period_state.c)
 *		events of one period		34 bytes (period_state.c)
 *		purchases of a series		a bit for each zone of the calendar (series_state.c)
 *		amounts of a series			the same, and a number of the customer for a log (series_state.c)
 *		events of a series			the place of the last one in a log (series_state.c)
 *		purchase days				the days, or their place in a log (silence_state.c)
 *		days around an instant		the nearest day before and after it (silence_state.c)
 *
 * Each kind is a struct that begins with a CustomerState, and a table of operations.
 * All kinds share the code that queues rows in a batch and enters them together, and
 * that merges, sends and receives states (state_wire.c).  A new kind needs only its
 * operations.
 *
 * This works because the facts of a customer depend on the set of rows only, and not on
 * their order, and because merging facts means OR of bits, the later of two instants,
 * or the union of two logs.
 */
#ifndef WINBACK_CUSTOMER_STATE_H
#define WINBACK_CUSTOMER_STATE_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "rules/calendar.h"
#include "rules/period_judge.h"
#include "table/batch.h"
#include "table/customer_table.h"
#include "table/customer_type.h"

typedef struct CustomerState CustomerState;
typedef struct StateWriter StateWriter;

/*
 * The data that the states of all groups of one aggregate call share: the type of the
 * customers, and the judge or calendar of the question.  The first state creates the
 * judge or calendar, and every state with the same question uses it.
 */
typedef struct StateFamily
{
	MemoryContext context;		/* outlives all the states */
	CustomerType *customer_type;
	const PeriodJudge *judge;	/* of the first question; NULL before it */
	const Calendar *calendar;	/* likewise */
} StateFamily;

/*
 * Functions that send and receive facts which contain places in an event log.  Kinds
 * without a codec send the bytes of the facts.
 */
typedef struct FactsCodec
{
	/* bytes on the wire: of a customer without events, and the minimum of an event */
	Size		(*customer_size) (const CustomerState *state);
	Size		event_size;
	/* bytes on the wire of all events */
	Size		(*events_size) (const CustomerState *state);
	/* write the events of a customer, from writer->portion->event on */
	void		(*write) (StateWriter *writer, const uint8 *facts);
	/* allocate room for `nevents` events, before `read` reads those of each customer; may be NULL */
	void		(*begin_reading) (CustomerState *state, uint32 nevents);
	void		(*read) (StringInfo wire, CustomerState *state, uint8 *facts);
	/* number of events that were read */
	uint32		(*nevents) (const CustomerState *state);
} FactsCodec;

/* The operations of a kind of state. */
typedef struct CustomerStateOps
{
	uint8		tag;			/* identifies the kind on the wire */
	uint16		row_size;		/* bytes of a row in the batch, without its key */
	bool		merge_is_or;	/* merge_facts is OR of the bytes of the facts */
	const FactsCodec *codec;	/* NULL if the bytes of the facts are sent */

	/* bytes of the facts of a customer */
	int			(*facts_size) (const CustomerState *state);
	/* add each row to the facts of its customer */
	void		(*add_rows) (CustomerState *state, uint8 *const *facts, const void *rows,
							 int nrows);
	/* merge a customer's facts in another state into the facts in this state */
	void		(*merge_facts) (CustomerState *state, uint8 *facts,
								const CustomerState *other, const uint8 *theirs);
	/* merge everything but the customers; raise an error if the questions differ */
	void		(*merge_head) (CustomerState *state, const CustomerState *other);
	/* prepare the facts to be sent, or to be merged into another state; NULL if they are ready */
	void		(*prepare) (CustomerState *state);
	/* create an empty state of the question of another one, to merge that into it */
	CustomerState *(*create_like) (MemoryContext context, StateFamily *family,
								   const CustomerState *other);
	/* write and read everything but the customers */
	void		(*write_head) (StringInfo wire, const CustomerState *state);
	CustomerState *(*read_head) (StringInfo wire);
	/* raise an error if received facts are impossible; NULL if any bytes are possible */
	void		(*check_facts) (const CustomerState *state, const uint8 *facts);
#ifdef USE_ASSERT_CHECKING
	/* assert the invariants of the state; if `whole`, those of every customer */
	void		(*check) (const CustomerState *state, bool whole);
#endif
} CustomerStateOps;

/* Every group has one, and there may be hundreds of thousands: keep it small. */
struct CustomerState
{
	const CustomerStateOps *ops;
	Oid			customer_type;
	CustomerTable table;
	Batch	   *batch;			/* NULL while rows are entered one by one: see BatchCreate */
};

extern void CustomerStateInit(CustomerState *state, const CustomerStateOps *ops,
							  MemoryContext context, CustomerType *customer_type);
extern void CustomerStateBeginBatch(CustomerState *state, bool alone);
extern void CustomerStateFlush(CustomerState *state);
extern void CustomerStateEnter(CustomerState *state, CustomerType *customer_type,
							   Datum customer, const void *row);
extern void CustomerStateMerge(CustomerState *state, CustomerState *other);

extern const PeriodJudge *FamilyJudge(StateFamily *family, MemoryContext context,
									  const PeriodJudge *judge);
extern const Calendar *FamilyCalendar(StateFamily *family, MemoryContext context,
									  const Question *question);

#ifdef USE_ASSERT_CHECKING
extern void CustomerStateCheck(const CustomerState *state, bool whole);
#else
#define CustomerStateCheck(state, whole)	((void) 0)
#endif

/*
 * Queue a customer.  Return the index in batch->rows where the caller puts the row,
 * or -1 if the caller must call CustomerStateEnter.
 *
 * This is the path of most rows, so it takes no address of a local variable: measured,
 * that is slower.
 */
static pg_attribute_always_inline int
CustomerStateQueue(CustomerState *state, CustomerType *customer_type, Datum customer)
{
	if (unlikely(state->batch == NULL))
		return -1;
	return BatchAdd(state->batch, &state->table, customer_type, customer);
}

/* Queue a row of `size` bytes, which is the row_size of the kind, or enter it. */
static pg_attribute_always_inline void
CustomerStateAdd(CustomerState *state, CustomerType *customer_type, Datum customer,
				 const void *row, Size size)
{
	int			place = CustomerStateQueue(state, customer_type, customer);

	Assert(size == state->ops->row_size);
	if (likely(place >= 0))
		memcpy((char *) state->batch->rows + place * size, row, size);
	else
		CustomerStateEnter(state, customer_type, customer, row);
}

#endif							/* WINBACK_CUSTOMER_STATE_H */
