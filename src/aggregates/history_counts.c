/*
 * history_counts.c
 *	  The aggregates lifecycle_counts and lifecycle_series over histories, and those that return
 *	  their tallies.
 *
 * A history is all that is known of a customer, so the customer is counted at once, and the state
 * is an open lifecycle_tally (types/open_tally.h), which is changed in place.
 *
 * A history of few purchases is counted by the zones of its purchases, as in series_summary.c; any
 * other one by its events (event_sweep.c).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "aggregates/aggregates.h"
#include "aggregates/history_site.h"
#include "aggregates/signatures.h"
#include "state/sweep.h"
#include "table/large_memory.h"
#include "types/history_purchases.h"
#include "types/lifecycle_tally.h"
#include "types/open_tally.h"

PG_FUNCTION_INFO_V1(lifecycle_counts_history_trans);
PG_FUNCTION_INFO_V1(lifecycle_counts_lost_after_history_trans);
PG_FUNCTION_INFO_V1(lifecycle_counts_history_final);
PG_FUNCTION_INFO_V1(lifecycle_series_history_trans);
PG_FUNCTION_INFO_V1(lifecycle_series_lost_after_history_trans);
PG_FUNCTION_INFO_V1(lifecycle_series_history_final);
PG_FUNCTION_INFO_V1(lifecycle_tally_history_final);
PG_FUNCTION_INFO_V1(lifecycle_tally_combine);

/* A calendar, with all its memory. */
typedef struct KeptCalendar
{
	MemoryContext context;		/* NULL if there is none */
	Calendar   *calendar;
} KeptCalendar;

/* The calendars that a call site keeps: groups may have as many questions by turns. */
#define NCALENDARS	64

/* The data that all calls of one transition function in one plan share; nothing of a group. */
typedef struct CountsSite
{
	HistorySite base;
	KeptCalendar calendars[NCALENDARS];
	int			ncalendars;		/* made so far */
	const Calendar *calendar;	/* of the last history */

	SeriesTally view;			/* of the state of the last history */
	MemoryContext sums;			/* of numerics in sums of the view */
	EventSweep	sweep;

	/* the events of the last history */
	Size		allocated;
	SweptEvent *events;
} CountsSite;

/* Return the calendar of a question. */
static const Calendar *
MakeCalendar(CountsSite *site, const Question *question)
{
	KeptCalendar *kept;

	for (int i = 0; i < Min(site->ncalendars, NCALENDARS); i++)
	{
		kept = &site->calendars[i];
		if (kept->context != NULL &&
			kept->calendar->question.fingerprint == question->fingerprint)
			return site->calendar = kept->calendar;
	}

	kept = &site->calendars[site->ncalendars++ % NCALENDARS];
	if (kept->context != NULL)
	{
		site->calendar = NULL;
		MemoryContextDelete(kept->context);
		kept->context = NULL;
	}
	kept->context = AllocSetContextCreate(site->base.context, "winback calendar",
										  ALLOCSET_SMALL_SIZES);
	kept->calendar = NULL;
	kept->calendar = CalendarCreate(kept->context, question);
	return site->calendar = kept->calendar;
}

static inline const Calendar *
CalendarOf(CountsSite *site, const Question *question)
{
	if (likely(site->calendar != NULL &&
			   site->calendar->question.fingerprint == question->fingerprint))
		return site->calendar;
	return MakeCalendar(site, question);
}

/* Make room for the events of a history. */
static void
Reserve(CountsSite *site, Size nevents)
{
	MemoryContext context = site->base.context;

	if (likely(nevents <= site->allocated))
		return;
	nevents = Max(nevents, Max(site->allocated * 2, 64));
	site->allocated = 0;
	site->events = MoveToLarger(context, site->events, 0, 0, nevents * sizeof(SweptEvent));
	site->allocated = nevents;
}

