/*
 * series_state.c
 *	  States of a series of periods: the calendar, and the purchases or events of customers.
 *
 * There are two kinds.  If all rows are purchases without amounts, the facts are a bit
 * for each zone of the calendar in which the customer bought, with about four zones a
 * period.  If rows have events or amounts, the state keeps every event in a log.
 *
 * The functions in series_summary.c count the customers in each period.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "utils/memutils.h"

#include "state/series_state.h"
#include "state/state_wire.h"

/* A kind of state of a series. */
typedef struct SeriesStateOps
{
	CustomerStateOps base;
	/* cppcheck-suppress unusedStructMember ; called by way of CustomerState.ops */
	void		(*summarize) (SeriesState *state, PeriodSummary *periods,
							  AmountVisitor visitor, void *arg);
} SeriesStateOps;

static const SeriesStateOps purchases_ops;
static const SeriesStateOps events_ops;

/*
 * Functions of both kinds.
 */

static SeriesState *
CreateOfKind(MemoryContext context, StateFamily *family, const Question *question,
			 bool has_amounts, const CustomerStateOps *ops)
{
	SeriesState *state = MemoryContextAllocZero(context, sizeof(SeriesState));

	state->calendar = FamilyCalendar(family, context, question);
	state->first_at = END_OF_TIME;
	state->last_at = BEGINNING_OF_TIME;
	state->log.has_amounts = has_amounts;
	CustomerStateInit(&state->base, ops, context, family->customer_type);
	return state;
}

/* Create a state without customers. */
SeriesState *
SeriesStateCreate(MemoryContext context, StateFamily *family, const Question *question,
				  bool has_events, bool has_amounts)
{
	return CreateOfKind(context, family, question, has_amounts,
						has_events || has_amounts ? &events_ops.base : &purchases_ops.base);
}

static CustomerState *
CreateLike(MemoryContext context, StateFamily *family, const CustomerState *other)
{
	const SeriesState *series = (const SeriesState *) other;

	return &CreateOfKind(context, family, &series->calendar->question,
						 series->log.has_amounts, other->ops)->base;
}

static void
MergeHead(CustomerState *state, const CustomerState *other)
{
	SeriesState *series = (SeriesState *) state;
	const SeriesState *others = (const SeriesState *) other;

	if (series->log.has_amounts != others->log.has_amounts)
		elog(ERROR, "cannot merge states of different aggregates");
	if (series->calendar->question.fingerprint != others->calendar->question.fingerprint)
		QuestionChanged();
	/* a received state may have another number of edges, despite the equal fingerprint */
	if (series->calendar->nedges != others->calendar->nedges)
		elog(ERROR, "cannot merge states of different calendars");
	series->first_at = Min(series->first_at, others->first_at);
	series->last_at = Max(series->last_at, others->last_at);
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
	pq_sendint8(wire, question->has_lost_after);
	SendInterval(wire, &question->lost_after);
	pq_sendint8(wire, question->has_step);
	SendInterval(wire, &question->step);
	pq_sendint8(wire, question->has_end);
}

static void
ReceiveQuestion(StringInfo wire, Question *question)
{
	memset(question, 0, sizeof(*question));
	question->unit = pq_getmsgbyte(wire);
	if (!IsTimeUnit(question->unit))
		elog(ERROR, "invalid question in a serialized state");
	question->period.from = pq_getmsgint64(wire);
	question->period.to = pq_getmsgint64(wire);
	question->has_inactive_after = pq_getmsgbyte(wire) != 0;
	ReceiveInterval(wire, &question->inactive_after);
	question->has_churned_after = pq_getmsgbyte(wire) != 0;
	ReceiveInterval(wire, &question->churned_after);
	question->has_lost_after = pq_getmsgbyte(wire) != 0;
	ReceiveInterval(wire, &question->lost_after);
	question->has_step = pq_getmsgbyte(wire) != 0;
	ReceiveInterval(wire, &question->step);
	question->has_end = pq_getmsgbyte(wire) != 0;
	if (!PeriodIsPossible(question->unit, &question->period))
		elog(ERROR, "invalid question in a serialized state");
	question->fingerprint = QuestionFingerprint(question);
}

static void
WriteHead(StringInfo wire, const CustomerState *state)
{
	const SeriesState *series = (const SeriesState *) state;

	pq_sendint8(wire, series->log.has_amounts);
	pq_sendint64(wire, series->first_at);
	pq_sendint64(wire, series->last_at);
	SendQuestion(wire, &series->calendar->question);
	pq_sendint32(wire, series->calendar->nedges);
}

/*
 * A received state can only be merged into another one.  So its calendar needs only the
 * question and the number of edges, which determines the size of the facts.
 */
static CustomerState *
ReadHead(StringInfo wire)
{
	SeriesState *series = palloc0(sizeof(SeriesState));
	Calendar   *calendar = palloc0(sizeof(Calendar));

	series->log.has_amounts = pq_getmsgbyte(wire) != 0;
	series->first_at = pq_getmsgint64(wire);
	series->last_at = pq_getmsgint64(wire);
	ReceiveQuestion(wire, &calendar->question);
	calendar->nedges = pq_getmsgint(wire, 4);
	if (calendar->nedges <= 0 || calendar->nedges > CALENDAR_MAX_EDGES)
		elog(ERROR, "unknown calendar of a serialized state");
	series->calendar = calendar;
	return &series->base;
}

/*
 * The kind for purchases.  Zone z is bit z + 1 of the facts; bit 0 belongs to the table.
 */

