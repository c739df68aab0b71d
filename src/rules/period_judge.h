/*
 * period_judge.h
 *	  How purchases are judged for one period.
 */
#ifndef WINBACK_PERIOD_JUDGE_H
#define WINBACK_PERIOD_JUDGE_H

#include "postgres.h"

#include "rules/facts.h"
#include "rules/question.h"
#include "rules/rules.h"

/* start, end and their cut-offs */
#define JUDGE_MAX_EDGES		6

/*
 * What follows from a question.
 *
 * The definitions compare a purchase with at most six instants.  These edges cut
 * time into zones in which all purchases are judged alike:
 *
 *		  verdicts[0]  |  verdicts[1]  |  ...  |  (at or after the end: ignored)
 *					edges[0]		edges[1]		edges[nedges - 1]
 */
typedef struct PeriodJudge
{
	uint64		fingerprint;	/* of the question */
	Period		period;
	CutOffs		start;
	CutOffs		end;			/* if asked */
	uint8		unit;			/* TimeUnit */
	bool		has_end;
	uint8		nedges;
	PurchaseFacts verdicts[JUDGE_MAX_EDGES + 1];	/* 0 after the last zone */
	int64		edges[JUDGE_MAX_EDGES]; /* ascending, ties allowed, then END_OF_TIME */
} PeriodJudge;

extern void PeriodJudgeInit(PeriodJudge *judge, const Question *question);
extern PeriodJudge *PeriodJudgeCopy(MemoryContext context, const PeriodJudge *judge);

/*
 * The verdict on a purchase: facts about the customer, or 0 where it lies at the
 * end or later and does not count.
 */
static inline PurchaseFacts
JudgePurchase(const PeriodJudge *judge, int64 at)
{
	int			zone = 0;

	/*
	 * Without a branch: a guess about the next row would often be wrong.  Edges that
	 * are not there are never reached, or all of them, by a purchase that does not
	 * count.
	 */
	for (int i = 0; i < JUDGE_MAX_EDGES; i++)
		zone += (judge->edges[i] <= at);
	return judge->verdicts[zone];
}

#endif							/* WINBACK_PERIOD_JUDGE_H */
