/*
 * scan_group.c
 *	  The groups of a Winback Scan: find the group of each row by the values of its keys.
 *
 * Groups are numbered in the order in which they appear.  PostgreSQL's TupleHashTable, the one
 * of a HashAggregate, finds the number of a group, so that keys are equal here if they are equal
 * there.  Its look-up hashes and compares through function calls.  Therefore a cache of the
 * bytes of keys stands in front of it: keys with the same bytes are equal under every equality.
 * Equal keys with different bytes, such as 1.0 and 1.00, have several entries in the cache.
 *
 * A query may have more groups than memory can hold.  When a new group would exceed the limit,
 * `full` is set, and the caller starts again with a smaller part of the groups.  The rows of all
 * other groups are left out.
 *
 * Limits: the types of the keys must be hashable, which scan_serves.c checks.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "executor/executor.h"
#include "utils/memutils.h"

#include "compat.h"
#include "scan/scan_group.h"

/* The cache has 2^CACHE_BITS entries. */
#define CACHE_BITS			14

/* Check the limit after this many new groups. */
#define GROUPS_PER_CHECK	64

/* The bytes of the keys of a row. */
typedef struct KeyImage
{
	uint64		words[GROUP_IMAGE_WORDS];
	uint32		nwords;			/* 0: the keys are too long */
} KeyImage;

/* Append a key to the lists. */
void
AddKey(KeyLists *lists, Oid type, int32 typmod, Oid collation, Oid operator, AttrNumber attno)
{
	lists->types = lappend_oid(lists->types, type);
	lists->typmods = lappend_int(lists->typmods, typmod);
	lists->collations = lappend_oid(lists->collations, collation);
	lists->operators = lappend_oid(lists->operators, operator);
	lists->attnos = lappend_int(lists->attnos, attno);
}

/* Set up the groups.  There is at least one key. */
void
ScanGroupsInit(ScanGroups *groups, PlanState *ps, const KeyLists *keys, const int *columns,
			   int nstates, int facts_size)
{
	Oid		   *equal_operators;

	groups->ps = ps;
	groups->nkeys = list_length(keys->types);
	groups->columns = columns;
	groups->nstates = nstates;
	groups->facts_size = facts_size;
	groups->desc = CreateTemplateTupleDesc(groups->nkeys);
	groups->collations = palloc(groups->nkeys * sizeof(Oid));
	equal_operators = palloc(groups->nkeys * sizeof(Oid));
	for (int i = 0; i < groups->nkeys; i++)
	{
		groups->collations[i] = list_nth_oid(keys->collations, i);
		equal_operators[i] = list_nth_oid(keys->operators, i);
		TupleDescInitEntry(groups->desc, i + 1, NULL, list_nth_oid(keys->types, i),
						   list_nth_int(keys->typmods, i), 0);
		TupleDescInitEntryCollation(groups->desc, i + 1, groups->collations[i]);
	}
	FinalizeTupleDesc(groups->desc);
	groups->cache = palloc(sizeof(GroupCacheEntry) << CACHE_BITS);
	execTuplesHashPrepare(groups->nkeys, equal_operators, &groups->equal_functions,
						  &groups->hash_functions);
	groups->keys = ExecInitExtraTupleSlot(ps->state, groups->desc, &TTSOpsVirtual);
	groups->first = ExecInitExtraTupleSlot(ps->state, groups->desc, &TTSOpsMinimalTuple);
	groups->temporary = AllocSetContextCreate(CurrentMemoryContext, "Winback Scan groups",
											  ALLOCSET_DEFAULT_SIZES);
}

/* Add a group, and return its number. */
static uint32
AddGroup(ScanGroups *groups, MinimalTuple first)
{
	uint32		group = groups->ngroups;

	if (group == groups->allocated)
	{
		Size		states = (Size) groups->allocated * groups->nstates * sizeof(CustomerState *);
		Size		facts = (Size) groups->allocated * groups->facts_size;

		if (groups->allocated > PG_INT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many groups in a Winback Scan"),
					 errhint("Set winback.enable_scan to off.")));
		groups->allocated *= 2;
		groups->firsts = repalloc_huge(groups->firsts,
									   groups->allocated * sizeof(MinimalTuple));
		groups->states = repalloc_huge(groups->states, 2 * states);
		memset((char *) groups->states + states, 0, states);
		groups->facts = repalloc_huge(groups->facts, 2 * facts);
		memset(groups->facts + facts, 0, facts);
	}
	groups->firsts[group] = first;
	groups->ngroups++;
	if (groups->ngroups % GROUPS_PER_CHECK == 0 &&
		MemoryContextMemAllocated(groups->context, true) > groups->limit)
		groups->full = true;
	return group;
}

/* Begin a pass over the tables for a part of the groups.  They will be allocated in `context`. */
void
ScanGroupsStart(ScanGroups *groups, MemoryContext context, GroupPart part, Size limit)
{
	MemoryContext old_context = MemoryContextSwitchTo(context);
	AttrNumber *numbers = palloc(groups->nkeys * sizeof(AttrNumber));

	for (int i = 0; i < groups->nkeys; i++)
		numbers[i] = i + 1;
	groups->context = context;
	groups->part = part;
	groups->limit = limit;
	groups->full = false;
	groups->ngroups = 0;
	groups->allocated = 256;
	groups->firsts = palloc(groups->allocated * sizeof(MinimalTuple));
	groups->states = palloc0((Size) groups->allocated * groups->nstates * sizeof(CustomerState *));
	groups->facts = palloc0((Size) groups->allocated * groups->facts_size);
	memset(groups->cache, 0, sizeof(GroupCacheEntry) << CACHE_BITS);
	groups->table = BuildGroupTable(groups->ps, groups->desc, &TTSOpsVirtual, groups->nkeys,
									numbers, groups->equal_functions, groups->hash_functions,
									groups->collations, groups->allocated, sizeof(uint32),
									context, context, groups->temporary, false);
	MemoryContextSwitchTo(old_context);
}

