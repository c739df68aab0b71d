/*
 * customer_history_io.c
 *	  The type customer_history in SQL: text, binary and jsonb forms, comparison, and what the
 *	  head of a history holds.
 *
 * The text form is
 *
 *		{timestamptz; 2024-01-05 10:00:00+00, 2024-02-01 09:00:00+00 purchase 49.90}
 *
 * It begins with the type of the instants.  Each event is an instant, then its kind and its amount,
 * if it has one.  An event without a kind is a purchase.  Output is in UTC and in ISO format
 * whatever the settings are, so that it can be read back under any.  On input, events come in any
 * order, and PostgreSQL's own functions read instants and amounts.  So an instant of a timestamptz
 * without an offset is in the session's TimeZone, as everywhere in PostgreSQL.
 *
 * The binary form is the stored format.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "types/customer_history.h"
#include "types/label.h"

PG_FUNCTION_INFO_V1(customer_history_in);
PG_FUNCTION_INFO_V1(customer_history_out);
PG_FUNCTION_INFO_V1(customer_history_recv);
PG_FUNCTION_INFO_V1(customer_history_send);
PG_FUNCTION_INFO_V1(customer_history_from_jsonb);
PG_FUNCTION_INFO_V1(customer_history_to_jsonb);
PG_FUNCTION_INFO_V1(customer_history_eq);
PG_FUNCTION_INFO_V1(customer_history_ne);
PG_FUNCTION_INFO_V1(customer_history_lt);
PG_FUNCTION_INFO_V1(customer_history_le);
PG_FUNCTION_INFO_V1(customer_history_ge);
PG_FUNCTION_INFO_V1(customer_history_gt);
PG_FUNCTION_INFO_V1(customer_history_cmp);
PG_FUNCTION_INFO_V1(customer_history_hash);
PG_FUNCTION_INFO_V1(customer_history_hash_extended);
PG_FUNCTION_INFO_V1(customer_history_add);
PG_FUNCTION_INFO_V1(customer_history_first_at);
PG_FUNCTION_INFO_V1(customer_history_last_at);
PG_FUNCTION_INFO_V1(customer_history_purchases);

#define HISTORY_HINT \
	"Write the type of the instants and the events, such as '{timestamptz; " \
	"2024-01-05 10:00:00+00, 2024-02-01 09:00:00+00 purchase 49.90, " \
	"2024-03-01 00:00:00+00 cancellation}'."

/* Events that are collected while a text is read. */
typedef struct EventList
{
	TimeUnit	unit;
	HistoryEvent *events;
	uint32		nevents;
	uint32		allocated;
} EventList;

static HistoryEvent *
NextEvent(EventList *list)
{
	if (list->nevents == list->allocated)
	{
		HistoryEvent *larger;

		list->allocated = Max(list->allocated * 2, 16);
		larger = HistoryEventsAlloc(list->allocated);
		if (list->nevents > 0)
		{
			memcpy(larger, list->events, list->nevents * sizeof(HistoryEvent));
			pfree(list->events);
		}
		list->events = larger;
	}
	return &list->events[list->nevents++];
}

/* Read the name of a unit.  Return false if it is none. */
static bool
ReadUnit(const char *name, TimeUnit *unit)
{
	for (int i = UNIT_DAY; i <= UNIT_TIMESTAMPTZ; i++)
	{
		*unit = (TimeUnit) i;
		if (pg_strcasecmp(name, TimeUnitName(*unit)) == 0)
			return true;
	}
	return false;
}

/* Read an instant as a literal of its type.  Return false after a soft error. */
static bool
ReadInstant(TimeUnit unit, char *text, Node *escontext, int64 *at)
{
	PGFunction	input = unit == UNIT_DAY ? date_in :
		unit == UNIT_TIMESTAMP ? timestamp_in : timestamptz_in;
	Datum		datum;

	if (!DirectInputFunctionCallSafe(input, text, InvalidOid, -1, escontext, &datum))
		return false;
	*at = InstantFromDatum(unit, datum);
	return true;
}

