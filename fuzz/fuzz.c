/*
 * fuzz.c
 *	  The targets for libFuzzer: everything that winback reads from outside.
 *	  scripts/fuzz builds and runs it.
 *
 *		fuzz --target=NAME DIRECTORY...		fuzz one of the targets below
 *		fuzz --seeds=DIRECTORY				write the first inputs, and end
 *
 * It is linked with the real objects of winback and of PostgreSQL's backend, all
 * but main(): nothing is stubbed.  An execution stands for one call in a query: it
 * has its own memory context, and an error ends it.  An error refuses the input,
 * as it should.  Everything else that ends the program is a finding: a report of a
 * sanitizer, a failed assertion, too much time or memory, leaked memory, or two
 * answers that differ and should be equal.
 *
 * Limits: there is no database.  Two keys whose type decides their equality
 * (KEY_VALUE) count as equal here when their words are equal, for the functions of
 * a type trust their arguments to be valid values.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "state/period_state.h"
#include "state/series_state.h"
#include "types/customer_history.h"
#include "types/history_purchases.h"
#include "state/silence_state.h"
#include "types/rate_tally.h"
#include "types/return_curve.h"
#include "state/state_wire.h"

extern int	LLVMFuzzerInitialize(int *argc, char ***argv);
extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

extern Datum lifecycle_status_in(PG_FUNCTION_ARGS);
extern Datum lifecycle_status_out(PG_FUNCTION_ARGS);
extern Datum lifecycle_status_recv(PG_FUNCTION_ARGS);
extern Datum lifecycle_status_send(PG_FUNCTION_ARGS);
extern Datum lifecycle_event_in(PG_FUNCTION_ARGS);
extern Datum lifecycle_event_out(PG_FUNCTION_ARGS);
extern Datum lifecycle_event_recv(PG_FUNCTION_ARGS);
extern Datum lifecycle_event_send(PG_FUNCTION_ARGS);
extern Datum rate_tally_in(PG_FUNCTION_ARGS);
extern Datum rate_tally_out(PG_FUNCTION_ARGS);
extern Datum rate_tally_recv(PG_FUNCTION_ARGS);
extern Datum rate_tally_send(PG_FUNCTION_ARGS);
extern Datum lifecycle_tally_in(PG_FUNCTION_ARGS);
extern Datum lifecycle_tally_out(PG_FUNCTION_ARGS);
extern Datum lifecycle_tally_recv(PG_FUNCTION_ARGS);
extern Datum lifecycle_tally_send(PG_FUNCTION_ARGS);
extern Datum customer_history_in(PG_FUNCTION_ARGS);
extern Datum customer_history_out(PG_FUNCTION_ARGS);
extern Datum customer_history_recv(PG_FUNCTION_ARGS);
extern Datum customer_history_send(PG_FUNCTION_ARGS);
extern Datum customer_history_add(PG_FUNCTION_ARGS);
extern Datum customer_history_to_jsonb(PG_FUNCTION_ARGS);
extern Datum customer_history_from_jsonb(PG_FUNCTION_ARGS);
extern Datum return_curve_in(PG_FUNCTION_ARGS);
extern Datum return_curve_out(PG_FUNCTION_ARGS);
extern Datum return_curve_recv(PG_FUNCTION_ARGS);
extern Datum return_curve_send(PG_FUNCTION_ARGS);

/* from PostgreSQL's main.c, which is left out */
const char *progname = "fuzz";

/* A series of more periods is not merged and counted: it takes too long. */
#define FEW_PERIODS			200
/* A portion of a state of more customers is not merged: it takes too much memory. */
#define MANY_CUSTOMERS		10000

static void
Finding(const char *message)
{
	fprintf(stderr, "FINDING: %s\n", message);
	abort();
}

#define Must(condition, message) ((condition) ? (void) 0 : Finding(message))

/* ------------------------------------------------ values as text and as bytes */

static char *
TextFrom(const uint8 *data, size_t size)
{
	return pnstrdup((const char *) data, size);
}

/* Make a message of exactly these bytes, so that a sanitizer sees reads beyond them. */
static StringInfo
MessageFrom(const uint8 *data, size_t size)
{
	StringInfo	message = palloc0(sizeof(StringInfoData));

	message->data = memcpy(palloc(size), data, size);
	message->len = message->maxlen = size;
	return message;
}

