/*
 * spells.c
 *	  The aggregates over the whole life of one customer, active_spells and returns, and returns of
 *	  a history.
 *
 * The state is a list of the customer's purchases and cancellations.  The final functions sort it
 * and follow the standing through time.  The rules decide what a return is, and when a customer
 * ceases to be active.
 *
 * Limits: the state grows with the rows of the customer, and plans are not parallel, as those of
 * explain_lifecycle.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"

#include "aggregates/call_site.h"
#include "aggregates/history_call.h"
#include "compat.h"
#include "rules/local_day.h"

PG_FUNCTION_INFO_V1(spells_trans);
PG_FUNCTION_INFO_V1(active_spells_final);
PG_FUNCTION_INFO_V1(returns_final);
PG_FUNCTION_INFO_V1(customer_history_active_spells);
PG_FUNCTION_INFO_V1(customer_history_returns);

static const Signature spells_signature = {
	.scope = SCOPE_ALWAYS, .inactive_after = true, .churned_after = true
};

typedef struct SpellEvent
{
	int64		at;				/* finite */
	bool		is_cancellation;
} SpellEvent;

typedef struct SpellState
{
	const Question *question;
	SpellEvent *events;
	int			nevents;
	int			allocated;
} SpellState;

/* An array of events grows by this factor, from this number on. */
#define FIRST_EVENTS	4

/* Add an event to the state. */
static void
AddEvent(SpellState *state, MemoryContext context, int64 at, bool is_cancellation)
{
	SpellEvent *event;

	if (state->nevents == state->allocated)
	{
		if (state->allocated > PG_INT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many rows of one customer"),
					 errhint("Add the customer to GROUP BY.")));
		state->allocated = Max(2 * state->allocated, FIRST_EVENTS);
		state->events = state->events == NULL ?
			MemoryContextAlloc(context, state->allocated * sizeof(SpellEvent)) :
			repalloc_huge(state->events, state->allocated * sizeof(SpellEvent));
	}
	event = &state->events[state->nevents++];
	memset(event, 0, sizeof(*event));
	event->at = at;
	event->is_cancellation = is_cancellation;
}

/* Add an event, unless it is one that neither spells nor returns depend on. */
static void
AddLifeEvent(SpellState *state, MemoryContext context, int64 at, LifecycleEvent event)
{
	if ((event == EVENT_PURCHASE || event == EVENT_CANCELLATION) &&
		at != BEGINNING_OF_TIME && at != END_OF_TIME)
		AddEvent(state, context, at, event == EVENT_CANCELLATION);
}

Datum
spells_trans(PG_FUNCTION_ARGS)
{
	SpellState *state = ArgState(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, &spells_signature);
	LifecycleEvent event;
	int64		at;

	if (CallSiteIgnores(fcinfo, &spells_signature, site))
		return ReturnState(fcinfo, state);
	if (state == NULL)
	{
		const Question *question = CallSiteShareQuestion(fcinfo, site);

		QuestionCheck(question);
		state = MemoryContextAllocZero(AggregateContext(fcinfo), sizeof(SpellState));
		state->question = question;
	}
	else
		CallSiteCheckQuestion(fcinfo, site, state->question->fingerprint);

	event = CallSiteEvent(fcinfo, site);
	at = CallSiteInstant(fcinfo, &spells_signature, site);
	AddLifeEvent(state, AggregateContext(fcinfo), at, event);
	PG_RETURN_POINTER(state);
}

static int
CompareEvents(const void *a, const void *b)
{
	const SpellEvent *left = a;
	const SpellEvent *right = b;

	if (left->at != right->at)
		return left->at < right->at ? -1 : 1;
	/* a cancellation at the same instant as a purchase counts as after it */
	return (int) left->is_cancellation - (int) right->is_cancellation;
}

/* Return the events by time, in memory of their own, without duplicates. */
static SpellEvent *
SortedEvents(const SpellState *state, int *nevents)
{
	Size		size = Max(state->nevents, 1) * sizeof(SpellEvent);
	SpellEvent *events = MemoryContextAllocHuge(CurrentMemoryContext, size);
	int			nunique = 0;

	if (state->nevents > 0)
		memcpy(events, state->events, state->nevents * sizeof(SpellEvent));
	qsort(events, state->nevents, sizeof(SpellEvent), CompareEvents);
	for (int i = 0; i < state->nevents; i++)
	{
		if (nunique == 0 || CompareEvents(&events[i], &events[nunique - 1]) != 0)
			events[nunique++] = events[i];
	}
	*nevents = nunique;
	return events;
}