static int
ZonesSize(const CustomerState *state)
{
	return ((const SeriesState *) state)->calendar->nedges / 8 + 1;
}

static void
AddZones(CustomerState *state pg_attribute_unused(), uint8 *const *facts, const void *rows,
		 int nrows)
{
	const uint32 *zones = rows;

	for (int i = 0; i < nrows; i++)
	{
		uint32		bit = zones[i] + 1;

		facts[i][bit / 8] |= 1 << (bit % 8);
	}
}

static void
MergeZones(CustomerState *state, uint8 *facts, const CustomerState *other pg_attribute_unused(),
		   const uint8 *theirs)
{
	for (int b = 0; b < state->table.facts_size; b++)
		facts[b] |= theirs[b];
}

/* Raise an error if received facts have a bit after that of the last zone. */
static void
CheckZones(const CustomerState *state, const uint8 *facts)
{
	int			last = ((const SeriesState *) state)->calendar->nedges;

	if (facts[last / 8] >> (last % 8 + 1) != 0)
		elog(ERROR, "invalid customer in a serialized state");
}

#ifdef USE_ASSERT_CHECKING
static void
AssertZones(const CustomerState *state, bool whole)
{
	int			nwaiting = state->batch != NULL ? state->batch->nrows : 0;
	uint64		cursor = 0;
	const uint8 *facts;

	Assert(((const SeriesState *) state)->log.nevents == 0);
	if (nwaiting > 0)
		Assert(((uint32 *) state->batch->rows)[nwaiting - 1] <
			   (uint32) ((const SeriesState *) state)->calendar->nedges);
	if (!whole && CustomerTableSize(&state->table) > SMALL_TABLE)
		return;
	while ((facts = CustomerTableNextFacts(&state->table, &cursor)) != NULL)
		CheckZones(state, facts);
}
#endif

static const SeriesStateOps purchases_ops = {
	.base = {
		.tag = 'z',
		.row_size = sizeof(uint32),
		.merge_is_or = true,
		.facts_size = ZonesSize,
		.add_rows = AddZones,
		.merge_facts = MergeZones,
		.merge_head = MergeHead,
		.create_like = CreateLike,
		.write_head = WriteHead,
		.read_head = ReadHead,
		.check_facts = CheckZones,
#ifdef USE_ASSERT_CHECKING
		.check = AssertZones,
#endif
	},
	.summarize = SummarizePurchases
};

const CustomerStateOps *const series_purchases_kind = &purchases_ops.base;

/*
 * The kind for events and amounts.  Facts are the place of the last event in the log.
 */

static int
LogFactsSize(const CustomerState *state pg_attribute_unused())
{
	return LOG_FACTS_SIZE;
}

static inline EventLog *
LogOf(CustomerState *state)
{
	return &((SeriesState *) state)->log;
}

static inline const EventLog *
ConstLogOf(const CustomerState *state)
{
	return &((const SeriesState *) state)->log;
}

static void
ChainEvents(CustomerState *state, uint8 *const *facts, const void *rows, int nrows)
{
	const uint32 *places = rows;

	for (int i = 0; i < nrows; i++)
		EventLogChain(LogOf(state), facts[i], places[i]);
}

static void
MergeEvents(CustomerState *state, uint8 *facts, const CustomerState *other, const uint8 *theirs)
{
	EventLogMerge(LogOf(state), state->table.context, facts, ConstLogOf(other), theirs);
}

static Size
EventsWireSize(const CustomerState *state)
{
	return EventLogWireSize(ConstLogOf(state));
}

static void
WriteEvents(StateWriter *writer, const uint8 *facts)
{
	EventLogWrite(ConstLogOf(writer->state), writer, facts);
}

static void
BeginReadingEvents(CustomerState *state, uint32 nevents)
{
	EventLogBeginReading(LogOf(state), CurrentMemoryContext, nevents);
}

static void
ReadEvents(StringInfo wire, CustomerState *state, uint8 *facts)
{
	EventLogRead(LogOf(state), CurrentMemoryContext, wire, facts);
}

static uint32
CountEvents(const CustomerState *state)
{
	return ConstLogOf(state)->nevents;
}

static const FactsCodec events_codec = {
	.customer_size = LOG_WIRE_CUSTOMER,
	.event_size = LOG_WIRE_EVENT,
	.events_size = EventsWireSize,
	.write = WriteEvents,
	.begin_reading = BeginReadingEvents,
	.read = ReadEvents,
	.nevents = CountEvents
};

#ifdef USE_ASSERT_CHECKING
static void
AssertEvents(const CustomerState *state, bool whole)
{
	EventLogCheck(ConstLogOf(state), state, whole);
}
#endif

static const SeriesStateOps events_ops = {
	.base = {
		.tag = 'l',
		.row_size = sizeof(uint32),
		.codec = &events_codec,
		.facts_size = LogFactsSize,
		.add_rows = ChainEvents,
		.merge_facts = MergeEvents,
		.merge_head = MergeHead,
		.create_like = CreateLike,
		.write_head = WriteHead,
		.read_head = ReadHead,
#ifdef USE_ASSERT_CHECKING
		.check = AssertEvents,
#endif
	},
	.summarize = SummarizeEvents
};

const CustomerStateOps *const series_events_kind = &events_ops.base;

/* Count the customers in each period, and call the visitor for each amount. */
void
SeriesStateSummarize(SeriesState *state, PeriodSummary *periods, AmountVisitor visitor, void *arg)
{
	CustomerStateFlush(&state->base);
	((const SeriesStateOps *) state->base.ops)->summarize(state, periods, visitor, arg);
}
