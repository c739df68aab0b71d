/*
 * scan_node.c
 *	  The executor's side of a Winback Scan: read tables and aggregate their rows.
 *
 * In a plan of PostgreSQL each row passes through slots, expressions and several nodes.
 * This node avoids that.  It reads pages in the way of a sequential scan (scan_table.c),
 * fetches the columns that the aggregates need from all rows of a page, and passes the
 * rows of the page to each aggregate as one block (scan_aggregate.c).  Common conditions of
 * WHERE and FILTER are evaluated on the columns of the page (scan_filter.c).  Others are
 * PostgreSQL's own expressions, and are evaluated on a slot, row by row.
 *
 * The node reads the partitions of a table, or the tables of a UNION ALL, one after the other, into
 * the same states.
 *
 * In a parallel plan the processes divide the blocks of one table among them, and then
 * those of the next table.  Each process returns its states in serialized form, one
 * portion in each row (state_wire.c).  A Finalize Aggregate above the Gather node merges
 * them, as it merges the states of a Partial Aggregate.
 *
 * Limits: scan_path.c plans this node only for the queries that ScanServes accepts.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "storage/spin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/typcache.h"

#include "compat.h"
#include "scan/scan.h"
#include "scan/scan_aggregate.h"
#include "scan/scan_buffer.h"
#include "scan/scan_filter.h"
#include "scan/scan_group.h"
#include "scan/scan_join.h"
#include "scan/scan_list.h"
#include "scan/scan_rows.h"
#include "scan/scan_subquery.h"
#include "scan/scan_table.h"

/* The share of hash_mem for the rows that wait in the buffer, and the largest size of them. */
#define BUFFER_SHARE		4
#define MAX_BUFFER			((Size) 8 * 1024 * 1024)

/* One output column: an Aggref, and the state from which its value is computed. */
typedef struct ScanResult
{
	int			column;			/* number in the scan tuple, from 0 */
	Aggref	   *aggref;
	ScanAggregate *aggregate;	/* may belong to several results */
	ScanFinish	finish;			/* unless partial */
	Portion		next;			/* the next portion of a serialized state; for a final value, only
								 * `done` is used */
} ScanResult;

/* One key of GROUP BY. */
typedef struct ScanKeyEntry
{
	int			entry;			/* number in the scan tuple, from 0 */
	int			column_entry;	/* if it is a column of the table: the number of this column's
								 * entry; else -1 */
	bool		of_other;		/* it is from the other side of the join */
	int			place;			/* number of the key in ScanGroups, or in the classes of the join */
} ScanKeyEntry;

/*
 * The shared memory of a parallel scan.  The parallel scan descriptors of the tables
 * follow behind it, one for each table.
 */
typedef struct SharedScan
{
	slock_t		mutex;			/* protects the counters */
	ScanCounters counters;		/* the sums over all processes */
	Size		heap_size;		/* bytes of each descriptor */
} SharedScan;

/* The node.  Results share an aggregate if they differ in their final functions only. */
typedef struct WinbackScanState
{
	CustomScanState css;
	int			nresults;
	ScanResult *results;
	int			naggregates;
	ScanAggregate *aggregates;
	int			ntables;
	TableToScan *tables;

	ScanRows	rows;			/* of the current page */
	int			table;			/* the number of the table that is read; ntables at the end */

	ExprState  *having;			/* NULL if there is none */

	ScanJoin   *join;			/* NULL if there is none */

	ScanList   *list;			/* NULL unless the key of GROUP BY is the customer of a list */

	/* of another query with GROUP BY, or of one with a join */
	bool		grouped;
	int			nkeys;			/* 0 if there is no GROUP BY */
	ScanKeyEntry *keys;
	int		   *key_columns;	/* of each key in ScanGroups, its index in ScanColumns */
	int			class_place;	/* number of the key in ScanGroups that is the class of the join */
	ScanGroups	groups;
	RowBuffer	buffer;
	ScanColumns group_columns;	/* the rows of one group that are entered */

	MemoryContext context;		/* contains the states; reset before others are computed */
	MemoryContext values;		/* the values with which filters compare, and the scan of a table;
								 * reset before the tables are read again */
	int			nparts;			/* parts of the groups that remain to be computed */
	GroupPart	parts[MAX_SPLITS + 1];	/* the last one is the next, or the current one */
	bool		computed;		/* the states of this part of the rows or groups are complete */
	uint32		group;			/* the group to return next; without GROUP BY, 0 is the only one */
	ScanCounters counters;
	SharedScan *shared;			/* NULL if not parallel */
} WinbackScanState;

static const CustomExecMethods exec_methods;

static Node *
CreateScanState(CustomScan *plan pg_attribute_unused())
{
	WinbackScanState *scan = palloc0(sizeof(WinbackScanState));

	scan->css.ss.ps.type = T_CustomScanState;
	scan->css.methods = &exec_methods;
	return (Node *) scan;
}

/* Return whether a result is a serialized state, and not a final value. */
static inline bool
IsPartial(const ScanResult *result)
{
	return DO_AGGSPLIT_SERIALIZE(result->aggref->aggsplit);
}

/* Return whether the groups or customers found so far take all the memory that they may take. */
static inline bool
IsFull(const WinbackScanState *scan)
{
	return scan->list != NULL ? scan->list->full : scan->groups.full;
}

/* Return the expression of an entry of the plan (scan.h). */
static Expr *
PlanEntry(const CustomScan *plan, int i)
{
	return list_nth_node(TargetEntry, plan->custom_scan_tlist, i)->expr;
}

/*
 * Give each column of a table's filters a place in the columns of the scan: that of an aggregate's
 * column if it is the same one, or one behind them.  Append the latter to the table's attnos, and
 * return the number of columns that are needed.
 */