/*
 * Spells.
 */

/* From the first to the last instant, both included. */
typedef struct Spell
{
	int64		from;
	int64		to;
} Spell;

typedef struct SpellList
{
	Spell	   *spells;
	int			nspells;
	int			allocated;
} SpellList;

static void
AddSpell(SpellList *list, int64 from, int64 to)
{
	if (list->nspells == list->allocated)
	{
		list->allocated = Max(2 * list->allocated, 8);
		list->spells = list->spells == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext, list->allocated * sizeof(Spell)) :
			repalloc_huge(list->spells, list->allocated * sizeof(Spell));
	}
	list->spells[list->nspells++] = (Spell) {from, to};
}

/* Return whether a customer with a last purchase is active at a later instant, by the rules. */
static bool
IsActive(const Question *question, int64 purchase, int64 at)
{
	CutOffs		cutoffs = QuestionCutOffs(question, at);

	return StandingBySilence(&cutoffs, purchase) == STANDING_ACTIVE;
}

/* Return the instant at which a day begins. */
static int64
StartOfDay(TimeUnit unit, int64 day)
{
	if (unit == UNIT_DAY)
		return day;
	if (unit == UNIT_TIMESTAMP)
		return day * USECS_PER_DAY;
	return InstantToTimestampTz(UNIT_DAY, day);
}

/* Return the last instant of `from` to `to` at which the customer is active, as at `from`. */
static int64
LastActive(const Question *question, int64 purchase, int64 from, int64 to)
{
	while (from < to)
	{
		int64		middle = from + (to - from + 1) / 2;

		if (IsActive(question, purchase, middle))
			from = middle;
		else
			to = middle - 1;
	}
	return from;
}

/* The last day of a month that each month has. */
#define SHORTEST_MONTH	28

/* Days around purchase + inactive_after in which clocks and lengths of months make a difference. */
#define DAYS_AROUND		4

/*
 * List the instants after a purchase at which the customer is active, up to `limit`.
 *
 * That is to purchase + inactive_after, if the rules, which subtract, agree.  They differ from
 * it if a month is added or subtracted at the end of a month, and where clocks change.  There each
 * day is looked at.  At the end of a month the customer may cease to be active and be active again:
 * a month before 30 March 12:00 is 28 February 12:00, and a month before 31 March 00:00 is 28
 * February 00:00.
 */
static void
ListActive(const Question *question, int64 purchase, int64 limit, SpellList *list)
{
	TimeUnit	unit = question->unit;
	int64		end = InstantAfter(unit, purchase, &question->inactive_after);
	int			year;
	int			month;
	int			day_of_month;
	int64		from = purchase;
	int64		to = purchase;
	int64		day = InstantToDate(unit, end);
	bool		is_open = true;

	j2date((int) day + POSTGRES_EPOCH_JDATE, &year, &month, &day_of_month);
	if (IsActive(question, purchase, end) && !IsActive(question, purchase, end + 1) &&
		(question->inactive_after.month == 0 || day_of_month < SHORTEST_MONTH))
	{
		AddSpell(list, purchase, Min(end, limit));
		return;
	}

	day -= DAYS_AROUND;
	for (int i = 0; i <= 2 * DAYS_AROUND; i++, day++)
	{
		int64		begin = Max(StartOfDay(unit, day), purchase);
		int64		last = StartOfDay(unit, day + 1) - 1;

		if (last <= purchase)
			continue;
		/* at the purchase itself it does not count yet, but the spell begins */
		if (begin != purchase && !IsActive(question, purchase, begin))
		{
			is_open = false;
			continue;
		}
		if (begin != purchase && !is_open && begin > to + 1)
		{
			if (from <= limit)
				AddSpell(list, from, Min(to, limit));
			from = begin;
		}
		is_open = IsActive(question, purchase, last);
		to = is_open ? last : LastActive(question, purchase, begin, last);
	}
	if (from <= limit)
		AddSpell(list, from, Min(to, limit));
}

/* Return an instant as a value of its type. */
static Datum
InstantDatum(TimeUnit unit, int64 at)
{
	return unit == UNIT_DAY ? DateADTGetDatum((DateADT) at) : TimestampTzGetDatum(at);
}

