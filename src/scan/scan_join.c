/*
 * scan_join.c
 *	  Rows that a Winback Scan joins to those of its tables, such as attributes of customers.
 *
 * PostgreSQL plans the other side of the join as it likes; its plan is a child of the scan's node.
 * All its rows are read before the first page of the scan's tables, and a table of customers
 * finds the number of a row by its key.  For the rows of a page, all keys are made and their slots
 * prefetched before the first is looked up.  A row of the scan without a match is dropped before
 * anything else is done with it.  If the keys are integers that lie close together, a bit for each
 * integer says whether the other side has it, and only rows that it has are looked up.
 *
 * A row of the other side is used in two ways.  Its columns for keys of GROUP BY are numbered when
 * the row is read, and the values of the keys when a row of the scan has the first match with these
 * columns; earlier they might raise an error that PostgreSQL would not raise.  A row of the scan
 * takes over the number of the values, its class, as one key of its group.  And it may contain the
 * customer of an aggregate, such as an e-mail address.
 * Different customers are numbered as well, so that an aggregate counts integers close to each
 * other and not long texts.  In a parallel plan the aggregate gets the customers themselves,
 * because its state is merged with those of other processes.
 *
 * Limits: one key, with the type's own equality; the planner has shown that at most one row of
 * the other side has it, unless the join is a semi-join or an anti-join (scan_input.c).  The other
 * side must fit into memory.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "scan/scan_join.h"
#include "table/batch.h"

/* Consider an array after this many rows; see CustomerTableSettle. */
#define ROWS_TO_SETTLE		1024

/* Bits are made for keys that need at most this many of them, or this many a row. */
#define FEW_BITS			(UINT64CONST(1) << 19)
#define BITS_PER_ROW		64

/* Set up a join.  The collation is that of the equality of the keys. */
void
ScanJoinInit(ScanJoin *join, PlanState *ps, PlanState *other, JoinType type, Oid own_type,
			 Oid other_type, Oid collation)
{
	join->ps = ps;
	join->other = other;
	join->type = type;
	join->class_column = -1;
	join->own_type = CustomerTypeCreate(CurrentMemoryContext, own_type, collation);
	join->other_type = CustomerTypeCreate(CurrentMemoryContext, other_type, collation);
	join->context = AllocSetContextCreate(CurrentMemoryContext, "Winback Scan join",
										  ALLOCSET_DEFAULT_SIZES);
}

/* Set up groups whose keys are in columns of their own, in the order of the keys. */
static void
SetUpKeys(ScanJoin *join, ScanGroups *groups, ScanColumns *columns, const KeyLists *keys)
{
	int			nkeys = list_length(keys->types);
	int		   *places = palloc(nkeys * sizeof(int));

	for (int i = 0; i < nkeys; i++)
		places[i] = ScanColumnsAdd(columns, 0, list_nth_oid(keys->types, i));
	ScanGroupsInit(groups, join->ps, keys, places, 0, 0);
}

/*
 * Set up the keys of GROUP BY that are expressions of the other side, and the columns that they
 * depend on.  In the expressions, column n is number n of these columns.
 */
void
ScanJoinSetClasses(ScanJoin *join, const KeyLists *attributes, const KeyLists *classes,
				   const List *exprs)
{
	TupleDesc	own_desc = join->ps->scandesc;
	const TupleTableSlotOps *own_ops = join->ps->scanops;
	int			nattributes = list_length(attributes->attnos);
	int			nkeys = list_length(exprs);

	join->attribute_attnos = palloc(nattributes * sizeof(AttrNumber));
	for (int i = 0; i < nattributes; i++)
		join->attribute_attnos[i] = list_nth_int(attributes->attnos, i);
	SetUpKeys(join, &join->attributes, &join->attribute_columns, attributes);
	SetUpKeys(join, &join->classes, &join->class_columns, classes);

	join->ps->scandesc = join->attributes.desc;
	join->ps->scanops = &TTSOpsMinimalTuple;
	join->class_exprs = palloc(nkeys * sizeof(ExprState *));
	for (int i = 0; i < nkeys; i++)
		join->class_exprs[i] = ExecInitExpr(list_nth(exprs, i), join->ps);
	join->ps->scandesc = own_desc;
	join->ps->scanops = own_ops;
}

/*
 * Return the number of the columns for keys in a row of the other side, or in a row without a match
 * if `slot` is NULL.
 */
