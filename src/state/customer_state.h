/*
 * customer_state.h
 *	  The state of an aggregate over customers, whatever it keeps of each.
 *
 * A state is a table of customers with some bytes of facts each, and a question
 * that the facts answer.  What the facts are depends on the kind of the state:
 *
 *		purchases of one period		a byte of bits (period_state.c)
 *		events of one period		34 bytes (period_state.c)
 *		purchases of a series		a bit for each zone of the calendar (series_state.c)
 *		events of a series			the place of the last one in a log (series_state.c)
 *
 * Each kind is a struct that begins with a CustomerState, and a table of operations.
 * Everything else is written once, here: rows wait in a batch and are entered
 * together, states are merged, sent and received (state_wire.c).  A new kind needs
 * its operations and nothing more.
 *
 * Two properties of facts make all of this possible.  The facts of a customer depend
 * only on the set of rows, not on their order; and merging facts is OR of bits, the
 * later of instants, or both logs together.
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
 * What the states of one aggregate call share, because it is the same for all groups:
 * the type of the customers, and what follows from the question.  A judge or a
 * calendar is made once and used by every state that asks the same question.
 */
typedef struct StateFamily
{
	MemoryContext context;		/* outlives all the states */
	CustomerType *customer_type;
	const PeriodJudge *judge;	/* of the first question; NULL if there was none yet */
	const Calendar *calendar;
} StateFamily;

/*
 * How facts are sent that are the place of something else.  Kinds without a codec
 * send the bytes of the facts.
 */
typedef struct FactsCodec
{
	/* bytes on the wire of a customer without events, and of an event at least */
	Size		customer_size;
	Size		event_size;
	/* bytes on the wire of all events */
	Size		(*events_size) (const CustomerState *state);
	/* write the events of a customer, from writer->portion->event on */
	void		(*write) (StateWriter *writer, const uint8 *facts);
	/* make room for that many events; then read those of a customer */
	void		(*begin_reading) (CustomerState *state, uint32 nevents);
	void		(*read) (StringInfo wire, CustomerState *state, uint8 *facts);
	/* events that were read, to be held against the number that was announced */
	uint32		(*nevents) (const CustomerState *state);
} FactsCodec;

/* What a kind of state does in its own way. */
typedef struct CustomerStateOps
{
	uint8		tag;			/* stands for the kind on the wire */
	uint16		row_size;		/* bytes that wait in a batch for each row */
	bool		merge_is_or;	/* of the bytes of the facts, and nothing more */
	const FactsCodec *codec;	/* NULL if facts are sent as they are */

	/* bytes of facts a customer */
	int			(*facts_size) (const CustomerState *state);
	/* take rows, each into the facts of its customer */
	void		(*add_rows) (CustomerState *state, uint8 *const *facts, const void *rows, int nrows);
	/* take the facts that another state has of a customer into ours */
	void		(*merge_facts) (CustomerState *state, uint8 *facts,
								const CustomerState *other, const uint8 *theirs);
	/* take in what another state has beside customers; an error if the questions differ */
	void		(*merge_head) (CustomerState *state, const CustomerState *other);
	/* an empty state that the other one can be merged into */
	CustomerState *(*create_like) (MemoryContext context, StateFamily *family,
								   const CustomerState *other);
	/* everything beside the customers, to and from the wire */
	void		(*write_head) (StringInfo wire, const CustomerState *state);
	CustomerState *(*read_head) (StringInfo wire);
	/* raise an error if received facts are impossible; NULL if any bytes are possible */
	void		(*check_facts) (const CustomerState *state, const uint8 *facts);
#ifdef USE_ASSERT_CHECKING
	/* assert what must hold after every step; of every customer if `whole` */
	void		(*check) (const CustomerState *state, bool whole);
#endif
} CustomerStateOps;

/* There is one in every group, perhaps hundreds of thousands: keep it small. */
struct CustomerState
{
	const CustomerStateOps *ops;
	CustomerTable table;
	Batch	   *batch;			/* NULL while rows are entered one by one: BatchCreate */
	void	   *waiting;		/* the row of each key in the batch, of ops->row_size */
	Oid			customer_type;
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
 * Queue a customer.  Returns the place in state->waiting where the caller puts the
 * row, or -1 if CustomerStateEnter has to take it.
 *
 * Most rows need no more than this.  Nothing here has its address taken on the stack:
 * that was measured to cost time.
 */
static pg_attribute_always_inline int
CustomerStateQueue(CustomerState *state, CustomerType *customer_type, Datum customer)
{
	if (unlikely(state->batch == NULL))
		return -1;
	return BatchAdd(state->batch, &state->table, customer_type, customer);
}

#endif							/* WINBACK_CUSTOMER_STATE_H */
