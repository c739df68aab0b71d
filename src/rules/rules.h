/*
 * rules.h
 *	  The definitions: standing, status over a period, and the two rates.
 *
 * Only these functions compute the standing and the status of a customer.  They are
 * pure functions of plain values, without fmgr, allocation or errors.  Every aggregate
 * makes a History of its facts of a customer and calls them.
 *
 * Instants are int64 in the unit of the column (microseconds since 2000-01-01
 * for the two timestamp types, days for date), with PostgreSQL's own values for
 * the infinities, so that plain comparison is PostgreSQL's comparison.
 */
#ifndef WINBACK_RULES_H
#define WINBACK_RULES_H

#include "postgres.h"

/* -infinity: no instant is earlier */
#define BEGINNING_OF_TIME	PG_INT64_MIN
/* infinity, later than every finite instant: the end of a period without an upper bound */
#define END_OF_TIME			PG_INT64_MAX

/*
 * Statuses in their sort order.  The codes are stored on disk.  There are gaps between
 * them, so that we can add a label between two others.
 */
typedef enum LifecycleStatus
{
	LIFECYCLE_NONE = 0,			/* no event yet: NULL in SQL, never stored */
	LIFECYCLE_PROSPECT = 16,
	LIFECYCLE_NEW = 32,
	LIFECYCLE_ACTIVE = 48,
	LIFECYCLE_INACTIVE = 64,
	LIFECYCLE_CHURNED = 80,
	LIFECYCLE_REACTIVATED = 96,
	LIFECYCLE_WON_BACK = 112
} LifecycleStatus;

/*
 * The standing of a customer at an instant.  In SQL it is the status of the same name
 * (StatusOfStanding), and a lost customer is churned.
 */
typedef enum Standing
{
	STANDING_NONE,				/* no event yet */
	STANDING_PROSPECT,
	STANDING_ACTIVE,
	STANDING_INACTIVE,
	STANDING_CHURNED,
	STANDING_LOST				/* silent for longer than lost_after */
} Standing;

#define NSTANDINGS	(STANDING_LOST + 1)

/* Kinds of events in their sort order.  The codes are stored on disk, too. */
typedef enum LifecycleEvent
{
	EVENT_INTEREST = 16,
	EVENT_PURCHASE = 32,
	EVENT_CANCELLATION = 48,
	EVENT_ADJUSTMENT = 64		/* its amount counts, and nothing else */
} LifecycleEvent;

static inline bool
IsLifecycleEvent(int code)
{
	return code == EVENT_INTEREST || code == EVENT_PURCHASE || code == EVENT_CANCELLATION ||
		code == EVENT_ADJUSTMENT;
}

/* Return whether an event of this kind is part of the history of a customer. */
static inline bool
IsHistory(LifecycleEvent event)
{
	return event != EVENT_ADJUSTMENT;
}

/* Return whether the amount of an event of this kind is revenue. */
static inline bool
IsRevenue(LifecycleEvent event)
{
	return event == EVENT_PURCHASE || event == EVENT_ADJUSTMENT;
}

/*
 * The cut-offs of silence at an instant, which are computed once from the instant and
 * the thresholds.  A customer is inactive if the last purchase is before inactive_from,
 * churned if it is before churned_from, and lost if it is before lost_from.  The cut-off of
 * an absent threshold is BEGINNING_OF_TIME, as no purchase is before it.
 */
typedef struct CutOffs
{
	int64		inactive_from;
	int64		churned_from;
	int64		lost_from;
} CutOffs;

/* The cut-offs without any threshold, as an initializer. */
#define NO_CUT_OFFS		{BEGINNING_OF_TIME, BEGINNING_OF_TIME, BEGINNING_OF_TIME}

/*
 * Return the standing that follows from the instant of the last purchase alone.
 *
 * A purchase exactly at a cut-off is recent enough.  A later purchase never gives a
 * worse standing, so the last of several purchases gives the best one.
 */
static inline Standing
StandingBySilence(const CutOffs *cutoffs, int64 last_purchase)
{
	if (last_purchase < cutoffs->lost_from)
		return STANDING_LOST;
	if (last_purchase < cutoffs->churned_from)
		return STANDING_CHURNED;
	if (last_purchase < cutoffs->inactive_from)
		return STANDING_INACTIVE;
	return STANDING_ACTIVE;
}

/* The history of one customer strictly before one instant. */
typedef struct History
{
	bool		known;			/* the customer has an event */
	bool		cancelled_since;	/* a cancellation is not before the last purchase */
	Standing	silence;		/* StandingBySilence of the last purchase, or STANDING_NONE
								 * without a purchase */
} History;

/* The numerator and the denominator of a rate, as numbers of customers. */
typedef struct Tally
{
	int64		returned;
	int64		eligible;
} Tally;

extern Standing StandingOf(const History *before);
extern LifecycleStatus StatusOfStanding(Standing standing);
extern Standing StandingOfStatus(LifecycleStatus status);
extern LifecycleStatus StatusOver(Standing before, bool bought, Standing after);
extern bool BoughtByStatus(LifecycleStatus after);
extern bool CameBack(Standing before);
extern bool ReactivationEligible(Standing before);
extern bool WinbackEligible(Standing before);

#endif							/* WINBACK_RULES_H */