static void
ReadText(const uint8 *data, size_t size, PGFunction in, PGFunction out, bool exact)
{
	char	   *text = TextFrom(data, size);
	Datum		value = DirectFunctionCall1(in, CStringGetDatum(text));
	char	   *first = DatumGetCString(DirectFunctionCall1(out, value));
	Datum		again = DirectFunctionCall1(in, CStringGetDatum(first));
	char	   *second = DatumGetCString(DirectFunctionCall1(out, again));

	Must(strcmp(first, second) == 0, "a value does not read back as itself");
	Must(!exact || strcmp(text, first) == 0, "the input function accepts a text that is no label");
}

static void
ReadBytes(const uint8 *data, size_t size, PGFunction recv, PGFunction send)
{
	StringInfo	message = MessageFrom(data, size);
	Datum		value = DirectFunctionCall1(recv, PointerGetDatum(message));
	bytea	   *sent = DatumGetByteaPP(DirectFunctionCall1(send, value));

	Must(VARSIZE_ANY_EXHDR(sent) == message->cursor &&
		 memcmp(VARDATA_ANY(sent), data, message->cursor) == 0,
		 "a value is not sent as the bytes that were received");
}

static void
StatusIn(const uint8 *data, size_t size)
{
	ReadText(data, size, lifecycle_status_in, lifecycle_status_out, true);
}

static void
StatusRecv(const uint8 *data, size_t size)
{
	ReadBytes(data, size, lifecycle_status_recv, lifecycle_status_send);
}

static void
EventIn(const uint8 *data, size_t size)
{
	ReadText(data, size, lifecycle_event_in, lifecycle_event_out, true);
}

static void
EventRecv(const uint8 *data, size_t size)
{
	ReadBytes(data, size, lifecycle_event_recv, lifecycle_event_send);
}

static void
TallyIn(const uint8 *data, size_t size)
{
	ReadText(data, size, rate_tally_in, rate_tally_out, false);
}

static void
TallyRecv(const uint8 *data, size_t size)
{
	ReadBytes(data, size, rate_tally_recv, rate_tally_send);
}

static void
CountsIn(const uint8 *data, size_t size)
{
	ReadText(data, size, lifecycle_tally_in, lifecycle_tally_out, false);
}

static void
CountsRecv(const uint8 *data, size_t size)
{
	ReadBytes(data, size, lifecycle_tally_recv, lifecycle_tally_send);
}

/*
 * Return whether a text contains a word that may be the name of a time zone.  PostgreSQL keeps each
 * zone, and makes one of any three letters with a number, such as interest0.
 */
static bool
MayNameZone(const uint8 *data, size_t size)
{
	static const char *const words[] = {
		"date", "timestamp", "timestamptz", "interest", "purchase", "cancellation", "adjustment",
		"infinity", "nan", "epoch", "bc", "ad", "am", "pm", "t", "z", "e", "january", "feb"
	};
	size_t		length;

	for (size_t i = 0; i < size; i += Max(length, 1))
	{
		bool		known = false;

		for (length = 0; i + length < size && isalpha(data[i + length]);)
			length++;
		for (int w = 0; w < (int) lengthof(words); w++)
			known |= strlen(words[w]) == length &&
				pg_strncasecmp(words[w], (const char *) data + i, length) == 0;
		if ((length > 0 && !known) || data[i] == '<' || data[i] == '/' ||
			(length >= 1 && i + length < size && strchr(" \t\n,;}", data[i + length]) == NULL))
			return true;
	}
	return false;
}

static void
HistoryIn(const uint8 *data, size_t size)
{
	if (MayNameZone(data, size))
		return;
	ReadText(data, size, customer_history_in, customer_history_out, false);
}

static void
HistoryRecv(const uint8 *data, size_t size)
{
	ReadBytes(data, size, customer_history_recv, customer_history_send);
}

