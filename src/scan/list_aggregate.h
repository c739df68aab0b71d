/*
 * list_aggregate.h
 *	  The aggregates that a Winback Scan can compute from a few bytes of facts of each group.
 *
 * SELECT customer_id, lifecycle_at(...), count(*) FROM orders GROUP BY customer_id is a list of
 * customers.  It has as many groups as customers, so a group must not have states in memory of
 * their own.  A ListAggregate describes an aggregate that keeps a few bytes of facts for each
 * group, which the scan stores in one table of all customers (scan_list.c).  Some of them can be
 * computed for any groups: those of PostgreSQL, which stand beside aggregates with states
 * (row_facts.c), and those over histories, each of which is all that is known of a customer.
 *
 * winback.c registers the aggregates of winback when the library is loaded, and scan_path.c those
 * of PostgreSQL (list_builtin.c).
 */
#ifndef WINBACK_LIST_AGGREGATE_H
#define WINBACK_LIST_AGGREGATE_H

#include "postgres.h"

#include "fmgr.h"

#include "scan/row_block.h"

/* The largest size of facts of an aggregate, in bytes, and the largest number of aggregates. */
#define LIST_MAX_FACTS			48
#define LIST_MAX_AGGREGATES		1024

/*
 * The functions get the fcinfo of a call of the transition function without a state.  Arguments
 * without columns are there from the first call of add_rows on.  Facts are not aligned, and zero at
 * first.
 */
typedef struct ListAggregate
{
	/*
	 * An aggregate of PostgreSQL is recognized by its Oid, and one of winback by its functions; its
	 * final function may be any if `final` is NULL.
	 */
	Oid			aggregate;
	PGFunction	transition;
	PGFunction	final;

	/* it can be computed for groups of any keys, and not only for the customers of a list */
	bool		any_groups;

	/* the number of last arguments that must have one value for the whole scan */
	int			nconstant;

	/* bytes of facts of an aggregate with so many arguments */
	int			(*facts_size) (int nargs);
	/* add row i of a block to facts[i] + offset, for all rows; facts may occur several times */
	void		(*add_rows) (FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts,
							 int offset);
	/* begin to load what the facts point to, some calls of finish in advance; may be NULL */
	void		(*prefetch) (const uint8 *facts);
	/*
	 * Return the result, allocated in the current context.  `final` is the fcinfo of a call of the
	 * final function, NULL if the aggregate has none.  If sends_state is set, a parallel process
	 * passes NULL, and the result is the state of the transition function, which it sends.
	 */
	bool		sends_state;
	Datum		(*finish) (FunctionCallInfo fcinfo, FunctionCallInfo final, const uint8 *facts,
						   bool *isnull);

	/* estimates of the bytes that a customer and a row take elsewhere, in fn_mcxt; else 0 */
	int			customer_bytes;
	int			row_bytes;
} ListAggregate;

extern void RegisterListAggregate(const ListAggregate *aggregate);
extern const ListAggregate *FindListAggregate(Oid aggregate, PGFunction transition,
											  PGFunction final);

/* list_state.c */
extern int	StateFactsSize(int nargs);
extern void StateAddRows(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts,
						 int offset);
extern Datum StateFinish(FunctionCallInfo fcinfo, FunctionCallInfo final, const uint8 *facts,
						 bool *isnull);

/*
 * The initializer of an aggregate whose facts are a state of its transition function, of about so
 * many bytes.  Its first argument may be a column, and `nothers` others follow.
 */
#define LIST_AGGREGATE_OF_STATE(function, nothers, bytes) \
	{ \
		.transition = (function), .any_groups = true, .nconstant = (nothers), \
		.facts_size = StateFactsSize, .add_rows = StateAddRows, .sends_state = true, \
		.finish = StateFinish, .customer_bytes = (bytes) \
	}

/* list_builtin.c */
extern void RegisterBuiltinListAggregates(void);

/* Return whether an aggregate that may be NULL is one of PostgreSQL. */
static inline bool
IsListAggregateOfPostgres(const ListAggregate *aggregate)
{
	return aggregate != NULL && OidIsValid(aggregate->aggregate);
}

#endif							/* WINBACK_LIST_AGGREGATE_H */
