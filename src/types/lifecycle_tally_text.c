/*
 * lifecycle_tally_text.c
 *	  The text form of the type lifecycle_tally.
 *
 * The text is JSON, because the value is a question with many numbers, and tools can read it.  The
 * input function accepts what the output function writes: keys in that order, with any whitespace
 * between the tokens.  No setting of the session changes the text: instants are in ISO 8601, those
 * of timestamptz in UTC.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

#include "compat.h"
#include "types/lifecycle_tally.h"
#include "types/rate_tally.h"

PG_FUNCTION_INFO_V1(lifecycle_tally_in);
PG_FUNCTION_INFO_V1(lifecycle_tally_out);

static const char *const unit_names[] = {"date", "timestamp", "timestamptz"};
static const Oid unit_types[] = {DATEOID, TIMESTAMPOID, TIMESTAMPTZOID};
static const PGFunction unit_input[] = {date_in, timestamp_in, timestamptz_in};

static const char *const standing_names[NSTANDINGS] = {
	"none", "prospect", "active", "inactive", "churned", "lost"
};
static const char *const deed_names[] = {"silent", "bought"};

/* Write an instant in quotes, or null for END_OF_TIME. */
static void
PrintInstant(StringInfo text, TimeUnit unit, int64 at)
{
	if (at == END_OF_TIME)
		appendStringInfoString(text, "null");
	else
	{
		const int	utc = 0;
		char		buffer[MAXDATELEN + 1];

		appendStringInfo(text, "\"%s\"",
						 JsonEncodeDateTime(buffer, Int64GetDatum(at), unit_types[unit], &utc));
	}
}

/* Write an interval in quotes, or null. */
static void
PrintInterval(StringInfo text, const char *key, bool given, const Interval *interval)
{
	appendStringInfo(text, ", \"%s\": ", key);
	if (given)
	{
		struct pg_itm itm;
		char		buffer[MAXDATELEN + 1];

		interval2itm(*interval, &itm);
		EncodeInterval(&itm, INTSTYLE_ISO_8601, buffer);
		appendStringInfo(text, "\"%s\"", buffer);
	}
	else
		appendStringInfoString(text, "null");
}

static void
PrintPeriod(StringInfo text, SeriesTally *tally, int i)
{
	TimeUnit	unit = tally->question.unit;
	const PeriodTally *period = &tally->periods[i];
	const char *separator = "";

	appendStringInfo(text, "%s{\"to\": ", i == 0 ? "" : ", ");
	PrintInstant(text, unit, period->to);
	appendStringInfoString(text, ", \"reach\": ");
	PrintInstant(text, unit, period->reach);
	appendStringInfoString(text, ", \"later\": ");
	PrintInstant(text, unit, period->later);
	appendStringInfoString(text, ", \"customers\": {");
	for (int before = 0; before < NSTANDINGS; before++)
		for (int bought = 0; bought < 2; bought++)
			for (int after = 0; after < NSTANDINGS; after++)
			{
				int64		customers = period->customers[before][bought][after];

				if (customers == 0)
					continue;
				appendStringInfo(text, "%s\"%s/%s/%s\": " INT64_FORMAT, separator,
								 standing_names[before], deed_names[bought],
								 standing_names[after], customers);
				separator = ", ";
			}
	appendStringInfo(text, "}, \"sustained\": " INT64_FORMAT, period->sustained);
	for (int part = 0; tally->has_amounts && part < NREVENUES; part++)
	{
		char	   *sum = LifecycleTallySumText(tally, i, part);
		bool		is_finite = strspn(sum, "-.0123456789") == strlen(sum);

		appendStringInfo(text, is_finite ? "%s%s" : "%s\"%s\"",
						 part == 0 ? ", \"revenue\": [" : ", ", sum);
	}
	appendStringInfoString(text, tally->has_amounts ? "]}" : "}");
}