static int
BindFilters(WinbackScanState *scan, TableToScan *table, List *filter_attnos)
{
	ScanColumns *columns = &scan->rows.columns;
	int		   *places = palloc((RelationGetNumberOfAttributes(table->table.relation) + 1) *
								sizeof(int));
	int			ncolumns = columns->ncolumns;
	ListCell   *lc;

	foreach(lc, filter_attnos)
	{
		int			place = 0;

		while (place < ncolumns && table->attnos[place] != lfirst_int(lc))
			place++;
		if (place == ncolumns)
		{
			ScanColumnsReserve(columns, place);
			table->attnos[ncolumns++] = lfirst_int(lc);
		}
		places[lfirst_int(lc)] = place;
	}
	ScanFiltersBind(table->filters, places);
	for (int i = 0; i < scan->naggregates; i++)
		ScanFiltersBind(table->sources[i].column_filters, places);
	pfree(places);
	return ncolumns;
}

/*
 * Replace each reference to a key's entry in a condition by the expression of the key.  The
 * planner has put the reference there, but the condition is evaluated on rows of the table.
 */
static Node *
RestoreKeys(Node *node, void *plan)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		const Var  *var = castNode(Var, node);
		Expr	   *entry;

		if (var->varno != INDEX_VAR)
			return node;
		entry = PlanEntry(plan, var->varattno - 1);
		return IsA(entry, Var) ? node : (Node *) entry;
	}
	return MutateExpression(node, RestoreKeys, plan);
}

/* Return the conditions in the fields of a table (scan.h). */
static List *
QualsOf(const List *fields)
{
	return make_ands_implicit(list_nth(fields, SCAN_TABLE_QUAL));
}

/* Set the columns of a table: arguments of the aggregates, keys, and the key of the join. */
static void
SetColumns(WinbackScanState *scan, TableToScan *table, const List *fields)
{
	PlanState  *ps = &scan->css.ss.ps;
	int			field = SCAN_TABLE_FIELDS;
	int			ncolumns = scan->rows.columns.ncolumns;

	table->attnos = palloc0((ncolumns + RelationGetNumberOfAttributes(table->table.relation)) *
							sizeof(AttrNumber));
	table->constants = palloc(ncolumns * sizeof(ConstantColumn));
	table->computed = palloc(ncolumns * sizeof(ComputedColumn));
	for (int i = 0; i < scan->nresults; i++)
	{
		const ScanAggregate *aggregate = scan->results[i].aggregate;
		const Aggref *aggref = list_nth_node(Aggref, fields, field++);

		for (int arg = 0; arg < aggregate->nargs; arg++)
		{
			if (aggregate->columns[arg] >= 0 && aggregate->columns[arg] != aggregate->joined)
				TableSetColumn(table, aggregate->columns[arg], ArgOf(aggref, arg), ps);
		}
	}
	for (int i = 0; i < scan->nkeys; i++, field++)
	{
		if (!scan->keys[i].of_other)
			TableSetColumn(table, scan->key_columns[scan->keys[i].place], list_nth(fields, field),
						   ps);
	}
	if (scan->join != NULL)
		TableSetColumn(table, scan->join->column, list_nth(fields, field), ps);
}

/* Prepare to read a table.  `fields` is its entry in the plan. */
static void
BeginTable(WinbackScanState *scan, TableToScan *table, EState *estate, const List *fields,
		   int eflags)
{
	PlanState  *ps = &scan->css.ss.ps;
	const CustomScan *plan = (const CustomScan *) ps->plan;
	const Var  *oid = list_nth_node(Var, fields, SCAN_TABLE_OID);
	List	   *quals = oid->varno == (int) plan->scan.scanrelid ?
		(List *) RestoreKeys((Node *) plan->scan.plan.qual, (void *) plan) :
		QualsOf(fields);
	TupleDesc	own_desc = ps->scandesc;
	const TupleTableSlotOps *own_ops = ps->scanops;
	List	   *filter_attnos = NIL;

	ScanTableOpen(&table->table, estate, oid->varno, eflags);

	/* compile expressions for the rows of the table, not for those that the node returns */
	ps->scandesc = RelationGetDescr(table->table.relation);
	ps->scanops = &TTSOpsBufferHeapTuple;
	table->conditions = quals;
	table->filters = ScanFiltersMake(&quals, &filter_attnos, ps);
	table->qual = ExecInitQual(quals, ps);

	SetColumns(scan, table, fields);
	table->by_column = table->filters != NIL || table->ncomputed > 0;
	table->by_row = table->qual != NULL;
	table->filtered = !scan->grouped && scan->list == NULL;
	table->sources = palloc0(scan->naggregates * sizeof(ScanSource));
	for (int i = 0; i < scan->nresults; i++)
	{
		const ScanAggregate *aggregate = scan->results[i].aggregate;
		ScanSource *source = &table->sources[aggregate - scan->aggregates];

		/* results that share an aggregate have the same arguments and the same FILTER */
		if (!source->prepared)
			ScanSourceInit(source, list_nth_node(Aggref, fields, SCAN_TABLE_FIELDS + i),
						   &filter_attnos, ps);
		table->by_column |= source->column_filters != NIL;
		table->by_row |= source->filter != NULL;
		table->filtered &= source->filter != NULL;
	}
	ScanTableSetColumns(&table->table, table->attnos, BindFilters(scan, table, filter_attnos));
	ps->scandesc = own_desc;
	ps->scanops = own_ops;
}

/*
 * Return the fields of each table to read (scan.h).  Their entries in the plan begin with number
 * `entry`.  The entry of a subquery is replaced by those of its tables.
 */
static List *
TableFields(const WinbackScanState *scan, EState *estate, int entry)
{
	const CustomScan *plan = (const CustomScan *) scan->css.ss.ps.plan;
	int			subplan = scan->join != NULL ? 1 : 0;
	List	   *tables = NIL;

	for (; entry < list_length(plan->custom_scan_tlist); entry++)
	{
		List	   *fields = castNode(RowExpr, PlanEntry(plan, entry))->args;
		Index		relid = list_nth_node(Var, fields, SCAN_TABLE_OID)->varno;
		ListCell   *lc;

		if (exec_rt_fetch(relid, estate)->rtekind == RTE_RELATION)
		{
			tables = lappend(tables, fields);
			continue;
		}
		foreach(lc, SubqueryTables(list_nth(plan->custom_plans, subplan++), relid))
		{
			SubqueryTable *table = lfirst(lc);
			List	   *of_table = (List *) SubqueryReplaceColumns((Node *) fields, relid,
																   table->outputs);

			list_nth_node(Var, of_table, SCAN_TABLE_OID)->varno = table->relid;
			/* the subquery's own conditions come first */
			lfirst(list_nth_cell(of_table, SCAN_TABLE_QUAL)) =
				make_ands_explicit(list_concat_copy(table->quals, QualsOf(of_table)));
			tables = lappend(tables, of_table);
		}
	}
	return tables;
}

