/*
 * question.c
 *	  What was asked: the arguments of an aggregate but for those of a row.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"

#include "rules/question.h"

/* Two lengths of time are the same only to the letter: a month is not 30 days. */
static bool
SameInterval(const Interval *a, const Interval *b)
{
	return a->month == b->month && a->day == b->day && a->time == b->time;
}

/* Two questions of one call site, so that what is asked at all is the same. */
bool
QuestionEqual(const Question *a, const Question *b)
{
	return a->period.from == b->period.from &&
		a->period.to == b->period.to &&
		a->has_churned_after == b->has_churned_after &&
		SameInterval(&a->inactive_after, &b->inactive_after) &&
		SameInterval(&a->churned_after, &b->churned_after) &&
		SameInterval(&a->step, &b->step);
}

/*
 * A question in 64 bits, by which a state knows its own: a copy in each of many
 * small states would double their size.
 */
uint64
QuestionFingerprint(const Question *question)
{
	const Interval *lengths[] = {
		&question->inactive_after, &question->churned_after, &question->step
	};
	int64		fields[15] = {
		question->unit,
		question->period.from,
		question->period.to,
		question->has_inactive_after,
		question->has_churned_after,
		question->has_end
	};

	for (int i = 0; i < 3; i++)
	{
		fields[6 + 3 * i] = lengths[i]->month;
		fields[7 + 3 * i] = lengths[i]->day;
		fields[8 + 3 * i] = lengths[i]->time;
	}
	return hash_bytes_extended((unsigned char *) fields, sizeof(fields), 0);
}

void
QuestionChanged(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("period, as_of, step and thresholds must be the same in every row of a group"),
			 errdetail("One question is answered at a time."),
			 errhint("Pass constants, or add them to GROUP BY.")));
}

/* Raise what is wrong with the lengths of time as such. */
void
QuestionCheck(const Question *question)
{
	if (question->has_inactive_after)
		CheckLength(&question->inactive_after, "inactive_after");
	if (question->has_churned_after)
		CheckLength(&question->churned_after, "churned_after");
	if (question->has_step)
		CheckLength(&question->step, "step");
}

static char *
IntervalText(const Interval *interval)
{
	return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
}

/* How silence is judged at an instant. */
CutOffs
QuestionCutOffs(const Question *question, int64 at)
{
	const Interval *inactive_after = &question->inactive_after;
	const Interval *churned_after = &question->churned_after;
	CutOffs		cutoffs = {BEGINNING_OF_TIME, BEGINNING_OF_TIME};

	if (question->has_inactive_after)
		cutoffs.inactive_from = InstantBefore(question->unit, at, inactive_after,
											  "inactive_after");
	if (question->has_churned_after)
		cutoffs.churned_from = InstantBefore(question->unit, at, churned_after,
											 "churned_after");

	/*
	 * Which of a month and 30 days is longer depends on where one counts from,
	 * so that thresholds which compare as equal may still be in the wrong order
	 * at one end of a period.
	 */
	if (question->has_inactive_after && question->has_churned_after &&
		(cutoffs.churned_from > cutoffs.inactive_from ||
		 DatumGetBool(DirectFunctionCall2(interval_lt,
										  IntervalPGetDatum(churned_after),
										  IntervalPGetDatum(inactive_after)))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("churned_after must not be shorter than inactive_after"),
				 errdetail("Counted back from the instant in question, churned_after is %s and inactive_after is %s.",
						   IntervalText(churned_after), IntervalText(inactive_after)),
				 errhint("A customer is first inactive, then churned; give both thresholds in the same unit.")));

	return cutoffs;
}
