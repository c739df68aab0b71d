/*
 * rate_tally.h
 *	  The type rate_tally, which holds a rate as two counts of customers.
 *
 * A datum of the type is a pointer to a struct Tally of rules.h, and a table
 * stores that struct: 16 bytes, aligned as double.
 */
#ifndef WINBACK_RATE_TALLY_H
#define WINBACK_RATE_TALLY_H

#include "postgres.h"

#include "fmgr.h"

#include "rules/rules.h"

#define PG_GETARG_TALLY_P(n)	((Tally *) PG_GETARG_POINTER(n))

extern void TallyAdd(Tally *tally, int64 returned, int64 eligible);
extern Datum TallyDatum(const Tally *tally);
extern bool ParseCount(const char *begin, const char *end, int64 *count);

/* Add customers to a tally if they were eligible; they returned if they bought. */
static inline void
TallyCount(Tally *tally, bool eligible, bool bought, int64 customers)
{
	if (eligible)
		TallyAdd(tally, bought ? customers : 0, customers);
}

/* Return the rate, 0 to 1; 0 if nobody was eligible, where the rate is undefined. */
static inline float8
TallyRate(const Tally *tally)
{
	return tally->eligible == 0 ? 0 : (float8) tally->returned / (float8) tally->eligible;
}

/* Return the rate as the result of an SQL function: NULL if nobody was eligible. */
static inline Datum
TallyRateDatum(FunctionCallInfo fcinfo, const Tally *tally)
{
	if (tally->eligible == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(TallyRate(tally));
}

#endif							/* WINBACK_RATE_TALLY_H */