/* Return the list of a join in the plan, or NIL if there is none. */
static List *
PlanJoin(const WinbackScanState *scan, int element)
{
	const CustomScan *plan = (const CustomScan *) scan->css.ss.ps.plan;

	return list_nth(list_nth(plan->custom_private, SCAN_PRIVATE_JOIN), element);
}

/* Set up the column from the join that is the customer of an aggregate. */
static const JoinedCustomer *
AddJoinedCustomer(WinbackScanState *scan, const Aggref *aggref, AttrNumber attno)
{
	JoinedCustomer *customer = &scan->join->customers[scan->join->ncustomers++];
	Oid			type = exprType((Node *) linitial_node(TargetEntry, aggref->args)->expr);

	customer->attno = attno;
	customer->numbered = !DO_AGGSPLIT_SERIALIZE(aggref->aggsplit);
	if (customer->numbered)
		customer->type = CustomerTypeCreate(CurrentMemoryContext, type, aggref->inputcollid);
	customer->column = ScanColumnsAdd(&scan->rows.columns, 0,
									  customer->numbered ? INT4OID : type);
	return customer;
}

/*
 * Return the aggregate of result number `result`.  Set it up unless an earlier Aggref with the
 * same transition number has done so.  In a list sum() and avg() have different facts.
 */
static ScanAggregate *
FindAggregate(WinbackScanState *scan, int result)
{
	const Aggref *aggref = scan->results[result].aggref;
	const ListAggregate *list = ListAggregateOf(aggref);
	ScanAggregate *aggregate;
	const JoinedCustomer *customer = NULL;
	AttrNumber	attno = 0;

	for (int i = 0; i < scan->naggregates; i++)
	{
		if (scan->aggregates[i].aggref->aggtransno == aggref->aggtransno &&
			scan->aggregates[i].list == list)
			return &scan->aggregates[i];
	}
	aggregate = &scan->aggregates[scan->naggregates++];
	if (scan->join != NULL)
		attno = list_nth_int(PlanJoin(scan, SCAN_JOIN_CUSTOMERS), result);
	if (attno > 0)
		customer = AddJoinedCustomer(scan, aggref, attno);
	ScanAggregateInit(aggregate, aggref, scan->grouped, customer != NULL ? customer->column : -1,
					  customer != NULL && customer->numbered, &scan->rows.columns,
					  &scan->css.ss.ps);
	return aggregate;
}

/* The entries of the plan for the columns of the other side of a join that keys depend on. */
typedef struct AttributeEntries
{
	const CustomScan *plan;
	int			first;
	int			nentries;
} AttributeEntries;

/* Replace columns of the other side in a key by their numbers among these entries. */
static Node *
NumberColumns(Node *node, void *context)
{
	const AttributeEntries *entries = context;
	const Var  *var = (const Var *) node;

	if (node == NULL)
		return NULL;
	if (!IsA(node, Var))
		return MutateExpression(node, NumberColumns, context);
	for (int i = 0; i < entries->nentries; i++)
	{
		const Var  *entry = castNode(Var, PlanEntry(entries->plan, entries->first + i));

		if (entry->varno == var->varno && entry->varattno == var->varattno)
			return (Node *) makeVar(INDEX_VAR, i + 1, var->vartype, var->vartypmod,
									var->varcollid, 0);
	}
	elog(ERROR, "column not found in the other side of a join");
}

/* Enter the rows of one group, which wait in the buffer, into its states. */
static void
EnterGroup(void *arg, uint32 group)
{
	WinbackScanState *scan = arg;
	CustomerState **states = GroupStates(&scan->groups, group);
	uint32		nwaiting = scan->buffer.rows[group].nrows;
	uint16		chosen[ROW_BLOCK_MAX];

	CHECK_FOR_INTERRUPTS();
	for (uint32 first = 0; first < nwaiting; first += ROW_BLOCK_MAX)
	{
		int			nrows = Min(nwaiting - first, ROW_BLOCK_MAX);

		RowBufferSetColumns(&scan->buffer, group, first, scan->group_columns.columns);
		for (int i = 0; i < scan->naggregates; i++)
		{
			ScanAggregate *aggregate = &scan->aggregates[i];
			const bool *accepts = RowBufferAccepts(&scan->buffer, group, first, i);
			int			nchosen = 0;

			for (int row = 0; accepts != NULL && row < nrows; row++)
			{
				chosen[nchosen] = row;
				nchosen += accepts[row];
			}
			ScanAggregateSetState(aggregate, states[i]);
			ScanAggregateEnter(aggregate, scan->css.ss.ps.ps_ExprContext, &scan->group_columns,
							   accepts != NULL ? chosen : NULL,
							   accepts != NULL ? nchosen : nrows);
			states[i] = ScanAggregateState(aggregate);
		}
	}
}

/*
 * Set up the keys of GROUP BY, whose entries in the plan begin with number `entry`.  Return those of
 * the groups in `own`.  All keys from the other side of a join become one key of the groups, the
 * number of a class.
 */
