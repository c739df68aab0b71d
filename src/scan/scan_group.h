/*
 * scan_group.h
 *	  The groups of a Winback Scan: find the group of each row by the values of its keys.
 */
#ifndef WINBACK_SCAN_GROUP_H
#define WINBACK_SCAN_GROUP_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "scan/scan_table.h"
#include "state/customer_state.h"

/*
 * A part of the groups, for one pass over the tables or one process: of `parts` ranges of hashes, of
 * the same length, that number `part`.
 */
typedef struct GroupPart
{
	uint32		parts;
	uint32		part;
} GroupPart;

/* Return whether a group with a hash, all of whose bits are random, is in a part. */
static inline bool
IsInPart(uint32 hash, GroupPart part)
{
	return ((uint64) hash * part.parts) >> 32 == part.part;
}

/* More parts than this are not made of the groups. */
#define MAX_PARTS		(UINT32_C(1) << 20)
#define MAX_SPLITS		20

/* The group of a row that this pass over the tables leaves out. */
#define NO_GROUP		PG_UINT32_MAX

/* The words of the longest image of keys in the cache. */
#define GROUP_IMAGE_WORDS	4

/* An entry of the cache: the bytes of the keys in a row, and the number of the row's group. */
typedef struct GroupCacheEntry
{
	uint64		words[GROUP_IMAGE_WORDS];
	uint32		nwords;			/* 0: the entry is free */
	uint32		group;
} GroupCacheEntry;

/* The keys of a ScanGroups that is set up: lists with an element for each of them. */
typedef struct KeyLists
{
	List	   *types;
	List	   *typmods;
	List	   *collations;
	List	   *operators;		/* their equality */
	List	   *attnos;			/* in the other side of a join; 0 if they are not from there */
} KeyLists;

typedef struct ScanGroups
{
	/* set by ScanGroupsInit */
	int			nkeys;
	const int  *columns;		/* of each key, its index in ScanColumns */
	TupleDesc	desc;			/* of the keys */
	Oid		   *equal_functions;
	FmgrInfo   *hash_functions;
	Oid		   *collations;
	PlanState  *ps;
	TupleTableSlot *keys;		/* the keys of a row */
	TupleTableSlot *first;		/* the keys of a group's first row */
	MemoryContext temporary;
	GroupCacheEntry *cache;
	int			nstates;		/* states of each group */
	int			facts_size;		/* bytes of facts of each group, for aggregates without states */

	/* set by ScanGroupsStart */
	MemoryContext context;
	TupleHashTable table;
	GroupPart	part;
	Size		limit;			/* bytes of memory that the context should not exceed */
	bool		full;			/* it has exceeded them, and there are several groups */
	uint32		ngroups;
	uint32		allocated;
	MinimalTuple *firsts;		/* of each group, the keys of its first row */
	CustomerState **states;		/* of each group, nstates states; NULL before the first row */
	uint8	   *facts;			/* of each group, facts_size bytes; zero before the first row */
} ScanGroups;

extern void AddKey(KeyLists *lists, Oid type, int32 typmod, Oid collation, Oid operator,
				   AttrNumber attno);
extern void ScanGroupsInit(ScanGroups *groups, PlanState *ps, const KeyLists *keys,
						   const int *columns, int nstates, int facts_size);
extern void ScanGroupsStart(ScanGroups *groups, MemoryContext context, GroupPart part,
							Size limit);
extern void ScanGroupsFind(ScanGroups *groups, const ScanColumns *columns, const uint16 *rows,
						   int nrows, uint32 *found);
extern TupleTableSlot *ScanGroupsKeys(ScanGroups *groups, uint32 group);

/* Return the states of a group. */
static inline CustomerState **
GroupStates(const ScanGroups *groups, uint32 group)
{
	return groups->states + (Size) group * groups->nstates;
}

/* Return the facts of a group. */
static inline uint8 *
GroupFacts(const ScanGroups *groups, uint32 group)
{
	return groups->facts + (Size) group * groups->facts_size;
}

#endif							/* WINBACK_SCAN_GROUP_H */
