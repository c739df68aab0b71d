/*
 * series_state.h
 *	  The state of an aggregate over a series of periods: the calendar, and what
 *	  each customer did.
 */
#ifndef WINBACK_SERIES_STATE_H
#define WINBACK_SERIES_STATE_H

#include "postgres.h"

#include "utils/numeric.h"

#include "table/batch.h"
#include "rules/calendar.h"
#include "table/customer_type.h"
#include "table/customer_table.h"

/* An event that was kept. */
typedef struct Entry
{
	int64		at;
	uint32		next;			/* of the same customer, plus 1; 0 for none */
	uint8		event;			/* LifecycleEvent */
	bool		has_amount;		/* amounts[] of the same index is set */
} Entry;

typedef struct Chronicle
{
	Calendar   *calendar;
	CustomerTable		table;
	Batch	   *batch;			/* NULL while it is not worth it: BatchCreate */
	uint32	   *marks;			/* of each key in it: the zone, or the entry */
	Oid			customer_type;

	/*
	 * Purchases alone are bits in the table: zone z is bit z + 1.  Where there
	 * are other events or amounts, each row is kept, and the table has the
	 * customer's last entry, plus 1, behind a byte of its own.
	 */
	bool		has_entries;
	bool		has_amounts;
	Entry	   *entries;
	Numeric    *amounts;
	uint32		nentries;
	uint32		allocated;

	int64		first_at;		/* the first and last finite instant of any row */
	int64		last_at;
} Chronicle;

/* The bytes of facts of purchases alone: the table's bit, and one a zone. */
#define ZONE_FACTS_SIZE(calendar)	((calendar)->nedges / 8 + 1)
/* And where entries are kept: the table's bit in a byte, an index. */
#define ENTRY_FACTS_SIZE		(1 + sizeof(uint32))

/* The customer's last entry, plus 1, from their facts. */
static inline uint32
LoadHead(const uint8 *facts)
{
	uint32		head;

	memcpy(&head, facts + 1, sizeof(head));
	return head;
}

/* One row, but for the customer. */
typedef struct ChronicleRow
{
	int64		at;
	LifecycleEvent event;
	Numeric		amount;			/* NULL if none */
} ChronicleRow;

/*
 * What happened in one period, as numbers of customers: for each combination of
 * standing before, bought or not, and standing after.
 */
#define STANDINGS				(LIFECYCLE_CHURNED / 16 + 1)
#define StandingIndex(standing)	((standing) / 16)
#define StandingFromIndex(index) ((LifecycleStatus) ((index) * 16))

typedef struct PeriodSummary
{
	int64		customers[STANDINGS][2][STANDINGS];
	int64		sustained;		/* who came back and was still active later */
} PeriodSummary;

/* Receives the amounts of a customer's purchases in a period. */
typedef void (*AmountVisitor) (void *arg, int period, LifecycleStatus status,
							   Numeric amount);

extern Chronicle *ChronicleCreate(MemoryContext context, Calendar *calendar,
								  bool has_events, bool has_amounts,
								  CustomerType *customer_type);
extern void ChronicleEnter(Chronicle *chronicle, CustomerType *customer_type,
						   Datum customer, const ChronicleRow *row, int zone);
extern void ChronicleBeginBatch(Chronicle *chronicle, bool alone);
extern void ChronicleFlush(Chronicle *chronicle);
extern void ChronicleMerge(Chronicle *chronicle, Chronicle *other);
extern void ChronicleSummarize(Chronicle *chronicle, PeriodSummary *periods,
							   AmountVisitor visitor, void *arg);

#ifdef USE_ASSERT_CHECKING
extern void ChronicleCheck(const Chronicle *chronicle, bool whole);
#else
#define ChronicleCheck(chronicle, whole)	((void) 0)
#endif

/* Remember when the first and the last row was. */
static inline void
ChronicleNote(Chronicle *chronicle, int64 at)
{
	if (at != BEGINNING_OF_TIME && at != END_OF_TIME)
	{
		chronicle->first_at = Min(chronicle->first_at, at);
		chronicle->last_at = Max(chronicle->last_at, at);
	}
}

/* Let a zone, or an entry, of a customer wait in the batch; false if it cannot. */
static pg_attribute_always_inline bool
ChronicleDefer(Chronicle *chronicle, CustomerType *customer_type, Datum customer, uint32 mark)
{
	int			index;

	if (unlikely(chronicle->batch == NULL))
		return false;
	index = BatchAdd(chronicle->batch, &chronicle->table, customer_type, customer);
	if (unlikely(index < 0))
		return false;
	chronicle->marks[index] = mark;
	ChronicleCheck(chronicle, false);
	return true;
}

#endif							/* WINBACK_SERIES_STATE_H */
