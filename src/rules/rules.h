/*
 * rules.h
 *	  The definitions: standing, status over a period, and the two rates.
 *
 * This is the one place where it is decided what a customer is.  Everything
 * here is a pure function of plain values: no fmgr, no allocation, no errors.
 * Every aggregate brings what it knows of a customer into a History and asks.
 *
 * Instants are int64 in the unit of the column (microseconds since 2000-01-01
 * for the two timestamp types, days for date), with PostgreSQL's own values for
 * the infinities, so that plain comparison is PostgreSQL's comparison.
 */
#ifndef WINBACK_RULES_H
#define WINBACK_RULES_H

#include "postgres.h"

/* before every instant: no purchase, -infinity included, is earlier */
#define BEGINNING_OF_TIME	PG_INT64_MIN
/* after every finite instant: the end of a period that has no upper bound */
#define END_OF_TIME			PG_INT64_MAX

/*
 * Statuses, in the order in which they sort.  The codes are stored on disk and
 * leave gaps, so that a label can be added between two others.
 */
typedef enum LifecycleStatus
{
	LIFECYCLE_NONE = 0,			/* nothing known: NULL in SQL, never stored */
	LIFECYCLE_PROSPECT = 16,
	LIFECYCLE_NEW = 32,
	LIFECYCLE_ACTIVE = 48,
	LIFECYCLE_INACTIVE = 64,
	LIFECYCLE_CHURNED = 80,
	LIFECYCLE_REACTIVATED = 96,
	LIFECYCLE_WON_BACK = 112
} LifecycleStatus;

/* Kinds of events; the same holds for the codes. */
typedef enum LifecycleEvent
{
	EVENT_INTEREST = 16,
	EVENT_PURCHASE = 32,
	EVENT_CANCELLATION = 48
} LifecycleEvent;

/*
 * How silence is judged at an instant.  The two cut-offs are computed once, from
 * the instant and the thresholds: a last purchase before inactive_from makes a
 * customer inactive, one before churned_from makes them churned.
 * BEGINNING_OF_TIME as a cut-off means that silence never does it.
 */
typedef struct CutOffs
{
	int64		inactive_from;
	int64		churned_from;
} CutOffs;

/*
 * What the silence since the last purchase makes of a customer.
 *
 * The cut is exact: a purchase at a cut-off itself is recent enough.  A later
 * purchase never makes it worse, so that of several purchases the one that is
 * judged best is the last.
 */
static inline LifecycleStatus
StandingBySilence(const CutOffs *cutoffs, int64 last_purchase)
{
	if (last_purchase < cutoffs->churned_from)
		return LIFECYCLE_CHURNED;
	if (last_purchase < cutoffs->inactive_from)
		return LIFECYCLE_INACTIVE;
	return LIFECYCLE_ACTIVE;
}

/* What one customer did strictly before one instant. */
typedef struct History
{
	bool		known;			/* any event at all */
	bool		cancelled_since;	/* a cancellation not before the last purchase */
	LifecycleStatus silence;	/* what their silence since the last purchase
								 * makes them; LIFECYCLE_NONE if they never bought */
} History;

/* A rate as two numbers of customers. */
typedef struct Tally
{
	int64		returned;
	int64		eligible;
} Tally;

extern LifecycleStatus StandingOf(const History *before);
extern LifecycleStatus StatusOver(LifecycleStatus before, bool bought,
								  LifecycleStatus after);
extern bool BoughtByStatus(LifecycleStatus after);
extern bool CameBack(LifecycleStatus before);
extern bool ReactivationEligible(LifecycleStatus before);
extern bool WinbackEligible(LifecycleStatus before);

#endif							/* WINBACK_RULES_H */