static bool
SameBytes(Datum a, Datum b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/* Use bytes as if they were a history in a table, where nothing has checked them. */
static void
UseHistory(const uint8 *data, size_t size)
{
	struct varlena *bytes = palloc(VARHDRSZ + size);
	Datum		history = PointerGetDatum(bytes);
	Purchases	purchases;
	int64		instants[PURCHASES_MAX];
	uint64		codes[PURCHASES_MAX] = {0};
	bool		fast;
	HistoryHead head;
	HistoryReader reader;
	HistoryEvent event;
	HistoryBuilder *builder;
	HistoryBuilder *other;
	int64		last = BEGINNING_OF_TIME;
	uint32		nevents = 0;
	Datum		sum;
	Datum		json;

	SET_VARSIZE(bytes, VARHDRSZ + size);
	memcpy(VARDATA(bytes), data, size);

	/* the fast functions read the same, or leave it */
	fast = PurchasesReadHead(&purchases, bytes) &&
		PurchasesReadInstants(&purchases, instants, codes);
	head = HistoryReadHead(history);
	HistoryOpen(&reader, history);
	builder = HistoryBuilderCreate(CurrentMemoryContext, head.unit);
	while (HistoryNext(&reader, &event))
	{
		Must(event.at >= last && event.at >= head.first && event.at <= head.last,
			 "events of a history are not in order");
		if (fast)
			Must(event.event == EVENT_PURCHASE && instants[nevents] == event.at &&
				 (codes[nevents] == 0 || !purchases.has_amounts) == (event.form == AMOUNT_NONE),
				 "the fast functions read another event");
		last = event.at;
		nevents++;
		builder = HistoryBuilderAdd(builder, &event);
	}
	Must(nevents == head.nevents && last == head.last, "the head of a history is wrong");
	(void) DirectFunctionCall1(customer_history_out, history);

	/* a history that was made again is canonical, and sums do not depend on the way */
	history = PointerGetDatum(HistoryBuilderFinish(builder));
	json = DirectFunctionCall1(customer_history_to_jsonb, history);
	sum = DirectFunctionCall2(customer_history_add, history, history);
	other = HistoryBuilderDeserialize(HistoryBuilderSerialize(builder));
	builder = HistoryBuilderMerge(builder, other);
	Must(SameBytes(sum, PointerGetDatum(HistoryBuilderFinish(builder))),
		 "two sums of histories differ");
	Must(SameBytes(history, DirectFunctionCall1(customer_history_from_jsonb, json)),
		 "a history does not read back from jsonb as itself");
}

/* Read a state of history_agg as a leader does. */
static void
ReadHistoryState(const uint8 *data, size_t size)
{
	bytea	   *bytes = palloc(VARHDRSZ + size);
	HistoryBuilder *sent;
	HistoryBuilder *merged;

	SET_VARSIZE(bytes, VARHDRSZ + size);
	memcpy(VARDATA(bytes), data, size);
	sent = HistoryBuilderDeserialize(bytes);
	merged = HistoryBuilderMerge(HistoryBuilderCreate(CurrentMemoryContext, sent->unit), sent);
	Must(SameBytes(PointerGetDatum(HistoryBuilderFinish(sent)),
				   PointerGetDatum(HistoryBuilderFinish(merged))),
		 "a merged state gives another history");
}

static void
CurveIn(const uint8 *data, size_t size)
{
	ReadText(data, size, return_curve_in, return_curve_out, false);
}

static void
CurveRecv(const uint8 *data, size_t size)
{
	ReadBytes(data, size, return_curve_recv, return_curve_send);
}

/* -------------------------------------------------------------------- states */

static bytea *
ByteaFrom(const uint8 *data, size_t size)
{
	bytea	   *bytes = palloc(VARHDRSZ + size);

	SET_VARSIZE(bytes, VARHDRSZ + size);
	memcpy(VARDATA(bytes), data, size);
	return bytes;
}

static void
MustBeSame(bytea *a, bytea *b)
{
	Must(VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0,
		 "a state that was received is not sent as the same bytes");
}

static CustomerType *TypeOfPath(KeyPath path);

/*
 * Make the family of a leader that receives a state.  As in CombineFamily, its customer
 * type follows from the Oid alone.  Keys of a form that the type cannot have must be
 * refused.
 */
static StateFamily *
FamilyOfState(const CustomerState *state)
{
	StateFamily *family = palloc0(sizeof(StateFamily));
	Oid			type = state->customer_type;

	family->context = CurrentMemoryContext;
	family->customer_type = TypeOfPath(type == INT4OID ? CUSTOMER_INT32 :
									   type == INT8OID ? CUSTOMER_INT64 :
									   type == UUIDOID ? CUSTOMER_UUID :
									   type == TEXTOID ? CUSTOMER_TEXT : CUSTOMER_ANY);
	family->customer_type->type = type;
	return family;
}

static CustomerState *
EmptyState(const CustomerState *like)
{
	return like->ops->create_like(CurrentMemoryContext, FamilyOfState(like), like);
}

/* Whether a state claims to be a portion of a large one, for which a leader makes room. */
static bool
IsPortionOfLargeState(const CustomerTable *table)
{
	return Max(table->whole->ntaken, table->whole->nslots) > MANY_CUSTOMERS;
}

/* Return a sum over the events of a customer.  It does not depend on their order. */
static uint64
SumOfEvents(const EventLog *log, uint32 head)
{
	uint64		sum = 0;

	for (uint32 e = head; e != 0; e = log->events[e - 1].next)
	{
		const LoggedEvent *event = &log->events[e - 1];
		uint64		one = hash_uint32_extended((uint32) event->at + event->event, event->at >> 32);

		if (event->amount_form == AMOUNT_NUMERIC)
			one += hash_bytes_extended((const unsigned char *) log->amounts[e - 1].numeric,
									   VARSIZE(log->amounts[e - 1].numeric), one);
		else if (event->amount_form != AMOUNT_NONE)
			one += hash_uint32_extended((uint32) log->amounts[e - 1].scaled + event->amount_form,
										log->amounts[e - 1].scaled >> 32);
		sum += one;
	}
	return sum;
}

/*
 * Return a sum over the amounts of a customer of a chained log.  It does not depend on which of them
 * are added up in one element.
 */
static uint64
SumOfAmounts(const AmountLog *log, uint32 head)
{
	uint64		sum = 0;

	for (uint32 next = head; next != 0; next = AmountAt(log, next - 1)->customer)
	{
		const LoggedAmount *amount = AmountAt(log, next - 1);
		uint64		factor = hash_uint32_extended(amount->period, amount->form);

		if (amount->form == AMOUNT_NUMERIC)
			sum += hash_bytes_extended((const unsigned char *) amount->value.numeric,
									   VARSIZE(amount->value.numeric), factor);
		else
			sum += (uint64) amount->value.scaled * factor;
	}
	return sum;
}

static bool
SameFacts(const CustomerState *a, const uint8 *a_facts, const CustomerState *b,
		  const uint8 *b_facts)
{
	if (a->ops == series_amounts_kind)
	{
		const SeriesState *ours = (const SeriesState *) a;
		const SeriesState *theirs = (const SeriesState *) b;

		return memcmp(a_facts, b_facts, ZoneBytes(ours)) == 0 &&
			SumOfAmounts(&ours->amounts, LoadNumber(LogFacts(ours, a_facts))) ==
			SumOfAmounts(&theirs->amounts, LoadNumber(LogFacts(theirs, b_facts)));
	}
	/* the facts are places in a log, and the curves are compared later */
	if (a->ops == silences_kind)
		return true;
	if (a->ops != series_events_kind)
		return memcmp(a_facts, b_facts, a->table.facts_size) == 0;
	return SumOfEvents(&((const SeriesState *) a)->log, LoadHead(a_facts)) ==
		SumOfEvents(&((const SeriesState *) b)->log, LoadHead(b_facts));
}

static void
MustHaveSameCustomers(const CustomerState *a, CustomerState *b)
{
	uint64		cursor = 0;
	CustomerKey key;
	char		room[TEXT_IN_WORDS];
	uint8	   *a_facts;
	uint8	   *b_facts;

	Must(a->table.form == b->table.form, "two equal states have keys of different forms");
	Must(a->table.ntaken == b->table.ntaken,
		 "two equal states have different numbers of customers");
	while (CustomerTableNextFor(&b->table, &a->table, &cursor, &key, room, &a_facts))
	{
		Must(!key.wide, "a customer of a state does not fit into an equal state");
		CustomerTableLocate(&b->table, &key, 1, &b_facts);
		Must(SameFacts(a, a_facts, b, b_facts),
			 "a customer has different facts in two equal states");
	}
	Must(a->table.ntaken == b->table.ntaken, "two equal states have different customers");
}

/*
 * Merge a received state into an empty one, once directly (one) and once by way of
 * portions (two), and check that both are equal.  Return false if that would take too
 * long.
 */
static bool
MergeTwice(CustomerState *sent, CustomerState **one, CustomerState **two)
{
	bytea	   *bytes = CustomerStateSerialize(sent, NULL);
	CustomerState *again = CustomerStateDeserialize(bytes);
	Portion		portion = {0};

	MustBeSame(CustomerStateSerialize(again, NULL), bytes);
	if (IsPortionOfLargeState(&sent->table))
		return false;
	/* a portion may claim a false size of the whole; this makes only the form of the keys wrong */
	CustomerStateMerge(EmptyState(sent), sent);
	sent->table.whole = again->table.whole = NULL;

	*one = EmptyState(sent);
	*two = EmptyState(sent);
	CustomerStateMerge(*one, sent);
	while (!portion.done)
		CustomerStateMerge(*two, CustomerStateDeserialize(CustomerStateSerialize(*one, &portion)));
	/* merging a state twice counts a purchase once, but each event of a log twice */
	if (sent->ops != series_events_kind && sent->ops != series_amounts_kind)
		CustomerStateMerge(*two, again);
	if (sent->ops->prepare != NULL)
	{
		/* compare chains, and not the order in which customers were numbered */
		sent->ops->prepare(*one);
		sent->ops->prepare(*two);
	}
	MustHaveSameCustomers(*one, *two);
	return true;
}

typedef int64 OutcomeCounts[8][2][8];

static void
CountOutcome(void *arg, const Outcome *outcome, int64 customers)
{
	OutcomeCounts *counts = arg;

	(*counts)[outcome->before / 16][outcome->bought][outcome->after / 16] += customers;
}

static void
ReadPeriodState(const uint8 *data, size_t size)
{
	CustomerState *sent = CustomerStateDeserialize(ByteaFrom(data, size));
	CustomerState *one;
	CustomerState *two;
	OutcomeCounts counts[2] = {0};

	if ((sent->ops != period_purchases_kind && sent->ops != period_events_kind) ||
		!MergeTwice(sent, &one, &two))
		return;
	PeriodStateVisit((PeriodState *) one, CountOutcome, &counts[0]);
	PeriodStateVisit((PeriodState *) two, CountOutcome, &counts[1]);
	Must(memcmp(counts[0], counts[1], sizeof(counts[0])) == 0,
		 "two equal states have different counts");
}

static char *
RevenueText(SeriesTally *tally, int period, int part)
{
	Datum		sum = AmountSumGet(&tally->revenue[period][part], tally->caller);

	return DatumGetCString(DirectFunctionCall1(numeric_out, sum));
}

static void
ReadSeriesState(const uint8 *data, size_t size)
{
	CustomerState *sent = CustomerStateDeserialize(ByteaFrom(data, size));
	CustomerState *one;
	CustomerState *two;
	EventLog   *log;
	AmountLog  *amounts;
	const Calendar *calendar;
	SeriesTally *tallies[2];

	if (sent->ops != series_purchases_kind && sent->ops != series_amounts_kind &&
		sent->ops != series_events_kind)
		return;
	/* a state trusts the digits of a received numeric */
	log = &((SeriesState *) sent)->log;
	for (uint32 e = 0; e < log->nevents; e++)
		if (log->events[e].amount_form == AMOUNT_NUMERIC)
			log->amounts[e].numeric = int64_to_numeric(VARSIZE(log->amounts[e].numeric));
	amounts = &((SeriesState *) sent)->amounts;
	for (uint32 place = 0; place < amounts->namounts; place++)
	{
		LoggedAmount *amount = AmountAt(amounts, place);

		if (amount->form == AMOUNT_NUMERIC)
			amount->value.numeric = int64_to_numeric(VARSIZE(amount->value.numeric));
	}
	calendar = CalendarCreate(CurrentMemoryContext, &((SeriesState *) sent)->calendar->question);
	if (calendar->nperiods > FEW_PERIODS || !MergeTwice(sent, &one, &two))
		return;
	tallies[0] = SeriesStateTally((SeriesState *) one);
	tallies[1] = SeriesStateTally((SeriesState *) two);
	Must(memcmp(tallies[0]->periods, tallies[1]->periods,
				calendar->nperiods * sizeof(PeriodTally)) == 0,
		 "two equal states have different counts");
	for (int i = 0; tallies[0]->has_amounts && i < calendar->nperiods; i++)
		for (int part = 0; part < NREVENUES; part++)
			Must(strcmp(RevenueText(tallies[0], i, part), RevenueText(tallies[1], i, part)) == 0,
				 "two equal states have different revenue");
}

static void
ReadSilenceState(const uint8 *data, size_t size)
{
	CustomerState *sent = CustomerStateDeserialize(ByteaFrom(data, size));
	CustomerState *one;
	CustomerState *two;
	Curve		curves[2];

	if ((sent->ops != silences_kind && sent->ops != open_silences_kind) ||
		!MergeTwice(sent, &one, &two))
		return;
	curves[0] = SilenceStateCurve((SilenceState *) one);
	curves[1] = SilenceStateCurve((SilenceState *) two);
	MustBeSame(DatumGetByteaP(CurveDatum(&curves[0])), DatumGetByteaP(CurveDatum(&curves[1])));
}

/* -------------------------------------------------------------- the targets */

typedef struct Target
{
	const char *name;
	void		(*run) (const uint8 *data, size_t size);
	const char *seeds;			/* values, separated by spaces; NULL for states */
	PGFunction	in;				/* write each seed as the type sends it; NULL: as text */
	PGFunction	send;
} Target;

#define STATUSES	"prospect new active inactive churned reactivated won_back"
#define EVENTS		"interest purchase cancellation"
#define TALLIES		"0/0 12/340 9223372036854775807/9223372036854775807"
#define COUNTS \
	"{\"version\":1,\"type\":\"date\",\"step\":null,\"inactive_after\":\"P30D\"," \
	"\"churned_after\":null,\"lost_after\":null,\"amounts\":true," \
	"\"data\":[\"2023-01-01\",\"2024-01-01\"],\"from\":\"2024-01-01\",\"periods\":[" \
	"{\"to\":null,\"reach\":\"2023-12-02\",\"later\":null," \
	"\"customers\":{\"churned/bought/active\":300},\"sustained\":2," \
	"\"revenue\":[0.00,-1.5,\"NaN\",0,100000000000000000000]}]}"
#define CURVES		"{} {9:1/0,13:1/1} {1:0/0/2,300:1000/0} {2147483647:9223372036854775806/1}"

/* A history contains spaces, so WriteSeeds writes these. */
static const char *const histories[] = {
	"{date; 2024-01-05}",
	"{date; -infinity, 2024-01-05 purchase 49.90, 2024-01-05 interest, infinity cancellation}",
	"{timestamp; 2024-01-05 10:00, 2024-02-01 09:00:00.000001 adjustment -5.00}",
	"{timestamptz; 2024-01-05 10:00:00+00 purchase 1, 2024-02-01 09:00:00+00 purchase 1.50}",
	"{timestamptz; 2024-02-02 purchase NaN, 2024-03-01 purchase 12345678901234567890.5 }"
};

static const Target targets[] = {
	{"status_in", StatusIn, STATUSES, NULL, NULL},
	{"status_recv", StatusRecv, STATUSES, NULL, NULL},
	{"event_in", EventIn, EVENTS, NULL, NULL},
	{"event_recv", EventRecv, EVENTS, NULL, NULL},
	{"tally_in", TallyIn, TALLIES, NULL, NULL},
	{"tally_recv", TallyRecv, TALLIES, rate_tally_in, rate_tally_send},
	{"counts_in", CountsIn, COUNTS, NULL, NULL},
	{"counts_recv", CountsRecv, COUNTS, lifecycle_tally_in, lifecycle_tally_send},
	{"curve_in", CurveIn, CURVES, NULL, NULL},
	{"curve_recv", CurveRecv, CURVES, return_curve_in, return_curve_send},
	{"period_state", ReadPeriodState, NULL, NULL, NULL},
	{"series_state", ReadSeriesState, NULL, NULL, NULL},
	{"history_in", HistoryIn, NULL, NULL, NULL},
	{"history_recv", HistoryRecv, NULL, NULL, NULL},
	{"history_use", UseHistory, NULL, NULL, NULL},
	{"history_state", ReadHistoryState, NULL, NULL, NULL},
	{"silence_state", ReadSilenceState, NULL, NULL, NULL},
};

/* ---------------------------------------------------------- the first inputs */

static const char *seeds_directory;

/* Numbers of forged seeds begin here. */
#define FORGED	1000

static void
WriteSeed(const char *target, int number, const void *data, size_t size)
{
	char	   *directory = psprintf("%s/%s", seeds_directory, target);
	FILE	   *file;

	(void) mkdir(directory, 0777);
	file = fopen(psprintf("%s/seed-%d", directory, number), "w");
	if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0)
		elog(ERROR, "cannot write to %s: %m", directory);
}