static void
BeginKeysOfGroups(WinbackScanState *scan, int entry, KeyLists *own)
{
	const CustomScan *plan = (const CustomScan *) scan->css.ss.ps.plan;
	List	   *operators = list_nth(plan->custom_private, SCAN_PRIVATE_OPERATORS);
	ScanColumns *columns = &scan->rows.columns;
	List	   *exprs = NIL;
	KeyLists	classes = {0};
	KeyLists	attributes = {0};
	AttributeEntries entries = {.plan = plan, .first = entry + scan->nkeys + 1};
	ListCell   *lc;

	scan->keys = palloc(scan->nkeys * sizeof(ScanKeyEntry));
	scan->key_columns = palloc((scan->nkeys + 1) * sizeof(int));
	if (scan->join != NULL)
		entries.nentries = list_length(PlanJoin(scan, SCAN_JOIN_ATTRIBUTES));
	for (int i = 0; i < scan->nkeys; i++)
	{
		Node	   *key = (Node *) PlanEntry(plan, entry + i);
		Var		   *column = ColumnOf((Expr *) key);
		bool		of_other = scan->join != NULL &&
			list_member_int(PlanJoin(scan, SCAN_JOIN_KEYS), i);
		KeyLists   *lists = of_other ? &classes : own;

		scan->keys[i].entry = entry + i;
		scan->keys[i].column_entry = !of_other && IsA(key, Var) ? column->varattno - 1 : -1;
		scan->keys[i].of_other = of_other;
		scan->keys[i].place = list_length(lists->types);
		if (!of_other)
			scan->key_columns[scan->keys[i].place] =
				ScanColumnsAdd(columns, column != NULL ? column->varattno : 0, exprType(key));
		else
			exprs = lappend(exprs, NumberColumns(key, &entries));
		AddKey(lists, exprType(key), exprTypmod(key), exprCollation(key),
			   list_nth_oid(operators, i), 0);
	}
	if (exprs == NIL)
		return;

	scan->class_place = list_length(own->types);
	scan->join->class_column = ScanColumnsAdd(columns, 0, INT4OID);
	scan->key_columns[scan->class_place] = scan->join->class_column;
	AddKey(own, INT4OID, -1, InvalidOid, Int4EqualOperator, 0);

	foreach(lc, PlanJoin(scan, SCAN_JOIN_ATTRIBUTES))
	{
		const Var  *column = castNode(Var, PlanEntry(plan,
													 entries.first + foreach_current_index(lc)));

		AddKey(&attributes, column->vartype, column->vartypmod, column->varcollid,
			   lookup_type_cache(column->vartype, TYPECACHE_EQ_OPR)->eq_opr, lfirst_int(lc));
	}
	ScanJoinSetClasses(scan->join, &attributes, &classes, exprs);
}

/*
 * Set up the groups.  The entries of the keys in the plan begin with number `entry`.  The columns
 * of the aggregates must have been set up.
 */
static void
BeginGroups(WinbackScanState *scan, int entry)
{
	KeyLists	own = {0};
	bool	   *filtered = palloc(scan->naggregates * sizeof(bool));

	for (int i = 0; i < scan->naggregates; i++)
		filtered[i] = scan->aggregates[i].aggref->aggfilter != NULL;
	RowBufferInit(&scan->buffer, &scan->rows.columns, scan->naggregates, filtered, EnterGroup,
				  scan);
	/* the values are in the buffer, and those that a FILTER accepts are copied here */
	for (int i = 0; i < scan->buffer.ncolumns; i++)
		ScanColumnsReserve(&scan->group_columns, i);

	BeginKeysOfGroups(scan, entry, &own);
	ScanGroupsInit(&scan->groups, &scan->css.ss.ps, &own, scan->key_columns, scan->naggregates);
	if (scan->join != NULL)
		scan->join->column = ScanColumnsAdd(&scan->rows.columns,
											intVal(PlanJoin(scan, SCAN_JOIN_COLUMN)),
											linitial_oid(PlanJoin(scan, SCAN_JOIN_TYPES)));
}

/* Set up the join, and the plan of its other side. */
static void
BeginJoin(WinbackScanState *scan, EState *estate, int eflags)
{
	const CustomScan *plan = (const CustomScan *) scan->css.ss.ps.plan;
	List	   *types = PlanJoin(scan, SCAN_JOIN_TYPES);
	PlanState  *other = ExecInitNode(linitial(plan->custom_plans), estate, eflags);

	scan->css.custom_ps = list_make1(other);
	scan->join = palloc0(sizeof(ScanJoin));
	scan->join->customers = palloc0(scan->nresults * sizeof(JoinedCustomer));
	ScanJoinInit(scan->join, &scan->css.ss.ps, other, intVal(PlanJoin(scan, SCAN_JOIN_TYPE)),
				 linitial_oid(types), lsecond_oid(types), lthird_oid(types));
}

/* Set up a list of customers.  The entry of the customer in the plan is number `entry`. */
static void
BeginList(WinbackScanState *scan, int entry)
{
	Node	   *key = (Node *) PlanEntry((const CustomScan *) scan->css.ss.ps.plan, entry);
	const Var  *column = ColumnOf((Expr *) key);

	scan->grouped = false;
	scan->keys = palloc0(sizeof(ScanKeyEntry));
	scan->keys->entry = entry;
	scan->keys->column_entry = IsA(key, Var) ? column->varattno - 1 : -1;
	scan->key_columns = palloc(sizeof(int));
	scan->key_columns[0] = ScanColumnsAdd(&scan->rows.columns, column->varattno, exprType(key));
	scan->list = ScanListCreate(exprType(key), exprCollation(key), scan->key_columns[0],
								scan->aggregates, scan->naggregates);
}