/* Read an amount as a literal of numeric.  Return false after a soft error. */
static bool
ReadAmount(char *text, Node *escontext, HistoryEvent *event)
{
	Datum		datum;

	if (!DirectInputFunctionCallSafe(numeric_in, text, InvalidOid, -1, escontext, &datum))
		return false;
	HistoryEventSetAmount(event, DatumGetNumeric(datum));
	return true;
}

/* Cut white space off both ends of a text, which is changed in place. */
static char *
Trim(char *text)
{
	char	   *end;

	while (isspace((unsigned char) *text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char) end[-1]))
		end--;
	*end = '\0';
	return text;
}

/*
 * Find the kind in the text of an event: the first word that is a label, but not the first word of
 * all.  Cut the text before and after it.  Return false if there is none.
 */
static bool
SplitAtKind(char *text, uint8 *event, char **rest)
{
	char	   *word = text;

	for (;;)
	{
		Size		length;

		while (*word != '\0' && !isspace((unsigned char) *word))
			word++;
		while (isspace((unsigned char) *word))
			word++;
		if (*word == '\0')
			return false;
		for (length = 0; word[length] != '\0' && !isspace((unsigned char) word[length]);)
			length++;
		if (LifecycleEventOfLabel(word, length, event))
		{
			word[-1] = '\0';
			*rest = Trim(word + length);
			return true;
		}
	}
}

/* Read one event.  Return false after a soft error. */
static bool
ReadEvent(EventList *list, char *text, Node *escontext)
{
	HistoryEvent *event = NextEvent(list);
	char	   *rest = "";

	event->form = AMOUNT_NONE;
	event->event = EVENT_PURCHASE;
	(void) SplitAtKind(text, &event->event, &rest);
	if (!ReadInstant(list->unit, Trim(text), escontext, &event->at) ||
		(*rest != '\0' && !ReadAmount(rest, escontext, event)))
		return false;
	return HistoryEventCheck(event, ERRCODE_INVALID_TEXT_REPRESENTATION, escontext);
}

Datum
customer_history_in(PG_FUNCTION_ARGS)
{
	const char *input = PG_GETARG_CSTRING(0);
	Node	   *escontext = fcinfo->context;
	EventList	list = {0};
	char	   *text = Trim(pstrdup(input));
	char	   *separator = strchr(text, ';');
	Size		length = strlen(text);

	if (*text != '{' || text[length - 1] != '}' || separator == NULL)
		goto invalid;
	text[length - 1] = '\0';
	*separator = '\0';
	if (!ReadUnit(Trim(text + 1), &list.unit))
		goto invalid;

	for (char *event = separator + 1; event != NULL;)
	{
		char	   *comma = strchr(event, ',');

		CHECK_FOR_INTERRUPTS();
		if (comma != NULL)
			*comma++ = '\0';
		/* the input functions of instants would overlook punctuation */
		event = Trim(event);
		if (*event == '\0' || strpbrk(event, "{};") != NULL)
			goto invalid;
		if (!ReadEvent(&list, event, escontext))
			PG_RETURN_NULL();
		event = comma;
	}
	PG_RETURN_POINTER(HistoryFromEvents(list.unit, list.events, list.nevents));

invalid:
	ereturn(escontext, (Datum) 0,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"", "customer_history", input),
			 errhint(HISTORY_HINT)));
}

