/*
 * return_curve.c
 *	  The aggregates over customers return_curve and return_curve_at.
 *
 * A transition function keeps the day of every purchase before until; see silence_state.c.  The
 * final function turns the days of each customer into silences, and counts them by length.
 *
 * One C function serves the three time types, with and without events.
 */
#include "postgres.h"

#include "fmgr.h"

#include "aggregates/aggregates.h"
#include "aggregates/call_site.h"
#include "aggregates/signatures.h"
#include "state/silence_state.h"
#include "types/return_curve.h"

PG_FUNCTION_INFO_V1(return_curve_trans);
PG_FUNCTION_INFO_V1(return_curve_at_trans);
PG_FUNCTION_INFO_V1(return_curve_final);

/* Return whether a purchase of the signature is a DayAround, and not an age. */
#define KeepsDaysAround(signature)	((signature)->scope == SCOPE_BETWEEN)

/* The body of both transition functions: enter a row into the state. */
static pg_attribute_always_inline Datum
Transition(FunctionCallInfo fcinfo, const Signature *signature)
{
	SilenceState *state = ArgState(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, signature);
	CustomerType *customer_type;
	int64		at;

	if (CallSiteIgnores(fcinfo, signature, site))
		return ReturnState(fcinfo, state);

	if (unlikely(state == NULL))
		state = SilenceStateCreate(AggregateContext(fcinfo), &site->family,
								   CallSiteQuestion(fcinfo, site), &site->days);
	else if (unlikely(!site->constant) &&
			 CallSiteQuestion(fcinfo, site)->fingerprint != state->fingerprint)
		UntilChanged();

	at = CallSiteInstant(fcinfo, signature, site);
	if (CallSiteEvent(fcinfo, site) != EVENT_PURCHASE || !IsObserved(&state->observed, at))
		PG_RETURN_POINTER(state);

	customer_type = site->family.customer_type;
	if (KeepsDaysAround(signature))
	{
		DayAround	row = ObservedDayAround(&state->observed, &site->days, at);

		CustomerStateAdd(&state->base, customer_type, PG_GETARG_DATUM(CUSTOMER_ARG), &row,
						 sizeof(row));
	}
	else
	{
		uint32		age = ObservedAge(&state->observed, &site->days, at);

		CustomerStateAdd(&state->base, customer_type, PG_GETARG_DATUM(CUSTOMER_ARG), &age,
						 sizeof(age));
	}
	PG_RETURN_POINTER(state);
}

Datum
return_curve_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &curve_signature);
}

Datum
return_curve_at_trans(PG_FUNCTION_ARGS)
{
	return Transition(fcinfo, &curve_at_signature);
}

/*
 * Queue the rows of a block from `first` on, and return the first row that must go
 * through the transition function, or nrows.
 */
static pg_attribute_always_inline int
TakeBlock(FunctionCallInfo fcinfo, const Signature *signature, const RowBlock *rows, int first)
{
	SilenceState *state = ArgState(fcinfo, 0);
	CallSite   *site = CallSiteGet(fcinfo, signature);
	int			row;

	if (!RowBlockServes(rows, signature, site))
		return first;
	/* a scan without groups has one table; with groups it lends a batch */
	if (unlikely(state->base.batch == NULL))
		CustomerStateBeginBatch(&state->base, true);

	for (row = first; row < rows->nrows; row++)
	{
		int64		at;
		int			place;

		if (unlikely(RowBlockIgnores(rows, row, signature, site)))
			continue;
		at = InstantFromDatum(site->unit, rows->values[AtArg(signature)][row]);
		if (!IsObserved(&state->observed, at) ||
			(site->event &&
			 (LifecycleEvent) DatumGetChar(rows->values[site->event][row]) != EVENT_PURCHASE))
			continue;
		if (state->base.batch->nrows == BATCH_ROWS)
			CustomerStateFlush(&state->base);
		place = CustomerStateQueue(&state->base, site->family.customer_type,
								   rows->values[CUSTOMER_ARG][row]);
		if (unlikely(place < 0))
			break;
		if (KeepsDaysAround(signature))
			((DayAround *) state->base.batch->rows)[place] =
				ObservedDayAround(&state->observed, &site->days, at);
		else
			((uint32 *) state->base.batch->rows)[place] =
				ObservedAge(&state->observed, &site->days, at);
	}
	return row;
}

static int
TakeCurveRows(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return TakeBlock(fcinfo, &curve_signature, rows, first);
}

static int
TakeCurveAtRows(FunctionCallInfo fcinfo, const RowBlock *rows, int first)
{
	return TakeBlock(fcinfo, &curve_at_signature, rows, first);
}

const OnePassAggregate return_curve_aggregate = {
	return_curve_trans, TakeCurveRows, .nargs = 3, .keeps_purchases = true
};
const OnePassAggregate return_curve_at_aggregate = {
	return_curve_at_trans, TakeCurveAtRows, .nargs = 4, .only_facts = true
};

Datum
return_curve_final(PG_FUNCTION_ARGS)
{
	SilenceState *state = ArgState(fcinfo, 0);
	Curve		curve;

	if (state == NULL)
		PG_RETURN_NULL();
	curve = SilenceStateCurve(state);
	return CurveDatum(&curve);
}
