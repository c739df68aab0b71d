/*
 * lifecycle_tally.c
 *	  The type lifecycle_tally: a SeriesTally as bytes.
 *
 * A value holds the question, the instants of each period, the numbers of customers by outcome and
 * the revenue.  So tallies of customers that two groups, tables or servers do not share can be
 * stored and added up, and unnest() makes the rows of lifecycle_counts from them.  The text form is
 * in lifecycle_tally_text.c.
 *
 * src/README.md describes the bytes.  Integers are stored with 7 bits in a byte, so the bytes are
 * the same on every machine.  A tally has one form: equal tallies have equal bytes.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "types/lifecycle_counts.h"
#include "types/lifecycle_tally.h"
#include "types/open_tally.h"

PG_FUNCTION_INFO_V1(lifecycle_tally_recv);
PG_FUNCTION_INFO_V1(lifecycle_tally_send);
PG_FUNCTION_INFO_V1(lifecycle_tally_eq);
PG_FUNCTION_INFO_V1(lifecycle_tally_ne);
PG_FUNCTION_INFO_V1(lifecycle_tally_hash);
PG_FUNCTION_INFO_V1(lifecycle_tally_hash_extended);
PG_FUNCTION_INFO_V1(lifecycle_tally_add);
PG_FUNCTION_INFO_V1(lifecycle_tally_unnest);

/* The second byte: the unit in the lowest two bits, and these. */
#define TALLY_UNIT				0x03
#define TALLY_HAS_CHURNED		0x04
#define TALLY_HAS_LOST			0x08
#define TALLY_HAS_STEP			0x10
#define TALLY_HAS_AMOUNTS		0x20
#define TALLY_HAS_END			0x40
#define TALLY_HAS_DATA			0x80

/* The first byte of a sum: the digits after the decimal point of an integer, or this for a text. */
#define SUM_IS_TEXT				255

#define CELLS_BITMAP			((NCELLS_A_PERIOD + 7) / 8)

/* The minimum of bytes of a period. */
#define PERIOD_MIN_SIZE			(2 + CELLS_BITMAP + 1)

/*
 * Checks that both input functions share.
 */

/* Return whether a text may be the name of a time zone; only its use shows whether there is one. */
static bool
IsTimezoneName(const char *name)
{
	size_t		length = strlen(name);

	for (size_t i = 0; i < length; i++)
	{
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\')
			return false;
	}
	return length > 0 && length <= TZ_STRLEN_MAX;
}

/* Return whether `to` is a finite instant after `from`, which is finite, too. */
static bool
IsLater(TimeUnit unit, int64 from, int64 to)
{
	Period		period = {from, to};

	return to != END_OF_TIME && PeriodIsPossible(unit, &period);
}

/* Return what is wrong with a tally that was read, or NULL.  Its first period begins at `from`. */
const char *
LifecycleTallyMistake(SeriesTally *tally)
{
	Question   *question = &tally->question;
	TimeUnit	unit = question->unit;

	if (unit == UNIT_TIMESTAMPTZ ? !IsTimezoneName(tally->timezone) : tally->timezone[0] != '\0')
		return "The name of the time zone is invalid.";
	if (!LengthIsPossible(&question->inactive_after) ||
		(question->has_churned_after && !LengthIsPossible(&question->churned_after)) ||
		(question->has_lost_after && !LengthIsPossible(&question->lost_after)) ||
		(question->has_step && !LengthIsPossible(&question->step)))
		return "Thresholds and the step must be positive.";
	if (question->has_lost_after && !question->has_churned_after)
		return "There is a lost_after without churned_after.";
	if (tally->first_at > tally->last_at ?
		tally->first_at != END_OF_TIME || tally->last_at != BEGINNING_OF_TIME :
		!IsLater(unit, tally->first_at, tally->last_at + 1))
		return "The data do not begin before they end.";
	if (!question->has_step && tally->nperiods != 1)
		return "Without a step there is one period.";

	question->has_inactive_after = true;
	question->has_end = true;
	question->period.from = tally->periods[0].from;
	question->period.to = tally->periods[tally->nperiods - 1].to;
	for (int i = 0; i < tally->nperiods; i++)
	{
		const PeriodTally *period = &tally->periods[i];
		bool		has_end = IsLater(unit, period->from, period->to);

		if (!has_end &&
			(question->has_step || period->to != END_OF_TIME || period->later != END_OF_TIME))
			return "A period does not begin before it ends.";
		if (!IsLater(unit, period->reach, period->from) ||
			(period->later != END_OF_TIME && !IsLater(unit, period->to, period->later)))
			return "An instant lies on the wrong side of a period.";
		if (!PeriodTallyIsPossible(period))
			return "The numbers of a period cannot be those of customers.";
	}
	return NULL;
}

