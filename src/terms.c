/*
 * terms.c
 *	  What was asked: the period and the thresholds, as instants.
 *
 * A question is turned into terms once, with calendar arithmetic; after that a
 * row costs a few comparisons.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"

#include "terms.h"

/* Two thresholds are the same only to the letter: a month is not 30 days. */
static bool
SameInterval(const Interval *a, const Interval *b)
{
	return a->month == b->month && a->day == b->day && a->time == b->time;
}

bool
QuestionEqual(const Question *a, const Question *b)
{
	return a->period.from == b->period.from &&
		a->period.to == b->period.to &&
		a->has_inactive_after == b->has_inactive_after &&
		a->has_churned_after == b->has_churned_after &&
		a->has_end == b->has_end &&
		SameInterval(&a->inactive_after, &b->inactive_after) &&
		SameInterval(&a->churned_after, &b->churned_after);
}

/*
 * A question in 64 bits, by which a state knows its own: a copy in each of many
 * small states would double their size.
 */
static uint64
Fingerprint(TimeUnit unit, const Question *question)
{
	int64		fields[] = {
		unit,
		question->period.from,
		question->period.to,
		question->has_inactive_after,
		question->inactive_after.month,
		question->inactive_after.day,
		question->inactive_after.time,
		question->has_churned_after,
		question->churned_after.month,
		question->churned_after.day,
		question->churned_after.time,
		question->has_end
	};

	return hash_bytes_extended((unsigned char *) fields, sizeof(fields), 0);
}

void
TermsChanged(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("period and thresholds must be the same in every row of a group"),
			 errdetail("One question is answered at a time."),
			 errhint("Pass constants, or add the period to GROUP BY.")));
}

/* The cut-offs of both thresholds at an instant. */
static CutOffs
CutOffsAt(TimeUnit unit, int64 at, const Question *question)
{
	CutOffs		cutoffs = {BEGINNING_OF_TIME, BEGINNING_OF_TIME};

	if (question->has_inactive_after)
		cutoffs.inactive_from = InstantBefore(unit, at, &question->inactive_after,
											  "inactive_after");
	if (question->has_churned_after)
		cutoffs.churned_from = InstantBefore(unit, at, &question->churned_after,
											 "churned_after");

	/*
	 * Which of a month and 30 days is longer depends on where one counts from,
	 * so that thresholds which compare as equal may still be in the wrong order
	 * at one end of a period.
	 */
	if (question->has_inactive_after && question->has_churned_after &&
		(cutoffs.churned_from > cutoffs.inactive_from ||
		 DatumGetBool(DirectFunctionCall2(interval_lt,
										  IntervalPGetDatum(&question->churned_after),
										  IntervalPGetDatum(&question->inactive_after)))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("churned_after must not be shorter than inactive_after"),
				 errdetail("Counted back from an end of the period, churned_after is %s and inactive_after is %s.",
						   DatumGetCString(DirectFunctionCall1(interval_out,
															   IntervalPGetDatum(&question->churned_after))),
						   DatumGetCString(DirectFunctionCall1(interval_out,
															   IntervalPGetDatum(&question->inactive_after)))),
				 errhint("A customer is first inactive, then churned; give both thresholds in the same unit.")));

	return cutoffs;
}

static PurchaseFacts
FactOfStanding(LifecycleStatus standing, PurchaseFacts churned,
			   PurchaseFacts inactive, PurchaseFacts active)
{
	return standing == LIFECYCLE_CHURNED ? churned :
		standing == LIFECYCLE_INACTIVE ? inactive : active;
}

/* The verdict on a purchase before the end. */
static PurchaseFacts
Verdict(const Terms *terms, int64 at)
{
	PurchaseFacts verdict;

	if (at >= terms->period.from)
		verdict = FACT_BOUGHT;
	else
		verdict = FactOfStanding(StandingBySilence(&terms->start, at),
								 FACT_START_CHURNED, FACT_START_INACTIVE, FACT_START_ACTIVE);
	if (terms->has_end)
		verdict |= FactOfStanding(StandingBySilence(&terms->end, at),
								  FACT_END_CHURNED, FACT_END_INACTIVE, FACT_END_ACTIVE);
	return verdict;
}

/* Add an edge, keeping them in order. */
static void
AddEdge(Terms *terms, int64 edge)
{
	int			i = terms->nedges++;

	Assert(i < TERMS_MAX_EDGES);
	for (; i > 0 && terms->edges[i - 1] > edge; i--)
		terms->edges[i] = terms->edges[i - 1];
	terms->edges[i] = edge;
}

static void
AddCutOffs(Terms *terms, const CutOffs *cutoffs, const Question *question)
{
	if (question->has_inactive_after)
		AddEdge(terms, cutoffs->inactive_from);
	if (question->has_churned_after)
		AddEdge(terms, cutoffs->churned_from);
}

/* Make terms of a question, or raise what is wrong with it. */
void
TermsInit(Terms *terms, TimeUnit unit, const Question *question)
{
	const Period *period = &question->period;

	memset(terms, 0, sizeof(*terms));
	terms->fingerprint = Fingerprint(unit, question);
	terms->unit = unit;
	terms->period = *period;
	terms->has_end = question->has_end && period->to != END_OF_TIME;

	if (question->has_inactive_after)
		CheckThreshold(&question->inactive_after, "inactive_after");
	if (question->has_churned_after)
		CheckThreshold(&question->churned_after, "churned_after");

	terms->start = CutOffsAt(unit, period->from, question);
	AddCutOffs(terms, &terms->start, question);
	AddEdge(terms, period->from);
	if (terms->has_end)
	{
		terms->end = CutOffsAt(unit, period->to, question);
		AddCutOffs(terms, &terms->end, question);
	}
	AddEdge(terms, period->to);

	/* all instants of a zone are judged as its first one */
	for (int zone = 0; zone < terms->nedges; zone++)
		terms->verdicts[zone] = Verdict(terms, zone == 0 ? BEGINNING_OF_TIME :
										terms->edges[zone - 1]);
}
