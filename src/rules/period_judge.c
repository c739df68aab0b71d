/*
 * terms.c
 *	  How purchases are judged for one period.
 *
 * A question is turned into terms once, with calendar arithmetic; after that a
 * row costs a few comparisons.
 */
#include "postgres.h"

#include "rules/period_judge.h"

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
TermsInit(Terms *terms, const Question *question)
{
	const Period *period = &question->period;

	QuestionCheck(question);

	memset(terms, 0, sizeof(*terms));
	terms->fingerprint = question->fingerprint;
	terms->unit = question->unit;
	terms->period = *period;
	terms->has_end = question->has_end && period->to != END_OF_TIME;

	terms->start = QuestionCutOffs(question, period->from);
	AddCutOffs(terms, &terms->start, question);
	AddEdge(terms, period->from);
	if (terms->has_end)
	{
		terms->end = QuestionCutOffs(question, period->to);
		AddCutOffs(terms, &terms->end, question);
	}
	AddEdge(terms, period->to);

	for (int i = terms->nedges; i < TERMS_MAX_EDGES; i++)
		terms->edges[i] = END_OF_TIME;

	/* all instants of a zone are judged as its first one */
	for (int zone = 0; zone < terms->nedges; zone++)
		terms->verdicts[zone] = Verdict(terms, zone == 0 ? BEGINNING_OF_TIME :
										terms->edges[zone - 1]);
}

Terms *
TermsCopy(MemoryContext context, const Terms *terms)
{
	return memcpy(MemoryContextAlloc(context, sizeof(Terms)), terms, sizeof(Terms));
}