static void
BeginScan(CustomScanState *node, EState *estate, int eflags)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	const CustomScan *plan = (const CustomScan *) node->ss.ps.plan;
	int			entry = intVal(list_nth(plan->custom_private, SCAN_PRIVATE_NCOLUMNS));
	List	   *tables;

	scan->context = AllocSetContextCreate(CurrentMemoryContext, "Winback Scan",
										  ALLOCSET_DEFAULT_SIZES);
	scan->values = AllocSetContextCreate(CurrentMemoryContext, "Winback Scan values",
										 ALLOCSET_SMALL_SIZES);

	scan->nresults = intVal(list_nth(plan->custom_private, SCAN_PRIVATE_NAGGREGATES));
	scan->nkeys = list_length(plan->custom_exprs) - SCAN_EXPRS_KEYS;
	if (list_nth(plan->custom_private, SCAN_PRIVATE_JOIN) != NIL)
		BeginJoin(scan, estate, eflags);
	scan->grouped = scan->nkeys > 0 || scan->join != NULL;
	scan->results = palloc0(scan->nresults * sizeof(ScanResult));
	scan->aggregates = palloc0(scan->nresults * sizeof(ScanAggregate));
	for (int i = 0; i < scan->nresults; i++, entry++)
	{
		ScanResult *result = &scan->results[i];

		result->column = entry;
		result->aggref = castNode(Aggref, PlanEntry(plan, entry));
		ScanCheckPrivileges(result->aggref);
		result->aggregate = FindAggregate(scan, i);
	}
	scan->having = ExecInitQual(make_ands_implicit(list_nth(plan->custom_exprs,
															SCAN_EXPRS_HAVING)),
								&node->ss.ps);
	if (scan->aggregates[0].list != NULL)
		BeginList(scan, entry);
	else if (scan->grouped)
		BeginGroups(scan, entry);
	entry += scan->nkeys;
	/* the key of the join and the attributes have entries, too */
	if (scan->join != NULL)
		entry += 1 + list_length(PlanJoin(scan, SCAN_JOIN_ATTRIBUTES));

	tables = TableFields(scan, estate, entry);
	scan->ntables = list_length(tables);
	scan->tables = palloc0(scan->ntables * sizeof(TableToScan));
	for (int i = 0; i < scan->ntables; i++)
		BeginTable(scan, &scan->tables[i], estate, list_nth(tables, i), eflags);
	ScanRowsInit(&scan->rows, scan->naggregates);
}

/* Return the parallel scan descriptor of a table in shared memory. */
static ParallelTableScanDesc
SharedHeap(SharedScan *shared, int table)
{
	return (ParallelTableScanDesc) ((char *) shared + MAXALIGN(sizeof(SharedScan)) +
									table * shared->heap_size);
}

/* Enter the rows of the current page into the states, or into the buffer. */
static void
EnterPage(WinbackScanState *scan, TableToScan *table)
{
	PlanState  *ps = &scan->css.ss.ps;
	ScanRows   *rows = &scan->rows;
	uint32		groups[MaxHeapTuplesPerPage];
	uint16		kept[MaxHeapTuplesPerPage];

	ScanRowsChoose(rows, table, ps);
	if (scan->list != NULL)
	{
		ScanListEnter(scan->list, rows, ps->ps_ExprContext);
		return;
	}
	if (scan->join != NULL)
		ScanJoinProbe(scan->join, rows, kept);
	if (scan->grouped)
	{
		ScanGroupsFind(&scan->groups, &rows->columns, rows->all, rows->nrows, groups);
		RowBufferAppend(&scan->buffer, rows, groups, scan->groups.ngroups);
		return;
	}
	for (int i = 0; i < scan->naggregates; i++)
		ScanAggregateEnter(&scan->aggregates[i], ps->ps_ExprContext, &rows->columns,
						   rows->filtered[i] ? ChosenRows(rows, i) : rows->all,
						   rows->filtered[i] ? rows->nchosen[i] : rows->nrows);
}

/* Begin to read the current table, if the scan has not begun to read it. */
static void
OpenTable(WinbackScanState *scan, TableToScan *table)
{
	MemoryContext old_context;

	if (table->table.desc != NULL)
		return;
	old_context = MemoryContextSwitchTo(scan->values);
	ScanRowsFillConstants(&scan->rows, table);
	ScanFiltersStart(table->filters, scan->values);
	for (int i = 0; i < scan->naggregates; i++)
		ScanFiltersStart(table->sources[i].column_filters, scan->values);
	ScanTableBegin(&table->table, scan->css.ss.ps.state->es_snapshot,
				   scan->shared != NULL ? SharedHeap(scan->shared, scan->table) : NULL);
	MemoryContextSwitchTo(old_context);
}

/* Enter the rows of all tables into the states, or of as many pages as memory allows. */
static void
EnterTables(WinbackScanState *scan)
{
	MemoryContext old_context =
		MemoryContextSwitchTo(scan->css.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);

	for (; scan->table < scan->ntables && !IsFull(scan); scan->table++)
	{
		TableToScan *table = &scan->tables[scan->table];

		OpenTable(scan, table);
		while (!IsFull(scan) && !ScanFiltersKeepNone(table->filters) &&
			   ScanTableNextPage(&table->table, &scan->rows.page))
		{
			CHECK_FOR_INTERRUPTS();
			EnterPage(scan, table);
		}
		if (IsFull(scan))
			break;
		ScanTableEnd(&table->table);
	}
	if (scan->grouped)
		RowBufferEnterAll(&scan->buffer);
	MemoryContextSwitchTo(old_context);
}

/* Forget all states and groups, and prepare for others. */
static void
StartStates(WinbackScanState *scan)
{
	GroupPart	part = scan->parts[scan->nparts - 1];
	Size		limit = get_hash_memory_limit();
	MemoryContext old_context;

	MemoryContextReset(scan->context);
	old_context = MemoryContextSwitchTo(scan->context);
	for (int i = 0; i < scan->naggregates; i++)
		ScanAggregateStart(&scan->aggregates[i]);
	for (int i = 0; i < scan->nresults; i++)
	{
		ScanResult *result = &scan->results[i];

		if (!IsPartial(result))
			ScanFinishStart(&result->finish, result->aggregate, result->aggref);
		memset(&result->next, 0, sizeof(Portion));
	}
	if (scan->grouped)
	{
		ScanGroupsStart(&scan->groups, scan->context, part,
						part.parts < MAX_PARTS ? limit : SIZE_MAX);
		RowBufferStart(&scan->buffer, Min(limit / BUFFER_SHARE, MAX_BUFFER));
	}
	if (scan->list != NULL)
		ScanListStart(scan->list, scan->context, part,
					  part.parts < MAX_PARTS ? limit : SIZE_MAX);
	scan->group = 0;
	MemoryContextSwitchTo(old_context);
}

/* Begin to read the tables, from the first one on. */
static void
StartTables(WinbackScanState *scan)
{
	if (scan->table < scan->ntables && scan->tables[scan->table].table.desc != NULL)
		ScanTableEnd(&scan->tables[scan->table].table);
	MemoryContextReset(scan->values);
	scan->rows.naccepted = 0;
	scan->table = 0;
}

