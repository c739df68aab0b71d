/*
 * local_day.c
 *	  The calendar day of an instant.
 *
 * PostgreSQL's cast from timestamptz to date takes as long as all other work on a row, because it
 * searches the transitions of the time zone each time.  An offset from UTC is valid for months, so
 * it is looked up once for each stretch of 76 hours.  The few stretches in which the offset
 * changes use PostgreSQL's cast.
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "rules/local_day.h"

/* Prepare to find days of a unit.  The cache is allocated in `context`. */
void
LocalDaysInit(LocalDays *days, MemoryContext context, TimeUnit unit)
{
	days->unit = unit;
	days->stretches = NULL;
	if (unit != UNIT_TIMESTAMPTZ)
		return;
	days->stretches = MemoryContextAlloc(context, STRETCHES_CACHED * sizeof(OffsetStretch));
	for (int i = 0; i < STRETCHES_CACHED; i++)
		days->stretches[i] = (OffsetStretch) {0, OFFSET_UNKNOWN};
}

/*
 * Return the offset of TimeZone in a stretch, or OFFSET_CHANGES.  The offset is that of
 * PostgreSQL's conversion at both ends, if there is no transition in between.
 */
static int64
OffsetOfStretch(int64 number)
{
	const int64 unix_epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	const int64 length = INT64CONST(1) << STRETCH_BITS;
	int64		begin = number * length;
	int64		end = begin + (length - 1);
	pg_time_t	from = DivideDown(begin, USECS_PER_SEC) + unix_epoch;
	pg_time_t	boundary;
	long int	offset;
	int			isdst;
	struct pg_tm tm;
	fsec_t		fsec;
	int			west;
	int			west_at_end;
	int			found;

	if (!IS_VALID_TIMESTAMP(begin) || !IS_VALID_TIMESTAMP(end) ||
		timestamp2tm(begin, &west, &tm, &fsec, NULL, NULL) != 0 ||
		timestamp2tm(end, &west_at_end, &tm, &fsec, NULL, NULL) != 0 ||
		west != west_at_end)
		return OFFSET_CHANGES;
	found = pg_next_dst_boundary(&from, &offset, &isdst, &boundary, &offset, &isdst,
								 session_timezone);
	if (found < 0 || (found > 0 && boundary <= from + length / USECS_PER_SEC + 1))
		return OFFSET_CHANGES;
	return -(int64) west * USECS_PER_SEC;
}

/* Return the day of a timestamptz whose stretch is not in the cache. */
int64
LocalDayLookUp(LocalDays *days, int64 at)
{
	int64		number = at >> STRETCH_BITS;
	OffsetStretch *stretch = &days->stretches[(uint64) number % STRETCHES_CACHED];

	if (stretch->number != number || stretch->offset == OFFSET_UNKNOWN)
		*stretch = (OffsetStretch) {number, OffsetOfStretch(number)};
	if (stretch->offset == OFFSET_CHANGES)
		return InstantToDate(UNIT_TIMESTAMPTZ, at);
	return DivideDown(at + stretch->offset, USECS_PER_DAY);
}
