/*
 * series_tally.c
 *	  The numbers of customers in the periods of a series, and their revenue.
 */
#include "postgres.h"

#include "pgtime.h"

#include "state/series_tally.h"

/* Make an empty tally of the question of a calendar, in the current memory context. */
SeriesTally *
SeriesTallyCreate(const Calendar *calendar, bool has_amounts)
{
	SeriesTally *tally = palloc0(sizeof(SeriesTally));
	int			nperiods = calendar->nperiods;

	tally->question = calendar->question;
	tally->timezone = pg_get_timezone_name(session_timezone);
	tally->has_amounts = has_amounts;
	tally->first_at = END_OF_TIME;
	tally->last_at = BEGINNING_OF_TIME;
	tally->nperiods = nperiods;
	tally->periods = palloc0(nperiods * sizeof(PeriodTally));
	for (int i = 0; i < nperiods; i++)
	{
		tally->periods[i].from = calendar->boundaries[i].at;
		tally->periods[i].to = calendar->boundaries[i + 1].at;
		tally->periods[i].reach = CalendarReach(calendar, i);
		tally->periods[i].later = calendar->later[i].at;
	}
	tally->steady = palloc0((nperiods + 1) * sizeof(*tally->steady));
	if (has_amounts)
	{
		tally->revenue = palloc0(nperiods * sizeof(*tally->revenue));
		tally->caller = AmountSumCaller();
	}
	return tally;
}

/* Add the customers who keep a standing to their periods.  This ends the counting. */
void
SeriesTallySettle(SeriesTally *tally)
{
	int64		customers[NSTANDINGS] = {0};

	for (int i = 0; i < tally->nperiods; i++)
	{
		for (int standing = 0; standing < NSTANDINGS; standing++)
		{
			customers[standing] += tally->steady[i][standing];
			SeriesTallyCount(tally, i, standing, false, standing, customers[standing]);
		}
	}
	pfree(tally->steady);
	tally->steady = NULL;
}

/* Return the part of the revenue to which the amounts of customers of a status belong. */
static RevenuePart
RevenuePartOf(LifecycleStatus status)
{
	switch (status)
	{
		case LIFECYCLE_NEW:
			return REVENUE_NEW;
		case LIFECYCLE_ACTIVE:
			return REVENUE_RETAINED;
		case LIFECYCLE_REACTIVATED:
			return REVENUE_REACTIVATED;
		case LIFECYCLE_WON_BACK:
			return REVENUE_WON_BACK;
		default:
			return REVENUE_OTHER;
	}
}

/*
 * Add an amount to the revenue that a period has from customers of a status: LIFECYCLE_NONE if
 * nothing is known of the customer, or if they did not buy and the period has no end.
 */
void
SeriesTallyAddAmount(SeriesTally *tally, int period, LifecycleStatus status, const Amount *amount)
{
	AmountSumAdd(&tally->revenue[period][RevenuePartOf(status)], amount, tally->caller);
}
