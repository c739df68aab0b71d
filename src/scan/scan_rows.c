/*
 * scan_rows.c
 *	  The rows of a page that satisfy WHERE, and those of them that each aggregate takes.
 *
 * Common conditions of WHERE and FILTER are evaluated on the columns of the page
 * (scan_filter.c).  Others are PostgreSQL's own expressions, and are evaluated on a slot, row
 * by row.
 *
 * An expression may raise an error for a row that a join excludes.  PostgreSQL evaluates it on
 * joined rows only.  So in a query with a join the FILTERs that are evaluated row by row, and the
 * columns that are computed, wait until the matches of the rows have been looked up.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "executor/instrument.h"
#include "utils/memutils.h"

#include "scan/scan_filter.h"
#include "scan/scan_rows.h"

/* Allocate the arrays.  The columns are the caller's. */
void
ScanRowsInit(ScanRows *rows, int naggregates)
{
	rows->naggregates = naggregates;
	rows->selected = palloc(MaxHeapTuplesPerPage * sizeof(uint16));
	rows->taken = palloc(MaxHeapTuplesPerPage * sizeof(HeapTupleHeader));
	rows->chosen = palloc((Size) naggregates * MaxHeapTuplesPerPage * sizeof(uint16));
	rows->nchosen = palloc(naggregates * sizeof(int));
	rows->filtered = palloc(naggregates * sizeof(bool));
	rows->computed = AllocSetContextCreate(CurrentMemoryContext, "Winback Scan columns",
										   ALLOCSET_DEFAULT_SIZES);
}

/*
 * Set the expression of a column of the scan in a table.  Several aggregates may need the same
 * column, but it is set only once.
 */
void
TableSetColumn(TableToScan *table, int column, Expr *expr, PlanState *ps)
{
	if (table->attnos[column] != 0)
		return;
	for (int i = 0; i < table->nconstants; i++)
	{
		if (table->constants[i].column == column)
			return;
	}
	for (int i = 0; i < table->ncomputed; i++)
	{
		if (table->computed[i].column == column)
			return;
	}

	/* a cast that does not change the value is ignored */
	while (IsA(expr, RelabelType))
		expr = ((RelabelType *) expr)->arg;
	if (IsA(expr, Var))
		table->attnos[column] = ((Var *) expr)->varattno;
	else if (IsA(expr, Const))
		table->constants[table->nconstants++] = (ConstantColumn)
	{
		.column = column, .value = ((Const *) expr)->constvalue,
		.isnull = ((Const *) expr)->constisnull
	};
	else
		table->computed[table->ncomputed++] = (ComputedColumn)
	{
		.column = column, .expr = ExecInitExpr(expr, ps)
	};
}

/* Fill the columns that are constant in a table, before its first page is read. */
void
ScanRowsFillConstants(ScanRows *rows, const TableToScan *table)
{
	for (int i = 0; i < table->nconstants; i++)
	{
		const ConstantColumn *constant = &table->constants[i];
		const ScanColumn *column = &rows->columns.columns[constant->column];

		for (int row = 0; row < MaxHeapTuplesPerPage; row++)
		{
			column->values[row] = constant->value;
			column->nulls[row] = constant->isnull;
		}
	}
}

/*
 * Evaluate the FILTERs of all aggregates on the row in the slot.  Add `row` to the lists of those
 * that accept it, and return whether there is one.
 */
static bool
ChooseForFilters(ScanRows *rows, const TableToScan *table, ExprContext *econtext, uint16 row)
{
	bool		chosen = false;

	for (int i = 0; i < rows->naggregates; i++)
	{
		if (table->sources[i].filter != NULL && ExecQual(table->sources[i].filter, econtext))
		{
			ChosenRows(rows, i)[rows->nchosen[i]++] = row;
			chosen = true;
		}
	}
	return chosen;
}

/*
 * Fetch the columns of all rows of a page, evaluate the table's filters on them, collect the
 * numbers of the rows that they accept in rows->selected, and return how many these are.
 */
static int
SelectRows(ScanRows *rows, TableToScan *table, PlanState *ps)
{
	int			nrows = rows->page.nrows;
	int			nselected;

	/* a filter may detoast values */
	ResetExprContext(ps->ps_ExprContext);
	ScanTableFetch(&table->table, &rows->columns, rows->page.rows, nrows);
	for (int row = 0; row < nrows; row++)
		rows->selected[row] = row;
	nselected = ScanFiltersApply(table->filters, ps->ps_ExprContext, &rows->columns,
								 rows->selected, nrows);
	InstrCountFiltered1(ps, nrows - nselected);
	return nselected;
}

/*
 * Evaluate the qual and FILTER on the first `nrows` rows in rows->selected.  Keep there the rows
 * that at least one aggregate takes, and return their number.
 */
static int
ChooseSelected(ScanRows *rows, TableToScan *table, PlanState *ps, int nrows)
{
	ExprContext *econtext = ps->ps_ExprContext;
	int			ntaken = 0;

	for (int i = 0; i < nrows; i++)
	{
		uint16		row = rows->selected[i];
		bool		taken = !table->filtered;

		ResetExprContext(econtext);
		econtext->ecxt_scantuple = ScanTableRow(&table->table, &rows->page, row);
		if (!ExecQual(table->qual, econtext))
		{
			InstrCountFiltered1(ps, 1);
			continue;
		}
		rows->naccepted++;
		if (table->join_column < 0)
			taken |= ChooseForFilters(rows, table, econtext, row);
		rows->selected[ntaken] = row;
		ntaken += taken;
	}
	return ntaken;
}