/* Append an instant in ISO format, or in that of XML and JSON; a timestamptz is in UTC. */
static void
AppendInstant(StringInfo text, TimeUnit unit, int64 at, int style)
{
	char		buffer[MAXDATELEN + 1];
	struct pg_tm tm = {0};
	fsec_t		fsec = 0;

	if (at == BEGINNING_OF_TIME || at == END_OF_TIME)
		EncodeSpecialTimestamp(at, buffer);
	else if (unit == UNIT_DAY)
	{
		j2date((int) at + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		EncodeDateOnly(&tm, style, buffer);
	}
	else
	{
		if (timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
			elog(ERROR, "timestamp out of range");
		tm.tm_isdst = 0;		/* or EncodeDateTime prints no offset */
		EncodeDateTime(&tm, fsec, unit == UNIT_TIMESTAMPTZ, 0, NULL, style, buffer);
	}
	appendStringInfoString(text, buffer);
}

/* Return the amount of an event as text. */
static const char *
AmountText(const HistoryEvent *event)
{
	Amount		amount = {.form = event->form, .value = event->value};

	return DatumGetCString(DirectFunctionCall1(numeric_out,
											   NumericGetDatum(AmountToNumeric(&amount))));
}

Datum
customer_history_out(PG_FUNCTION_ARGS)
{
	HistoryReader reader;
	HistoryEvent event;
	StringInfoData text;
	const char *separator = "; ";

	HistoryOpen(&reader, PG_GETARG_DATUM(0));
	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	appendStringInfoString(&text, TimeUnitName(reader.head.unit));
	while (HistoryNext(&reader, &event))
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(&text, separator);
		separator = ", ";
		AppendInstant(&text, reader.head.unit, event.at, USE_ISO_DATES);
		if (event.event != EVENT_PURCHASE || event.form != AMOUNT_NONE)
			appendStringInfo(&text, " %s", LabelOfLifecycleEvent((LifecycleEvent) event.event));
		if (event.form != AMOUNT_NONE)
			appendStringInfo(&text, " %s", AmountText(&event));
	}
	appendStringInfoChar(&text, '}');
	PG_RETURN_CSTRING(text.data);
}

/*
 * Check bytes from outside and return them as a history.  The bytes are a history exactly if its
 * events, written again, give the same bytes.
 */
static struct varlena *
ReceiveHistory(const uint8 *bytes, Size size)
{
	HistoryReader reader;
	HistoryEvent *events;
	struct varlena *history;
	uint32		nevents = 0;

	HistoryReaderInit(&reader, bytes, size, ERRCODE_INVALID_BINARY_REPRESENTATION);
	events = HistoryEventsAlloc(reader.head.nevents);
	while (HistoryNext(&reader, &events[nevents]))
	{
		CHECK_FOR_INTERRUPTS();
		(void) HistoryEventCheck(&events[nevents], reader.sqlstate, NULL);
		/* between -infinity and infinity, the reader has not checked it */
		if (!HistoryInstantIsValid(reader.head.unit, events[nevents].at))
			HistoryIsInvalid(&reader);
		nevents++;
	}
	history = HistoryFromEvents(reader.head.unit, events, nevents);
	if (VARSIZE(history) - VARHDRSZ != size || memcmp(VARDATA(history), bytes, size) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary representation of customer_history"),
				 errdetail("These events have another representation.")));
	pfree(events);
	return history;
}

Datum
customer_history_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			size = message->len - message->cursor;

	PG_RETURN_POINTER(ReceiveHistory((const uint8 *) pq_getmsgbytes(message, size), size));
}

