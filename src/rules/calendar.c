/*
 * calendar.c
 *	  The periods of a series, and the instants at which customers are judged.
 *
 * Step k begins at start + k * step.  Steps are multiplied, not added up, so that a series
 * from 31 January does not drift to the 28th.  The last period ends where the whole period
 * does.
 *
 * A series has at most CALENDAR_MAX_PERIODS periods, because each customer has bits for
 * each period.
 */
#include "postgres.h"

#include "common/int.h"
#include "miscadmin.h"
#include "pgtime.h"

#include "rules/calendar.h"

/* The index has at most this many stretches for each zone. */
#define INDEX_A_ZONE			8

/* Return start + n * step. */
static int64
StartOfStep(const Question *question, int n)
{
	const Interval *step = &question->step;
	Interval	steps;

	if (pg_mul_s32_overflow(step->month, n, &steps.month) ||
		pg_mul_s32_overflow(step->day, n, &steps.day) ||
		pg_mul_s64_overflow(step->time, n, &steps.time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("interval out of range")));
	return InstantAfter(question->unit, question->period.from, &steps);
}

/* Raise the error of a step that does not advance. */
static void
BadStep(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("step does not lead from one period to the next"),
			 errdetail("%s", detail),
			 errhint("Use a step such as '1 month'.")));
}

/* Return whether a step has a positive and a negative part. */
static bool
HasMixedSigns(const Interval *step)
{
	return (step->month < 0 || step->day < 0 || step->time < 0) &&
		(step->month > 0 || step->day > 0 || step->time > 0);
}

/*
 * List the starts of the periods, and the end of the whole period after them.
 *
 * Over timestamptz two steps can begin at the same instant: Samoa's time zone has no
 * 30 December 2011, so that day and the next begin together.  The step between them has
 * no instant and is left out.  If the signs of a step are not mixed, a change of the time
 * zone's clock is the only cause.
 */
static int64 *
ListBoundaries(const Question *question, int *nperiods)
{
	const Period *whole = &question->period;
	int			allocated = 64;
	int			n = 0;
	int64	   *at = palloc(allocated * sizeof(int64));

	at[n++] = whole->from;
	if (question->has_step)
	{
		if (question->unit == UNIT_DAY && question->step.time != 0)
			BadStep("In a column of dates, a step is whole days, weeks, months or years.");

		for (int k = 1;; k++)
		{
			int64		next = StartOfStep(question, k);

			if (next >= whole->to)
				break;
			if (next <= at[n - 1])
			{
				if (HasMixedSigns(&question->step))
					BadStep("A period would end before it begins.");
				continue;
			}
			if (n >= CALENDAR_MAX_PERIODS)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("series must not have more than %d periods",
								CALENDAR_MAX_PERIODS),
						 errhint("Use a longer step or a shorter period.")));
			if (n + 1 >= allocated)
			{
				allocated *= 2;
				at = repalloc(at, allocated * sizeof(int64));
			}
			at[n++] = next;
		}
	}
	*nperiods = n;
	at[n] = whole->to;
	return at;
}

static int
CompareInstants(const void *a, const void *b)
{
	int64		left = *(const int64 *) a;
	int64		right = *(const int64 *) b;

	return (left > right) - (left < right);
}

/* Return the zone that begins at an edge, and zone 0 for BEGINNING_OF_TIME, which is no edge. */
static int64
ZoneFrom(const Calendar *calendar, int64 edge)
{
	return edge == BEGINNING_OF_TIME ? 0 : CalendarZone(calendar, edge);
}

/*
 * Return the first zone that ends after an instant, which lies between the first and the
 * last edge, given that no zone before `zone` does.  This is the rest of CalendarZone for
 * a stretch of the index that holds many edges.
 */
int
CalendarSearchZone(const Calendar *calendar, int zone, int64 at)
{
	uint64		stretch = ((uint64) at - (uint64) calendar->edges[0]) >> calendar->index_shift;
	int			last = calendar->nedges - 1;

	/* the zone in which the next stretch begins is not before that of `at` */
	if (stretch + 1 < (uint64) calendar->index_size)
		last = calendar->index[stretch + 1];
	while (zone < last)
	{
		int			middle = zone + (last - zone) / 2;

		if (calendar->edges[middle] <= at)
			zone = middle + 1;
		else
			last = middle;
	}
	return zone;
}