Datum
lifecycle_tally_out(PG_FUNCTION_ARGS)
{
	SeriesTally *tally = LifecycleTallyFromDatum(PG_GETARG_DATUM(0));
	const Question *question = &tally->question;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "{\"version\": %d, \"type\": \"%s\"", TALLY_VERSION,
					 unit_names[question->unit]);
	if (question->unit == UNIT_TIMESTAMPTZ)
		appendStringInfo(&text, ", \"TimeZone\": \"%s\"", tally->timezone);
	PrintInterval(&text, "step", question->has_step, &question->step);
	PrintInterval(&text, "inactive_after", true, &question->inactive_after);
	PrintInterval(&text, "churned_after", question->has_churned_after, &question->churned_after);
	PrintInterval(&text, "lost_after", question->has_lost_after, &question->lost_after);
	appendStringInfo(&text, ", \"amounts\": %s, \"data\": ",
					 tally->has_amounts ? "true" : "false");
	if (tally->first_at <= tally->last_at)
	{
		appendStringInfoChar(&text, '[');
		PrintInstant(&text, question->unit, tally->first_at);
		appendStringInfoString(&text, ", ");
		PrintInstant(&text, question->unit, tally->last_at);
		appendStringInfoChar(&text, ']');
	}
	else
		appendStringInfoString(&text, "null");
	appendStringInfoString(&text, ", \"from\": ");
	PrintInstant(&text, question->unit, tally->periods[0].from);
	appendStringInfoString(&text, ", \"periods\": [");
	for (int i = 0; i < tally->nperiods; i++)
	{
		if (i % 1024 == 1023)
			CHECK_FOR_INTERRUPTS();
		PrintPeriod(&text, tally, i);
	}
	appendStringInfoString(&text, "]}");
	PG_RETURN_CSTRING(text.data);
}

/* The text that is left to parse; after a failure nothing more is parsed. */
typedef struct Parser
{
	const char *next;
	bool		failed;
	Node	   *escontext;		/* for the input functions of other types */
} Parser;

/* Skip whitespace, and go on after a token if it comes next. */
static bool
Accept(Parser *parser, const char *token)
{
	parser->next += strspn(parser->next, " \t\r\n");
	if (parser->failed || strncmp(parser->next, token, strlen(token)) != 0)
		return false;
	parser->next += strlen(token);
	return true;
}

static void
Expect(Parser *parser, const char *token)
{
	if (!Accept(parser, token))
		parser->failed = true;
}

/* Expect a comma unless the key is the first one, the key, and a colon. */
static void
ExpectKey(Parser *parser, bool first, const char *key)
{
	if (!first)
		Expect(parser, ",");
	Expect(parser, "\"");
	Expect(parser, key);
	Expect(parser, "\"");
	Expect(parser, ":");
}

/* Return the index of the label that comes next. */
static int
ParseLabel(Parser *parser, const char *const *labels, int nlabels)
{
	for (int i = 0; i < nlabels; i++)
	{
		if (Accept(parser, labels[i]))
			return i;
	}
	parser->failed = true;
	return 0;
}

/* Return a text in quotes, of these characters only; or "" after a failure. */
static char *
ParseString(Parser *parser, const char *characters)
{
	size_t		length;
	char	   *string;

	Expect(parser, "\"");
	length = parser->failed ? 0 : strspn(parser->next, characters);
	string = pnstrdup(parser->next, length);
	parser->next += length;
	Expect(parser, "\"");
	return string;
}

static int64
ParseNumber(Parser *parser)
{
	int64		number = 0;
	size_t		length;

	parser->next += strspn(parser->next, " \t\r\n");
	length = strspn(parser->next, "0123456789");
	if (parser->failed || !ParseCount(parser->next, parser->next + length, &number))
		parser->failed = true;
	else
		parser->next += length;
	return number;
}

/*
 * Return an instant, or END_OF_TIME if it is null.  The format is bound to ISO 8601, and to UTC for
 * timestamptz, as otherwise settings of the session would change its meaning.
 */
