/*
 * rules.c
 *	  The definitions: standing, status over a period, and the two rates.
 *
 * See rules.h for the idea.  The tables that these functions spell out stand in
 * README, "Definitions"; a change here is a change of what winback means.
 */
#include "postgres.h"

#include "rules.h"

/*
 * The standing of a customer at an instant, from what they did before it.
 *
 * A cancellation at the very instant of a purchase counts as after it.  The cut
 * is exact: a purchase at inactive_from itself is recent enough.
 */
LifecycleStatus
StandingAt(const Horizon *horizon, const History *before)
{
	if (!before->known)
		return LIFECYCLE_NONE;
	if (!before->bought)
		return LIFECYCLE_PROSPECT;	/* nobody is a former customer who never was one */
	if (before->cancelled && before->last_cancellation >= before->last_purchase)
		return LIFECYCLE_CHURNED;
	if (before->last_purchase < horizon->churned_from)
		return LIFECYCLE_CHURNED;
	if (before->last_purchase < horizon->inactive_from)
		return LIFECYCLE_INACTIVE;
	return LIFECYCLE_ACTIVE;
}

/* Who can be reactivated: everyone known who was not active. */
bool
ReactivationEligible(LifecycleStatus standing)
{
	return standing == LIFECYCLE_INACTIVE ||
		standing == LIFECYCLE_CHURNED ||
		standing == LIFECYCLE_PROSPECT;
}

/* Who can be won back: former customers. */
bool
WinbackEligible(LifecycleStatus standing)
{
	return standing == LIFECYCLE_CHURNED;
}
