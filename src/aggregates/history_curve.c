/*
 * history_curve.c
 *	  The aggregates over histories return_curve and return_curve_at.
 *
 * A history is all that is known of a customer, so the customer's silences are counted at once, and
 * the state is an open return_curve (types/open_curve.h), which is changed in place.  Instants of a
 * history come in order, so nothing is sorted.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "aggregates/aggregates.h"
#include "aggregates/history_site.h"
#include "aggregates/signatures.h"
#include "state/silence_state.h"
#include "types/history_purchases.h"
#include "types/open_curve.h"
#include "types/return_curve.h"

PG_FUNCTION_INFO_V1(return_curve_history_trans);
PG_FUNCTION_INFO_V1(return_curve_at_history_trans);
PG_FUNCTION_INFO_V1(return_curve_combine);
PG_FUNCTION_INFO_V1(return_curve_history_final);

/* The data that all calls of one transition function in one plan share; nothing of a group. */
typedef struct CurveSite
{
	HistorySite base;
	uint64		fingerprints[NTIME_UNITS];	/* of the questions of the observations */
	Observation observations[NTIME_UNITS];
	LocalDays	days[NTIME_UNITS];

	/* the instants of purchases of the last history that is not one of few purchases */
	Size		allocated;
	int64	   *instants;
} CurveSite;

/* The purchases of a history, in order. */
typedef struct PurchaseList
{
	TimeUnit	unit;
	bool		is_customer;	/* there is an event that is no adjustment */
	const int64 *instants;
	uint32		n;
} PurchaseList;

/* List the purchases of any history. */
static pg_noinline void
ListPurchases(CurveSite *site, struct varlena *history,
			  PurchaseList *list)
{
	HistoryReader reader;
	HistoryEvent event;

	HistoryOpen(&reader, PointerGetDatum(history));
	if (reader.head.nevents > site->allocated)
	{
		if (site->instants != NULL)
			pfree(site->instants);
		site->instants = NULL;
		site->allocated = 0;
		site->instants = MemoryContextAllocHuge(site->base.context,
												reader.head.nevents * sizeof(int64));
		site->allocated = reader.head.nevents;
	}
	list->unit = reader.head.unit;
	list->instants = site->instants;
	list->is_customer = false;
	list->n = 0;
	while (HistoryNext(&reader, &event))
	{
		if (reader.place % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		list->is_customer |= IsHistory((LifecycleEvent) event.event);
		if (event.event == EVENT_PURCHASE)
			site->instants[list->n++] = event.at;
	}
}

/* Prepare for a question that another one came before. */
static pg_noinline void
Observe(CurveSite *site, const Question *question)
{
	TimeUnit	unit = question->unit;

	if (site->fingerprints[unit] == 0)
		LocalDaysInit(&site->days[unit], site->base.context, unit);
	ObservationInit(&site->observations[unit], &question->period, &site->days[unit]);
	site->fingerprints[unit] = question->fingerprint;
}

/* Raise an error: another question is not that of a state. */
pg_noreturn static void
QuestionDiffers(const OpenCurve *open, TimeUnit unit, uint64 fingerprint)
{
	if (open->unit == unit && open->fingerprint != fingerprint)
		UntilChanged();
	HistoryQuestionsDiffer();
}

/* Ages that are counted at once. */
#define AGES	256

/* Count the silences of a customer, from the last purchase to the first. */
static inline void
CountCustomer(CurveCounts *counts, const Observation *observed, LocalDays *days,
			  const PurchaseList *list)
{
	uint32		ages[AGES];
	uint32		n = 0;
	uint32		left = list->n;
	bool		is_last = true;

	while (left > 0 && !IsObserved(observed, list->instants[left - 1]))
		left--;
	while (left > 0)
	{
		int64		at = list->instants[--left];
		uint32		age;

		if (at == BEGINNING_OF_TIME)
			break;
		age = ObservedAge(observed, days, at);
		if (n > 0 && ages[n - 1] == age)
			continue;
		if (unlikely(n == AGES))
		{
			CountSilences(counts, ages, n, is_last);
			is_last = false;
			ages[0] = ages[n - 1];
			n = 1;
		}
		ages[n++] = age;
	}
	if (n > 0)
		CountSilences(counts, ages, n, is_last);
}

/* Count the silence of a customer that is open at as_of. */
static inline void
CountCustomerAt(CurveCounts *counts, const Observation *observed, LocalDays *days,
				const PurchaseList *list)
{
	OpenSilence open = {0};
	uint32		nbefore = 0;

	/* all of them, because a loop without jumps is faster for few purchases */
	for (uint32 i = 0; i < list->n; i++)
	{
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): n of them are set */
		nbefore += list->instants[i] < observed->period.from;
	}
	if (nbefore == 0 || list->instants[nbefore - 1] == BEGINNING_OF_TIME)
		return;
	open.silence = ObservedDayAround(observed, days, list->instants[nbefore - 1]).days;
	for (uint32 i = nbefore; i < list->n && IsObserved(observed, list->instants[i]); i++)
	{
		uint32		after = ObservedDayAround(observed, days, list->instants[i]).days;

		if (after > 0)
		{
			open.returned = true;
			open.after = after;
			break;
		}
		open.bought_on_day = true;
	}
	CountOpenSilence(counts, observed, &open);
}