static int64
ParseInstant(Parser *parser, TimeUnit unit)
{
	char	   *text;
	Datum		at;

	if (Accept(parser, "null"))
		return END_OF_TIME;
	text = ParseString(parser, "-+:.0123456789TBC ");
	if (parser->failed || !isdigit((unsigned char) text[0]) ||
		(unit == UNIT_TIMESTAMPTZ) != (strstr(text, "+00:00") != NULL) ||
		!DirectInputFunctionCallSafe(unit_input[unit], text, InvalidOid, -1, parser->escontext,
									 &at))
	{
		parser->failed = true;
		return END_OF_TIME;
	}
	return InstantFromDatum(unit, at);
}

/* Read an interval, or nothing if it is null.  Return whether there is one. */
static bool
ParseInterval(Parser *parser, const char *key, Interval *interval)
{
	char	   *text;
	Datum		length;

	ExpectKey(parser, false, key);
	if (Accept(parser, "null"))
		return false;
	text = ParseString(parser, "-.0123456789PYMWDTHS");
	if (parser->failed || text[0] != 'P' ||
		!DirectInputFunctionCallSafe(interval_in, text, InvalidOid, -1, parser->escontext,
									 &length))
	{
		parser->failed = true;
		return false;
	}
	*interval = *DatumGetIntervalP(length);
	return true;
}

/* Parse the number of customers of one outcome. */
static void
ParseCustomers(Parser *parser, PeriodTally *period)
{
	Standing	before;
	int			bought;
	Standing	after;
	int64	   *customers;

	Expect(parser, "\"");
	before = ParseLabel(parser, standing_names, NSTANDINGS);
	Expect(parser, "/");
	bought = ParseLabel(parser, deed_names, lengthof(deed_names));
	Expect(parser, "/");
	after = ParseLabel(parser, standing_names, NSTANDINGS);
	Expect(parser, "\"");
	Expect(parser, ":");
	customers = &period->customers[before][bought][after];
	/* the key must not come twice */
	parser->failed |= *customers != 0;
	*customers = ParseNumber(parser);
}

static void
ParsePeriod(Parser *parser, SeriesTally *tally, int i)
{
	TimeUnit	unit = tally->question.unit;
	PeriodTally *period = &tally->periods[i];

	if (i > 0)
		Expect(parser, ",");
	Expect(parser, "{");
	ExpectKey(parser, true, "to");
	period->to = ParseInstant(parser, unit);
	ExpectKey(parser, false, "reach");
	period->reach = ParseInstant(parser, unit);
	ExpectKey(parser, false, "later");
	period->later = ParseInstant(parser, unit);
	ExpectKey(parser, false, "customers");
	Expect(parser, "{");
	if (!Accept(parser, "}"))
	{
		do
			ParseCustomers(parser, period);
		while (Accept(parser, ","));
		Expect(parser, "}");
	}
	ExpectKey(parser, false, "sustained");
	period->sustained = ParseNumber(parser);
	if (tally->has_amounts)
	{
		ExpectKey(parser, false, "revenue");
		Expect(parser, "[");
		for (int part = 0; part < NREVENUES && !parser->failed; part++)
		{
			char	   *sum;

			if (part > 0)
				Expect(parser, ",");
			parser->next += strspn(parser->next, " \t\r\n");
			if (*parser->next == '"')
				sum = ParseString(parser, "-InfityNa");
			else
			{
				size_t		length = strspn(parser->next, "-.0123456789");

				sum = pnstrdup(parser->next, length);
				parser->next += length;
			}
			if (!parser->failed && !LifecycleTallyAddSum(tally, i, part, sum, parser->escontext))
				parser->failed = true;
		}
		Expect(parser, "]");
	}
	Expect(parser, "}");
}