/* Make the index of CalendarZone. */
static void
IndexZones(Calendar *calendar, MemoryContext context)
{
	const int64 *edges = calendar->edges;
	uint64		first = edges[0];
	uint64		span = (uint64) edges[calendar->nedges - 1] - first;
	int			zone = 0;

	while (span >> calendar->index_shift >= (uint64) calendar->nedges * INDEX_A_ZONE)
		calendar->index_shift++;
	calendar->index_size = (span >> calendar->index_shift) + 1;
	calendar->index = MemoryContextAlloc(context, calendar->index_size * sizeof(int));
	for (int i = 0; i < calendar->index_size; i++)
	{
		while (zone < calendar->nedges - 1 &&
			   (uint64) edges[zone] - first <= (uint64) i << calendar->index_shift)
			zone++;
		calendar->index[i] = zone;
	}
}

/* Convert a boundary from instants to numbers of zones. */
static Boundary
InZones(const Calendar *calendar, const Boundary *boundary)
{
	Boundary	zones = {
		.at = ZoneFrom(calendar, boundary->at),
		.cutoffs = {
			.inactive_from = ZoneFrom(calendar, boundary->cutoffs.inactive_from),
			.churned_from = ZoneFrom(calendar, boundary->cutoffs.churned_from),
			.lost_from = ZoneFrom(calendar, boundary->cutoffs.lost_from)
		}
	};

	return zones;
}

/* Add an instant to the edges, unless it is the cut-off of an absent threshold. */
static void
AddEdge(Calendar *calendar, int64 edge)
{
	if (edge != BEGINNING_OF_TIME)
		calendar->edges[calendar->nedges++] = edge;
}

/*
 * Compute the later instant of a period that ends at `end` (see Calendar).  Return an
 * unknown instant instead of an error: it decides two columns only, which are then NULL.
 * Whether a customer is active there does not depend on lost_after.
 */
static Boundary
LaterBoundary(const Question *question, int64 end)
{
	Boundary	unknown = {END_OF_TIME, NO_CUT_OFFS};
	Boundary	later;
	Question	of_silence = *question;

	of_silence.has_lost_after = false;
	if (end == END_OF_TIME ||
		!TryInstantAfter(question->unit, end, &question->inactive_after, &later.at) ||
		!QuestionTryCutOffs(&of_silence, later.at, &later.cutoffs))
		return unknown;
	return later;
}

/* Fill in period_of. */
static void
IndexPeriods(Calendar *calendar)
{
	int			passed = 0;

	for (int zone = 0; zone <= calendar->nedges; zone++)
	{
		while (passed <= calendar->nperiods && calendar->zones[passed].at <= zone)
			passed++;
		calendar->period_of[zone] = passed - 1;
	}
}

/* Fill in inactive_at, churned_at and lost_at. */
static void
IndexStandings(Calendar *calendar, MemoryContext context)
{
	const Boundary *zones = calendar->zones;
	Size		size = (calendar->nedges + 1) * sizeof(int);
	int			inactive = 0;	/* boundaries whose inactive_from is not after the zone */
	int			churned = 0;
	int			lost = 0;

	for (int i = 0; i < calendar->nperiods; i++)
	{
		if (zones[i].cutoffs.inactive_from > zones[i + 1].cutoffs.inactive_from ||
			zones[i].cutoffs.churned_from > zones[i + 1].cutoffs.churned_from ||
			zones[i].cutoffs.lost_from > zones[i + 1].cutoffs.lost_from)
			return;
	}

	calendar->inactive_at = MemoryContextAlloc(context, size);
	calendar->churned_at = MemoryContextAlloc(context, size);
	calendar->lost_at = MemoryContextAlloc(context, size);
	for (int zone = 0; zone <= calendar->nedges; zone++)
	{
		while (inactive <= calendar->nperiods &&
			   zones[inactive].cutoffs.inactive_from <= zone)
			inactive++;
		while (churned <= calendar->nperiods && zones[churned].cutoffs.churned_from <= zone)
			churned++;
		while (lost <= calendar->nperiods && zones[lost].cutoffs.lost_from <= zone)
			lost++;
		calendar->lost_at[zone] = lost;
		calendar->churned_at[zone] = Min(churned, lost);
		calendar->inactive_at[zone] = Min(inactive, calendar->churned_at[zone]);
	}
}

/* Return whether a purchase in a period is a return, if the one before was in a zone. */
static inline bool
CameBackAfterZone(const Calendar *calendar, int period, int zone)
{
	return CameBack(StandingBySilence(&calendar->zones[period].cutoffs, zone));
}

/*
 * Fill in came_back.
 *
 * The earlier the last purchase, the longer the silence, so one zone divides those after
 * which a purchase is a return from the others.  From period to period it mostly grows, but
 * not always: a month before 30 March 12:00 is 29 February 12:00, and a month before 31 March
 * 00:00 is 29 February 00:00.
 */
