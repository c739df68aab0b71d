/*
 * rules.c
 *	  The definitions: standing, status over a period, and the two rates.
 *
 * See rules.h for the idea.  The tables that these functions spell out stand in
 * README, "Definitions"; a change here is a change of what winback means.
 */
#include "postgres.h"

#include "rules/rules.h"

/* The standing of a customer at an instant, from what they did before it. */
LifecycleStatus
StandingOf(const History *before)
{
	if (!before->known)
		return LIFECYCLE_NONE;
	if (before->silence == LIFECYCLE_NONE)
		return LIFECYCLE_PROSPECT;	/* who never bought is nobody's former customer */
	if (before->cancelled_since)
		return LIFECYCLE_CHURNED;
	return before->silence;
}

/*
 * The status over a period, from the standings before and after it and whether
 * the customer bought in it.
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
 * Does the status over a period say that a customer bought in it who was not
 * active before?
 *
 * Active does not: that is who did not buy and nevertheless is active at the
 * end. It happens where a month back from the end reaches further than a month
 * back from the start, as from 31 and 30 March.
 */
bool
BoughtByStatus(LifecycleStatus after)
{
	return after == LIFECYCLE_NEW ||
		after == LIFECYCLE_REACTIVATED ||
		after == LIFECYCLE_WON_BACK;
}

/* Is it a return if they buy: were they customers who had lapsed? */
bool
CameBack(LifecycleStatus before)
{
	return before == LIFECYCLE_INACTIVE || before == LIFECYCLE_CHURNED;
}

/* Who can be reactivated: everyone known who was not active. */
bool
ReactivationEligible(LifecycleStatus before)
{
	return before == LIFECYCLE_INACTIVE ||
		before == LIFECYCLE_CHURNED ||
		before == LIFECYCLE_PROSPECT;
}

/* Who can be won back: former customers. */
bool
WinbackEligible(LifecycleStatus before)
{
	return before == LIFECYCLE_CHURNED;
}
