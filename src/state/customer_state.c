/*
 * customer_state.c
 *	  The state of an aggregate over customers, of any kind.
 *
 * See customer_state.h for the idea.
 *
 * Rows wait in a batch and are entered together (see customer_table.c) once the table is
 * larger than the nearer caches; in a scan they wait from the beginning.  A function
 * that reads the table must call CustomerStateFlush first.  The flush changes the form
 * of the state and not its meaning, like a carry in a numeric sum; so final functions
 * are READ_ONLY.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "state/customer_state.h"

/* Initialize a state without customers.  customer_type must live as long as the state. */
void
CustomerStateInit(CustomerState *state, const CustomerStateOps *ops, MemoryContext context,
				  CustomerType *customer_type)
{
	state->ops = ops;
	state->batch = NULL;
	state->customer_type = customer_type->type;
	CustomerTableInit(&state->table, context, customer_type->form, ops->facts_size(state),
					  customer_type->seed);
	state->table.customer_type = customer_type;
}

/* Create the batch if it is worth it: see BatchCreate. */
void
CustomerStateBeginBatch(CustomerState *state, bool alone)
{
	state->batch = BatchCreate(&state->table, state->ops->row_size, alone);
}

/* Enter the rows that wait in the batch. */
void
CustomerStateFlush(CustomerState *state)
{
	int			nrows;

	if (state->batch == NULL || state->batch->nrows == 0)
		return;

	nrows = BatchLocate(state->batch, &state->table);
	state->ops->add_rows(state, state->batch->found, state->batch->rows, nrows);
	/* expect as many rows next time */
	CustomerTableSettle(&state->table, nrows);
}

/* Enter a row that CustomerStateQueue could not queue. */
void
CustomerStateEnter(CustomerState *state, CustomerType *customer_type, Datum customer,
				   const void *row)
{
	Size		row_size = state->ops->row_size;
	int			place;
	uint8	   *facts;

	CustomerStateFlush(state);
	place = CustomerStateQueue(state, customer_type, customer);
	if (place >= 0)
	{
		memcpy((char *) state->batch->rows + place * row_size, row, row_size);
		return;
	}

	facts = LocateCustomer(&state->table, customer_type, customer);
	state->ops->add_rows(state, &facts, row, 1);
	if (state->batch == NULL)
		CustomerStateBeginBatch(state, false);
	CustomerStateCheck(state, false);
}

/* Raise an error if a received state has images that no value of the type has. */
static void
CheckImages(const CustomerState *received, const CustomerType *customer_type)
{
	uint64		cursor = 0;
	CustomerKey key;
	uint8	   *facts;

	while (CustomerTableNext(&received->table, &cursor, &key, &facts))
	{
		if (!CustomerImageIsValid(customer_type, key.u.image, key.length))
			elog(ERROR, "invalid customer in a serialized state");
	}
}

/* Merge another state, whose table must not move until the end of the merge. */
void
CustomerStateMerge(CustomerState *state, CustomerState *other)
{
	Meeting		meeting;
	int			ncustomers;

	if (state->ops != other->ops || state->customer_type != other->customer_type)
		elog(ERROR, "cannot merge states of different aggregates");
	state->ops->merge_head(state, other);
	if (state->table.facts_size != other->table.facts_size)
		elog(ERROR, "cannot merge states with facts of different sizes");
	if (!CustomerTypeAllowsForm(state->table.customer_type, other->table.form))
		elog(ERROR, "cannot merge a state whose keys are not of the customers' type");
	if (other->table.packed && other->table.form == KEY_VALUE)
		CheckImages(other, state->table.customer_type);

	CustomerStateFlush(state);
	CustomerStateFlush(other);
	if (other->ops->prepare != NULL)
		other->ops->prepare(other);

	CustomerTableMatch(&state->table, &other->table);
	if (state->ops->merge_is_or && CustomerTableOverlay(&state->table, &other->table))
		return;

	meeting.cursor = 0;
	while ((ncustomers = BatchMeet(&meeting, &state->table, &other->table)) > 0)
	{
		for (int i = 0; i < ncustomers; i++)
			state->ops->merge_facts(state, meeting.ours[i], other, meeting.theirs[i]);
	}
	CustomerStateCheck(state, IsLargeStep(&state->table, &other->table));
}

/* Return the family's judge, or a copy in `context` if the question is another one. */
const PeriodJudge *
FamilyJudge(StateFamily *family, MemoryContext context, const PeriodJudge *judge)
{
	if (family->judge == NULL)
		family->judge = PeriodJudgeCopy(family->context, judge);
	if (family->judge->fingerprint == judge->fingerprint)
		return family->judge;
	return PeriodJudgeCopy(context, judge);
}

/* Return the family's calendar, or one in `context` if the question is another one. */
const Calendar *
FamilyCalendar(StateFamily *family, MemoryContext context, const Question *question)
{
	if (family->calendar == NULL)
		family->calendar = CalendarCreate(family->context, question);
	if (family->calendar->question.fingerprint == question->fingerprint)
		return family->calendar;
	return CalendarCreate(context, question);
}

#ifdef USE_ASSERT_CHECKING

/* Assert the invariants of a state; for `whole` see CustomerTableCheck. */
void
CustomerStateCheck(const CustomerState *state, bool whole)
{
	Assert(state->table.facts_size == state->ops->facts_size(state));
	if (state->batch != NULL)
		BatchCheck(state->batch, &state->table);
	CustomerTableCheck(&state->table, whole);
	state->ops->check(state, whole);
}

#endif							/* USE_ASSERT_CHECKING */