/* Look up the group of a row in the TupleHashTable.  Add it if it is missing. */
static uint32
LookUpGroup(ScanGroups *groups, const ScanColumns *columns, uint16 row)
{
	TupleTableSlot *keys = groups->keys;
	TupleHashEntry entry;
	uint32		hash;
	bool		isnew;

	ExecClearTuple(keys);
	for (int i = 0; i < groups->nkeys; i++)
	{
		const ScanColumn *column = &columns->columns[groups->columns[i]];

		keys->tts_values[i] = column->values[row];
		keys->tts_isnull[i] = column->nulls[row];
	}
	ExecStoreVirtualTuple(keys);

	hash = TupleHashTableHash(groups->table, keys);
	/* the table uses bits of the hash, so scramble it */
	if (groups->part.parts > 1 && !IsInPart(murmurhash32(hash), groups->part))
		return NO_GROUP;
	entry = LookupTupleHashEntryHash(groups->table, keys, &isnew, hash);
	if (isnew)
		SetGroupNumber(groups->table, entry, AddGroup(groups, entry->firstTuple));
	return GetGroupNumber(groups->table, entry);
}

/*
 * Append `size` bytes of a key to an image.  Return false, and make the image empty, if they do
 * not fit.
 */
static inline bool
AppendToImage(KeyImage *image, const void *bytes, Size size)
{
	Size		nwords = (size + sizeof(uint64) - 1) / sizeof(uint64);

	if (nwords > GROUP_IMAGE_WORDS - image->nwords)
	{
		image->nwords = 0;
		return false;
	}
	image->words[image->nwords + nwords - 1] = 0;
	memcpy(&image->words[image->nwords], bytes, size);
	image->nwords += nwords;
	return true;
}

/*
 * Make the image of the keys of a row: a word with a bit for each key that is NULL, and then the
 * bytes of the others.  A key of varying length has its own length in its header.
 */
static inline void
MakeImage(const ScanGroups *groups, const ScanColumns *columns, uint16 row, KeyImage *image)
{
	image->words[0] = 0;
	image->nwords = 1;
	for (int i = 0; i < groups->nkeys; i++)
	{
		const ScanColumn *column = &columns->columns[groups->columns[i]];
		Datum		value = column->values[row];
		const char *bytes = (const char *) DatumGetPointer(value);
		Size		size;

		if (column->nulls[row])
		{
			image->words[0] |= UINT64CONST(1) << (i % 64);
			continue;
		}
		if (column->byval)
		{
			bytes = (const char *) &value;
			size = sizeof(Datum);
		}
		else if (column->typlen > 0)
			size = column->typlen;
		else if (column->typlen == -1 && !VARATT_IS_EXTERNAL(bytes))
			size = VARSIZE_ANY(bytes);
		else
		{
			/* the bytes are a pointer, perhaps to memory that another value has used */
			image->nwords = 0;
			return;
		}
		if (!AppendToImage(image, bytes, size))
			return;
	}
	/* with more keys than bits, NULL would be ambiguous */
	if (groups->nkeys > 64)
		image->nwords = 0;
}

/* Return the entry of the cache in which an image may be. */
static inline GroupCacheEntry *
CacheEntry(const ScanGroups *groups, const KeyImage *image)
{
	uint64		hash = 0;

	for (uint32 i = 0; i < image->nwords; i++)
		hash = (hash ^ image->words[i]) * UINT64CONST(0x9e3779b97f4a7c15);
	return &groups->cache[hash >> (64 - CACHE_BITS)];
}

static inline bool
EntryIs(const GroupCacheEntry *entry, const KeyImage *image)
{
	if (entry->nwords != image->nwords)
		return false;
	for (uint32 i = 0; i < image->nwords; i++)
	{
		if (entry->words[i] != image->words[i])
			return false;
	}
	return true;
}

/* Find the group of one row. */
static inline uint32
FindGroup(ScanGroups *groups, const ScanColumns *columns, uint16 row)
{
	KeyImage	image;
	GroupCacheEntry *entry;

	MakeImage(groups, columns, row, &image);
	if (unlikely(image.nwords == 0))
		return LookUpGroup(groups, columns, row);
	entry = CacheEntry(groups, &image);
	if (unlikely(!EntryIs(entry, &image)))
	{
		entry->group = LookUpGroup(groups, columns, row);
		memcpy(entry->words, image.words, image.nwords * sizeof(uint64));
		entry->nwords = image.nwords;
	}
	return entry->group;
}

/*
 * Find the groups of rows of a page.  Store the number of the group of row rows[i] in found[i], or
 * of row i if `rows` is NULL.
 */
void
ScanGroupsFind(ScanGroups *groups, const ScanColumns *columns, const uint16 *rows, int nrows,
			   uint32 *found)
{
	for (int i = 0; i < nrows; i++)
		found[i] = FindGroup(groups, columns, rows != NULL ? rows[i] : i);
	MemoryContextReset(groups->temporary);
}

/* Return a slot with the keys of a group. */
TupleTableSlot *
ScanGroupsKeys(ScanGroups *groups, uint32 group)
{
	ExecStoreMinimalTuple(groups->firsts[group], groups->first, false);
	slot_getallattrs(groups->first);
	return groups->first;
}