Datum
customer_history_send(PG_FUNCTION_ARGS)
{
	struct varlena *history = PG_GETARG_VARLENA_PP(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbytes(&message, VARDATA_ANY(history), (int) VARSIZE_ANY_EXHDR(history));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

/*
 * jsonb: {"unit": "date", "events": [{"at": "2024-01-05", "event": "purchase", "amount": 9.90}]}
 */

Datum
customer_history_to_jsonb(PG_FUNCTION_ARGS)
{
	HistoryReader reader;
	HistoryEvent event;
	StringInfoData json;
	const char *separator = "";

	HistoryOpen(&reader, PG_GETARG_DATUM(0));
	initStringInfo(&json);
	appendStringInfo(&json, "{\"unit\": \"%s\", \"events\": [", TimeUnitName(reader.head.unit));
	while (HistoryNext(&reader, &event))
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfo(&json, "%s{\"at\": \"", separator);
		separator = ", ";
		AppendInstant(&json, reader.head.unit, event.at, USE_XSD_DATES);
		appendStringInfo(&json, "\", \"event\": \"%s\"",
						 LabelOfLifecycleEvent((LifecycleEvent) event.event));
		if (event.form != AMOUNT_NONE)
		{
			/* JSON has no NaN and no infinity */
			const char *amount = AmountText(&event);
			const char *quote = strpbrk(amount, "NI") != NULL ? "\"" : "";

			appendStringInfo(&json, ", \"amount\": %s%s%s", quote, amount, quote);
		}
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoString(&json, "]}");
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

pg_noreturn static void
InvalidJson(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("jsonb is no customer_history"),
			 errdetail("%s", detail),
			 errhint("Use an object such as {\"unit\": \"date\", \"events\": [{\"at\": "
					 "\"2024-01-05\", \"event\": \"purchase\", \"amount\": 49.90}]}.")));
}

/* Return the value of a key, or NULL if there is none. */
static JsonbValue *
JsonValue(JsonbContainer *object, const char *key)
{
	return getKeyJsonValueFromContainer(object, key, (int) strlen(key), NULL);
}

static char *
JsonText(const JsonbValue *value, const char *detail)
{
	if (value != NULL && value->type == jbvString)
		return pnstrdup(value->val.string.val, value->val.string.len);
	InvalidJson(detail);
}

/* Read an event. */
static void
ReadJsonEvent(EventList *list, const JsonbValue *value)
{
	HistoryEvent *event = NextEvent(list);
	JsonbContainer *object;
	JsonbValue *kind;
	JsonbValue *amount;

	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		InvalidJson("An event is no object.");
	object = value->val.binary.data;
	(void) ReadInstant(list->unit, JsonText(JsonValue(object, "at"), "\"at\" of an event is no "
											"string."), NULL, &event->at);

	event->event = EVENT_PURCHASE;
	kind = JsonValue(object, "event");
	if (kind != NULL)
	{
		const char *label = JsonText(kind, "\"event\" of an event is no string.");

		if (!LifecycleEventOfLabel(label, strlen(label), &event->event))
			InvalidJson("\"event\" of an event must be interest, purchase, cancellation or "
						"adjustment.");
	}

	event->form = AMOUNT_NONE;
	amount = JsonValue(object, "amount");
	if (amount != NULL && amount->type == jbvNumeric)
		HistoryEventSetAmount(event, amount->val.numeric);
	else if (amount != NULL && amount->type == jbvString)
		(void) ReadAmount(JsonText(amount, ""), NULL, event);
	else if (amount != NULL && amount->type != jbvNull)
		InvalidJson("\"amount\" of an event is no number.");

	if (JsonContainerSize(object) != 1u + (kind != NULL) + (amount != NULL))
		InvalidJson("An event has a key other than \"at\", \"event\" and \"amount\".");
	(void) HistoryEventCheck(event, ERRCODE_INVALID_PARAMETER_VALUE, NULL);
}

Datum
customer_history_from_jsonb(PG_FUNCTION_ARGS)
{
	Jsonb	   *json = PG_GETARG_JSONB_P(0);
	EventList	list = {0};
	JsonbValue *events;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(json) ||
		!ReadUnit(JsonText(JsonValue(&json->root, "unit"), "There is no \"unit\"."), &list.unit))
		InvalidJson("\"unit\" must be timestamptz, timestamp or date.");
	events = JsonValue(&json->root, "events");
	if (events == NULL || events->type != jbvBinary ||
		!JsonContainerIsArray(events->val.binary.data) ||
		JsonContainerSize(events->val.binary.data) == 0)
		InvalidJson("\"events\" must be an array of at least one event.");
	if (JB_ROOT_COUNT(json) != 2)
		InvalidJson("There is a key other than \"unit\" and \"events\".");

	iterator = JsonbIteratorInit(events->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_ELEM)
			ReadJsonEvent(&list, &value);
	}
	PG_RETURN_POINTER(HistoryFromEvents(list.unit, list.events, list.nevents));
}

