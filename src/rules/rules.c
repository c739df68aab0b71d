/*
 * rules.c
 *	  The definitions: standing, status over a period, and the two rates.
 *
 * See rules.h for the idea.  The functions implement the tables of
 * doc/reference.md, "Definitions"; a change here changes the definitions.
 */
#include "postgres.h"

#include "rules/rules.h"

/* Return the standing of a customer at an instant, given the history before it. */
Standing
StandingOf(const History *before)
{
	if (!before->known)
		return STANDING_NONE;
	if (before->silence == STANDING_NONE)
		return STANDING_PROSPECT;	/* even if cancelled, as they never bought */
	if (before->cancelled_since && before->silence != STANDING_LOST)
		return STANDING_CHURNED;
	return before->silence;
}

/* Return the status that shows a standing in SQL. */
LifecycleStatus
StatusOfStanding(Standing standing)
{
	switch (standing)
	{
		case STANDING_NONE:
			return LIFECYCLE_NONE;
		case STANDING_PROSPECT:
			return LIFECYCLE_PROSPECT;
		case STANDING_ACTIVE:
			return LIFECYCLE_ACTIVE;
		case STANDING_INACTIVE:
			return LIFECYCLE_INACTIVE;
		case STANDING_CHURNED:
		case STANDING_LOST:
			return LIFECYCLE_CHURNED;
	}
	pg_unreachable();
}

/* Return the standing that a status shows, or STANDING_NONE if it shows none. */
Standing
StandingOfStatus(LifecycleStatus status)
{
	switch (status)
	{
		case LIFECYCLE_PROSPECT:
			return STANDING_PROSPECT;
		case LIFECYCLE_ACTIVE:
			return STANDING_ACTIVE;
		case LIFECYCLE_INACTIVE:
			return STANDING_INACTIVE;
		case LIFECYCLE_CHURNED:
			return STANDING_CHURNED;
		default:
			return STANDING_NONE;
	}
}

/*
 * Return the status over a period, given the standings at its start and at its end,
 * and whether the customer bought in it.
 */
LifecycleStatus
StatusOver(Standing before, bool bought, Standing after)
{
	if (!bought)
		return StatusOfStanding(after);

	switch (before)
	{
		case STANDING_NONE:
		case STANDING_PROSPECT:
			return LIFECYCLE_NEW;
		case STANDING_ACTIVE:
			return LIFECYCLE_ACTIVE;
		case STANDING_INACTIVE:
			return LIFECYCLE_REACTIVATED;
		case STANDING_CHURNED:
		case STANDING_LOST:
			return LIFECYCLE_WON_BACK;
	}
	pg_unreachable();
}

/*
 * Return whether customers with this status over a period bought in it, if they were
 * not active at its start.
 *
 * Customers with the status active did not buy: they were not active at the start, and
 * are active at the end.  This happens if a month before the end is earlier
 * than a month before the start, as from 31 and 30 March.
 */
bool
BoughtByStatus(LifecycleStatus after)
{
	return after == LIFECYCLE_NEW ||
		after == LIFECYCLE_REACTIVATED ||
		after == LIFECYCLE_WON_BACK;
}

/* Return whether a purchase of customers of this standing is a return. */
bool
CameBack(Standing before)
{
	return before == STANDING_INACTIVE ||
		before == STANDING_CHURNED ||
		before == STANDING_LOST;
}

/* Return whether customers of this standing can be reactivated; lost ones are given up. */
bool
ReactivationEligible(Standing before)
{
	return before == STANDING_INACTIVE ||
		before == STANDING_CHURNED ||
		before == STANDING_PROSPECT;
}

/* Return whether customers of this standing can be won back; lost ones are given up. */
bool
WinbackEligible(Standing before)
{
	return before == STANDING_CHURNED;
}
