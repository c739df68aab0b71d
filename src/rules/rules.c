/*
 * rules.c
 *	  The definitions: standing, status over a period, and the two rates.
 *
 * See rules.h for the idea.  The functions implement the tables of README,
 * "Definitions"; a change here changes the definitions.
 */
#include "postgres.h"

#include "rules/rules.h"

/* Return the standing of a customer at an instant, given the history before it. */
LifecycleStatus
StandingOf(const History *before)
{
	if (!before->known)
		return LIFECYCLE_NONE;
	if (before->silence == LIFECYCLE_NONE)
		return LIFECYCLE_PROSPECT;	/* even if cancelled, as they never bought */
	if (before->cancelled_since)
		return LIFECYCLE_CHURNED;
	return before->silence;
}

/*
 * Return the status over a period, given the standings at its start and at its end,
 * and whether the customer bought in it.
 */
LifecycleStatus
StatusOver(LifecycleStatus before, bool bought, LifecycleStatus after)
{
	if (!bought)
		return after;

	switch (before)
	{
		case LIFECYCLE_NONE:
		case LIFECYCLE_PROSPECT:
			return LIFECYCLE_NEW;
		case LIFECYCLE_INACTIVE:
			return LIFECYCLE_REACTIVATED;
		case LIFECYCLE_CHURNED:
			return LIFECYCLE_WON_BACK;
		default:
			return LIFECYCLE_ACTIVE;
	}
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
CameBack(LifecycleStatus before)
{
	return before == LIFECYCLE_INACTIVE || before == LIFECYCLE_CHURNED;
}

/* Return whether customers of this standing can be reactivated. */
bool
ReactivationEligible(LifecycleStatus before)
{
	return before == LIFECYCLE_INACTIVE ||
		before == LIFECYCLE_CHURNED ||
		before == LIFECYCLE_PROSPECT;
}

/* Return whether customers of this standing can be won back. */
bool
WinbackEligible(LifecycleStatus before)
{
	return before == LIFECYCLE_CHURNED;
}
