/*
 * question.c
 *	  The question of an aggregate: its arguments that are the same for all rows.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "optimizer/optimizer.h"
#include "utils/fmgrprotos.h"

#include "rules/question.h"

/* Compare two intervals field by field; PostgreSQL's equality counts a month as 30 days. */
static bool
SameInterval(const Interval *a, const Interval *b)
{
	return a->month == b->month && a->day == b->day && a->time == b->time;
}

/*
 * Compare two questions of one call site.  The fields that are the same for all
 * questions of a call site are not compared.
 */
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
 * Hash a question to 64 bits.  A state keeps this hash to recognize its question,
 * because a whole Question would double the size of a small state.
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

/* Raise the error of a question that differs between rows of a group. */
void
QuestionChanged(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("period, as_of, step and thresholds must be the same in every row of a group"),
			 errdetail("One question is answered at a time."),
			 errhint("Pass constants, or add them to GROUP BY.")));
}

/* Return an interval as text, for a message. */
static char *
IntervalText(const Interval *interval)
{
	return DatumGetCString(DirectFunctionCall1(interval_out, IntervalPGetDatum(interval)));
}

/*
 * Return whether this process raises the warnings of a query.  In a parallel query it is the
 * leader, or the first worker if the leader does not take part.
 */
static bool
ProcessWarns(void)
{
	return !IsParallelWorker() || (ParallelWorkerNumber == 0 && !parallel_leader_participation);
}

/*
 * Check a threshold.
 *
 * PostgreSQL reads a number without a unit as seconds, so the interval '180' is three
 * minutes.  Some drivers send the number 180 in this way.  Over dates, no such threshold
 * makes sense, so it is an error.  Over timestamps it is a warning; the first question of a
 * query raises it.
 */
static void
CheckThreshold(const Interval *threshold, const char *name, TimeUnit unit, bool warn)
{
	CheckLength(threshold, name);
	if (threshold->month != 0 || threshold->day != 0)
		return;

	if (unit == UNIT_DAY && threshold->time < USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be shorter than a day in a column of dates", name),
				 errdetail("It is %s.", IntervalText(threshold)),
				 errhint("Write the unit, such as '180 days'.")));
	if (unit != UNIT_DAY && threshold->time < USECS_PER_HOUR && warn)
		ereport(WARNING,
				(errmsg("%s is %s", name, IntervalText(threshold)),
				 errhint("A number without a unit counts seconds. "
						 "Write the unit, such as '180 days'.")));
}

/* Raise an error unless the thresholds and the step are of use. */
void
QuestionCheck(const Question *question)
{
	static TimestampTz checked_statement = 0;
	TimestampTz statement = GetCurrentStatementStartTimestamp();
	bool		warn = statement != checked_statement && ProcessWarns();

	if (question->has_inactive_after)
		CheckThreshold(&question->inactive_after, "inactive_after", question->unit, warn);
	if (question->has_churned_after)
		CheckThreshold(&question->churned_after, "churned_after", question->unit, warn);
	if (question->has_step)
		CheckLength(&question->step, "step");
	checked_statement = statement;
}

/*
 * Return whether churned_after reaches at least as far back as inactive_after.
 *
 * Whether a month or 30 days is longer depends on the instant that they are counted
 * back from.  Thresholds that compare as equal may therefore be in order at one end of
 * a period and not at the other.
 */
static bool
CutOffsInOrder(const Question *question, const CutOffs *cutoffs)
{
	if (!question->has_inactive_after || !question->has_churned_after)
		return true;
	return cutoffs->churned_from <= cutoffs->inactive_from &&
		!DatumGetBool(DirectFunctionCall2(interval_lt,
										  IntervalPGetDatum(&question->churned_after),
										  IntervalPGetDatum(&question->inactive_after)));
}

/* Compute the cut-offs of silence at an instant, or raise an error if they are wrong. */
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
	if (!CutOffsInOrder(question, &cutoffs))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("churned_after must not be shorter than inactive_after"),
				 errdetail("Counted back from the instant in question, "
						   "churned_after is %s and inactive_after is %s.",
						   IntervalText(churned_after), IntervalText(inactive_after)),
				 errhint("A customer is first inactive, then churned; "
						 "give both thresholds in the same unit.")));
	return cutoffs;
}

/* Do the same as QuestionCutOffs, but return false instead of raising an error. */
bool
QuestionTryCutOffs(const Question *question, int64 at, CutOffs *cutoffs)
{
	cutoffs->inactive_from = BEGINNING_OF_TIME;
	cutoffs->churned_from = BEGINNING_OF_TIME;
	if (question->has_inactive_after &&
		!TryInstantBefore(question->unit, at, &question->inactive_after,
						  &cutoffs->inactive_from))
		return false;
	if (question->has_churned_after &&
		!TryInstantBefore(question->unit, at, &question->churned_after,
						  &cutoffs->churned_from))
		return false;
	return CutOffsInOrder(question, cutoffs);
}