/* Return a state.  Outside of an aggregate it must not remain open. */
static inline Datum
ReturnCurve(FunctionCallInfo fcinfo, OpenCurve *open)
{
	Curve		curve;

	if (open == NULL)
		PG_RETURN_NULL();
	if (likely(IsInAggregate(fcinfo)))
		PG_RETURN_POINTER(open);
	curve = CurveFromDatum(PointerGetDatum(open));
	return CurveDatum(&curve);
}

/* The body of both transition functions: count the customer of a history. */
static pg_attribute_always_inline Datum
Transition(FunctionCallInfo fcinfo, const Signature *signature)
{
	OpenCurve  *open = PG_ARGISNULL(0) ? NULL : OpenCurveFromDatum(WritableState(fcinfo));
	CurveSite  *site;
	struct varlena *history;
	Purchases	purchases;
	int64		instants[PURCHASES_MAX];
	PurchaseList list;
	const Question *question;
	CurveCounts counts;

	if (PG_ARGISNULL(HISTORY_ARG))
		return ReturnCurve(fcinfo, open);

	site = HistorySiteGet(fcinfo, signature, sizeof(CurveSite));
	history = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(HISTORY_ARG));
	if (PurchasesReadHead(&purchases, history) &&
		PurchasesReadInstants(&purchases, instants, NULL))
		list = (PurchaseList) {purchases.unit, true, instants, purchases.n};
	else
		ListPurchases(site, history, &list);
	if (!list.is_customer)
		return ReturnCurve(fcinfo, open);

	question = HistorySiteQuestion(fcinfo, &site->base, list.unit);
	if (unlikely(site->fingerprints[list.unit] != question->fingerprint))
		Observe(site, question);
	if (unlikely(open == NULL))
		open = OpenCurveCreate();
	if (unlikely(open->fingerprint != question->fingerprint ||
				 open->mark != site->base.marks[list.unit]))
	{
		if (open->fingerprint != 0)
			QuestionDiffers(open, list.unit, question->fingerprint);
		open->unit = list.unit;
		open->fingerprint = question->fingerprint;
		open->mark = site->base.marks[list.unit];
	}

	counts = OpenCurveCounts(open);
	if (signature->scope == SCOPE_BETWEEN)
		CountCustomerAt(&counts, &site->observations[list.unit], &site->days[list.unit], &list);
	else
		CountCustomer(&counts, &site->observations[list.unit], &site->days[list.unit], &list);
	return ReturnCurve(fcinfo, OpenCurveNote(&counts));
}

Datum
return_curve_history_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &curve_signature);
}

Datum
return_curve_at_history_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &curve_at_signature);
}

/* the bytes of a state, as SSPACE says in the install script */
#define CURVE_BYTES		16384

const ListAggregate return_curve_history =
LIST_AGGREGATE_OF_STATE(return_curve_history_trans, 1, CURVE_BYTES);
const ListAggregate return_curve_at_history =
LIST_AGGREGATE_OF_STATE(return_curve_at_history_trans, 2, CURVE_BYTES);

/* Merge the states of two workers or servers; either may be settled. */
Datum
return_curve_combine(PG_FUNCTION_ARGS)
{
	OpenCurve  *open = PG_ARGISNULL(0) ? NULL : OpenCurveFromDatum(WritableState(fcinfo));
	OpenCurve  *other = PG_ARGISNULL(1) ? NULL : OpenCurveFromDatum(PG_GETARG_DATUM(1));

	if (open == NULL || other == NULL)
		return ReturnCurve(fcinfo, open != NULL ? open : other);
	if (open->fingerprint != 0 && other->fingerprint != 0 &&
		(open->fingerprint != other->fingerprint || open->mark != other->mark))
		QuestionDiffers(open, (TimeUnit) other->unit, other->fingerprint);
	return ReturnCurve(fcinfo, OpenCurveMerge(open, other));
}

Datum
return_curve_history_final(PG_FUNCTION_ARGS)
{
	Curve		curve;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	curve = CurveFromDatum(PG_GETARG_DATUM(0));
	return CurveDatum(&curve);
}
