/*
 * scan_begin.c
 *	  Set up the state of a Winback Scan from its plan.
 *
 * scan.h describes the plan.
 */
#include "postgres.h"

#include "catalog/pg_operator.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"

#include "compat.h"
#include "scan/scan_filter.h"
#include "scan/scan_subquery.h"
#include "scan/scan_state.h"

/*
 * Give each column of a table's filters a place in the columns of the scan: that of an aggregate's
 * column if it is the same one, or one behind them.  Append the latter to the table's attnos, and
 * return the number of columns that are needed.
 */
static int
BindFilters(WinbackScanState *scan, TableToScan *table, List *filter_attnos)
{
	ScanColumns *columns = &scan->rows.columns;
	int		   *places = palloc((table->table.tupdesc->natts + 1) * sizeof(int));
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

	table->attnos = palloc0((ncolumns + table->table.tupdesc->natts) * sizeof(AttrNumber));
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

/* Set up the plan of the rest.  With groups it may be read several times. */
static PlanState *
BeginRest(WinbackScanState *scan, EState *estate, int eflags)
{
	const CustomScan *plan = (const CustomScan *) scan->css.ss.ps.plan;
	PlanState  *rest = ExecInitNode(llast(plan->custom_plans), estate,
									scan->nkeys > 0 ? eflags | EXEC_FLAG_REWIND : eflags);

	scan->css.custom_ps = lappend(scan->css.custom_ps, rest);
	return rest;
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

	if (IsRest(fields))
		ScanTableOpenPlan(&table->table, estate, BeginRest(scan, estate, eflags));
	else
		ScanTableOpen(&table->table, estate, oid->varno, eflags);

	/* compile expressions for the rows of the table, not for those that the node returns */
	ps->scandesc = table->table.tupdesc;
	ps->scanops = table->table.slot->tts_ops;
	table->conditions = quals;
	table->filters = ScanFiltersMake(&quals, &filter_attnos, ps);
	table->qual = ExecInitQual(quals, ps);

	SetColumns(scan, table, fields);
	table->by_column = table->filters != NIL || table->ncomputed > 0;
	table->by_row = table->qual != NULL;
	table->filtered = !scan->grouped && scan->list == NULL && scan->join == NULL;
	table->join_column = scan->join != NULL ? scan->join->column : -1;
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
		/* a FILTER that waits for the join needs the numbers of the rows in the page */
		if (scan->join != NULL)
			table->by_column |= source->filter != NULL;
		else
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

		if (IsRest(fields) || exec_rt_fetch(relid, estate)->rtekind == RTE_RELATION)
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

/* Set up the column from the join that is the customer of an aggregate. */
static const JoinedCustomer *
AddJoinedCustomer(WinbackScanState *scan, const Aggref *aggref, AttrNumber attno)
{
	JoinedCustomer *customer = &scan->join->customers[scan->join->ncustomers++];
	Oid			type = exprType((Node *) CustomerOf(aggref));

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
					  customer != NULL && customer->numbered ? INT4OID : InvalidOid,
					  &scan->rows.columns, &scan->css.ss.ps);
	return aggregate;
}

/*
 * Set up the results, whose entries in the plan begin with number `entry`.  Return the number of
 * columns of aggregates with states, which come first: rows that wait for their states contain
 * these columns only.
 */
static int
BeginResults(WinbackScanState *scan, int entry)
{
	int			ncolumns;

	for (int i = 0; i < scan->nresults; i++)
	{
		ScanResult *result = &scan->results[i];

		result->column = entry + i;
		result->aggref = castNode(Aggref, PlanEntry((const CustomScan *) scan->css.ss.ps.plan,
													entry + i));
		ScanCheckPrivileges(result->aggref);
		if (IsOnePass(result->aggref))
			result->aggregate = FindAggregate(scan, i);
	}
	ncolumns = scan->rows.columns.ncolumns;
	scan->nstates = scan->naggregates;
	for (int i = 0; i < scan->nresults; i++)
	{
		ScanAggregate *aggregate;

		if (scan->results[i].aggregate != NULL)
			continue;
		aggregate = scan->results[i].aggregate = FindAggregate(scan, i);
		/* several results may share the aggregate; a list sets the offset itself */
		if (aggregate == &scan->aggregates[scan->naggregates - 1])
		{
			aggregate->facts_offset = scan->facts_size;
			scan->facts_size += ListFactsSize(aggregate->aggref);
		}
	}
	return ncolumns;
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
 * of the aggregates must have been set up; the first `ncolumns` are those of aggregates with states.
 */
static void
BeginGroups(WinbackScanState *scan, int entry, int ncolumns)
{
	KeyLists	own = {0};
	bool	   *filtered = palloc(scan->naggregates * sizeof(bool));

	for (int i = 0; i < scan->naggregates; i++)
		filtered[i] = scan->aggregates[i].one_pass != NULL &&
			scan->aggregates[i].aggref->aggfilter != NULL;
	RowBufferInit(&scan->buffer, &scan->rows.columns, ncolumns, scan->naggregates, filtered,
				  EnterGroup, scan);
	/* the values are in the buffer, and those that a FILTER accepts are copied here */
	for (int i = 0; i < scan->buffer.ncolumns; i++)
		ScanColumnsReserve(&scan->group_columns, i);

	BeginKeysOfGroups(scan, entry, &own);
	ScanGroupsInit(&scan->groups, &scan->css.ss.ps, &own, scan->key_columns, scan->naggregates,
				   scan->facts_size);
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

/* Return whether there are keys of GROUP BY, and all are from the other side of the join. */
static bool
AllKeysAreOfOther(const WinbackScanState *scan)
{
	for (int i = 0; i < scan->nkeys; i++)
	{
		if (!scan->keys[i].of_other)
			return false;
	}
	return scan->nkeys > 0;
}

void
BeginWinbackScan(CustomScanState *node, EState *estate, int eflags)
{
	WinbackScanState *scan = (WinbackScanState *) node;
	const CustomScan *plan = (const CustomScan *) node->ss.ps.plan;
	int			entry = intVal(list_nth(plan->custom_private, SCAN_PRIVATE_NCOLUMNS));
	int			ncolumns;
	List	   *tables;

	scan->context = AllocSetContextCreate(CurrentMemoryContext, "Winback Scan",
										  ALLOCSET_DEFAULT_SIZES);
	scan->values = AllocSetContextCreate(CurrentMemoryContext, "Winback Scan values",
										 ALLOCSET_SMALL_SIZES);

	scan->nresults = intVal(list_nth(plan->custom_private, SCAN_PRIVATE_NAGGREGATES));
	scan->nkeys = list_length(plan->custom_exprs) - SCAN_EXPRS_KEYS;
	if (list_nth(plan->custom_private, SCAN_PRIVATE_JOIN) != NIL)
		BeginJoin(scan, estate, eflags);
	scan->grouped = scan->nkeys > 0;
	scan->results = palloc0(scan->nresults * sizeof(ScanResult));
	scan->aggregates = palloc0(scan->nresults * sizeof(ScanAggregate));
	ncolumns = BeginResults(scan, entry);
	entry += scan->nresults;
	scan->having = ExecInitQual(make_ands_implicit(list_nth(plan->custom_exprs,
															SCAN_EXPRS_HAVING)),
								&node->ss.ps);
	if (intVal(list_nth(plan->custom_private, SCAN_PRIVATE_IS_LIST)))
		BeginList(scan, entry);
	else if (scan->facts_size > 0)
		scan->row_facts = palloc(sizeof(RowFacts));
	if (scan->grouped)
		BeginGroups(scan, entry, ncolumns);
	entry += scan->nkeys;
	if (scan->join != NULL)
	{
		scan->join->column = ScanColumnsAdd(&scan->rows.columns,
											intVal(PlanJoin(scan, SCAN_JOIN_COLUMN)),
											linitial_oid(PlanJoin(scan, SCAN_JOIN_TYPES)));
		if (scan->nkeys > 0 ? AllKeysAreOfOther(scan) : scan->join->ncustomers > 0)
			scan->gather = ScanGatherCreate(scan->join, scan->aggregates, scan->naggregates,
											&scan->rows.columns, &node->ss.ps);
		scan->join->may_gather = scan->gather != NULL;
		/* the key of the join and the attributes have entries, too */
		entry += 1 + list_length(PlanJoin(scan, SCAN_JOIN_ATTRIBUTES));
	}

	tables = TableFields(scan, estate, entry);
	scan->ntables = list_length(tables);
	scan->tables = palloc0(scan->ntables * sizeof(TableToScan));
	for (int i = 0; i < scan->ntables; i++)
		BeginTable(scan, &scan->tables[i], estate, list_nth(tables, i), eflags);
	ScanRowsInit(&scan->rows, scan->naggregates);
}