static uint32
NumberAttributes(ScanJoin *join, TupleTableSlot *slot)
{
	uint32		number;

	for (int i = 0; i < join->attributes.nkeys; i++)
	{
		const ScanColumn *column = &join->attribute_columns.columns[i];

		column->nulls[0] = true;
		if (slot != NULL)
			column->values[0] = slot_getattr(slot, join->attribute_attnos[i], &column->nulls[0]);
	}
	ScanGroupsFind(&join->attributes, &join->attribute_columns, NULL, 1, &number);
	while (number >= join->attributes_allocated)
	{
		uint32		allocated = join->attributes_allocated;

		join->attribute_classes = repalloc_huge(join->attribute_classes,
												2 * (Size) allocated * sizeof(uint32));
		memset(join->attribute_classes + allocated, 0xFF, allocated * sizeof(uint32));
		join->attributes_allocated = 2 * allocated;
	}
	return number;
}

/* Compute the keys of rows with the same columns, and return the number of their values. */
static uint32
FindClass(ScanJoin *join, uint32 attributes)
{
	ExprContext *econtext = join->ps->ps_ExprContext;
	uint32		class;

	econtext->ecxt_scantuple = ScanGroupsKeys(&join->attributes, attributes);
	for (int i = 0; i < join->classes.nkeys; i++)
	{
		const ScanColumn *column = &join->class_columns.columns[i];

		column->values[0] = ExecEvalExprSwitchContext(join->class_exprs[i], econtext,
													  &column->nulls[0]);
	}
	ScanGroupsFind(&join->classes, &join->class_columns, NULL, 1, &class);
	join->attribute_classes[attributes] = class;
	return class;
}

/* Store the customer of an aggregate in row number `row` of the other side. */
static void
StoreCustomer(ScanJoin *join, JoinedCustomer *customer, TupleTableSlot *slot, uint32 row)
{
	Datum		value = slot_getattr(slot, customer->attno, &customer->nulls[row]);
	uint8	   *facts;

	if (customer->nulls[row])
		return;
	if (!customer->numbered)
	{
		MemoryContext old_context = MemoryContextSwitchTo(join->context);
		Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, customer->attno - 1);

		customer->values[row] = datumCopy(value, att->attbyval, att->attlen);
		MemoryContextSwitchTo(old_context);
		return;
	}
	facts = LocateCustomer(&customer->numbers, customer->type, value);
	if (LoadNumber(facts) == 0)
		StoreNumber(facts, customer->numbers.ntaken);
	customer->values[row] = Int32GetDatum((int32) LoadNumber(facts));
}

/* Make room for one more row. */
static void
ReserveRow(ScanJoin *join)
{
	if (join->nrows < join->allocated)
		return;
	if (join->allocated > PG_INT32_MAX / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows in a join of a Winback Scan"),
				 errhint("Set winback.enable_scan to off.")));
	join->allocated *= 2;
	join->row_attributes = repalloc_huge(join->row_attributes,
										 join->allocated * sizeof(uint32));
	for (int i = 0; i < join->ncustomers; i++)
	{
		JoinedCustomer *customer = &join->customers[i];

		customer->values = repalloc_huge(customer->values, join->allocated * sizeof(Datum));
		customer->nulls = repalloc_huge(customer->nulls, join->allocated * sizeof(bool));
	}
}

/* Add a row of the other side. */
static void
AddRow(ScanJoin *join, TupleTableSlot *slot)
{
	bool		isnull;
	Datum		key = slot_getattr(slot, 1, &isnull);
	uint8	   *facts;

	if (isnull)
		return;
	facts = LocateCustomer(&join->table, join->other_type, key);
	if (LoadNumber(facts) != 0)
	{
		if (join->type != JOIN_SEMI && join->type != JOIN_ANTI)
			elog(ERROR, "the joined rows are not unique");
		return;
	}
	ReserveRow(join);
	if (CustomerIsInteger(join->other_type))
	{
		int64		integer = IntegerOfCustomer(join->other_type->path, key);

		join->least = Min(join->least, integer);
		join->greatest = Max(join->greatest, integer);
	}
	if (join->class_column >= 0)
		join->row_attributes[join->nrows] = NumberAttributes(join, slot);
	for (int i = 0; i < join->ncustomers; i++)
		StoreCustomer(join, &join->customers[i], slot, join->nrows);
	StoreNumber(facts, ++join->nrows);
}

/* Consider to make a table of integers an array, before it grows. */
static void
SettleTables(ScanJoin *join)
{
	CustomerTableSettle(&join->table, ROWS_TO_SETTLE);
	for (int i = 0; i < join->ncustomers; i++)
	{
		if (join->customers[i].numbered)
			CustomerTableSettle(&join->customers[i].numbers, ROWS_TO_SETTLE);
	}
}