/* Return the spells of a customer in order of descending time, which may touch each other. */
static SpellList
ListSpells(const SpellState *state)
{
	SpellList	list = {0};
	int			nevents;
	SpellEvent *events = SortedEvents(state, &nevents);
	int64		limit = END_OF_TIME;

	/* from the last event to the first, so that the next cancellation is known */
	for (int i = nevents - 1; i >= 0; i--)
	{
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (events[i].is_cancellation)
			limit = events[i].at;
		else if (events[i].at < limit)
			ListActive(state->question, events[i].at, limit, &list);
	}
	return list;
}

/* Return spells, whose bounds MakeBounds makes, as a multirange of a type. */
static Datum
SpellsDatum(const SpellList *list, TimeUnit unit, Oid type,
			void (*make_bounds) (TimeUnit unit, const Spell *spell, RangeBound *lower,
								 RangeBound *upper))
{
	TypeCacheEntry *typcache = lookup_type_cache(type, TYPECACHE_MULTIRANGE_INFO);
	RangeType **ranges;

	if (typcache->rngtype == NULL)
		elog(ERROR, "unexpected result type of active_spells");
	ranges = palloc_extended(Max(list->nspells, 1) * sizeof(RangeType *), MCXT_ALLOC_HUGE);
	for (int i = 0; i < list->nspells; i++)
	{
		RangeBound	lower = {0};
		RangeBound	upper = {0};

		lower.lower = true;
		lower.inclusive = upper.inclusive = true;
		make_bounds(unit, &list->spells[i], &lower, &upper);
		ranges[i] = MakeRange(typcache->rngtype, &lower, &upper, false);
	}
	return MultirangeTypePGetDatum(make_multirange(type, typcache->rngtype, list->nspells, ranges));
}

/* Make the bounds of a spell in the type of the column. */
static void
MakeOwnBounds(TimeUnit unit, const Spell *spell, RangeBound *lower, RangeBound *upper)
{
	lower->val = InstantDatum(unit, spell->from);
	upper->val = InstantDatum(unit, spell->to);
}

/*
 * Make the bounds of a spell as timestamptz, in the TimeZone of the session.  A spell of days ends
 * with its last day.
 */
static void
MakeTimestampTzBounds(TimeUnit unit, const Spell *spell, RangeBound *lower, RangeBound *upper)
{
	TimestampTz from = InstantToTimestampTz(unit, spell->from);
	TimestampTz to = InstantToTimestampTz(unit, unit == UNIT_DAY ? spell->to + 1 : spell->to);

	lower->val = TimestampTzGetDatum(from);
	/* where a clock is put forward, a time that it leaves out is later than the next one */
	upper->val = TimestampTzGetDatum(Max(from, to));
	upper->inclusive = unit != UNIT_DAY;
}

Datum
active_spells_final(PG_FUNCTION_ARGS)
{
	const SpellState *state = ArgState(fcinfo, 0);
	SpellList	list;

	if (state == NULL)
		PG_RETURN_NULL();
	list = ListSpells(state);
	return SpellsDatum(&list, state->question->unit, get_fn_expr_rettype(fcinfo->flinfo),
					   MakeOwnBounds);
}

/*
 * Returns.
 */

/* The columns of customer_returns, in the order of the composite type. */
typedef enum ReturnsColumn
{
	RETURNS_RETURNS,
	RETURNS_FIRST_RETURN,
	RETURNS_LAST_RETURN,
	RETURNS_GAPS,
	RETURNS_LONGEST_SILENCE,
	RETURNS_MEAN_GAP,
	RETURNS_MEDIAN_GAP,
	RETURNS_NCOLUMNS
} ReturnsColumn;

static int
CompareGaps(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return (left > right) - (left < right);
}

/* Return a number of days, divided by a small number, as an interval. */
static Datum
GapDatum(int64 days, int64 divisor)
{
	Interval   *interval = palloc0(sizeof(Interval));

	interval->day = (int32) (days / divisor);
	interval->time = (int64) rint((float8) (days % divisor) / divisor * USECS_PER_DAY);
	if (interval->time == USECS_PER_DAY)
	{
		interval->day++;
		interval->time = 0;
	}
	return IntervalPGetDatum(interval);
}