/* Return the number of periods in a text: each has a key "to", which no other string is. */
static int
CountPeriods(const char *text)
{
	int			nperiods = 0;

	while ((text = strstr(text, "\"to\"")) != NULL && nperiods <= CALENDAR_MAX_PERIODS)
	{
		nperiods++;
		text++;
	}
	return nperiods;
}

/* Those that IsTimezoneName accepts. */
static const char timezone_characters[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	"!#$%&'()*+,-./:;<=>?@[]^_`{|}~";

/* Parse everything but the periods. */
static void
ParseHead(Parser *parser, SeriesTally *tally)
{
	Question   *question = &tally->question;

	Expect(parser, "{");
	ExpectKey(parser, true, "version");
	parser->failed |= ParseNumber(parser) != TALLY_VERSION;
	ExpectKey(parser, false, "type");
	Expect(parser, "\"");
	/* timestamp is the beginning of timestamptz, so it comes last */
	question->unit = Accept(parser, unit_names[UNIT_TIMESTAMPTZ]) ? UNIT_TIMESTAMPTZ :
		(TimeUnit) ParseLabel(parser, unit_names, UNIT_TIMESTAMPTZ);
	Expect(parser, "\"");
	tally->timezone = "";
	if (question->unit == UNIT_TIMESTAMPTZ)
	{
		ExpectKey(parser, false, "TimeZone");
		tally->timezone = ParseString(parser, timezone_characters);
	}
	question->has_step = ParseInterval(parser, "step", &question->step);
	parser->failed |= !ParseInterval(parser, "inactive_after", &question->inactive_after);
	question->has_churned_after = ParseInterval(parser, "churned_after",
												&question->churned_after);
	question->has_lost_after = ParseInterval(parser, "lost_after", &question->lost_after);
	ExpectKey(parser, false, "amounts");
	tally->has_amounts = Accept(parser, "true");
	if (!tally->has_amounts)
		Expect(parser, "false");
	ExpectKey(parser, false, "data");
	tally->first_at = END_OF_TIME;
	tally->last_at = BEGINNING_OF_TIME;
	if (!Accept(parser, "null"))
	{
		Expect(parser, "[");
		tally->first_at = ParseInstant(parser, question->unit);
		Expect(parser, ",");
		tally->last_at = ParseInstant(parser, question->unit);
		Expect(parser, "]");
	}
	ExpectKey(parser, false, "from");
}

Datum
lifecycle_tally_in(PG_FUNCTION_ARGS)
{
	char	   *input = PG_GETARG_CSTRING(0);
	Parser		parser = {.next = input, .escontext = fcinfo->context};
	SeriesTally *tally = palloc0(sizeof(SeriesTally));
	int			nperiods = CountPeriods(input);
	int64		from;
	const char *mistake;

	ParseHead(&parser, tally);
	from = ParseInstant(&parser, tally->question.unit);
	ExpectKey(&parser, false, "periods");
	Expect(&parser, "[");
	parser.failed |= nperiods < 1 || nperiods > CALENDAR_MAX_PERIODS;
	if (!parser.failed)
		SeriesTallyAllocate(tally, nperiods);
	for (int i = 0; i < nperiods && !parser.failed; i++)
	{
		if (i % 1024 == 1023)
			CHECK_FOR_INTERRUPTS();
		tally->periods[i].from = i == 0 ? from : tally->periods[i - 1].to;
		ParsePeriod(&parser, tally, i);
	}
	Expect(&parser, "]");
	Expect(&parser, "}");
	(void) Accept(&parser, "");
	if (parser.failed || *parser.next != '\0')
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", "lifecycle_tally"),
				 errdetail("The text is not understood from \"%.*s\" on.",
						   pg_mbcliplen(parser.next, strlen(parser.next), 40), parser.next),
				 errhint("Use the text of a lifecycle_tally, with its keys in the same order.")));
	mistake = LifecycleTallyMistake(tally);
	if (mistake != NULL)
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid lifecycle_tally"),
				 errdetail("%s", mistake)));
	return LifecycleTallyDatum(tally);
}
