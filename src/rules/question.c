/*
 * question.c
 *	  The question of an aggregate: its arguments that are the same for all rows.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/fmgrprotos.h"

#include "rules/question.h"

/* Compare two intervals field by field; PostgreSQL's equality counts a month as 30 days. */
bool
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
		a->has_lost_after == b->has_lost_after &&
		SameInterval(&a->inactive_after, &b->inactive_after) &&
		SameInterval(&a->churned_after, &b->churned_after) &&
		SameInterval(&a->lost_after, &b->lost_after) &&
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
		&question->inactive_after, &question->churned_after, &question->lost_after,
		&question->step
	};
	int64		fields[7 + 3 * lengthof(lengths)] = {
		question->unit,
		question->period.from,
		question->period.to,
		question->has_inactive_after,
		question->has_churned_after,
		question->has_lost_after,
		question->has_end
	};

	for (int i = 0; i < (int) lengthof(lengths); i++)
	{
		fields[7 + 3 * i] = lengths[i]->month;
		fields[8 + 3 * i] = lengths[i]->day;
		fields[9 + 3 * i] = lengths[i]->time;
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
 * Check a threshold.  Return whether it is so short that it was probably meant otherwise.
 *
 * PostgreSQL reads a number without a unit as seconds, so the interval '180' is three
 * minutes.  Some drivers send the number 180 in this way.  Over dates, no such threshold
 * makes sense, so it is an error.  Over timestamps it is a warning if `warn` is true.
 */
static bool
CheckThreshold(const Interval *threshold, const char *name, TimeUnit unit, bool warn)
{
	CheckLength(threshold, name);
	if (threshold->month != 0 || threshold->day != 0)
		return false;

	if (unit == UNIT_DAY && threshold->time < USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be shorter than a day in a column of dates", name),
				 errdetail("It is %s.", IntervalText(threshold)),
				 errhint("Write the unit, such as '180 days'.")));
	if (unit == UNIT_DAY || threshold->time >= USECS_PER_HOUR)
		return false;
	if (warn)
		ereport(WARNING,
				(errmsg("%s is %s", name, IntervalText(threshold)),
				 errhint("A number without a unit counts seconds. "
						 "Write the unit, such as '180 days'.")));
	return true;
}

/*
 * Raise an error unless the thresholds and the step are of use.  Warn of short thresholds once a
 * query, in the first question that has any.  In a parallel query each process does so: the leader
 * may not have met a row when a worker does.
 */
void
QuestionCheck(const Question *question)
{
	static TimestampTz warned_statement = 0;
	TimestampTz statement = GetCurrentStatementStartTimestamp();
	bool		warn = statement != warned_statement;
	bool		short_threshold = false;

	if (question->has_inactive_after)
		short_threshold |= CheckThreshold(&question->inactive_after, "inactive_after",
										  question->unit, warn);
	if (question->has_churned_after)
		short_threshold |= CheckThreshold(&question->churned_after, "churned_after",
										  question->unit, warn);
	if (question->has_lost_after)
		short_threshold |= CheckThreshold(&question->lost_after, "lost_after",
										  question->unit, warn);
	if (question->has_step)
		CheckLength(&question->step, "step");
	if (short_threshold)
		warned_statement = statement;
}

/* A threshold of a question, and its cut-off at an instant. */
typedef struct Threshold
{
	const char *name;
	bool		given;
	const Interval *length;
	int64	   *from;			/* the member of CutOffs */
} Threshold;

/* The thresholds in the order in which they pass while a customer is silent. */
#define NTHRESHOLDS		3

static void
ListThresholds(const Question *question, CutOffs *cutoffs, Threshold *thresholds)
{
	thresholds[0] = (Threshold) {
		"inactive_after", question->has_inactive_after, &question->inactive_after,
		&cutoffs->inactive_from
	};
	thresholds[1] = (Threshold) {
		"churned_after", question->has_churned_after, &question->churned_after,
		&cutoffs->churned_from
	};
	thresholds[2] = (Threshold) {
		"lost_after", question->has_lost_after, &question->lost_after,
		&cutoffs->lost_from
	};
	for (int i = 0; i < NTHRESHOLDS; i++)
		*thresholds[i].from = BEGINNING_OF_TIME;
}

/*
 * Return the first threshold that does not reach as far back as the one before it, `shorter`,
 * or NULL if they are in order.
 *
 * Whether a month or 30 days is longer depends on the instant that they are counted
 * back from.  Thresholds that compare as equal may therefore be in order at one end of
 * a period and not at the other.
 */
static const Threshold *
FindDisorder(const Threshold *thresholds, const Threshold **shorter)
{
	*shorter = NULL;
	for (int i = 0; i < NTHRESHOLDS; i++)
	{
		const Threshold *threshold = &thresholds[i];

		if (!threshold->given)
			continue;
		if (*shorter != NULL &&
			(*threshold->from > *(*shorter)->from ||
			 DatumGetBool(DirectFunctionCall2(interval_lt,
											  IntervalPGetDatum(threshold->length),
											  IntervalPGetDatum((*shorter)->length)))))
			return threshold;
		*shorter = threshold;
	}
	return NULL;
}

/* Compute the cut-offs of silence at an instant, or raise an error if they are wrong. */
CutOffs
QuestionCutOffs(const Question *question, int64 at)
{
	CutOffs		cutoffs;
	Threshold	thresholds[NTHRESHOLDS];
	const Threshold *longer;
	const Threshold *shorter;

	ListThresholds(question, &cutoffs, thresholds);
	for (int i = 0; i < NTHRESHOLDS; i++)
	{
		if (thresholds[i].given)
			*thresholds[i].from = InstantBefore(question->unit, at, thresholds[i].length,
												thresholds[i].name);
	}
	longer = FindDisorder(thresholds, &shorter);
	if (longer != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be shorter than %s", longer->name, shorter->name),
				 errdetail("Counted back from the instant in question, "
						   "%s is %s and %s is %s.",
						   longer->name, IntervalText(longer->length),
						   shorter->name, IntervalText(shorter->length)),
				 question->has_lost_after ?
				 errhint("A customer is first inactive, then churned, then lost; "
						 "give all thresholds in the same unit.") :
				 errhint("A customer is first inactive, then churned; "
						 "give both thresholds in the same unit.")));
	return cutoffs;
}

/* Do the same as QuestionCutOffs, but return false instead of raising an error. */
bool
QuestionTryCutOffs(const Question *question, int64 at, CutOffs *cutoffs)
{
	Threshold	thresholds[NTHRESHOLDS];
	const Threshold *shorter;

	ListThresholds(question, cutoffs, thresholds);
	for (int i = 0; i < NTHRESHOLDS; i++)
	{
		if (thresholds[i].given &&
			!TryInstantBefore(question->unit, at, thresholds[i].length, thresholds[i].from))
			return false;
	}
	return FindDisorder(thresholds, &shorter) == NULL;
}