static void
WriteState(const char *target, int number, bytea *state)
{
	WriteSeed(target, number, VARDATA(state), VARSIZE(state) - VARHDRSZ);
}

/*
 * Customers of every form: integers (of more than 32 bits, too), uuid, text, and a type
 * whose own equality decides.
 */
static const KeyPath paths[] = {
	CUSTOMER_INT32, CUSTOMER_INT64, CUSTOMER_UUID, CUSTOMER_TEXT, CUSTOMER_ANY, CUSTOMER_INT32
};

/* The last of them becomes an array here; by itself a table needs more customers for that. */
#define IS_ARRAY(path)	((path) == (int) lengthof(paths) - 1)

static void
BecomeArray(CustomerTable *table)
{
	CustomerTable array;
	char	   *slots = palloc0(4 * table->facts_size);

	slots[0] = SLOT_TAKEN;
	CustomerTableInitDense(&array, CurrentMemoryContext, table->facts_size, -2, 4, slots);
	CustomerTableMatch(table, &array);
	Must(table->form == KEY_DENSE, "the table of a seed is not an array");
}

static CustomerType *
TypeOfPath(KeyPath path)
{
	CustomerType *customer_type = palloc0(sizeof(CustomerType));

	customer_type->path = path;
	switch (path)
	{
		case CUSTOMER_UUID:
			customer_type->type = UUIDOID;
			customer_type->form = KEY_PAIR;
			break;
		case CUSTOMER_TEXT:
			customer_type->type = TEXTOID;
			customer_type->form = KEY_PAIR;
			break;
		case CUSTOMER_ANY:
			customer_type->type = TIMESTAMPOID;
			customer_type->form = KEY_VALUE;
			customer_type->typlen = sizeof(int64);
			customer_type->typbyval = true;
			customer_type->hash_is_extended = true;
			fmgr_info(F_HASHINT8EXTENDED, &customer_type->hash);
			fmgr_info(F_INT8EQ, &customer_type->equal);
			break;
		default:
			customer_type->type = path == CUSTOMER_INT32 ? INT4OID : INT8OID;
			customer_type->form = KEY_HALF;
	}
	return customer_type;
}

