/*
 * amount_log.h
 *	  The amounts of customers in the periods of a series.
 *
 * An element of the log is the sum of some amounts of one customer in one period.  The log of a
 * single period adds each amount to the element of its customer.  The log of a series appends an
 * element for each amount, because the customer's other elements are anywhere in main memory, and
 * adds up the elements of the same customer and period whenever it has grown large (AmountLogSumUp).
 *
 * Elements have the number of their customer, and so have the facts of the customer.  Thus a reader
 * can go through the log in order.  Before a log is sent or merged into another one it is chained:
 * the facts then have the place of the customer's last element, and an element has the place of
 * the customer's element before it.
 */
#ifndef WINBACK_AMOUNT_LOG_H
#define WINBACK_AMOUNT_LOG_H

#include "postgres.h"

#include "port/pg_bitutils.h"

#include "state/amount.h"
#include "state/customer_state.h"

typedef struct LoggedAmount
{
	AmountValue value;
	uint32		customer;		/* the number of the customer, from 1; if chained: the place of the
								 * customer's element before this one, plus 1, or 0 */
	uint16		period;
	uint8		form;			/* of the value; not AMOUNT_NONE */
} LoggedAmount;

/*
 * The elements are in segments, of which each has twice as many as the one before.  So a log grows
 * without being copied, and a small one is small.
 */
typedef struct AmountLog
{
	LoggedAmount **segments;	/* NULL before the first element */
	uint32		nsegments;
	uint32		namounts;		/* elements */
	uint32		sum_up_at;		/* elements with which AmountLogSumUp is due */
	uint32		highest;		/* number of a customer */
	bool		single;			/* there is one period */
	bool		chained;
} AmountLog;

#define FIRST_SEGMENT_BITS		3
#define FIRST_SEGMENT			((uint32) 1 << FIRST_SEGMENT_BITS)
#define AMOUNTS_MAX				(PG_UINT32_MAX / 2)

/* Return the number of elements of a segment. */
static inline uint32
SegmentSize(uint32 segment)
{
	return FIRST_SEGMENT << segment;
}

/* Return the element at a place. */
static inline LoggedAmount *
AmountAt(const AmountLog *log, uint32 place)
{
	uint32		n = place + FIRST_SEGMENT;
	int			segment = pg_leftmost_one_pos32(n) - FIRST_SEGMENT_BITS;

	return &log->segments[segment][n - SegmentSize(segment)];
}

extern void AmountLogInit(AmountLog *log, int nperiods);
extern uint32 AmountLogAdd(AmountLog *log, MemoryContext context, uint32 customer, uint16 period,
						   const Amount *amount);
extern uint32 *AmountLogChain(AmountLog *log);
extern uint32 AmountLogNumber(AmountLog *log, uint32 head);

/* The codec of amount logs; see FactsCodec. */
#define AMOUNTS_WIRE_CUSTOMER	sizeof(uint32)	/* the number of elements */
#define AMOUNTS_WIRE_AMOUNT		(sizeof(uint16) + 1 + sizeof(int64))	/* period, form, value */
extern Size AmountLogWireSize(const AmountLog *log);
extern void AmountLogWrite(const AmountLog *log, StateWriter *writer, uint32 head);
extern uint32 AmountLogRead(AmountLog *log, MemoryContext context, StringInfo wire);

#endif							/* WINBACK_AMOUNT_LOG_H */
