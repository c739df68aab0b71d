/*
 * series_tally.c
 *	  The numbers of customers in the periods of a series, and their revenue.
 */
#include "postgres.h"

#include "common/int.h"
#include "lib/stringinfo.h"

#include "state/series_tally.h"

/* Allocate the periods of a tally, and their revenue if it has amounts. */
void
SeriesTallyAllocate(SeriesTally *tally, int nperiods)
{
	tally->nperiods = nperiods;
	tally->periods = palloc0(nperiods * sizeof(PeriodTally));
	if (tally->has_amounts)
	{
		tally->revenue = palloc0(nperiods * sizeof(*tally->revenue));
		tally->caller = AmountSumCaller();
	}
}

/* Make an empty tally of the question of a calendar, in the current memory context. */
SeriesTally *
SeriesTallyCreate(const Calendar *calendar, bool has_amounts)
{
	SeriesTally *tally = palloc0(sizeof(SeriesTally));
	int			nperiods = calendar->nperiods;

	tally->question = calendar->question;
	tally->timezone = calendar->timezone;
	tally->has_amounts = has_amounts;
	tally->first_at = END_OF_TIME;
	tally->last_at = BEGINNING_OF_TIME;
	SeriesTallyAllocate(tally, nperiods);
	for (int i = 0; i < nperiods; i++)
	{
		tally->periods[i].from = calendar->boundaries[i].at;
		tally->periods[i].to = calendar->boundaries[i + 1].at;
		tally->periods[i].reach = CalendarReach(calendar, i);
		tally->periods[i].later = calendar->later[i].at;
	}
	tally->steady = palloc0((nperiods + 1) * sizeof(*tally->steady));
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
		/* some sweeps count customers who are not known yet, and others cannot */
		tally->periods[i].customers[STANDING_NONE][false][STANDING_NONE] = 0;
	}
	pfree(tally->steady);
	tally->steady = NULL;
}

/*
 * Return whether the numbers of a period are those of some customers: none is negative, all
 * customers together are an int64, and not more returns lasted than there were.
 */
bool
PeriodTallyIsPossible(const PeriodTally *period)
{
	int64		total = 0;
	int64		returned = 0;

	for (int before = 0; before < NSTANDINGS; before++)
		for (int bought = 0; bought < 2; bought++)
			for (int after = 0; after < NSTANDINGS; after++)
			{
				int64		customers = period->customers[before][bought][after];

				if (customers == 0)
					continue;
				if (customers < 0 || pg_add_s64_overflow(total, customers, &total))
					return false;
				if (bought && CameBack(before))
					returned += customers;
			}
	return period->sustained >= 0 && period->sustained <= returned;
}

/* Return whether two tallies have the same instants in all periods. */
static bool
SamePeriods(const SeriesTally *a, const SeriesTally *b)
{
	if (a->nperiods != b->nperiods)
		return false;
	for (int i = 0; i < a->nperiods; i++)
	{
		if (a->periods[i].from != b->periods[i].from || a->periods[i].to != b->periods[i].to ||
			a->periods[i].reach != b->periods[i].reach ||
			a->periods[i].later != b->periods[i].later)
			return false;
	}
	return true;
}

/* Raise an error that names the differences if two tallies answer different questions. */
static void
CheckSameQuestion(const SeriesTally *a, const SeriesTally *b)
{
	const Question *ours = &a->question;
	const Question *theirs = &b->question;
	const struct
	{
		const char *name;
		bool		differs;
	}			parts[] = {
		{"type of time", ours->unit != theirs->unit},
		{"period", ours->period.from != theirs->period.from ||
		ours->period.to != theirs->period.to},
		{"step", !SameInterval(&ours->step, &theirs->step)},
		{"inactive_after", !SameInterval(&ours->inactive_after, &theirs->inactive_after)},
		{"churned_after", !SameInterval(&ours->churned_after, &theirs->churned_after)},
		{"lost_after", !SameInterval(&ours->lost_after, &theirs->lost_after)},
		{"amounts", a->has_amounts != b->has_amounts},
		{"TimeZone", strcmp(a->timezone, b->timezone) != 0}
	};
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < (int) lengthof(parts); i++)
	{
		if (parts[i].differs)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", parts[i].name);
	}
	/* only another version of the time zone database makes other periods of the same question */
	if (names.len == 0 && !SamePeriods(a, b))
		appendStringInfoString(&names, "the data of the time zone");
	if (names.len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tallies of different questions cannot be added up"),
				 errdetail("They differ in %s.", names.data),
				 errhint("Compute all tallies with the same period, step, thresholds, type of time "
						 "and TimeZone, all with amounts or all without.  Add up others apart, "
						 "with GROUP BY.")));
	pfree(names.data);
}

static void
AddCustomers(int64 *customers, int64 more)
{
	if (pg_add_s64_overflow(*customers, more, customers))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("lifecycle_tally out of range")));
}

/* Merge the tally of other customers into a tally.  Both must be settled. */
void
SeriesTallyMerge(SeriesTally *tally, SeriesTally *other)
{
	CheckSameQuestion(tally, other);
	tally->first_at = Min(tally->first_at, other->first_at);
	tally->last_at = Max(tally->last_at, other->last_at);
	for (int i = 0; i < tally->nperiods; i++)
	{
		PeriodTally *period = &tally->periods[i];
		int64	   *ours = &period->customers[0][0][0];
		const int64 *theirs = &other->periods[i].customers[0][0][0];
		int64		total = 0;

		for (int cell = 0; cell < NCELLS_A_PERIOD; cell++)
		{
			AddCustomers(&ours[cell], theirs[cell]);
			AddCustomers(&total, ours[cell]);
		}
		AddCustomers(&period->sustained, other->periods[i].sustained);

		for (int part = 0; tally->has_amounts && part < NREVENUES; part++)
		{
			AmountSum  *sum = &other->revenue[i][part];
			int64		scaled;
			int			scale;
			Amount		amount = AmountSumGetScaled(sum, &scaled, &scale) ?
				AmountFromScaled(scaled, scale) : AmountFromDatum(AmountSumGet(sum, other->caller));

			AmountSumAdd(&tally->revenue[i][part], &amount, tally->caller);
			tally->has_numerics |= tally->revenue[i][part].numeric != 0;
		}
	}
}