/* Return how the customer of a state came back, as a row of the type that the function returns. */
static Datum
ReturnsOf(FunctionCallInfo fcinfo, const SpellState *state)
{
	const Question *question = state->question;
	TupleDesc	tupdesc;
	Datum		values[RETURNS_NCOLUMNS] = {0};
	bool		nulls[RETURNS_NCOLUMNS] = {false, true, true, false, true, true, true};
	SpellEvent *events;
	int			nevents;
	int64	   *gaps;
	int			ngaps = 0;
	int64		days = 0;
	int64		nreturns = 0;
	History		history = {0};
	int64		last_purchase = BEGINNING_OF_TIME;
	Datum		result;

	events = SortedEvents(state, &nevents);
	gaps = palloc_extended(Max(nevents, 1) * sizeof(int64), MCXT_ALLOC_HUGE);
	for (int i = 0; i < nevents; i++)
	{
		int64		at = events[i].at;

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (events[i].is_cancellation)
		{
			history.cancelled_since = true;
			continue;
		}
		if (history.known)
		{
			CutOffs		cutoffs = QuestionCutOffs(question, at);
			int64		gap = InstantToDate(question->unit, at) -
				InstantToDate(question->unit, last_purchase);

			history.silence = StandingBySilence(&cutoffs, last_purchase);
			if (CameBack(StandingOf(&history)))
			{
				values[RETURNS_LAST_RETURN] =
					TimestampTzGetDatum(InstantToTimestampTz(question->unit, at));
				if (nreturns++ == 0)
					values[RETURNS_FIRST_RETURN] = values[RETURNS_LAST_RETURN];
			}
			if (gap > 0)
			{
				days += gap;
				gaps[ngaps++] = gap;
			}
		}
		history.known = true;
		history.cancelled_since = false;
		last_purchase = at;
	}

	values[RETURNS_RETURNS] = Int64GetDatum(nreturns);
	nulls[RETURNS_FIRST_RETURN] = nulls[RETURNS_LAST_RETURN] = nreturns == 0;
	values[RETURNS_GAPS] = Int64GetDatum(ngaps);
	if (ngaps > 0)
	{
		int			half = ngaps / 2;

		qsort(gaps, ngaps, sizeof(int64), CompareGaps);
		values[RETURNS_LONGEST_SILENCE] = GapDatum(gaps[ngaps - 1], 1);
		values[RETURNS_MEAN_GAP] = GapDatum(days, ngaps);
		values[RETURNS_MEDIAN_GAP] = ngaps % 2 == 1 ? GapDatum(gaps[half], 1) :
			GapDatum(gaps[half - 1] + gaps[half], 2);
		nulls[RETURNS_LONGEST_SILENCE] = false;
		nulls[RETURNS_MEAN_GAP] = nulls[RETURNS_MEDIAN_GAP] = false;
	}

	tupdesc = lookup_rowtype_tupdesc(get_fn_expr_rettype(fcinfo->flinfo), -1);
	if (tupdesc->natts != RETURNS_NCOLUMNS)
		elog(ERROR, "unexpected result type of returns");
	result = HeapTupleGetDatum(heap_form_tuple(tupdesc, values, nulls));
	ReleaseTupleDesc(tupdesc);
	return result;
}

Datum
returns_final(PG_FUNCTION_ARGS)
{
	const SpellState *state = ArgState(fcinfo, 0);

	if (state == NULL)
		PG_RETURN_NULL();
	return ReturnsOf(fcinfo, state);
}

/*
 * Read the history in argument 0 into an empty state.  Return false if none of its events counts.
 *
 * Like the aggregates over the rows from which the history was made, it does not read the question
 * of a history that has adjustments only.
 */
static bool
ReadHistory(FunctionCallInfo fcinfo, SpellState *state)
{
	HistoryReader reader;
	HistoryEvent event;

	if (PG_ARGISNULL(0))
		return false;
	HistoryOpen(&reader, PG_GETARG_DATUM(0));
	while (HistoryNext(&reader, &event))
	{
		if (reader.place % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (!IsHistory((LifecycleEvent) event.event))
			continue;
		if (state->question == NULL)
		{
			state->question = HistoryCallQuestion(fcinfo,
												  HistoryCallGet(fcinfo, &spells_signature),
												  reader.head.unit);
			QuestionCheck(state->question);
		}
		AddLifeEvent(state, CurrentMemoryContext, event.at, (LifecycleEvent) event.event);
	}
	return state->question != NULL;
}

Datum
customer_history_active_spells(PG_FUNCTION_ARGS)
{
	SpellState	state = {0};
	SpellList	list;

	if (!ReadHistory(fcinfo, &state))
		PG_RETURN_NULL();
	list = ListSpells(&state);
	return SpellsDatum(&list, state.question->unit, TSTZMULTIRANGEOID, MakeTimestampTzBounds);
}

Datum
customer_history_returns(PG_FUNCTION_ARGS)
{
	SpellState	state = {0};

	if (!ReadHistory(fcinfo, &state))
		PG_RETURN_NULL();
	return ReturnsOf(fcinfo, &state);
}
