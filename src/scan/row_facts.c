/*
 * row_facts.c
 *	  Add the rows of a page to facts of their customers or groups.
 *
 * The owner of the facts finds those of each row: a list of customers (scan_list.c), or the groups
 * of a query with aggregates that have no states of customers (scan_node.c).
 */
#include "postgres.h"

#include "scan/row_facts.h"

/*
 * Collect the rows of an aggregate that are not left out, and their facts.  `rows` are their
 * places, NULL if 0..nrows-1.  Return the number of rows.
 */
static int
ChooseRows(RowFacts *row_facts, const uint16 *rows, int nrows)
{
	int			nchosen = 0;

	for (int i = 0; i < nrows; i++)
	{
		uint16		place = rows != NULL ? rows[i] : i;

		row_facts->chosen[nchosen] = place;
		row_facts->chosen_facts[nchosen] = row_facts->facts[place];
		nchosen += row_facts->facts[place] != NULL;
	}
	return nchosen;
}

/*
 * Add the rows of a page to their facts, for each aggregate that has facts.  `complete` is whether
 * no row is left out.
 */
void
RowFactsAdd(RowFacts *row_facts, ScanAggregate *aggregates, int naggregates, const ScanRows *rows,
			ExprContext *econtext, bool complete)
{
	for (int i = 0; i < naggregates; i++)
	{
		int			nrows;
		const uint16 *chosen = RowsOfAggregate(rows, i, &nrows);

		if (aggregates[i].list == NULL)
			continue;
		if (chosen == NULL && complete)
			ScanAggregateAdd(&aggregates[i], econtext, &rows->columns, NULL, nrows,
							 row_facts->facts);
		else
		{
			nrows = ChooseRows(row_facts, chosen, nrows);
			ScanAggregateAdd(&aggregates[i], econtext, &rows->columns, row_facts->chosen, nrows,
							 row_facts->chosen_facts);
		}
	}
}