/* Allocate memory for the rows. */
static void
StartRows(ScanJoin *join)
{
	MemoryContext old_context = MemoryContextSwitchTo(join->context);

	join->nrows = 0;
	join->least = PG_INT64_MAX;
	join->greatest = PG_INT64_MIN;
	join->allocated = 1024;
	join->row_attributes = palloc(join->allocated * sizeof(uint32));
	CustomerTableInit(&join->table, join->context, join->other_type->form, NUMBER_FACTS_SIZE,
					  join->other_type->seed);
	join->table.customer_type = join->other_type;
	for (int i = 0; i < join->ncustomers; i++)
	{
		JoinedCustomer *customer = &join->customers[i];

		customer->values = palloc(join->allocated * sizeof(Datum));
		customer->nulls = palloc(join->allocated * sizeof(bool));
		if (customer->numbered)
		{
			CustomerTableInit(&customer->numbers, join->context, customer->type->form,
							  NUMBER_FACTS_SIZE, customer->type->seed);
			customer->numbers.customer_type = customer->type;
		}
	}
	if (join->class_column >= 0)
	{
		const GroupPart all = {.parts = 1};

		ScanGroupsStart(&join->attributes, join->context, all, SIZE_MAX);
		ScanGroupsStart(&join->classes, join->context, all, SIZE_MAX);
		join->attributes_allocated = 256;
		join->attribute_classes = palloc(join->attributes_allocated * sizeof(uint32));
		memset(join->attribute_classes, 0xFF, join->attributes_allocated * sizeof(uint32));
		if (join->type == JOIN_LEFT || join->type == JOIN_ANTI)
			join->no_attributes = NumberAttributes(join, NULL);
	}
	MemoryContextSwitchTo(old_context);
}

/* Return the number of the bit of a key, at least nbits if the key has none. */
static inline uint64
BitOf(const JoinBits *bits, int64 key)
{
	return (uint64) key - (uint64) bits->first;
}

static inline void
SetBit(uint64 *words, uint64 bit)
{
	words[bit / 64] |= UINT64CONST(1) << (bit % 64);
}