/*
 * Evaluate WHERE and FILTER on the rows of a page.  Collect the rows that at least one
 * aggregate takes in rows->taken, fetch their columns, and return their number.
 *
 * To evaluate the expressions, PostgreSQL deforms each row from its first column to the
 * last one that they need.  ScanTableShouldCopy decides, on the first row that is taken,
 * whether to copy the columns of the aggregates from the slot row by row.  Otherwise they
 * are fetched from all rows after the loop.
 */
static int
ChooseRows(ScanRows *rows, TableToScan *table, PlanState *ps)
{
	ExprContext *econtext = ps->ps_ExprContext;
	int			ntaken = 0;
	bool		copy = false;

	for (int row = 0; row < rows->page.nrows; row++)
	{
		bool		taken = !table->filtered;

		ResetExprContext(econtext);
		econtext->ecxt_scantuple = ScanTableRow(&table->table, &rows->page, row);
		if (!ExecQual(table->qual, econtext))
		{
			InstrCountFiltered1(ps, 1);
			continue;
		}
		rows->naccepted++;
		taken |= ChooseForFilters(rows, table, econtext, ntaken);
		if (!taken)
			continue;
		if (ntaken == 0)
			copy = ScanTableShouldCopy(&table->table);
		if (copy)
			ScanTableCopy(&table->table, &rows->columns, ntaken);
		rows->taken[ntaken++] = rows->page.rows[row];
	}
	if (!copy)
		ScanTableFetch(&table->table, &rows->columns, rows->taken, ntaken);
	return ntaken;
}

/*
 * Compute the columns that are expressions, in the rows that are taken: the key of a join
 * (`of_join`), or the others.  The values must last while all aggregates take the rows, and
 * ScanAggregateEnter resets the memory of the ExprContext.
 */
static void
ComputeColumns(ScanRows *rows, TableToScan *table, ExprContext *econtext, bool of_join)
{
	MemoryContext old_context = MemoryContextSwitchTo(rows->computed);

	for (int i = 0; i < rows->nrows; i++)
	{
		uint16		row = PlaceOf(rows, i);

		econtext->ecxt_scantuple = ScanTableRow(&table->table, &rows->page, row);
		for (int c = 0; c < table->ncomputed; c++)
		{
			const ScanColumn *column = &rows->columns.columns[table->computed[c].column];

			if ((table->computed[c].column == table->join_column) == of_join)
				column->values[row] = ExecEvalExpr(table->computed[c].expr, econtext,
												   &column->nulls[row]);
		}
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * Choose the rows of the current page that satisfy WHERE and, for each aggregate, FILTER, and
 * fetch their columns.  Values that are computed last until the next call.  In a query with a join,
 * ScanRowsEvaluateJoined does the rest when the rows that it excludes have been removed.
 */
void
ScanRowsChoose(ScanRows *rows, TableToScan *table, PlanState *ps)
{
	int			nrows = rows->page.nrows;

	memset(rows->nchosen, 0, rows->naggregates * sizeof(int));
	if (table->by_column)
		nrows = SelectRows(rows, table, ps);
	else if (!table->by_row)
		ScanTableFetch(&table->table, &rows->columns, rows->page.rows, nrows);

	if (!table->by_row)
		rows->naccepted += nrows;
	else if (table->by_column)
		nrows = ChooseSelected(rows, table, ps, nrows);
	else
		nrows = ChooseRows(rows, table, ps);
	rows->nrows = nrows;
	rows->all = table->by_column ? rows->selected : NULL;

	for (int i = 0; i < rows->naggregates; i++)
	{
		ScanSource *source = &table->sources[i];

		/* if a FILTER accepts all rows that are taken, no list of them is needed */
		rows->filtered[i] = source->filter != NULL && rows->nchosen[i] < nrows;
		if (source->column_filters != NIL)
		{
			memcpy(ChosenRows(rows, i), rows->selected, nrows * sizeof(uint16));
			rows->nchosen[i] = ScanFiltersApply(source->column_filters, ps->ps_ExprContext,
												&rows->columns, ChosenRows(rows, i), nrows);
			rows->filtered[i] = true;
		}
	}
	if (table->ncomputed > 0)
	{
		MemoryContextReset(rows->computed);
		ComputeColumns(rows, table, ps->ps_ExprContext, table->join_column >= 0);
	}
}

/* Remove the rows that the join excludes from those that the FILTER of an aggregate accepts. */
static void
KeepJoined(ScanRows *rows, int aggregate)
{
	uint16	   *chosen = ChosenRows(rows, aggregate);
	int			nkept = 0;

	/* both lists are in the order of the page */
	for (int i = 0, all = 0; i < rows->nchosen[aggregate] && all < rows->nrows; i++)
	{
		while (all < rows->nrows && PlaceOf(rows, all) < chosen[i])
			all++;
		if (all < rows->nrows && PlaceOf(rows, all) == chosen[i])
			chosen[nkept++] = chosen[i];
	}
	rows->nchosen[aggregate] = nkept;
}

/*
 * Apply the join, whose rows are in rows->all, to the lists of FILTERs, and evaluate the expressions
 * that wait for the join.
 */
void
ScanRowsEvaluateJoined(ScanRows *rows, TableToScan *table, ExprContext *econtext)
{
	bool		filtered = false;

	for (int i = 0; i < rows->naggregates; i++)
	{
		if (table->sources[i].filter != NULL)
			filtered = rows->filtered[i] = true;
		else if (rows->filtered[i])
			KeepJoined(rows, i);
	}
	for (int i = 0; filtered && i < rows->nrows; i++)
	{
		ResetExprContext(econtext);
		econtext->ecxt_scantuple = ScanTableRow(&table->table, &rows->page, PlaceOf(rows, i));
		(void) ChooseForFilters(rows, table, econtext, PlaceOf(rows, i));
	}
	if (table->ncomputed > 0)
		ComputeColumns(rows, table, econtext, false);
}