static Datum
CustomerNumber(KeyPath path, int n)
{
	pg_uuid_t  *uuid;

	switch (path)
	{
		case CUSTOMER_UUID:
			uuid = palloc0(sizeof(pg_uuid_t));
			uuid->data[n % UUID_LEN] = n + 1;
			return UUIDPGetDatum(uuid);
		case CUSTOMER_TEXT:
			return PointerGetDatum(cstring_to_text(psprintf("%.*d", n * 3, n)));
		case CUSTOMER_INT32:
			return Int32GetDatum(n - 2);
		default:
			return Int64GetDatum((n - 2) * INT64CONST(0x200000000));
	}
}

static void
WriteSeeds(void)
{
	static const LifecycleEvent events[] = {EVENT_PURCHASE, EVENT_CANCELLATION, EVENT_INTEREST};
	int			nstates = 0;

	(void) mkdir(seeds_directory, 0777);
	for (int t = 0; t < (int) lengthof(targets); t++)
	{
		char	   *rest = pstrdup(targets[t].seeds ? targets[t].seeds : "");

		for (int n = 0; *rest != '\0'; n++)
		{
			char	   *value = strsep(&rest, " ");

			if (targets[t].in != NULL)
			{
				Datum		read = DirectFunctionCall1(targets[t].in, CStringGetDatum(value));
				Datum		sent = DirectFunctionCall1(targets[t].send, read);

				WriteState(targets[t].name, n, DatumGetByteaP(sent));
			}
			else
				WriteSeed(targets[t].name, n, value, strlen(value));
			if (rest == NULL)
				break;
		}
	}

	for (int n = 0; n < (int) lengthof(histories); n++)
	{
		Datum		history = DirectFunctionCall1(customer_history_in,
												  CStringGetDatum(histories[n]));
		bytea	   *sent = DatumGetByteaP(DirectFunctionCall1(customer_history_send, history));
		HistoryBuilder *builder;
		HistoryReader reader;
		HistoryEvent event;

		HistoryOpen(&reader, history);
		builder = HistoryBuilderCreate(CurrentMemoryContext, reader.head.unit);
		while (HistoryNext(&reader, &event))
			builder = HistoryBuilderAdd(builder, &event);
		WriteSeed("history_in", n, histories[n], strlen(histories[n]));
		WriteState("history_recv", n, sent);
		WriteState("history_use", n, sent);
		WriteState("history_state", n, HistoryBuilderSerialize(builder));
	}

	/*
	 * States of each form: purchases, events, events with amounts, and purchases with amounts, of 0 to
	 * 12 customers.
	 */
	for (int p = 0; p < (int) lengthof(paths); p++)
	{
		for (int kind = 0; kind < 4; kind++)
		{
			for (int ncustomers = 0; ncustomers <= 12; ncustomers += 4)
			{
				CustomerType *customer_type = TypeOfPath(paths[p]);
				Question	question = {
					.unit = p % 3,
					.has_inactive_after = true,
					.inactive_after.day = 30,
					.has_churned_after = kind > 0,
					.churned_after.month = 2,
					.has_step = true,
					.step.month = 1,
					.has_end = true
				};
				int64		day = question.unit == UNIT_DAY ? 1 : USECS_PER_DAY;
				PeriodJudge judge;
				StateFamily family = {
					.context = CurrentMemoryContext,
					.customer_type = customer_type
				};
				PeriodState *period;
				SeriesState *series;
				SilenceState *silences;
				Question	until = {.unit = question.unit};
				LocalDays	days;

				question.period.from = 8766 * day;	/* in 2024 */
				question.period.to = question.period.from + 150 * day;
				question.fingerprint = QuestionFingerprint(&question);
				PeriodJudgeInit(&judge, &question);
				period = PeriodStateCreate(CurrentMemoryContext, &family, &judge, kind > 0);
				series = SeriesStateCreate(CurrentMemoryContext, &family, &question,
										   kind == 1 || kind == 2, kind > 1);
				/* with as_of, without, and with days more than 179 years before until */
				until.period.from = kind == 0 ? question.period.from : BEGINNING_OF_TIME;
				until.period.to = question.period.to + (kind == 2 ? 70000 * day : 0);
				until.fingerprint = QuestionFingerprint(&until);
				LocalDaysInit(&days, CurrentMemoryContext, until.unit);
				silences = SilenceStateCreate(CurrentMemoryContext, &family, &until, &days);
				if (IS_ARRAY(p))
				{
					BecomeArray(&period->base.table);
					BecomeArray(&series->base.table);
					BecomeArray(&silences->base.table);
				}
				for (int n = 0; n < ncustomers * 2; n++)
				{
					Datum		customer = CustomerNumber(paths[p], n / 2);
					int64		at = question.period.from + (n * 37 % 200 - 100) * day;
					PeriodEvent row = {
						.at = at,
						.event = kind > 0 ? events[n % 3] : EVENT_PURCHASE,
						.verdict = JudgePurchase(&judge, at)
					};
					int			zone = Min(CalendarZone(series->calendar, at),
										   series->calendar->nedges - 1);
					Amount		amount = {.form = AMOUNT_NONE};

					/* an integer, and a numeric */
					if (kind > 1 && n % 2 == 1)
						amount = (Amount) {.form = 2, .value.scaled = n * 12345};
					else if (kind > 1 && n % 4 == 0)
						amount = (Amount)
					{
						.form = AMOUNT_NUMERIC, .value.numeric = int64_to_numeric(n * 12345)
					};

					if (kind == 0)
					{
						DayAround	around = ObservedDayAround(&silences->observed, &days, at);

						CustomerStateEnter(&silences->base, customer_type, customer, &around);
					}
					else
					{
						uint32		age = ObservedAge(&silences->observed, &days, at);

						CustomerStateEnter(&silences->base, customer_type, customer, &age);
					}
					if (kind > 0)
						CustomerStateEnter(&period->base, customer_type, customer, &row);
					else
						CustomerStateEnter(&period->base, customer_type, customer, &row.verdict);
					if (kind == 1 || kind == 2)
						SeriesStateEnterEvent(series, customer_type, customer, at, zone, row.event,
											  &amount);
					else if (kind == 3)
						SeriesStateEnterAmount(series, customer_type, customer, zone, &amount);
					else
						SeriesStateEnterZone(series, customer_type, customer, zone);
				}
				WriteState("period_state", nstates, CustomerStateSerialize(&period->base, NULL));
				WriteState("series_state", nstates, CustomerStateSerialize(&series->base, NULL));
				WriteState("silence_state", nstates,
						   CustomerStateSerialize(&silences->base, NULL));
				/* a forged state, with amounts, that says it has none: it once led to a crash */
				if (kind == 3)
				{
					series->log.has_amounts = false;
					WriteState("series_state", FORGED + nstates,
							   CustomerStateSerialize(&series->base, NULL));
				}
				nstates++;
			}
		}
	}
}

