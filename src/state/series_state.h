/*
 * series_state.h
 *	  States of a series of periods: the calendar, and the purchases or events of customers.
 */
#ifndef WINBACK_SERIES_STATE_H
#define WINBACK_SERIES_STATE_H

#include "postgres.h"

#include "rules/calendar.h"
#include "state/amount_log.h"
#include "state/customer_state.h"
#include "state/event_log.h"
#include "state/series_tally.h"

typedef struct SeriesState
{
	CustomerState base;
	const Calendar *calendar;	/* shared: see StateFamily */
	int64		first_at;		/* the first and the last finite instant of all rows */
	int64		last_at;
	EventLog	log;			/* of series_events_kind; its has_amounts is that of every kind */
	AmountLog	amounts;		/* of series_amounts_kind */
} SeriesState;

/* A row of the batch of series_amounts_kind. */
typedef struct AmountRow
{
	uint32		zone;
	Amount		amount;			/* AMOUNT_NONE unless the zone is in one of the periods */
} AmountRow;

extern SeriesState *SeriesStateCreate(MemoryContext context, StateFamily *family,
									  const Question *question, bool has_events,
									  bool has_amounts);
extern SeriesTally *SeriesStateTally(SeriesState *state);
extern void SeriesStateNumber(SeriesState *state);

extern const CustomerStateOps *const series_purchases_kind;
extern const CustomerStateOps *const series_amounts_kind;
extern const CustomerStateOps *const series_events_kind;

/* series_summary.c: count the customers of each kind in each period */
extern void SummarizePurchases(SeriesState *state, SeriesTally *tally);
extern void SummarizeAmounts(SeriesState *state, SeriesTally *tally);
extern void SummarizeEvents(SeriesState *state, SeriesTally *tally);

/* Extend first_at and last_at to the instant of a row. */
static inline void
SeriesStateNote(SeriesState *state, int64 at)
{
	NoteInstant(&state->first_at, &state->last_at, at);
}

/* Enter a purchase in a zone. */
static inline void
SeriesStateEnterZone(SeriesState *state, CustomerType *customer_type, Datum customer, uint32 zone)
{
	CustomerStateAdd(&state->base, customer_type, customer, &zone, sizeof(zone));
}

/* Return the bytes of the facts that are zones. */
static inline int
ZoneBytes(const SeriesState *state)
{
	return state->calendar->nedges / 8 + 1;
}

/*
 * Return where the place of the last amount is stored in facts of series_amounts_kind: behind the
 * zones, and as in the facts of a log behind a byte.
 */
static inline uint8 *
LogFacts(const SeriesState *state, const uint8 *facts)
{
	return unconstify(uint8 *, facts) + ZoneBytes(state) - 1;
}

/* Return the row for the batch of a purchase with an amount in a zone. */
static inline AmountRow
SeriesStateAmountRow(SeriesState *state, int zone, const Amount *amount)
{
	int			period = state->calendar->period_of[zone];
	AmountRow	row = {.zone = zone, .amount.form = AMOUNT_NONE};

	if (period >= 0 && period < state->calendar->nperiods)
		row.amount = likely(amount->form != AMOUNT_NUMERIC) ? *amount :
			AmountCopy(amount, state->base.table.context);
	return row;
}

/* Enter a purchase with an amount in a zone. */
static inline void
SeriesStateEnterAmount(SeriesState *state, CustomerType *customer_type, Datum customer,
					   int zone, const Amount *amount)
{
	AmountRow	row = SeriesStateAmountRow(state, zone, amount);

	CustomerStateAdd(&state->base, customer_type, customer, &row, sizeof(row));
}

/* Add an event to the log, and return the row for the batch: its place. */
static inline uint32
SeriesStateEventRow(SeriesState *state, int64 at, int zone, LifecycleEvent event,
					const Amount *amount)
{
	StaticAssertStmt(CALENDAR_MAX_EDGES <= PG_UINT16_MAX, "a zone of the log has 16 bits");
	return EventLogAdd(&state->log, state->base.table.context, at, zone, event, amount);
}

/* Enter an event in a zone. */
static inline void
SeriesStateEnterEvent(SeriesState *state, CustomerType *customer_type, Datum customer,
					  int64 at, int zone, LifecycleEvent event, const Amount *amount)
{
	uint32		place = SeriesStateEventRow(state, at, zone, event, amount);

	/* the row is a uint32: for this kind the place in the log, and not a zone */
	SeriesStateEnterZone(state, customer_type, customer, place);
}

#endif							/* WINBACK_SERIES_STATE_H */