/* Make a group the one whose states the aggregates have. */
static void
SelectGroup(WinbackScanState *scan, uint32 group)
{
	for (int i = 0; i < scan->naggregates; i++)
		ScanAggregateSetState(&scan->aggregates[i], GroupStates(&scan->groups, group)[i]);
}

/* Add the numbers of the states to the counters for EXPLAIN. */
static void
MeasureStates(WinbackScanState *scan)
{
	ScanCounters *counters = &scan->counters;

	for (uint32 group = 0; group < scan->groups.ngroups; group++)
	{
		SelectGroup(scan, group);
		for (int i = 0; i < scan->naggregates; i++)
			ScanAggregateMeasure(&scan->aggregates[i], counters);
	}
	for (int i = 0; i < scan->naggregates; i++)
	{
		if (!scan->grouped)
			ScanAggregateMeasure(&scan->aggregates[i], counters);
		else if (scan->aggregates[i].batch != NULL)
			counters->batches += scan->aggregates[i].batch->nbatches;
	}
	if (scan->list != NULL)
		counters->customers += ScanListCustomers(scan->list);
	counters->rows = scan->rows.naccepted;
	counters->groups += scan->groups.ngroups;
	counters->bytes = Max(counters->bytes, MemoryContextMemAllocated(scan->context, true));
}

/* Add the counters of this process to those of all processes. */
static void
ShareCounters(WinbackScanState *scan)
{
	if (scan->shared == NULL)
		return;
	SpinLockAcquire(&scan->shared->mutex);
	scan->shared->counters.rows += scan->counters.rows;
	scan->shared->counters.groups += scan->counters.groups;
	scan->shared->counters.customers += scan->counters.customers;
	scan->shared->counters.batches += scan->counters.batches;
	scan->shared->counters.bytes += scan->counters.bytes;
	SpinLockRelease(&scan->shared->mutex);
}

/* Split the current part of the groups in two, and make one of them the current one. */
static void
SplitPart(WinbackScanState *scan)
{
	GroupPart  *part = &scan->parts[scan->nparts - 1];

	part->parts *= 2;
	part[1] = *part;
	part[1].part += part->parts / 2;
	scan->nparts++;
}

/*
 * Forget the customers of a list that are not in the current part.  Return false if the tables must
 * be read again instead.
 */
static bool
KeepPart(WinbackScanState *scan)
{
	MemoryContext old_context =
		MemoryContextSwitchTo(scan->css.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);
	bool		kept = scan->list != NULL &&
		ScanListKeepPart(scan->list, scan->parts[scan->nparts - 1]);

	MemoryContextSwitchTo(old_context);
	return kept;
}

/*
 * Compute the next states to return.  Return false if there are none.
 *
 * If there are too many groups for the memory, partial states of those that have been found are
 * returned, and the scan goes on with new states.  Final values need all rows of a group, so then
 * the scan begins again with half of the groups, and another pass over the tables has the others.
 * A list of customers need not begin again: it keeps half of its customers.
 * No condition is volatile, so every pass sees the same rows.
 */
static bool
ComputeStates(WinbackScanState *scan)
{
	bool		partial = IsPartial(&scan->results[0]);

	if (!scan->computed)
	{
		scan->nparts = 1;
		scan->parts[0] = (GroupPart)
		{
			.parts = 1
		};
	}
	else if (scan->table == scan->ntables)
	{
		StartTables(scan);
		scan->nparts--;
	}
	if (scan->nparts == 0)
		return false;

	if (scan->join != NULL)
		ScanJoinBuild(scan->join);
	scan->counters.passes++;
	StartStates(scan);
	EnterTables(scan);
	while (IsFull(scan) && !partial)
	{
		SplitPart(scan);
		if (!KeepPart(scan))
		{
			StartTables(scan);
			scan->counters.passes++;
			StartStates(scan);
		}
		EnterTables(scan);
	}
	MeasureStates(scan);
	if (scan->table == scan->ntables)
		ShareCounters(scan);
	return true;
}

/*
 * Return the value of a result in the next output row, allocated in the current context.
 * A final value is in the only row of a group.  A state that is serialized has one portion in each
 * row, and NULL after its last portion.
 */
static Datum
NextValue(const WinbackScanState *scan, ScanResult *result, bool *isnull)
{
	if (IsPartial(result))
		return ScanAggregateSerialize(result->aggregate, &result->next, isnull);

	if (scan->list != NULL)
		return ScanAggregateFinish(result->aggregate, &result->finish, scan->list->current,
								   isnull);
	/* a node with final values returns a single row for each group */
	result->next.done = true;
	return ScanFinishCall(&result->finish, result->aggregate, isnull);
}

/* Return whether the last row of a group has been returned. */
static bool
AllResultsAreDone(const WinbackScanState *scan)
{
	for (int i = 0; i < scan->nresults; i++)
	{
		if (!scan->results[i].next.done)
			return false;
	}
	return true;
}

/* Go on to the next customer of a list.  Return false if there is none. */
static bool
NextCustomer(WinbackScanState *scan)
{
	while (!scan->computed || !ScanListNext(scan->list))
	{
		if (!ComputeStates(scan))
			return false;
		scan->computed = true;
	}
	return true;
}

/*
 * Go on to the next row of a group, or to the first row of the next group.  Return false if there
 * is none.
 */
static bool
NextRow(WinbackScanState *scan)
{
	uint32		ngroups = scan->grouped ? scan->groups.ngroups : 1;

	if (scan->list != NULL)
		return NextCustomer(scan);
	if (scan->computed && scan->group < ngroups && !AllResultsAreDone(scan))
		return true;
	if (scan->computed)
		scan->group++;
	while (!scan->computed || scan->group >= ngroups)
	{
		if (!ComputeStates(scan))
			return false;
		scan->computed = true;
		ngroups = scan->grouped ? scan->groups.ngroups : 1;
	}
	for (int i = 0; i < scan->nresults; i++)
		memset(&scan->results[i].next, 0, sizeof(Portion));
	if (scan->grouped)
		SelectGroup(scan, scan->group);
	return true;
}