/* Add a sum, as text, to the revenue of a period.  Return false if it is no number. */
bool
LifecycleTallyAddSum(SeriesTally *tally, int period, int part, char *text, Node *escontext)
{
	static const char *const names[] = {"NaN", "Infinity", "-Infinity"};
	bool		is_number = text[0] != '\0' && strspn(text, "-.0123456789") == strlen(text);
	Datum		sum;
	Amount		amount;

	for (int i = 0; i < (int) lengthof(names); i++)
		is_number |= strcmp(text, names[i]) == 0;
	if (!is_number ||
		!DirectInputFunctionCallSafe(numeric_in, text, InvalidOid, -1, escontext, &sum))
		return false;
	amount = AmountFromDatum(sum);
	AmountSumAdd(&tally->revenue[period][part], &amount, tally->caller);
	return true;
}

/* Return the revenue of a period as text. */
char *
LifecycleTallySumText(SeriesTally *tally, int period, int part)
{
	Datum		sum = AmountSumGet(&tally->revenue[period][part], tally->caller);

	return DatumGetCString(DirectFunctionCall1(numeric_out, sum));
}

/*
 * Bytes.
 */

static void
WriteUnsigned(StringInfo bytes, uint64 value)
{
	for (; value >= 0x80; value >>= 7)
		pq_sendbyte(bytes, (value & 0x7f) | 0x80);
	pq_sendbyte(bytes, value);
}

/* Integers of small magnitude, negative or not, take few bytes. */
static void
WriteSigned(StringInfo bytes, int64 value)
{
	WriteUnsigned(bytes, ((uint64) value << 1) ^ (uint64) (value >> 63));
}

static void
WriteInterval(StringInfo bytes, const Interval *interval)
{
	WriteSigned(bytes, interval->month);
	WriteSigned(bytes, interval->day);
	WriteSigned(bytes, interval->time);
}

static void
WriteText(StringInfo bytes, const char *text)
{
	WriteUnsigned(bytes, strlen(text));
	pq_sendbytes(bytes, text, strlen(text));
}

/*
 * Read a numeric in text as an integer * 10^-scale.  Return false if it is no number, or has too
 * many digits.
 */
static bool
ParseScaled(const char *text, int64 *scaled, int *scale)
{
	bool		negative = *text == '-';
	bool		has_point = false;

	*scaled = 0;
	*scale = 0;
	for (text += negative; *text != '\0'; text++)
	{
		if (*text == '.')
		{
			has_point = true;
			continue;
		}
		*scale += has_point;
		if (*text < '0' || *text > '9' || *scale > AMOUNT_MAX_SCALE ||
			pg_mul_s64_overflow(*scaled, 10, scaled) ||
			pg_add_s64_overflow(*scaled, *text - '0', scaled))
			return false;
	}
	if (negative)
		*scaled = -*scaled;
	return true;
}

/* Write a sum of amounts as an integer if it is one of 64 bits with a short scale, else as text. */
static void
WriteSum(StringInfo bytes, SeriesTally *tally, int period, int part)
{
	int64		scaled;
	int			scale;
	const char *text = NULL;

	if (!AmountSumGetScaled(&tally->revenue[period][part], &scaled, &scale))
		text = LifecycleTallySumText(tally, period, part);
	if (text == NULL || ParseScaled(text, &scaled, &scale))
	{
		pq_sendbyte(bytes, scale);
		WriteSigned(bytes, scaled);
	}
	else
	{
		pq_sendbyte(bytes, SUM_IS_TEXT);
		WriteText(bytes, text);
	}
}

