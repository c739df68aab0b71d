/*
 * open_tally.c
 *	  A lifecycle_tally to which customers are still added.
 *
 * See open_tally.h for the idea.
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"

#include "types/lifecycle_tally.h"
#include "types/open_tally.h"

StaticAssertDecl(sizeof(OpenTally) % MAXIMUM_ALIGNOF == 0, "the periods must be aligned");
StaticAssertDecl(sizeof(PeriodTally) % MAXIMUM_ALIGNOF == 0, "the rows of steady must be aligned");
StaticAssertDecl(sizeof(AmountSum) % MAXIMUM_ALIGNOF == 0, "the sums must be aligned");

/* The offsets of the arrays. */
typedef struct Layout
{
	Size		periods;
	Size		steady;
	Size		sums;
	Size		end;			/* of the arrays; numerics follow */
} Layout;

static Layout
LayoutOf(int nperiods, bool has_amounts)
{
	Layout		layout;

	layout.periods = sizeof(OpenTally);
	layout.steady = layout.periods + nperiods * sizeof(PeriodTally);
	layout.sums = layout.steady + (nperiods + 1) * sizeof(int64[NSTANDINGS]);
	layout.end = layout.sums + (has_amounts ? nperiods * sizeof(AmountSum[NREVENUES]) : 0);
	return layout;
}

/* Allocate an open tally of so many bytes in the current memory context. */
static OpenTally *
Allocate(int nperiods, bool has_amounts, Size size)
{
	OpenTally  *open = palloc0(size);

	SET_VARSIZE(open, size);
	open->version = OPEN_TALLY_VERSION;
	open->has_amounts = has_amounts;
	open->nperiods = nperiods;
	open->first_at = END_OF_TIME;
	open->last_at = BEGINNING_OF_TIME;
	return open;
}

/* Make an open tally without customers. */
OpenTally *
OpenTallyCreate(const Calendar *calendar, bool has_amounts)
{
	SeriesTally *tally = SeriesTallyCreate(calendar, has_amounts);
	int			nperiods = tally->nperiods;
	Layout		layout = LayoutOf(nperiods, has_amounts);
	OpenTally  *open = Allocate(nperiods, has_amounts, layout.end);

	open->question = tally->question;
	strlcpy(open->timezone, tally->timezone, sizeof(open->timezone));
	memcpy((char *) open + layout.periods, tally->periods, nperiods * sizeof(PeriodTally));
	return open;
}

/*
 * Set up a SeriesTally over the arrays of an open tally, so that what is counted in it is counted
 * in place.  The caller sets `caller`, and copies the instants of the data back.
 */
void
OpenTallyView(OpenTally *open, SeriesTally *view)
{
	Layout		layout = LayoutOf(open->nperiods, open->has_amounts);
	char	   *base = (char *) open;

	view->question = open->question;
	view->timezone = open->timezone;
	view->has_amounts = open->has_amounts;
	view->first_at = open->first_at;
	view->last_at = open->last_at;
	view->nperiods = open->nperiods;
	view->periods = (PeriodTally *) (base + layout.periods);
	view->steady = (int64 (*)[NSTANDINGS]) (base + layout.steady);
	view->revenue = open->has_amounts ? (AmountSum (*)[NREVENUES]) (base + layout.sums) : NULL;
	view->has_numerics = false;
}

/* Return the sums of a view as one array. */
static inline AmountSum *
SumsOf(const SeriesTally *view)
{
	return &view->revenue[0][0];
}

/* Return the bytes of a numeric with the number of its sum. */
static inline Size
NumericSpace(Datum numeric)
{
	return sizeof(int64) + MAXALIGN(VARSIZE_ANY(DatumGetPointer(numeric)));
}

/*
 * Read the numerics of an open tally of so many bytes: element i of the array that is returned is
 * that of sum i, or 0.  They are not copied.
 */