/* Store a key of GROUP BY in a scan tuple. */
static void
StoreKey(TupleTableSlot *output, const ScanKeyEntry *key, Datum value, bool isnull)
{
	int			entries[] = {key->entry, key->column_entry};

	for (int e = 0; e < (int) lengthof(entries); e++)
	{
		if (entries[e] < 0)
			continue;
		output->tts_values[entries[e]] = value;
		output->tts_isnull[entries[e]] = isnull;
	}
}

/* Store the current customer of a list in a scan tuple. */
static void
StoreCustomer(WinbackScanState *scan, TupleTableSlot *output)
{
	bool		isnull;
	Datum		customer = ScanListCustomer(scan->list, &isnull);

	StoreKey(output, scan->keys, customer, isnull);
}

/* Store the keys of the current group in a scan tuple. */
static void
StoreKeys(WinbackScanState *scan, TupleTableSlot *output)
{
	const TupleTableSlot *own = ScanGroupsKeys(&scan->groups, scan->group);
	const TupleTableSlot *other = NULL;

	for (int i = 0; i < scan->nkeys; i++)
	{
		const ScanKeyEntry *key = &scan->keys[i];
		const TupleTableSlot *keys = own;

		if (key->of_other)
		{
			if (other == NULL)
				other = ScanJoinKeys(scan->join, DatumGetUInt32(own->tts_values[scan->class_place]));
			keys = other;
		}
		StoreKey(output, key, keys->tts_values[key->place], keys->tts_isnull[key->place]);
	}
}

/* Return the next row of final values, or of portions of the states. */
static TupleTableSlot *
ExecWinbackScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	ExprContext *econtext = node->ss.ps.ps_ExprContext;
	TupleTableSlot *output = node->ss.ss_ScanTupleSlot;

	while (NextRow(scan))
	{
		MemoryContext old_context;

		CHECK_FOR_INTERRUPTS();
		ResetExprContext(econtext);
		ExecClearTuple(output);
		memset(output->tts_isnull, true, output->tts_tupleDescriptor->natts * sizeof(bool));
		old_context = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
		if (scan->list != NULL)
			StoreCustomer(scan, output);
		else if (scan->nkeys > 0)
			StoreKeys(scan, output);
		for (int i = 0; i < scan->nresults; i++)
		{
			ScanResult *result = &scan->results[i];

			output->tts_values[result->column] =
				NextValue(scan, result, &output->tts_isnull[result->column]);
		}
		MemoryContextSwitchTo(old_context);
		ExecStoreVirtualTuple(output);

		econtext->ecxt_scantuple = output;
		if (scan->having != NULL && !ExecQual(scan->having, econtext))
			continue;
		return node->ss.ps.ps_ProjInfo ? ExecProject(node->ss.ps.ps_ProjInfo) : output;
	}
	return ExecClearTuple(output);
}

/*
 * End the scan of a table that was not read to its end, for example below LIMIT, and the plan of
 * the other side of a join.
 */
static void
EndScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;

	StartTables(scan);
	if (scan->join != NULL)
		ExecEndNode(scan->join->other);
}

/* Begin again, with new states. */
static void
ReScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;

	ExecScanReScan(&node->ss);
	MemoryContextReset(scan->context);
	memset(&scan->counters, 0, sizeof(scan->counters));
	StartTables(scan);
	scan->computed = false;
	if (scan->join != NULL)
	{
		if (node->ss.ps.chgParam != NULL)
			UpdateChangedParamSet(scan->join->other, node->ss.ps.chgParam);
		if (scan->join->other->chgParam == NULL)
			ExecReScan(scan->join->other);
		ScanJoinReset(scan->join);
	}
}

/*
 * Parallel plans.
 */

/* Use the shared memory of a parallel scan, in the leader or a worker. */
static void
JoinParallelScan(CustomScanState *node, shm_toc *toc pg_attribute_unused(), void *coordinate)
{
	((WinbackScanState *) node)->shared = coordinate;
}

/* Return the size of a parallel scan descriptor, the largest of all tables. */
static Size
SharedHeapSize(WinbackScanState *scan)
{
	Size		size = 0;

	for (int i = 0; i < scan->ntables; i++)
		size = Max(size, table_parallelscan_estimate(scan->tables[i].table.relation,
													 scan->css.ss.ps.state->es_snapshot));
	return MAXALIGN(size);
}

static Size
EstimateShared(CustomScanState *node, ParallelContext *pcxt pg_attribute_unused())
{
	WinbackScanState *scan = (WinbackScanState *) node;

	return MAXALIGN(sizeof(SharedScan)) + mul_size(scan->ntables, SharedHeapSize(scan));
}

static void
InitializeShared(CustomScanState *node, ParallelContext *pcxt pg_attribute_unused(),
				 void *coordinate)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	SharedScan *shared = coordinate;

	memset(shared, 0, sizeof(*shared));
	SpinLockInit(&shared->mutex);
	shared->heap_size = SharedHeapSize(scan);
	for (int i = 0; i < scan->ntables; i++)
		table_parallelscan_initialize(scan->tables[i].table.relation, SharedHeap(shared, i),
									  node->ss.ps.state->es_snapshot);
	JoinParallelScan(node, NULL, shared);
}

static void
ReInitializeShared(CustomScanState *node, ParallelContext *pcxt pg_attribute_unused(),
				   void *coordinate)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	SharedScan *shared = coordinate;

	JoinParallelScan(node, NULL, shared);
	memset(&shared->counters, 0, sizeof(ScanCounters));
	for (int i = 0; i < scan->ntables; i++)
		table_parallelscan_reinitialize(scan->tables[i].table.relation, SharedHeap(shared, i));
}

/* Copy the counters of all processes for EXPLAIN, before the shared memory is detached. */
static void
ShutdownScan(CustomScanState *node)
{
	WinbackScanState *scan = (WinbackScanState *) node;

	if (scan->shared != NULL)
		scan->counters = scan->shared->counters;
	scan->shared = NULL;
}

/* Return the name of a column of the table or UNION ALL that the query names. */
static char *
ColumnName(const WinbackScanState *scan, AttrNumber attno)
{
	const CustomScan *plan = (const CustomScan *) scan->css.ss.ps.plan;

	return list_nth_node(TargetEntry, plan->custom_scan_tlist, attno - 1)->resname;
}