static void
WritePeriod(StringInfo bytes, SeriesTally *tally, int i)
{
	const PeriodTally *period = &tally->periods[i];
	const int64 *cells = &period->customers[0][0][0];
	uint8		bitmap[CELLS_BITMAP] = {0};

	if (period->to != END_OF_TIME)
		WriteUnsigned(bytes, (uint64) period->to - (uint64) period->from);
	WriteUnsigned(bytes, (uint64) period->from - (uint64) period->reach);
	WriteUnsigned(bytes, period->later == END_OF_TIME ? 0 :
				  (uint64) period->later - (uint64) period->to);
	for (int cell = 0; cell < NCELLS_A_PERIOD; cell++)
		bitmap[cell / 8] |= (cells[cell] != 0) << (cell % 8);
	pq_sendbytes(bytes, (char *) bitmap, sizeof(bitmap));
	for (int cell = 0; cell < NCELLS_A_PERIOD; cell++)
	{
		if (cells[cell] != 0)
			WriteUnsigned(bytes, cells[cell]);
	}
	WriteUnsigned(bytes, period->sustained);
	for (int part = 0; tally->has_amounts && part < NREVENUES; part++)
		WriteSum(bytes, tally, i, part);
}

/* Make a value of the type from a settled tally. */
Datum
LifecycleTallyDatum(SeriesTally *tally)
{
	const Question *question = &tally->question;
	bool		has_data = tally->first_at <= tally->last_at;
	StringInfoData bytes;

	Assert(tally->steady == NULL);
	pq_begintypsend(&bytes);
	pq_sendbyte(&bytes, TALLY_VERSION);
	pq_sendbyte(&bytes, question->unit |
				(question->has_churned_after ? TALLY_HAS_CHURNED : 0) |
				(question->has_lost_after ? TALLY_HAS_LOST : 0) |
				(question->has_step ? TALLY_HAS_STEP : 0) |
				(tally->has_amounts ? TALLY_HAS_AMOUNTS : 0) |
				(question->period.to != END_OF_TIME ? TALLY_HAS_END : 0) |
				(has_data ? TALLY_HAS_DATA : 0));
	if (question->unit == UNIT_TIMESTAMPTZ)
		WriteText(&bytes, tally->timezone);
	WriteInterval(&bytes, &question->inactive_after);
	if (question->has_churned_after)
		WriteInterval(&bytes, &question->churned_after);
	if (question->has_lost_after)
		WriteInterval(&bytes, &question->lost_after);
	if (question->has_step)
		WriteInterval(&bytes, &question->step);
	if (has_data)
	{
		WriteSigned(&bytes, tally->first_at);
		WriteUnsigned(&bytes, (uint64) tally->last_at - (uint64) tally->first_at);
	}
	WriteSigned(&bytes, tally->periods[0].from);
	WriteUnsigned(&bytes, tally->nperiods);
	for (int i = 0; i < tally->nperiods; i++)
	{
		if (i % 1024 == 1023)
			CHECK_FOR_INTERRUPTS();
		WritePeriod(&bytes, tally, i);
	}
	return PointerGetDatum(pq_endtypsend(&bytes));
}

/* The bytes that are left to read; after a failure they are none, and every integer is 0. */
typedef struct Reader
{
	const uint8 *next;
	const uint8 *end;
	bool		failed;
} Reader;

static uint64
Fail(Reader *reader)
{
	reader->failed = true;
	reader->next = reader->end;
	return 0;
}

static const uint8 *
ReadBytes(Reader *reader, uint64 size)
{
	const uint8 *bytes = reader->next;

	if (size > (uint64) (reader->end - reader->next))
	{
		(void) Fail(reader);
		return NULL;
	}
	reader->next += size;
	return bytes;
}

static uint64
ReadUnsigned(Reader *reader)
{
	uint64		value = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		const uint8 *byte = ReadBytes(reader, 1);

		if (byte == NULL || (shift == 63 && *byte > 1))
			break;
		value |= (uint64) (*byte & 0x7f) << shift;
		if (!(*byte & 0x80))
			return value;
	}
	return Fail(reader);
}

static int64
ReadSigned(Reader *reader)
{
	uint64		value = ReadUnsigned(reader);

	return (int64) (value >> 1) ^ -(int64) (value & 1);
}

static Interval
ReadInterval(Reader *reader)
{
	int64		month = ReadSigned(reader);
	int64		day = ReadSigned(reader);
	Interval	interval = {.month = month, .day = day, .time = ReadSigned(reader)};

	if (interval.month != month || interval.day != day)
		(void) Fail(reader);
	return interval;
}

static char *
ReadText(Reader *reader)
{
	uint64		length = ReadUnsigned(reader);
	const uint8 *text = ReadBytes(reader, length);

	if (text == NULL || memchr(text, '\0', length) != NULL)
	{
		(void) Fail(reader);
		return pstrdup("");
	}
	return pnstrdup((const char *) text, length);
}