/* Set the caller of sums.  Its numerics are in a memory context that is reset after their use. */
static void
BeginSums(CountsSite *site)
{
	MemoryContext caller;

	if (site->sums == NULL)
		site->sums = AllocSetContextCreate(site->base.context, "winback sums",
										   ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(site->sums);
	site->view.caller = AmountSumCaller();
	MemoryContextSwitchTo(caller);
}

/* Return whether a customer bought in one of the zones [from, to), which are in order. */
static bool
BoughtInZones(const int *zones, int n, int64 from, int64 to)
{
	int			i = 0;

	while (i < n && zones[i] < from)
		i++;
	return i < n && zones[i] < to;
}

/*
 * Count a customer of few purchases.  `codes` has their amounts, or is NULL.
 *
 * The sweep goes from one period with a purchase to the next: `zone` is that of the last purchase
 * in a period, and `earlier` that of the last one before.
 */
static void
CountPurchases(CountsSite *site, const Purchases *purchases, const int64 *instants,
			   const uint64 *codes)
{
	const Calendar *calendar = site->calendar;
	SeriesTally *view = &site->view;
	Sweep		sweep = {calendar, view};
	int			zones[PURCHASES_MAX];
	int			n = purchases->n;
	int			earlier = -1;

	NoteInstant(&view->first_at, &view->last_at, purchases->first);
	NoteInstant(&view->first_at, &view->last_at, purchases->last);
	for (int i = 0; i < n; i++)
		zones[i] = CalendarZone(calendar, instants[i]);

	for (int first = 0, next; first < n; first = next)
	{
		int			period = calendar->period_of[zones[first]];
		int			zone;

		/* purchases after the end only decide whether a return lasted */
		if (period >= calendar->nperiods)
			break;
		for (next = first + 1; next < n && calendar->period_of[zones[next]] == period; next++)
			;
		zone = zones[next - 1];
		if (earlier >= 0)
			CountSilence(&sweep, earlier, false, calendar->period_of[earlier] + 1, period, 1);
		if (period >= 0)
		{
			Standing	before = earlier < 0 ? STANDING_NONE :
				StandingAfterZone(calendar, period, earlier);
			Standing	after = StandingAfterZone(calendar, period + 1, zone);

			SeriesTallyCount(view, period, before, true, after, 1);
			if (earlier >= 0 && earlier < calendar->came_back[period] &&
				CalendarHasLater(calendar, period))
			{
				const Boundary *later = &calendar->later_zones[period];

				view->periods[period].sustained +=
					BoughtInZones(zones, n, later->cutoffs.inactive_from, later->at);
			}
			for (int i = first; codes != NULL && i < next; i++)
			{
				/* the code 0 is NULL */
				if (codes[i] != 0)
				{
					Amount		amount = AmountFromScaled(UnZigZag(codes[i] - 1),
														  purchases->scale);

					SeriesTallyAddAmount(view, period,
										 RevenuePartOf(StatusOver(before, true, after)), &amount);
				}
			}
		}
		earlier = zone;
	}
	if (earlier >= 0)
		CountSilence(&sweep, earlier, false, calendar->period_of[earlier] + 1,
					 calendar->nperiods, 1);
}

/* Count a customer, given any history. */
static pg_noinline void
CountEvents(CountsSite *site, HistoryReader *reader)
{
	SeriesTally *view = &site->view;
	HistoryEvent event;
	MemoryContext caller;
	Size		n = 0;

	Reserve(site, reader->head.nevents);
	while (HistoryNext(reader, &event))
	{
		if (n % 65536 == 65535)
			CHECK_FOR_INTERRUPTS();
		if (IsHistory((LifecycleEvent) event.event))
			NoteInstant(&view->first_at, &view->last_at, event.at);
		site->events[n++] = (SweptEvent) {
			.at = event.at, .amount = HistoryEventAmount(&event), .event = event.event
		};
	}
	/* no period depends on events at or after the last edge */
	while (n > 0 && site->events[n - 1].at >= site->calendar->edges[site->calendar->nedges - 1])
		n--;
	if (n == 0)
		return;
	caller = MemoryContextSwitchTo(site->base.context);
	site->sweep.sweep = (Sweep) {site->calendar, view};
	SweepEvents(&site->sweep, site->events, n);
	MemoryContextSwitchTo(caller);
}

/* Return a state.  Outside of an aggregate it must not remain open. */
static inline Datum
ReturnTally(FunctionCallInfo fcinfo, OpenTally *open)
{
	if (open == NULL)
		PG_RETURN_NULL();
	if (likely(IsInAggregate(fcinfo)))
		PG_RETURN_POINTER(open);
	return LifecycleTallyDatum(LifecycleTallyFromDatum(PointerGetDatum(open)));
}

/* The body of all transition functions: count the customer of a history. */
static pg_attribute_always_inline Datum
Transition(FunctionCallInfo fcinfo, const Signature *signature)
{
	CountsSite *site;
	OpenTally  *open = PG_ARGISNULL(0) ? NULL : OpenTallyFromDatum(WritableState(fcinfo));
	struct varlena *history;
	HistoryReader reader;
	Purchases	purchases;
	int64		instants[PURCHASES_MAX];
	uint64		codes[PURCHASES_MAX];
	bool		only_purchases;
	const Question *question;

	if (PG_ARGISNULL(HISTORY_ARG))
		return ReturnTally(fcinfo, open);

	site = HistorySiteGet(fcinfo, signature, sizeof(CountsSite));
	history = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(HISTORY_ARG));
	only_purchases = PurchasesReadHead(&purchases, history) &&
		PurchasesReadInstants(&purchases, instants, codes);
	if (unlikely(!only_purchases))
	{
		HistoryOpen(&reader, PointerGetDatum(history));
		purchases.unit = reader.head.unit;
	}
	question = HistorySiteQuestion(fcinfo, &site->base, purchases.unit);
	(void) CalendarOf(site, question);
	if (open == NULL)
		open = OpenTallyCreate(site->calendar, true);
	else if (unlikely(open->question.fingerprint != question->fingerprint))
		HistoryQuestionsDiffer();

	OpenTallyView(open, &site->view);
	if (unlikely(site->view.caller == NULL))
		BeginSums(site);
	if (likely(only_purchases))
		CountPurchases(site, &purchases, instants, purchases.has_amounts ? codes : NULL);
	else
		CountEvents(site, &reader);
	open->first_at = site->view.first_at;
	open->last_at = site->view.last_at;
	if (unlikely(site->view.has_numerics))
	{
		open = OpenTallyStoreNumerics(open, &site->view);
		site->view.caller = NULL;
		MemoryContextReset(site->sums);
	}
	return ReturnTally(fcinfo, open);
}

