/*
 * rate_tally.h
 *	  The type rate_tally: a rate as two numbers of customers.
 *
 * On disk it is the struct Tally of rules.h: two int64, by reference, aligned as
 * double.
 */
#ifndef WINBACK_RATE_TALLY_H
#define WINBACK_RATE_TALLY_H

#include "postgres.h"

#include "fmgr.h"

#include "rules/rules.h"

extern void TallyAdd(Tally *tally, int64 returned, int64 eligible);
extern Datum TallyDatum(const Tally *tally);

/* returned / eligible; nobody may ask where nobody was eligible */
static inline float8
TallyRate(const Tally *tally)
{
	return tally->eligible == 0 ? 0 : (float8) tally->returned / (float8) tally->eligible;
}

/* For a function that returns the rate: NULL where nobody was eligible. */
static inline Datum
TallyRateDatum(FunctionCallInfo fcinfo, const Tally *tally)
{
	if (tally->eligible == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(TallyRate(tally));
}

#endif							/* WINBACK_RATE_TALLY_H */