/* -------------------------------------------------------------- the beginning */

static const Target *target;
static MemoryContext execution;
static Size limit;				/* bytes of all memory contexts between executions */

static const char *
Option(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
	{
		if (strncmp(argv[i], name, strlen(name)) == 0)
			return argv[i] + strlen(name);
	}
	return NULL;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = Option(*argc, *argv, "--target=");

	MemoryContextInit();
	set_stack_base();
	pg_timezone_initialize();
	execution = AllocSetContextCreate(TopMemoryContext, "execution", ALLOCSET_DEFAULT_SIZES);

	seeds_directory = Option(*argc, *argv, "--seeds=");
	if (seeds_directory != NULL)
	{
		WriteSeeds();
		exit(0);
	}
	for (int t = 0; name != NULL && t < (int) lengthof(targets); t++)
	{
		if (strcmp(targets[t].name, name) == 0)
			target = &targets[t];
	}
	if (target == NULL)
	{
		fprintf(stderr, "usage: fuzz --target=NAME DIRECTORY... | --seeds=DIRECTORY\n");
		exit(1);
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	Size		kept;

	MemoryContextSwitchTo(execution);
	PG_TRY();
	{
		target->run(data, size);
	}
	PG_CATCH();
	{
		/* the input is refused; FlushErrorState must not run in ErrorContext */
		MemoryContextSwitchTo(execution);
		FlushErrorState();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextReset(execution);

	/* caches may grow at first, but memory must not grow with the executions */
	kept = MemoryContextMemAllocated(TopMemoryContext, true);
	if (limit == 0)
		limit = kept + 256 * 1024;
	Must(kept <= limit, "executions leak memory");
	return 0;
}