Datum
lifecycle_counts_history_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &counts_signature);
}

Datum
lifecycle_series_history_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &series_signature);
}

Datum
lifecycle_counts_lost_after_history_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &counts_lost_signature);
}

Datum
lifecycle_series_lost_after_history_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &series_lost_signature);
}

/* the bytes of the states, as SSPACE says in the install script */
#define COUNTS_BYTES	1536
#define SERIES_BYTES	16384

const ListAggregate counts_history =
LIST_AGGREGATE_OF_STATE(lifecycle_counts_history_trans, 3, COUNTS_BYTES);
const ListAggregate series_history =
LIST_AGGREGATE_OF_STATE(lifecycle_series_history_trans, 4, SERIES_BYTES);
const ListAggregate counts_lost_after_history =
LIST_AGGREGATE_OF_STATE(lifecycle_counts_lost_after_history_trans, 4, COUNTS_BYTES);
const ListAggregate series_lost_after_history =
LIST_AGGREGATE_OF_STATE(lifecycle_series_lost_after_history_trans, 5, SERIES_BYTES);

/* Merge the states of two workers or servers; either may be settled. */
Datum
lifecycle_tally_combine(PG_FUNCTION_ARGS)
{
	OpenTally  *open = PG_ARGISNULL(0) ? NULL : OpenTallyFromDatum(WritableState(fcinfo));
	OpenTally  *other = PG_ARGISNULL(1) ? NULL : OpenTallyFromDatum(PG_GETARG_DATUM(1));

	if (open != NULL && other != NULL)
		open = OpenTallyMerge(open, other);
	return ReturnTally(fcinfo, open != NULL ? open : other);
}

Datum
lifecycle_counts_history_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(LifecycleTallyRows(LifecycleTallyFromDatum(PG_GETARG_DATUM(0)),
									   get_func_rettype(fcinfo->flinfo->fn_oid))[0]);
}

Datum
lifecycle_series_history_final(PG_FUNCTION_ARGS)
{
	SeriesTally *tally;
	Oid			row_type;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	row_type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	if (!OidIsValid(row_type))
		elog(ERROR, "unexpected result type of lifecycle_series");
	tally = LifecycleTallyFromDatum(PG_GETARG_DATUM(0));
	PG_RETURN_ARRAYTYPE_P(construct_array(LifecycleTallyRows(tally, row_type), tally->nperiods,
										  row_type, -1, false, TYPALIGN_DOUBLE));
}

Datum
lifecycle_tally_history_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(LifecycleTallyDatum(LifecycleTallyFromDatum(PG_GETARG_DATUM(0))));
}
