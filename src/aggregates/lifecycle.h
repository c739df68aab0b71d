/*
 * lifecycle.h
 *	  The row of explain_lifecycle.
 */
#ifndef WINBACK_LIFECYCLE_H
#define WINBACK_LIFECYCLE_H

#include "postgres.h"

#include "fmgr.h"

#include "rules/facts.h"
#include "rules/period_judge.h"

extern Datum ExplainFacts(FunctionCallInfo fcinfo, const PeriodJudge *judge,
						  const EventFacts *facts, int64 first_purchase);

#endif							/* WINBACK_LIFECYCLE_H */