/* Return the instant that lies a distance after another, or before it if `sign` is -1. */
static int64
ReadDistance(Reader *reader, int64 at, int sign)
{
	uint64		distance = ReadUnsigned(reader);

	return (int64) (sign > 0 ? (uint64) at + distance : (uint64) at - distance);
}

static void
ReadSum(Reader *reader, SeriesTally *tally, int period, int part)
{
	const uint8 *form = ReadBytes(reader, 1);
	Amount		amount;

	if (form != NULL && *form <= AMOUNT_MAX_SCALE)
	{
		amount = AmountFromScaled(ReadSigned(reader), *form);
		AmountSumAdd(&tally->revenue[period][part], &amount, tally->caller);
	}
	else if (form == NULL || *form != SUM_IS_TEXT ||
			 !LifecycleTallyAddSum(tally, period, part, ReadText(reader), NULL))
		(void) Fail(reader);
}

static void
ReadPeriod(Reader *reader, SeriesTally *tally, int i, bool has_end)
{
	PeriodTally *period = &tally->periods[i];
	int64	   *cells = &period->customers[0][0][0];
	const uint8 *bitmap;

	period->to = has_end ? ReadDistance(reader, period->from, 1) : END_OF_TIME;
	period->reach = ReadDistance(reader, period->from, -1);
	period->later = ReadDistance(reader, period->to, 1);
	if (period->later == period->to)
		period->later = END_OF_TIME;
	bitmap = ReadBytes(reader, CELLS_BITMAP);
	for (int cell = 0; bitmap != NULL && cell < NCELLS_A_PERIOD; cell++)
	{
		if (bitmap[cell / 8] & (1 << (cell % 8)))
			cells[cell] = ReadUnsigned(reader);
	}
	period->sustained = ReadUnsigned(reader);
	for (int part = 0; tally->has_amounts && part < NREVENUES; part++)
		ReadSum(reader, tally, i, part);
}

/* Read a tally from bytes, or return NULL.  The result is in the current memory context. */
static SeriesTally *
ReadTally(const char *bytes, Size size)
{
	Reader		reader = {(const uint8 *) bytes, (const uint8 *) bytes + size, false};
	SeriesTally *tally = palloc0(sizeof(SeriesTally));
	Question   *question = &tally->question;
	const uint8 *head = ReadBytes(&reader, 2);
	uint64		nperiods;
	int64		from;

	if (head == NULL || head[0] != TALLY_VERSION || !IsTimeUnit(head[1] & TALLY_UNIT))
		return NULL;
	question->unit = head[1] & TALLY_UNIT;
	question->has_churned_after = head[1] & TALLY_HAS_CHURNED;
	question->has_lost_after = head[1] & TALLY_HAS_LOST;
	question->has_step = head[1] & TALLY_HAS_STEP;
	tally->has_amounts = head[1] & TALLY_HAS_AMOUNTS;
	tally->timezone = question->unit == UNIT_TIMESTAMPTZ ? ReadText(&reader) : "";
	question->inactive_after = ReadInterval(&reader);
	if (question->has_churned_after)
		question->churned_after = ReadInterval(&reader);
	if (question->has_lost_after)
		question->lost_after = ReadInterval(&reader);
	if (question->has_step)
		question->step = ReadInterval(&reader);
	tally->first_at = END_OF_TIME;
	tally->last_at = BEGINNING_OF_TIME;
	if (head[1] & TALLY_HAS_DATA)
	{
		tally->first_at = ReadSigned(&reader);
		tally->last_at = ReadDistance(&reader, tally->first_at, 1);
	}
	from = ReadSigned(&reader);
	nperiods = ReadUnsigned(&reader);
	if (nperiods < 1 || nperiods > CALENDAR_MAX_PERIODS ||
		nperiods > (uint64) (reader.end - reader.next) / PERIOD_MIN_SIZE)
		return NULL;
	SeriesTallyAllocate(tally, nperiods);
	for (int i = 0; i < tally->nperiods; i++)
	{
		if (i % 1024 == 1023)
			CHECK_FOR_INTERRUPTS();
		tally->periods[i].from = i == 0 ? from : tally->periods[i - 1].to;
		ReadPeriod(&reader, tally, i, head[1] & TALLY_HAS_END);
	}
	if (reader.failed || reader.next != reader.end || LifecycleTallyMistake(tally) != NULL)
		return NULL;
	return tally;
}

