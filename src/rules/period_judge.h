/*
 * period_judge.h
 *	  The judge of purchases for one period.
 */
#ifndef WINBACK_PERIOD_JUDGE_H
#define WINBACK_PERIOD_JUDGE_H

#include "postgres.h"

#include "rules/facts.h"
#include "rules/question.h"
#include "rules/rules.h"

/* the start, the end and two cut-offs for each; a rate with lost_after has no end to judge */
#define JUDGE_MAX_EDGES		6

/*
 * A judge holds the verdict on purchases at any instant, for the question of one period.
 *
 * The definitions compare a purchase with at most six instants.  These edges divide
 * time into zones, and all purchases in one zone have the same verdict:
 *
 *		  verdicts[0]  |  verdicts[1]  |  ...  |  (at or after the end: ignored)
 *					edges[0]		edges[1]		edges[nedges - 1]
 */
typedef struct PeriodJudge
{
	uint64		fingerprint;	/* of the question */
	Period		period;
	CutOffs		start;
	CutOffs		end;			/* if has_end */
	uint8		unit;			/* TimeUnit */
	bool		has_end;
	uint8		nedges;
	PurchaseFacts verdicts[JUDGE_MAX_EDGES + 1];	/* 0 after the last zone */
	int64		edges[JUDGE_MAX_EDGES]; /* ascending, ties allowed, then END_OF_TIME */
} PeriodJudge;

extern void PeriodJudgeInit(PeriodJudge *judge, const Question *question);
extern PeriodJudge *PeriodJudgeCopy(MemoryContext context, const PeriodJudge *judge);

/*
 * Return the verdict on a purchase: the facts to add to the customer, or 0 if the
 * purchase is at or after the end of the period.
 */
static inline PurchaseFacts
JudgePurchase(const PeriodJudge *judge, int64 at)
{
	int			zone = 0;

	/*
	 * The loop has no branch, because the processor would often predict it wrongly. Unused edges
	 * are END_OF_TIME: no purchase reaches them but one at infinity, whose verdict is 0 in any
	 * case.
	 */
	for (int i = 0; i < JUDGE_MAX_EDGES; i++)
		zone += (judge->edges[i] <= at);
	return judge->verdicts[zone];
}

#endif							/* WINBACK_PERIOD_JUDGE_H */
