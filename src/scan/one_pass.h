/*
 * one_pass.h
 *	  The aggregates that a Winback Scan can compute.
 *
 * An aggregate is one-pass if its state is a CustomerState.  Such an aggregate brings
 * its transition function, by which the scan recognises it, and a function that takes
 * many rows at once.  It registers itself when the library is loaded; the scan lists
 * no aggregate.
 */
#ifndef WINBACK_ONE_PASS_H
#define WINBACK_ONE_PASS_H

#include "postgres.h"

#include "fmgr.h"

#include "scan/row_block.h"

/*
 * Take rows from the given one on into the state in args[0], which is there.  Returns
 * the first row that must go through the transition function, or rows->nrows.
 */
typedef int (*TakeRows) (FunctionCallInfo fcinfo, const RowBlock *rows, int first);

typedef struct OnePassAggregate
{
	PGFunction	transition;
	TakeRows	take_rows;
} OnePassAggregate;

extern void RegisterOnePassAggregate(const OnePassAggregate *aggregate);
extern const OnePassAggregate *FindOnePassAggregate(PGFunction transition);

#endif							/* WINBACK_ONE_PASS_H */
