/*
 * period_judge.c
 *	  The judge of purchases for one period.
 *
 * A judge is made once for a question, with calendar arithmetic.  To judge a row then
 * takes a few comparisons.
 */
#include "postgres.h"

#include "rules/period_judge.h"

/* Compute the verdict on a purchase before the end. */
static PurchaseFacts
Verdict(const PeriodJudge *judge, int64 at)
{
	static const PurchaseFacts at_start[NSTANDINGS] = {
		[STANDING_LOST] = FACT_START_LOST,
		[STANDING_CHURNED] = FACT_START_CHURNED,
		[STANDING_INACTIVE] = FACT_START_INACTIVE,
		[STANDING_ACTIVE] = FACT_START_ACTIVE
	};
	static const PurchaseFacts at_end[NSTANDINGS] = {
		[STANDING_INACTIVE] = FACT_END_INACTIVE,
		[STANDING_ACTIVE] = FACT_END_ACTIVE
	};
	PurchaseFacts verdict;

	if (at >= judge->period.from)
		verdict = FACT_BOUGHT;
	else
		verdict = at_start[StandingBySilence(&judge->start, at)];
	if (judge->has_end)
		verdict |= at_end[StandingBySilence(&judge->end, at)];
	return verdict;
}

/* Add an edge in ascending order. */
static void
AddEdge(PeriodJudge *judge, int64 edge)
{
	int			i = judge->nedges++;

	Assert(i < JUDGE_MAX_EDGES);
	for (; i > 0 && judge->edges[i - 1] > edge; i--)
		judge->edges[i] = judge->edges[i - 1];
	judge->edges[i] = edge;
}

static void
AddCutOffs(PeriodJudge *judge, const CutOffs *cutoffs, const Question *question)
{
	if (question->has_inactive_after)
		AddEdge(judge, cutoffs->inactive_from);
	if (question->has_churned_after)
		AddEdge(judge, cutoffs->churned_from);
	if (question->has_lost_after)
		AddEdge(judge, cutoffs->lost_from);
}

/* Initialize the judge for a question, or raise an error if the question is invalid. */
void
PeriodJudgeInit(PeriodJudge *judge, const Question *question)
{
	const Period *period = &question->period;

	QuestionCheck(question);

	memset(judge, 0, sizeof(*judge));
	judge->fingerprint = question->fingerprint;
	judge->unit = question->unit;
	judge->period = *period;
	judge->has_end = question->has_end && period->to != END_OF_TIME;

	judge->start = QuestionCutOffs(question, period->from);
	AddCutOffs(judge, &judge->start, question);
	AddEdge(judge, period->from);
	if (judge->has_end)
	{
		judge->end = QuestionCutOffs(question, period->to);
		AddCutOffs(judge, &judge->end, question);
	}
	AddEdge(judge, period->to);

	for (int i = judge->nedges; i < JUDGE_MAX_EDGES; i++)
		judge->edges[i] = END_OF_TIME;

	/* the verdict on a zone is the verdict on its first instant */
	for (int zone = 0; zone < judge->nedges; zone++)
		judge->verdicts[zone] = Verdict(judge, zone == 0 ? BEGINNING_OF_TIME :
										judge->edges[zone - 1]);
}

PeriodJudge *
PeriodJudgeCopy(MemoryContext context, const PeriodJudge *judge)
{
	return memcpy(MemoryContextAlloc(context, sizeof(PeriodJudge)), judge, sizeof(PeriodJudge));
}