/* Allocate bits that are zero. */
static uint64 *
AllocateBits(const ScanJoin *join)
{
	return MemoryContextAllocExtended(join->context,
									  (join->bits.nbits / 64 + 1) * sizeof(uint64),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* Make the bits of the keys, if they are integers and close enough to each other. */
static void
MakeBits(ScanJoin *join)
{
	JoinBits   *bits = &join->bits;
	uint64		nbits = (uint64) join->greatest - (uint64) join->least + 1;
	uint64		cursor = 0;
	const uint8 *facts;

	memset(bits, 0, sizeof(*bits));
	join->gathers = false;
	if (!CustomerIsInteger(join->own_type) || !CustomerIsInteger(join->other_type) ||
		join->type == JOIN_LEFT || join->nrows == 0 || nbits == 0 ||
		nbits > Max(FEW_BITS, (uint64) join->nrows * BITS_PER_ROW))
		return;
	bits->first = join->least;
	bits->nbits = nbits;
	bits->exists = AllocateBits(join);
	while ((facts = CustomerTableNextFacts(&join->table, &cursor)) != NULL)
		SetBit(bits->exists, BitOf(bits, CustomerTableInteger(&join->table, facts)));
	join->gathers = join->may_gather;
	if (join->gathers)
		bits->met = AllocateBits(join);
}

/* Read the other side, unless this has been done. */
void
ScanJoinBuild(ScanJoin *join)
{
	ExprContext *econtext = join->ps->ps_ExprContext;

	if (join->built)
		return;
	StartRows(join);
	for (uint64 i = 1;; i++)
	{
		/* the other side may allocate what it needs until its end */
		TupleTableSlot *slot = ExecProcNode(join->other);
		MemoryContext old_context;

		if (TupIsNull(slot))
			break;
		CHECK_FOR_INTERRUPTS();
		ResetExprContext(econtext);
		old_context = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
		AddRow(join, slot);
		MemoryContextSwitchTo(old_context);
		if (i % ROWS_TO_SETTLE == 0)
			SettleTables(join);
	}
	MakeBits(join);
	join->built = true;
}

/*
 * Keep the chosen rows of a page whose keys have a row on the other side, or, for an anti-join, the
 * other rows.  Store their places in `kept`, and return their number.  `path` is that of the key.
 *
 * Most keys of a selective join have no row, and which of them have one cannot be foreseen.  So
 * there is no branch that depends on it.
 */
static pg_attribute_always_inline int
FilterOfPath(const ScanJoin *join, const ScanRows *rows, uint16 *kept, KeyPath path)
{
	const JoinBits *bits = &join->bits;
	const ScanColumn *column = &rows->columns.columns[join->column];
	uint64		flip = join->type == JOIN_ANTI;
	int			nkept = 0;

	for (int i = 0; i < rows->nrows; i++)
	{
		uint16		place = PlaceOf(rows, i);
		uint64		bit = BitOf(bits, IntegerOfCustomer(path, column->values[place]));

		bit = bit < bits->nbits && !column->nulls[place] ? bit : bits->nbits;
		kept[nkept] = place;
		nkept += ((bits->exists[bit / 64] >> (bit % 64)) & 1) ^ flip;
	}
	return nkept;
}

static int
FilterByBits(const ScanJoin *join, const ScanRows *rows, uint16 *kept)
{
	switch (join->own_type->path)
	{
		case CUSTOMER_INT16:
			return FilterOfPath(join, rows, kept, CUSTOMER_INT16);
		case CUSTOMER_INT32:
			return FilterOfPath(join, rows, kept, CUSTOMER_INT32);
		default:
			return FilterOfPath(join, rows, kept, CUSTOMER_INT64);
	}
}

/* Set the bits of the keys of rows, all of which have a row on the other side. */
static void
SetMetBits(const ScanJoin *join, const ScanRows *rows)
{
	const ScanColumn *column = &rows->columns.columns[join->column];
	const JoinBits *bits = &join->bits;

	for (int i = 0; i < rows->nrows; i++)
		SetBit(bits->met, BitOf(bits, IntegerOfCustomer(join->own_type->path,
														column->values[PlaceOf(rows, i)])));
}

/* Store the values of the columns from the other side for a row of the scan. */
static inline void
StoreJoined(ScanJoin *join, const ScanColumns *columns, uint16 place, const uint8 *facts)
{
	uint32		row = facts == NULL ? 0 : LoadNumber(facts) - 1;

	if (join->class_column >= 0)
	{
		const ScanColumn *column = &columns->columns[join->class_column];

		uint32		attributes = facts == NULL ? join->no_attributes : join->row_attributes[row];
		uint32		class = join->attribute_classes[attributes];

		if (unlikely(class == NO_GROUP))
			class = FindClass(join, attributes);
		column->values[place] = UInt32GetDatum(class);
		column->nulls[place] = false;
	}
	for (int i = 0; i < join->ncustomers; i++)
	{
		const JoinedCustomer *customer = &join->customers[i];
		const ScanColumn *column = &columns->columns[customer->column];

		column->nulls[place] = facts == NULL || customer->nulls[row];
		if (!column->nulls[place])
			column->values[place] = customer->values[row];
	}
}

/*
 * Find the rows of the other side for the chosen rows of a page: facts[i] contains the number of
 * the one for row i, or is NULL if there is none.
 */
static void
FindRows(ScanJoin *join, const ScanRows *rows, const uint8 **facts)
{
	CustomerKey keys[MaxHeapTuplesPerPage];
	const ScanColumn *column = &rows->columns.columns[join->column];

	for (int i = 0; i < rows->nrows; i++)
	{
		uint16		place = PlaceOf(rows, i);

		keys[i].wide = true;
		if (column->nulls[place])
			continue;
		MakeCustomerKey(join->own_type, &join->table, column->values[place], &keys[i]);
		if (!keys[i].wide)
			CustomerTablePrefetch(&join->table, keys[i].word);
	}
	CustomerTableFind(&join->table, keys, rows->nrows, facts);
}

/*
 * Look up the chosen rows of a page.  Keep those that belong to the join, and fill in their
 * columns from the other side.  The places go into `kept`, which becomes rows->all.
 */
void
ScanJoinStore(ScanJoin *join, ScanRows *rows, uint16 *kept)
{
	const uint8 *facts[MaxHeapTuplesPerPage];
	int			nkept = 0;

	FindRows(join, rows, facts);
	for (int i = 0; i < rows->nrows; i++)
	{
		uint16		place = PlaceOf(rows, i);

		if (join->type == JOIN_ANTI ? facts[i] != NULL :
			facts[i] == NULL && join->type != JOIN_LEFT)
			continue;
		StoreJoined(join, &rows->columns, place, facts[i]);
		kept[nkept++] = place;
	}
	rows->all = kept;
	rows->nrows = nkept;
}

/*
 * Do the same, but do not fill in columns if there are none, or if facts are gathered by key first.
 * If the join keeps all rows, rows->all may stay as it is.
 */
void
ScanJoinProbe(ScanJoin *join, ScanRows *rows, uint16 *kept)
{
	if (join->bits.nbits > 0)
	{
		int			nkept = FilterByBits(join, rows, kept);

		if (nkept < rows->nrows)
			rows->all = kept;
		rows->nrows = nkept;
		if (join->gathers)
			SetMetBits(join, rows);
		if (join->gathers || (join->class_column < 0 && join->ncustomers == 0))
			return;
	}
	ScanJoinStore(join, rows, kept);
}

/* Return a slot with the keys of a class. */
TupleTableSlot *
ScanJoinKeys(ScanJoin *join, uint32 class)
{
	return ScanGroupsKeys(&join->classes, class);
}

/* Forget the rows of the other side, which will be read again. */
void
ScanJoinReset(ScanJoin *join)
{
	MemoryContextReset(join->context);
	join->built = false;
}
