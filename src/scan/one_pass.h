/*
 * one_pass.h
 *	  The aggregates that a Winback Scan can compute.
 *
 * An aggregate is one-pass if its state is a CustomerState.  A OnePassAggregate contains
 * its transition function, by which the scan recognizes the aggregate, and a function
 * that enters many rows in one call.  winback.c registers these structs when the library
 * is loaded, so that the scan does not depend on the code of the aggregates.
 */
#ifndef WINBACK_ONE_PASS_H
#define WINBACK_ONE_PASS_H

#include "postgres.h"

#include "fmgr.h"

#include "scan/row_block.h"

/*
 * Enter rows from `first` on into the state in args[0], which is not NULL.  Stop at the
 * first row that must go through the transition function, and return it; return
 * rows->nrows if there is none.
 */
typedef int (*TakeRows) (FunctionCallInfo fcinfo, const RowBlock *rows, int first);

typedef struct OnePassAggregate
{
	PGFunction	transition;
	TakeRows	take_rows;
	int			nargs;			/* arguments without an event and an amount */
	bool		keeps_rows;		/* with an event or an amount, the state grows with the rows */
	bool		only_facts;		/* beside the question, the state has nothing but the facts of customers */
	bool		keeps_purchases;	/* the state grows with the rows in any case */
} OnePassAggregate;

extern void RegisterOnePassAggregate(const OnePassAggregate *aggregate);
extern const OnePassAggregate *FindOnePassAggregate(PGFunction transition);

#endif							/* WINBACK_ONE_PASS_H */