/*
 * Comparison.  The format is canonical, so bytes can be compared.  The order is without a meaning.
 */

static int
CompareArgs(FunctionCallInfo fcinfo)
{
	struct varlena *a = PG_GETARG_VARLENA_PP(0);
	struct varlena *b = PG_GETARG_VARLENA_PP(1);
	Size		a_size = VARSIZE_ANY_EXHDR(a);
	Size		b_size = VARSIZE_ANY_EXHDR(b);
	int			result = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(a_size, b_size));

	if (result == 0)
		result = (a_size > b_size) - (a_size < b_size);
	/* indexes call comparisons often */
	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return result;
}

/* Return whether the arguments are equal.  Those of different sizes need not be detoasted. */
static bool
EqualArgs(FunctionCallInfo fcinfo)
{
	return toast_raw_datum_size(PG_GETARG_DATUM(0)) == toast_raw_datum_size(PG_GETARG_DATUM(1)) &&
		CompareArgs(fcinfo) == 0;
}

Datum
customer_history_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(EqualArgs(fcinfo));
}

Datum
customer_history_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!EqualArgs(fcinfo));
}

Datum
customer_history_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) < 0);
}

Datum
customer_history_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) <= 0);
}

Datum
customer_history_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) >= 0);
}

Datum
customer_history_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) > 0);
}

Datum
customer_history_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(CompareArgs(fcinfo));
}

Datum
customer_history_hash(PG_FUNCTION_ARGS)
{
	struct varlena *history = PG_GETARG_VARLENA_PP(0);
	Datum		hash = hash_any((unsigned char *) VARDATA_ANY(history),
								(int) VARSIZE_ANY_EXHDR(history));

	PG_FREE_IF_COPY(history, 0);
	return hash;
}

Datum
customer_history_hash_extended(PG_FUNCTION_ARGS)
{
	struct varlena *history = PG_GETARG_VARLENA_PP(0);
	Datum		hash = hash_any_extended((unsigned char *) VARDATA_ANY(history),
										 (int) VARSIZE_ANY_EXHDR(history), PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(history, 0);
	return hash;
}

/* Operator ||: the events of both histories. */
Datum
customer_history_add(PG_FUNCTION_ARGS)
{
	HistoryReader readers[2];
	HistoryEvent *events;
	uint32		nevents = 0;

	HistoryOpen(&readers[0], PG_GETARG_DATUM(0));
	HistoryOpen(&readers[1], PG_GETARG_DATUM(1));
	HistoryCheckUnit(readers[0].head.unit, readers[1].head.unit);
	events = HistoryEventsAlloc((uint64) readers[0].head.nevents + readers[1].head.nevents);
	for (int i = 0; i < 2; i++)
	{
		while (HistoryNext(&readers[i], &events[nevents]))
			nevents++;
	}
	PG_RETURN_POINTER(HistoryFromEvents(readers[0].head.unit, events, nevents));
}

/*
 * The head of a history.
 */

Datum
customer_history_first_at(PG_FUNCTION_ARGS)
{
	HistoryHead head = HistoryReadHead(PG_GETARG_DATUM(0));

	PG_RETURN_TIMESTAMPTZ(InstantToTimestampTz(head.unit, head.first));
}

Datum
customer_history_last_at(PG_FUNCTION_ARGS)
{
	HistoryHead head = HistoryReadHead(PG_GETARG_DATUM(0));

	PG_RETURN_TIMESTAMPTZ(InstantToTimestampTz(head.unit, head.last));
}

Datum
customer_history_purchases(PG_FUNCTION_ARGS)
{
	HistoryHead head = HistoryReadHead(PG_GETARG_DATUM(0));

	PG_RETURN_INT64((int64) head.nevents - head.nothers);
}