/* Return the names of the columns that the aggregates need. */
static List *
ColumnNames(const WinbackScanState *scan)
{
	List	   *columns = NIL;
	List	   *names = NIL;

	for (int i = 0; i < scan->naggregates; i++)
	{
		const ScanAggregate *aggregate = &scan->aggregates[i];

		for (int arg = 0; arg < aggregate->nargs; arg++)
		{
			Var		   *column = ColumnOf(ArgOf(aggregate->aggref, arg));

			if (column != NULL && aggregate->columns[arg] != aggregate->joined &&
				!list_member_int(columns, column->varattno))
			{
				columns = lappend_int(columns, column->varattno);
				names = lappend(names, ColumnName(scan, column->varattno));
			}
		}
	}
	return names;
}

/* Return how many conditions of WHERE and FILTER on a table are evaluated by column. */
static int
CountColumnConditions(const WinbackScanState *scan, const TableToScan *table)
{
	int			n = list_length(table->filters);

	for (int i = 0; i < scan->naggregates; i++)
		n += list_length(table->sources[i].column_filters);
	return n;
}

/* Show the keys of GROUP BY, and HAVING. */
static void
ExplainGroups(WinbackScanState *scan, List *ancestors, ExplainState *es)
{
	const CustomScan *plan = (const CustomScan *) scan->css.ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, scan->css.ss.ps.plan, ancestors);
	bool		with_table = es->verbose || list_length(es->rtable) > 1;
	List	   *keys = NIL;
	ListCell   *lc;

	for_each_from(lc, plan->custom_exprs, SCAN_EXPRS_KEYS)
	{
		keys = lappend(keys, deparse_expression(lfirst(lc), context, with_table, true));
	}
	if (keys != NIL)
		ExplainPropertyList("Group Key", keys, es);
	if (scan->having != NULL)
		ExplainPropertyText("Having",
							deparse_expression(list_nth(plan->custom_exprs, SCAN_EXPRS_HAVING),
											   context, with_table, false), es);
}

/* Show the type of the join, and the column by which it finds rows of the other side. */
static void
ExplainJoin(const WinbackScanState *scan, ExplainState *es)
{
	static const char *const names[] = {
		[JOIN_INNER] = "Inner", [JOIN_LEFT] = "Left", [JOIN_SEMI] = "Semi", [JOIN_ANTI] = "Anti"
	};
	AttrNumber	attno = intVal(PlanJoin(scan, SCAN_JOIN_COLUMN));

	ExplainPropertyText("Join Type", names[scan->join->type], es);
	ExplainPropertyText("Join Key", ColumnName(scan, attno), es);
	if (es->analyze)
		ExplainPropertyUInteger("Joined Rows", NULL, scan->join->nrows, es);
}

/* Show the tables, and the conditions on their rows if they are those of a UNION ALL. */
static void
ExplainTables(const WinbackScanState *scan, List *ancestors, ExplainState *es)
{
	Plan	   *plan = scan->css.ss.ps.plan;
	List	   *context = set_deparse_context_plan(es->deparse_cxt, plan, ancestors);
	List	   *names = NIL;
	List	   *conditions = NIL;

	if (!es->verbose)
	{
		ExplainPropertyInteger("Tables", NULL, scan->ntables, es);
		return;
	}
	for (int i = 0; i < scan->ntables; i++)
	{
		const TableToScan *table = &scan->tables[i];
		char	   *name = RelationGetRelationName(table->table.relation);

		names = lappend(names, name);
		if (scan->css.ss.ss_currentRelation == NULL && table->conditions != NIL)
		{
			Node	   *qual = (Node *) make_ands_explicit(table->conditions);

			conditions = lappend(conditions,
								 psprintf("%s: %s", name,
										  deparse_expression(qual, context, false, false)));
		}
	}
	ExplainPropertyList("Tables", names, es);
	if (conditions != NIL)
		ExplainPropertyList("Table Conditions", conditions, es);
}

static void
ExplainScan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	Relation	relation = node->ss.ss_currentRelation;
	bool		is_divided = relation == NULL || relation->rd_rel->relhassubclass;

	ExplainGroups(scan, ancestors, es);
	if (scan->join != NULL)
		ExplainJoin(scan, es);
	if (es->verbose)
		ExplainPropertyList("Columns", ColumnNames(scan), es);
	if (is_divided)
		ExplainTables(scan, ancestors, es);
	if (es->verbose && scan->tables[0].by_column)
		ExplainPropertyInteger("Conditions by Column", NULL,
							   CountColumnConditions(scan, &scan->tables[0]), es);
	if (es->analyze)
	{
		ExplainPropertyUInteger("Rows Scanned", NULL, scan->counters.rows, es);
		if (scan->nkeys > 0 && scan->list == NULL)
			ExplainPropertyUInteger("Groups", NULL, scan->counters.groups, es);
		if (scan->counters.passes > 1)
			ExplainPropertyUInteger("Passes", NULL, scan->counters.passes, es);
		ExplainPropertyUInteger("Customers", NULL, scan->counters.customers, es);
		if (scan->list == NULL)
			ExplainPropertyUInteger("Batches", NULL, scan->counters.batches, es);
		ExplainPropertyUInteger("Memory", "kB", (scan->counters.bytes + 1023) / 1024, es);
	}
}

static const CustomExecMethods exec_methods = {
	.CustomName = "Winback Scan",
	.BeginCustomScan = BeginScan,
	.ExecCustomScan = ExecWinbackScan,
	.EndCustomScan = EndScan,
	.ReScanCustomScan = ReScan,
	.EstimateDSMCustomScan = EstimateShared,
	.InitializeDSMCustomScan = InitializeShared,
	.ReInitializeDSMCustomScan = ReInitializeShared,
	.InitializeWorkerCustomScan = JoinParallelScan,
	.ShutdownCustomScan = ShutdownScan,
	.ExplainCustomScan = ExplainScan
};

const CustomScanMethods scan_methods = {
	.CustomName = "Winback Scan",
	.CreateCustomScanState = CreateScanState
};
