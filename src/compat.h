/*
 * compat.h
 *	  Bridge the differences between versions of PostgreSQL and between compilers.
 *
 * No other file mentions PG_VERSION_NUM.  The comment of each entry names the version that
 * brought the difference.  Remove an entry when its version is the
 * oldest supported one (now 15).
 */
#ifndef WINBACK_COMPAT_H
#define WINBACK_COMPAT_H

#include "postgres.h"

/*
 * The scan reads PostgreSQL's own structures.  Another major version may lay them out or
 * fill them differently; then the code may compile without a warning and return wrong
 * numbers.  CONTRIBUTING ("Versions of PostgreSQL") lists the sources that you should read
 * before you raise the bound here.
 */
#if (PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 200000) && !defined(WINBACK_UNKNOWN_MAJOR)
#error "winback supports PostgreSQL 15 to 19: see src/compat.h before you add a version, \
or build it untested with: make WINBACK_UNKNOWN_MAJOR=1"
#endif

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

/* 16 moved the varlena macros out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/*
 * Translate an expression of a parent table to the columns of a child.  16 takes the
 * relations; before, the function took their relids.
 */
#if PG_VERSION_NUM >= 160000
#define AdjustAppendRelAttrs(root, node, child, parent) \
	adjust_appendrel_attrs_multilevel((root), (node), (child), (parent))
#else
#define AdjustAppendRelAttrs(root, node, child, parent) \
	adjust_appendrel_attrs_multilevel((root), (node), (child)->relids, (parent)->relids)
#endif

/* 16 checks privileges on all kinds of objects by one function; before, each had its own */
#if PG_VERSION_NUM >= 160000
#define FunctionAclCheck(function, role) \
	object_aclcheck(ProcedureRelationId, (function), (role), ACL_EXECUTE)
#else
#define FunctionAclCheck(function, role) \
	pg_proc_aclcheck((function), (role), ACL_EXECUTE)
#endif

/*
 * 16 declares the arguments of a walker.  Before, there is an empty list, which C23 takes
 * for no arguments.
 */
#if PG_VERSION_NUM >= 160000
#define WalkExpression(node, walker, context)	expression_tree_walker((node), (walker), (context))
#else
#define WalkExpression(node, walker, context) \
	expression_tree_walker((node), (bool (*) ()) (walker), (context))
#endif

/* The same for a mutator. */
#if PG_VERSION_NUM >= 160000
#define MutateExpression(node, mutator, context)	expression_tree_mutator((node), (mutator), (context))
#else
#define MutateExpression(node, mutator, context) \
	expression_tree_mutator((node), (Node *(*) ()) (mutator), (context))
#endif

/*
 * 16 marks columns by the outer joins that may make them NULL, counts these joins among the
 * relations of a join, and wants to know the special join for which equalities are generated.
 */
#if PG_VERSION_NUM >= 160000
#define RemoveNullingRels(root, node) \
	remove_nulling_relids((node), (root)->outer_join_rels, NULL)
#define JoinedRelids(root, rel)		bms_difference((rel)->relids, (root)->outer_join_rels)
#define GenerateJoinEqualities(root, joined, outer, inner, special) \
	generate_join_implied_equalities((root), (joined), (outer), (inner), (special))
#else
#define RemoveNullingRels(root, node)	(node)
#define JoinedRelids(root, rel)		((rel)->relids)
#define GenerateJoinEqualities(root, joined, outer, inner, special) \
	((void) (special), generate_join_implied_equalities((root), (joined), (outer), (inner)))
#endif

/* 16 leaves out keys of GROUP BY that are constant or equal to another key */
#if PG_VERSION_NUM >= 160000
#define ProcessedGroupClause(root)	((root)->processed_groupClause)
#else
#define ProcessedGroupClause(root)	((root)->parse->groupClause)
#endif

/* 16 brought soft errors, which type input stores in a context; before, all are raised */
#if PG_VERSION_NUM < 160000
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

/* The same for an input function that a type input calls. */
#if PG_VERSION_NUM < 160000
#define DirectInputFunctionCallSafe(function, text, typioparam, typmod, context, result) \
	((void) (context), \
	 *(result) = DirectFunctionCall3((function), CStringGetDatum(text), \
									 ObjectIdGetDatum(typioparam), Int32GetDatum(typmod)), true)
#endif

/* 16 stores a soft error of a range type's functions in a context */
#if PG_VERSION_NUM >= 160000
#define MakeRange(typcache, lower, upper, empty) \
	make_range((typcache), (lower), (upper), (empty), NULL)
#else
#define MakeRange(typcache, lower, upper, empty) \
	make_range((typcache), (lower), (upper), (empty))
#endif

/* 17 brought infinite intervals; before, every interval is finite */
#if PG_VERSION_NUM >= 170000
#define IntervalIsFinite(interval)	(!INTERVAL_NOT_FINITE(interval))
#else
#define IntervalIsFinite(interval)	true
#endif

