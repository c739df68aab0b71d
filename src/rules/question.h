/*
 * question.h
 *	  What was asked: the arguments of an aggregate but for those of a row.
 */
#ifndef WINBACK_QUESTION_H
#define WINBACK_QUESTION_H

#include "postgres.h"

#include "compat.h"
#include "rules/period.h"
#include "rules/rules.h"

typedef struct Question
{
	TimeUnit	unit;
	Period		period;
	Interval	inactive_after;
	Interval	churned_after;
	Interval	step;
	bool		has_inactive_after; /* else nobody becomes inactive */
	bool		has_churned_after;	/* else nobody churns by silence */
	bool		has_step;		/* else the period is one */
	bool		has_end;		/* the standing at the period's end is asked, too */
	uint64		fingerprint;	/* of all the others */
} Question;

extern bool QuestionEqual(const Question *a, const Question *b);
extern uint64 QuestionFingerprint(const Question *question);
pg_noreturn extern void QuestionChanged(void);
extern void QuestionCheck(const Question *question);
extern CutOffs QuestionCutOffs(const Question *question, int64 at);

#endif							/* WINBACK_QUESTION_H */