static Datum *
ReadNumerics(const OpenTally *open, Size size)
{
	int			nsums = open->nperiods * NREVENUES;
	Datum	   *numerics = palloc0(nsums * sizeof(Datum));
	const char *next = (const char *) open + LayoutOf(open->nperiods, open->has_amounts).end;
	const char *end = (const char *) open + size;

	for (int i = 0; i < open->nnumerics; i++)
	{
		int64		sum = nsums;
		Datum		numeric = PointerGetDatum(next + sizeof(int64));

		if (end - next > (ptrdiff_t) sizeof(int64) + VARHDRSZ)
			memcpy(&sum, next, sizeof(sum));
		if (sum < 0 || sum >= nsums || !VARATT_IS_4B_U(DatumGetPointer(numeric)) ||
			NumericSpace(numeric) > (Size) (end - next))
			elog(ERROR, "invalid sum in an open lifecycle_tally");
		numerics[sum] = numeric;
		next += NumericSpace(numeric);
	}
	return numerics;
}

/*
 * Store the sums of a view that became numerics while customers were added, or tallies merged.
 * Return the open tally with them, which is another one.  This is rare: nearly all amounts are
 * integers times a power of ten.
 */
OpenTally *
OpenTallyStoreNumerics(OpenTally *open, SeriesTally *view)
{
	Layout		layout = LayoutOf(open->nperiods, open->has_amounts);
	int			nsums = open->nperiods * NREVENUES;
	Datum	   *numerics = ReadNumerics(open, VARSIZE(open));
	AmountSum  *sums = SumsOf(view);
	Size		size = layout.end;
	OpenTally  *larger;
	char	   *next;

	for (int i = 0; i < nsums; i++)
	{
		if (sums[i].numeric != 0)
		{
			AmountSum	sum = {.numeric = sums[i].numeric};
			Datum		numeric = AmountSumGet(&sum, view->caller);

			numerics[i] = numerics[i] == 0 ? numeric :
				DirectFunctionCall2(numeric_add, numerics[i], numeric);
			sums[i].numeric = 0;
		}
		if (numerics[i] != 0)
			size += NumericSpace(numerics[i]);
	}

	larger = Allocate(open->nperiods, open->has_amounts, size);
	memcpy(larger, open, layout.end);
	SET_VARSIZE(larger, size);
	larger->nnumerics = 0;
	next = (char *) larger + layout.end;
	for (int i = 0; i < nsums; i++)
	{
		int64		sum = i;

		if (numerics[i] == 0)
			continue;
		memcpy(next, &sum, sizeof(sum));
		memcpy(next + sizeof(sum), DatumGetPointer(numerics[i]),
			   VARSIZE_ANY(DatumGetPointer(numerics[i])));
		next += NumericSpace(numerics[i]);
		larger->nnumerics++;
	}
	return larger;
}

/* Add the numerics of an open tally to the sums of a view. */
static void
AddNumerics(SeriesTally *view, const OpenTally *open, Size size)
{
	Datum	   *numerics;

	if (open->nnumerics == 0)
		return;
	numerics = ReadNumerics(open, size);
	for (int i = 0; i < open->nperiods * NREVENUES; i++)
	{
		Amount		amount = {.form = AMOUNT_NUMERIC};

		if (numerics[i] == 0)
			continue;
		amount.value.numeric = DatumGetNumeric(numerics[i]);
		AmountSumAdd(&SumsOf(view)[i], &amount, view->caller);
		view->has_numerics = true;
	}
	pfree(numerics);
}

