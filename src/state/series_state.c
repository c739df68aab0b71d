/*
 * series_state.c
 *	  States of a series of periods: the calendar, and the purchases or events of customers.
 *
 * There are three kinds.  If all rows are purchases without amounts, the facts are a bit
 * for each zone of the calendar in which the customer bought, with about four zones a
 * period.  If purchases have amounts, the state also keeps sums of those in the periods in a log of
 * amounts.  If rows have events, the state keeps every event in a log.
 *
 * The functions in series_summary.c count the customers in each period.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "state/series_state.h"
#include "state/state_wire.h"

/* A kind of state of a series. */
typedef struct SeriesStateOps
{
	CustomerStateOps base;
	/* cppcheck-suppress unusedStructMember ; called by way of CustomerState.ops */
	void		(*summarize) (SeriesState *state, SeriesTally *tally);
} SeriesStateOps;

static const SeriesStateOps purchases_ops;
static const SeriesStateOps amounts_ops;
static const SeriesStateOps events_ops;

/*
 * Functions of all kinds.
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
	AmountLogInit(&state->amounts, state->calendar->nperiods);
	CustomerStateInit(&state->base, ops, context, family->customer_type);
	return state;
}

/* Create a state without customers. */
SeriesState *
SeriesStateCreate(MemoryContext context, StateFamily *family, const Question *question,
				  bool has_events, bool has_amounts)
{
	return CreateOfKind(context, family, question, has_amounts,
						has_events ? &events_ops.base :
						has_amounts ? &amounts_ops.base : &purchases_ops.base);
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
	return ZoneBytes((const SeriesState *) state);
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
 * The kind for events.  Facts are the place of the last event in the log.
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
	SeriesState *series = (SeriesState *) state;
	const EventLog *log = ConstLogOf(other);

	for (uint32 e = LoadHead(theirs); e != 0; e = log->events[e - 1].next)
	{
		const LoggedEvent *event = &log->events[e - 1];
		Amount		amount = EventLogAmount(log, e - 1);
		int			zone = CalendarZone(series->calendar, event->at);

		EventLogChain(&series->log, facts,
					  SeriesStateEventRow(series, event->at, zone, event->event, &amount));
	}
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

static Size
EventsCustomerSize(const CustomerState *state pg_attribute_unused())
{
	return LOG_WIRE_CUSTOMER;
}

static const FactsCodec events_codec = {
	.customer_size = EventsCustomerSize,
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

/*
 * The kind for purchases with amounts.  Facts are the zones, and then the number of the customer in
 * the log of amounts, or, if that is chained, the place of the customer's last element, plus 1.
 */

static int
AmountsSize(const CustomerState *state)
{
	return ZonesSize(state) + sizeof(uint32);
}

static inline const AmountLog *
AmountsOf(const CustomerState *state)
{
	return &((const SeriesState *) state)->amounts;
}

/* Chain the log, and replace the numbers in the facts by the places of the last elements. */
static void
ChainAmounts(CustomerState *state)
{
	SeriesState *series = (SeriesState *) state;
	uint64		cursor = 0;
	uint64		ncustomers = 0;
	const uint8 *facts;
	uint32	   *heads;

	if (series->amounts.chained)
		return;
	heads = AmountLogChain(&series->amounts);
	while ((facts = CustomerTableNextFacts(&state->table, &cursor)) != NULL)
	{
		if (ncustomers++ % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		StoreNumber(LogFacts(series, facts), heads[LoadNumber(LogFacts(series, facts))]);
	}
	pfree(heads);
}

/* Replace the places in the facts by numbers, and so the chains of the log. */
void
SeriesStateNumber(SeriesState *series)
{
	uint64		cursor = 0;
	uint64		ncustomers = 0;
	const uint8 *facts;

	if (likely(!series->amounts.chained))
		return;
	series->amounts.highest = 0;
	while ((facts = CustomerTableNextFacts(&series->base.table, &cursor)) != NULL)
	{
		uint8	   *log_facts = LogFacts(series, facts);

		if (ncustomers++ % PIECE_CUSTOMERS == 0)
			CHECK_FOR_INTERRUPTS();
		StoreNumber(log_facts, AmountLogNumber(&series->amounts, LoadNumber(log_facts)));
	}
	series->amounts.chained = false;
}

/* Add an amount of a customer. */
static inline void
AddAmount(SeriesState *series, const uint8 *facts, uint16 period, const Amount *amount)
{
	uint8	   *log_facts = LogFacts(series, facts);

	StoreNumber(log_facts, AmountLogAdd(&series->amounts, series->base.table.context,
										LoadNumber(log_facts), period, amount));
}

static void
AddAmounts(CustomerState *state, uint8 *const *facts, const void *rows, int nrows)
{
	SeriesState *series = (SeriesState *) state;
	const AmountRow *amounts = rows;

	SeriesStateNumber(series);
	/* the elements are anywhere in the log: load all of them before the first is needed */
	for (int i = 0; series->amounts.single && i < nrows; i++)
	{
		uint32		number = LoadNumber(LogFacts(series, facts[i]));

		if (number != 0)
			PrefetchForUpdate(AmountAt(&series->amounts, number - 1));
	}
	for (int i = 0; i < nrows; i++)
	{
		uint32		zone = amounts[i].zone;
		uint32		bit = zone + 1;

		facts[i][bit / 8] |= 1 << (bit % 8);
		if (amounts[i].amount.form != AMOUNT_NONE)
			AddAmount(series, facts[i], series->calendar->period_of[zone], &amounts[i].amount);
	}
}

static void
MergeAmounts(CustomerState *state, uint8 *facts, const CustomerState *other, const uint8 *theirs)
{
	SeriesState *series = (SeriesState *) state;
	const AmountLog *others = AmountsOf(other);

	SeriesStateNumber(series);
	for (int b = 0; b < ZoneBytes(series); b++)
		facts[b] |= theirs[b];
	for (uint32 next = LoadNumber(LogFacts(series, theirs)); next != 0;)
	{
		const LoggedAmount *sum = AmountAt(others, next - 1);
		Amount		amount = {.form = sum->form, .value = sum->value};

		if (sum->period >= series->calendar->nperiods)
			elog(ERROR, "invalid amount in a serialized state");
		if (amount.form == AMOUNT_NUMERIC)
			amount = AmountCopy(&amount, state->table.context);
		AddAmount(series, facts, sum->period, &amount);
		next = sum->customer;
	}
}

static Size
AmountsCustomerSize(const CustomerState *state)
{
	return ZonesSize(state) + AMOUNTS_WIRE_CUSTOMER;
}

static Size
AmountsWireSize(const CustomerState *state)
{
	return AmountLogWireSize(AmountsOf(state));
}

static void
WriteAmounts(StateWriter *writer, const uint8 *facts)
{
	const SeriesState *series = (const SeriesState *) writer->state;

	pq_sendbytes(writer->wire, (const char *) facts, ZoneBytes(series));
	AmountLogWrite(&series->amounts, writer, LoadNumber(LogFacts(series, facts)));
}

static void
ReadAmounts(StringInfo wire, CustomerState *state, uint8 *facts)
{
	SeriesState *series = (SeriesState *) state;
	uint32		head;

	series->amounts.chained = true;
	memcpy(facts, pq_getmsgbytes(wire, ZoneBytes(series)), ZoneBytes(series));
	head = AmountLogRead(&series->amounts, CurrentMemoryContext, wire);
	StoreNumber(LogFacts(series, facts), head);
	if (head != 0 && (!(facts[0] & SLOT_TAKEN) || !series->log.has_amounts))
		elog(ERROR, "unexpected amounts in a serialized state");
}

static uint32
CountAmounts(const CustomerState *state)
{
	return AmountsOf(state)->namounts;
}

static const FactsCodec amounts_codec = {
	.customer_size = AmountsCustomerSize,
	.event_size = AMOUNTS_WIRE_AMOUNT,
	.events_size = AmountsWireSize,
	.write = WriteAmounts,
	.read = ReadAmounts,
	.nevents = CountAmounts
};

#ifdef USE_ASSERT_CHECKING
static void
AssertAmounts(const CustomerState *state, bool whole)
{
	const SeriesState *series = (const SeriesState *) state;
	const AmountLog *log = &series->amounts;
	uint64		cursor = 0;
	const uint8 *facts;

	Assert(series->log.nevents == 0);
	if (!whole && CustomerTableSize(&state->table) > SMALL_TABLE)
		return;
	while ((facts = CustomerTableNextFacts(&state->table, &cursor)) != NULL)
	{
		uint32		number = LoadNumber(LogFacts(series, facts));

		CheckZones(state, facts);
		Assert(number <= (log->chained ? log->namounts : log->highest));
		Assert(number == 0 || log->chained || !log->single ||
			   AmountAt(log, number - 1)->customer == number);
	}
}
#endif

static const SeriesStateOps amounts_ops = {
	.base = {
		.tag = 'a',
		.row_size = sizeof(AmountRow),
		.codec = &amounts_codec,
		.facts_size = AmountsSize,
		.add_rows = AddAmounts,
		.merge_facts = MergeAmounts,
		.merge_head = MergeHead,
		.prepare = ChainAmounts,
		.create_like = CreateLike,
		.write_head = WriteHead,
		.read_head = ReadHead,
		.check_facts = CheckZones,
#ifdef USE_ASSERT_CHECKING
		.check = AssertAmounts,
#endif
	},
	.summarize = SummarizeAmounts
};

const CustomerStateOps *const series_amounts_kind = &amounts_ops.base;

/* Count the customers in each period, and add up their amounts. */
SeriesTally *
SeriesStateTally(SeriesState *state)
{
	SeriesTally *tally = SeriesTallyCreate(state->calendar, state->log.has_amounts);

	tally->first_at = state->first_at;
	tally->last_at = state->last_at;
	CustomerStateFlush(&state->base);
	((const SeriesStateOps *) state->base.ops)->summarize(state, tally);
	SeriesTallySettle(tally);
	return tally;
}