/* 18 split the header for EXPLAIN in two */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
/* and it has an entry for GROUP BY in the range table, which EXPLAIN does not count */
#define ExplainedRelations(es)	((es)->rtable_size)
#else
#include "commands/explain.h"
#define ExplainedRelations(es)	list_length((es)->rtable)
#endif

/* 18 counts the disabled nodes of a path; before, each of them costs disable_cost */
#if PG_VERSION_NUM >= 180000
#define DisablePath(path, nodes)	((path)->disabled_nodes += (nodes))
#else
#define DisablePath(path, nodes) \
	((path)->startup_cost += disable_cost * (nodes), (path)->total_cost += disable_cost * (nodes))
#endif

/*
 * 18 stores the data of a group in front of its first tuple.  Before, an entry of a TupleHashTable
 * has a pointer, in which we store a number.  And 18 asks for the kind of the slots.
 */
#if PG_VERSION_NUM >= 180000
#define BuildGroupTable(parent, desc, ops, ...) \
	BuildTupleHashTable((parent), (desc), (ops), __VA_ARGS__)
#define SetGroupNumber(table, entry, number) \
	(*(uint32 *) TupleHashEntryGetAdditional((table), (entry)) = (number))
#define GetGroupNumber(table, entry) \
	(*(uint32 *) TupleHashEntryGetAdditional((table), (entry)))
#else
#define BuildGroupTable(parent, desc, ops, ...) \
	BuildTupleHashTableExt((parent), (desc), __VA_ARGS__)
#define SetGroupNumber(table, entry, number) \
	((entry)->additional = (void *) (uintptr_t) (number))
#define GetGroupNumber(table, entry)	((uint32) (uintptr_t) (entry)->additional)
#endif

/* 18 brought pg_noreturn, which is written in front of a declaration */
#if PG_VERSION_NUM < 180000
#define pg_noreturn			pg_attribute_noreturn()
#endif

/* 19 computes offsets of columns when a tuple descriptor is complete */
#if PG_VERSION_NUM >= 190000
#define FinalizeTupleDesc(desc)	TupleDescFinalize(desc)
#else
#define FinalizeTupleDesc(desc)	((void) (desc))
#endif

/* 19 wants to know whether enable_material concerns a Materialize node; not one that is necessary */
#if PG_VERSION_NUM >= 190000
#define CreateMaterialPath(rel, subpath)	create_material_path((rel), (subpath), true)
#else
#define CreateMaterialPath(rel, subpath)	create_material_path((rel), (subpath))
#endif

/* 19 added an argument with flags to these functions; winback needs none of the flags */
#if PG_VERSION_NUM >= 190000
#include "access/tableam.h"
#define table_beginscan(relation, snapshot, nkeys, key) \
	(table_beginscan) ((relation), (snapshot), (nkeys), (key), SO_NONE)
#define table_beginscan_parallel(relation, shared) \
	(table_beginscan_parallel) ((relation), (shared), SO_NONE)
#endif

/* Bytes of a cache line, on most processors. */
#define CACHE_LINE		64

/* Prefetch a cache line.  Without support by the compiler the code is slower, but correct. */
#if defined(__GNUC__) || defined(__clang__)
#define PrefetchForUpdate(address)	__builtin_prefetch((address), 1)
#define PrefetchForReading(address)	__builtin_prefetch((address), 0)
#else
#define PrefetchForUpdate(address)	((void) (address))
#define PrefetchForReading(address)	((void) (address))
#endif

/*
 * Ask for huge pages in the memory from `start` on.  Random reads of large memory miss
 * the TLB at nearly each access with pages of 4 kB.
 *
 * Give this hint before you touch the memory.  Linux follows it if
 * /sys/kernel/mm/transparent_hugepage/enabled is `madvise` or `always`, and ignores it
 * if an administrator has set that to `never`.
 */
static inline void
AdviseHugePages(void *start, Size size)
{
#ifdef MADV_HUGEPAGE
	const Size	huge_page = (Size) 2 * 1024 * 1024;
	char	   *begin = (char *) TYPEALIGN(huge_page, start);
	char	   *end = (char *) TYPEALIGN_DOWN(huge_page, (char *) start + size);

	if (begin < end)
		(void) madvise(begin, end - begin, MADV_HUGEPAGE);
#endif
}

/*
 * Give the whole pages within `size` bytes from `start` on back to the system.  The memory
 * stays allocated, and its contents are undefined afterwards.
 */
static inline void
GiveBackPages(void *start, Size size)
{
#ifdef MADV_DONTNEED
	const Size	page = (Size) sysconf(_SC_PAGESIZE);
	char	   *begin = (char *) TYPEALIGN(page, start);
	char	   *end = (char *) TYPEALIGN_DOWN(page, (char *) start + size);

	if (begin < end)
		(void) madvise(begin, end - begin, MADV_DONTNEED);
#endif
}

#endif							/* WINBACK_COMPAT_H */