/* Make an open tally from a settled one. */
static OpenTally *
OpenTallyFromSettled(SeriesTally *tally)
{
	Layout		layout = LayoutOf(tally->nperiods, tally->has_amounts);
	OpenTally  *open = Allocate(tally->nperiods, tally->has_amounts, layout.end);
	SeriesTally view = {0};

	open->question = tally->question;
	open->question.fingerprint = QuestionFingerprint(&tally->question);
	open->first_at = tally->first_at;
	open->last_at = tally->last_at;
	strlcpy(open->timezone, tally->timezone, sizeof(open->timezone));
	OpenTallyView(open, &view);
	memcpy(view.periods, tally->periods, tally->nperiods * sizeof(PeriodTally));
	if (view.revenue == NULL)
		return open;
	memcpy(view.revenue, tally->revenue, tally->nperiods * sizeof(*tally->revenue));
	view.caller = tally->caller;
	return OpenTallyStoreNumerics(open, &view);
}

/* Raise an error unless bytes, with a header of 4 bytes, are an open tally. */
static void
CheckOpenTally(const OpenTally *open, Size size)
{
	if (size < sizeof(OpenTally) || open->nperiods < 1 || open->nperiods > CALENDAR_MAX_PERIODS ||
		open->nnumerics < 0 || memchr(open->timezone, '\0', sizeof(open->timezone)) == NULL ||
		size < LayoutOf(open->nperiods, open->has_amounts).end)
		elog(ERROR, "invalid open lifecycle_tally");
}

/* Return a lifecycle_tally as an open one.  It is a copy unless it is open already. */
OpenTally *
OpenTallyFromDatum(Datum datum)
{
	struct varlena *bytes = PG_DETOAST_DATUM(datum);
	OpenTally  *open = (OpenTally *) bytes;

	if (!IsOpenTally(bytes))
		return OpenTallyFromSettled(LifecycleTallyFromDatum(datum));
	if ((uintptr_t) open % MAXIMUM_ALIGNOF != 0)
	{
		open = palloc(VARSIZE(bytes));
		memcpy(open, bytes, VARSIZE(bytes));
	}
	CheckOpenTally(open, VARSIZE(open));
	return open;
}

/*
 * Merge another open tally into one, in place, and return it or a larger one.  `other` is not
 * changed.
 */
OpenTally *
OpenTallyMerge(OpenTally *open, OpenTally *other)
{
	SeriesTally ours = {0};
	SeriesTally theirs = {0};

	OpenTallyView(open, &ours);
	OpenTallyView(other, &theirs);
	if (open->has_amounts)
		ours.caller = theirs.caller = AmountSumCaller();
	SeriesTallyMerge(&ours, &theirs);
	for (int i = 0; i <= open->nperiods; i++)
	{
		for (int standing = 0; standing < NSTANDINGS; standing++)
		{
			if (pg_add_s64_overflow(ours.steady[i][standing], theirs.steady[i][standing],
									&ours.steady[i][standing]))
				elog(ERROR, "lifecycle_tally out of range");
		}
	}
	open->first_at = ours.first_at;
	open->last_at = ours.last_at;
	if (!open->has_amounts)
		return open;
	AddNumerics(&ours, other, VARSIZE(other));
	return ours.has_numerics ? OpenTallyStoreNumerics(open, &ours) : open;
}

/* Return a settled copy of an open tally, given its bytes after the header. */
SeriesTally *
OpenTallySettled(const char *bytes, Size size)
{
	OpenTally  *open = palloc(VARHDRSZ + size);
	SeriesTally *tally = palloc0(sizeof(SeriesTally));

	memcpy(VARDATA(open), bytes, size);
	SET_VARSIZE(open, VARHDRSZ + size);
	CheckOpenTally(open, VARHDRSZ + size);
	OpenTallyView(open, tally);
	if (open->has_amounts)
	{
		tally->caller = AmountSumCaller();
		AddNumerics(tally, open, VARHDRSZ + size);
	}

	/* the arrays are in one piece of memory, so SeriesTallySettle must not free one of them */
	tally->steady = memcpy(palloc((tally->nperiods + 1) * sizeof(*tally->steady)),
						   tally->steady, (tally->nperiods + 1) * sizeof(*tally->steady));
	SeriesTallySettle(tally);
	return tally;
}