static void
IndexReturns(Calendar *calendar)
{
	int			zone = 0;

	for (int i = 0; calendar->has_end && i < calendar->nperiods; i++)
	{
		while (zone > 0 && !CameBackAfterZone(calendar, i, zone - 1))
			zone--;
		while (zone < calendar->nedges && calendar->period_of[zone] < i &&
			   CameBackAfterZone(calendar, i, zone))
			zone++;
		calendar->came_back[i] = zone;
	}
}

/* Make the calendar of a question, or raise an error if the question is invalid. */
Calendar *
CalendarCreate(MemoryContext context, const Question *question)
{
	MemoryContext old_context;
	Calendar   *calendar;
	int64	   *at;
	int			nperiods;
	int			nunique = 0;

	QuestionCheck(question);
	at = ListBoundaries(question, &nperiods);

	old_context = MemoryContextSwitchTo(context);
	calendar = palloc0(sizeof(Calendar));
	calendar->question = *question;
	calendar->timezone = question->unit == UNIT_TIMESTAMPTZ ?
		pg_get_timezone_name(session_timezone) : "";
	calendar->has_end = question->period.to != END_OF_TIME;
	calendar->nperiods = nperiods;
	calendar->edges = palloc((Size) (nperiods + 1) * EDGES_A_PERIOD * sizeof(int64));
	calendar->boundaries = palloc0((nperiods + 1) * sizeof(Boundary));
	calendar->zones = palloc0((nperiods + 1) * sizeof(Boundary));
	calendar->later = palloc0(nperiods * sizeof(Boundary));
	calendar->later_zones = palloc0(nperiods * sizeof(Boundary));
	calendar->came_back = palloc0(nperiods * sizeof(int));
	MemoryContextSwitchTo(old_context);

	for (int i = 0; i <= nperiods; i++)
	{
		Boundary   *boundary = &calendar->boundaries[i];

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		boundary->at = at[i];
		if (at[i] == END_OF_TIME)
		{
			/* the period has no end, so there are no cut-offs */
			boundary->cutoffs = (CutOffs) NO_CUT_OFFS;
		}
		else
			boundary->cutoffs = QuestionCutOffs(question, at[i]);
		AddEdge(calendar, boundary->at);
		AddEdge(calendar, boundary->cutoffs.inactive_from);
		AddEdge(calendar, boundary->cutoffs.churned_from);
		AddEdge(calendar, boundary->cutoffs.lost_from);

		if (i > 0)
		{
			calendar->later[i - 1] = LaterBoundary(question, at[i]);
			/* at this instant, customers are judged as active or not active */
			if (CalendarHasLater(calendar, i - 1))
			{
				AddEdge(calendar, calendar->later[i - 1].at);
				AddEdge(calendar, calendar->later[i - 1].cutoffs.inactive_from);
			}
		}
	}
	pfree(at);

	qsort(calendar->edges, calendar->nedges, sizeof(int64), CompareInstants);
	for (int i = 0; i < calendar->nedges; i++)
	{
		if (nunique == 0 || calendar->edges[i] != calendar->edges[nunique - 1])
			calendar->edges[nunique++] = calendar->edges[i];
	}
	calendar->nedges = nunique;
	calendar->period_of = MemoryContextAlloc(context, (nunique + 1) * sizeof(int));
	IndexZones(calendar, context);

	for (int i = 0; i <= nperiods; i++)
		calendar->zones[i] = InZones(calendar, &calendar->boundaries[i]);
	for (int i = 0; i < nperiods; i++)
	{
		if (!CalendarHasLater(calendar, i))
			continue;
		calendar->later_zones[i] = InZones(calendar, &calendar->later[i]);
		calendar->later_zones[i].cutoffs.churned_from = 0;
		calendar->later_zones[i].cutoffs.lost_from = 0;
	}
	IndexPeriods(calendar);
	IndexStandings(calendar, context);
	IndexReturns(calendar);

	return calendar;
}

/*
 * Return the instant before which the data must begin, so that they reach back at least as far
 * as the longest threshold does when a period begins.
 */
int64
CalendarReach(const Calendar *calendar, int period)
{
	const CutOffs *cutoffs = &calendar->boundaries[period].cutoffs;

	return cutoffs->lost_from != BEGINNING_OF_TIME ? cutoffs->lost_from :
		cutoffs->churned_from != BEGINNING_OF_TIME ? cutoffs->churned_from :
		cutoffs->inactive_from;
}
