/*
 * question.h
 *	  The question of an aggregate: its arguments that are the same for all rows.
 */
#ifndef WINBACK_QUESTION_H
#define WINBACK_QUESTION_H

#include "postgres.h"

#include "compat.h"
#include "rules/period.h"
#include "rules/rules.h"

/* Arguments that an aggregate does not have are zero. */
typedef struct Question
{
	TimeUnit	unit;			/* of the instants in period */
	Period		period;
	Interval	inactive_after;
	Interval	churned_after;
	Interval	lost_after;
	Interval	step;
	bool		has_inactive_after; /* false: silence makes nobody inactive */
	bool		has_churned_after;	/* false: only a cancellation makes a customer churned */
	bool		has_lost_after; /* false: nobody is lost */
	bool		has_step;		/* false: there is one period */
	bool		has_end;		/* the result depends on the standing at the end, too */
	uint64		fingerprint;	/* QuestionFingerprint of the fields above */
} Question;

extern bool SameInterval(const Interval *a, const Interval *b);
extern bool QuestionEqual(const Question *a, const Question *b);
extern uint64 QuestionFingerprint(const Question *question);
pg_noreturn extern void QuestionChanged(void);
extern void QuestionCheck(const Question *question);
extern CutOffs QuestionCutOffs(const Question *question, int64 at);
extern bool QuestionTryCutOffs(const Question *question, int64 at, CutOffs *cutoffs);

#endif							/* WINBACK_QUESTION_H */