/* Read a stored value of the type, or the state of an aggregate, or raise an error. */
SeriesTally *
LifecycleTallyFromDatum(Datum datum)
{
	bytea	   *bytes = DatumGetByteaPP(datum);
	SeriesTally *tally;

	if (IsOpenTally(bytes))
		return OpenTallySettled(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	tally = ReadTally(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	if (tally == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("stored lifecycle_tally is damaged, or of a newer version")));
	return tally;
}

static bool
SameBytes(Datum a, Datum b)
{
	bytea	   *left = DatumGetByteaPP(a);
	bytea	   *right = DatumGetByteaPP(b);

	return VARSIZE_ANY_EXHDR(left) == VARSIZE_ANY_EXHDR(right) &&
		memcmp(VARDATA_ANY(left), VARDATA_ANY(right), VARSIZE_ANY_EXHDR(left)) == 0;
}

/* Accept the bytes that lifecycle_tally_send sends, and no other bytes of the same tally. */
Datum
lifecycle_tally_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			size = message->len - message->cursor;
	const char *bytes = pq_getmsgbytes(message, size);
	SeriesTally *tally = ReadTally(bytes, size);
	Datum		result = tally == NULL ? 0 : LifecycleTallyDatum(tally);

	if (tally == NULL || VARSIZE(DatumGetPointer(result)) != (Size) size + VARHDRSZ ||
		memcmp(VARDATA(DatumGetPointer(result)), bytes, size) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary format of lifecycle_tally")));
	return result;
}

Datum
lifecycle_tally_send(PG_FUNCTION_ARGS)
{
	bytea	   *tally = PG_GETARG_BYTEA_P_COPY(0);

	if (IsOpenTally(tally))
		return LifecycleTallyDatum(LifecycleTallyFromDatum(PointerGetDatum(tally)));
	PG_RETURN_BYTEA_P(tally);
}

Datum
lifecycle_tally_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(SameBytes(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

Datum
lifecycle_tally_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!SameBytes(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)));
}

Datum
lifecycle_tally_hash(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);

	return hash_any((unsigned char *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
}

Datum
lifecycle_tally_hash_extended(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);

	return hash_any_extended((unsigned char *) VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes),
							 PG_GETARG_INT64(1));
}

/*
 * Sums and rows.
 */

Datum
lifecycle_tally_add(PG_FUNCTION_ARGS)
{
	SeriesTally *sum = LifecycleTallyFromDatum(PG_GETARG_DATUM(0));

	SeriesTallyMerge(sum, LifecycleTallyFromDatum(PG_GETARG_DATUM(1)));
	return LifecycleTallyDatum(sum);
}

/*
 * Make the rows of a tally in the time zone in which it was computed.  A date or a timestamp has no
 * time zone, so that of the session shows it as a timestamptz.
 */
Datum *
LifecycleTallyRows(SeriesTally *tally, Oid row_type)
{
	pg_tz	   *of_session = session_timezone;
	pg_tz	   *timezone = tally->question.unit == UNIT_TIMESTAMPTZ ? pg_tzset(tally->timezone) :
		of_session;
	Datum	   *rows;

	if (timezone == NULL || !pg_tz_acceptable(timezone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" of a lifecycle_tally is not recognized",
						tally->timezone),
				 errhint("Install the time zone data of the server that computed it.")));
	PG_TRY();
	{
		session_timezone = timezone;
		rows = CountsRows(tally, row_type);
	}
	PG_FINALLY();
	{
		session_timezone = of_session;
	}
	PG_END_TRY();
	return rows;
}

/* SQL function unnest(lifecycle_tally). */
Datum
lifecycle_tally_unnest(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old_context;
		SeriesTally *tally;

		call = SRF_FIRSTCALL_INIT();
		old_context = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		tally = LifecycleTallyFromDatum(PG_GETARG_DATUM(0));
		call->max_calls = tally->nperiods;
		call->user_fctx = LifecycleTallyRows(tally, get_func_rettype(fcinfo->flinfo->fn_oid));
		MemoryContextSwitchTo(old_context);
	}
	call = SRF_PERCALL_SETUP();
	if (call->call_cntr < call->max_calls)
	{
		/* the macro counts the call before it evaluates its argument */
		Datum		row = ((Datum *) call->user_fctx)[call->call_cntr];

		SRF_RETURN_NEXT(call, row);
	}
	SRF_RETURN_DONE(call);
}
