/*
 * scan_filter.c
 *	  Conditions on columns that a Winback Scan evaluates for all rows of a page together.
 *
 * PostgreSQL evaluates a condition row by row, on a slot, after it has deformed the row up to the
 * last column of the condition.  This file evaluates the common conditions on the columns of a
 * page: comparisons of a column with a constant or a parameter, IN, IS NULL, and AND and OR of
 * them.  The column must be of one of the built-in types that FilterKind lists.  A condition
 * without columns, which often remains where a branch of a UNION ALL has a constant, is evaluated
 * once.
 *
 * A condition on columns raises no error.  But a condition of another kind may, and PostgreSQL
 * evaluates conditions in order.  So only those that come before the first of another kind are
 * taken, and a condition without columns is evaluated when the first row reaches it.
 *
 * A row fails if a condition is false or NULL.  In AND and OR without NOT, that is the same.
 *
 * Limits: PostgreSQL hashes IN lists of nine constants and more, so these are left to it.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "scan/scan_aggregate.h"
#include "scan/scan_filter.h"

/* The way in which a comparison reads its operands. */
typedef enum FilterKind
{
	FILTER_INTEGER,				/* int2, int4, int8, date, timestamp, timestamptz */
	FILTER_FLOAT,				/* float4, float8 */
	FILTER_TEXT,				/* text, varchar, for equality */
	FILTER_FUNCTION				/* numeric, uuid: by a call of the operator's function */
} FilterKind;

typedef enum FilterNode
{
	FILTER_COMPARE,
	FILTER_IN,
	FILTER_IS_NULL,
	FILTER_IS_NOT_NULL,
	FILTER_CONSTANT,
	FILTER_AND,
	FILTER_OR
} FilterNode;

struct ScanFilter
{
	FilterNode	node;
	List	   *children;		/* FILTER_AND, FILTER_OR */

	/* all others; 0 in FILTER_CONSTANT */
	AttrNumber	attno;
	int			column;			/* index in ScanColumns */

	/* FILTER_COMPARE, FILTER_IN */
	FilterKind	kind;
	StrategyNumber strategy;	/* of a B-tree; BTEqualStrategyNumber for <>, too */
	bool		negated;		/* <> */
	Oid			column_type;	/* integers and floats: of the column */
	Oid			value_type;		/* and of the values */
	FmgrInfo	function;		/* FILTER_FUNCTION */
	Oid			collation;
	ExprState  *expr;			/* the value, or the array of values of IN, or a condition */
	MemoryContext context;		/* of this scan, for the values */
	bool		evaluated;		/* in this scan: the values below */
	int			nvalues;
	Datum	   *values;			/* none of them NULL; one unless IN */
	bool		holds;			/* FILTER_CONSTANT */
};

/* Return the kind of a comparison of values of a type, or -1. */
static int
KindOfType(Oid type, StrategyNumber strategy, Oid collation)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return FILTER_INTEGER;
		case FLOAT4OID:
		case FLOAT8OID:
			return FILTER_FLOAT;
		case TEXTOID:
			/* under a deterministic collation, equal texts have equal bytes */
			return strategy == BTEqualStrategyNumber && OidIsValid(collation) &&
				get_collation_isdeterministic(collation) ? FILTER_TEXT : -1;
		case NUMERICOID:
		case UUIDOID:
			return FILTER_FUNCTION;
		default:
			return -1;
	}
}

/* Return whether values of two types are compared as the numbers that they contain. */
static bool
TypesAgree(FilterKind kind, Oid left, Oid right)
{
	switch (kind)
	{
		case FILTER_INTEGER:
			/* a date and a timestamp have different units */
			return left == right ||
				((left == INT2OID || left == INT4OID || left == INT8OID) &&
				 (right == INT2OID || right == INT4OID || right == INT8OID));
		case FILTER_FLOAT:
			return true;
		default:
			return left == right;
	}
}

/* Return whether an expression has one value for the whole scan, without a chance of an error. */
static bool
IsValue(const Node *expr)
{
	while (IsA(expr, RelabelType))
		expr = (const Node *) ((const RelabelType *) expr)->arg;
	return IsA(expr, Const) || IsA(expr, Param);
}

/*
 * Set up the comparison by an operator.  Return false if it is not one of ours.  The user must be
 * allowed to execute its function, although it may not be called.
 */
static bool
SetOperator(ScanFilter *filter, Oid op, Oid collation)
{
	Oid			left;
	Oid			right;
	Oid			opfamily;
	int			kind;

	op_input_types(op, &left, &right);
	opfamily = lookup_type_cache(left, TYPECACHE_BTREE_OPFAMILY)->btree_opf;
	if (!OidIsValid(opfamily))
		return false;
	filter->strategy = get_op_opfamily_strategy(op, opfamily);
	if (filter->strategy == InvalidStrategy)
	{
		Oid			negator = get_negator(op);

		filter->negated = true;
		if (!OidIsValid(negator) ||
			get_op_opfamily_strategy(negator, opfamily) != BTEqualStrategyNumber)
			return false;
		filter->strategy = BTEqualStrategyNumber;
	}

	kind = KindOfType(left, filter->strategy, collation);
	/* an administrator may have added operators to the family */
	if (kind < 0 || get_opcode(op) >= FirstUnpinnedObjectId || !TypesAgree(kind, left, right))
		return false;
	ScanCheckExecute(get_opcode(op), GetUserId(), OBJECT_FUNCTION);
	filter->kind = kind;
	filter->column_type = left;
	filter->value_type = right;
	filter->collation = collation;
	if (filter->kind == FILTER_FUNCTION)
		fmgr_info(get_opcode(op), &filter->function);
	return true;
}

/* Set the column and the value of a comparison.  Return false if they are not such. */
static bool
SetOperands(ScanFilter *filter, Node *left, Node *right, PlanState *ps)
{
	Var		   *column = ColumnOf((Expr *) left);

	if (column == NULL || column->varattno <= 0 || !IsValue(right))
		return false;
	filter->attno = column->varattno;
	filter->expr = ExecInitExpr((Expr *) right, ps);
	return true;
}

static ScanFilter *MakeFilter(Node *qual, PlanState *ps);

/* Make the filters of the arguments of AND or OR.  Return NIL if there is one that has none. */
static List *
MakeChildren(List *args, PlanState *ps)
{
	List	   *children = NIL;
	ListCell   *lc;

	foreach(lc, args)
	{
		ScanFilter *child = MakeFilter(lfirst(lc), ps);

		if (child == NULL)
			return NIL;
		children = lappend(children, child);
	}
	return children;
}

/* Make the filter of a condition, or return NULL if it is of another kind. */
static ScanFilter *
MakeFilter(Node *qual, PlanState *ps)
{
	ScanFilter *filter = palloc0(sizeof(ScanFilter));

	if (!contain_var_clause(qual) && !contain_subplans(qual) && !contain_volatile_functions(qual))
	{
		filter->node = FILTER_CONSTANT;
		filter->expr = ExecInitExpr((Expr *) qual, ps);
		return filter;
	}
	if (IsA(qual, OpExpr) && list_length(((OpExpr *) qual)->args) == 2)
	{
		OpExpr	   *op = (OpExpr *) qual;
		Node	   *left = linitial(op->args);
		Node	   *right = lsecond(op->args);
		Oid			opno = op->opno;

		filter->node = FILTER_COMPARE;
		if (IsValue(left))
		{
			Node	   *value = left;

			left = right;
			right = value;
			opno = get_commutator(opno);
		}
		return OidIsValid(opno) && SetOperator(filter, opno, op->inputcollid) &&
			SetOperands(filter, left, right, ps) ? filter : NULL;
	}
	if (IsA(qual, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) qual;

		filter->node = FILTER_IN;
		return op->useOr && !OidIsValid(op->hashfuncid) &&
			SetOperator(filter, op->opno, op->inputcollid) && !filter->negated &&
			SetOperands(filter, linitial(op->args), lsecond(op->args), ps) ? filter : NULL;
	}
	if (IsA(qual, NullTest) && !((NullTest *) qual)->argisrow)
	{
		NullTest   *test = (NullTest *) qual;
		Var		   *column = ColumnOf(test->arg);

		if (column == NULL || column->varattno <= 0)
			return NULL;
		filter->node = test->nulltesttype == IS_NULL ? FILTER_IS_NULL : FILTER_IS_NOT_NULL;
		filter->attno = column->varattno;
		return filter;
	}
	if (IsA(qual, BoolExpr) && ((BoolExpr *) qual)->boolop != NOT_EXPR)
	{
		filter->node = ((BoolExpr *) qual)->boolop == AND_EXPR ? FILTER_AND : FILTER_OR;
		filter->children = MakeChildren(((BoolExpr *) qual)->args, ps);
		return filter->children != NIL ? filter : NULL;
	}
	return NULL;
}

/* Append the columns of a filter to `attnos`. */
static void
CollectColumns(ScanFilter *filter, List **attnos)
{
	ListCell   *lc;

	if (filter->attno != 0)
		*attnos = list_append_unique_int(*attnos, filter->attno);
	foreach(lc, filter->children)
	{
		CollectColumns(lfirst(lc), attnos);
	}
}

/*
 * Make filters of the first conditions of a list, and remove these from the list.  Append the
 * columns that the filters read to `attnos`.
 */
List *
ScanFiltersMake(List **quals, List **attnos, PlanState *ps)
{
	List	   *filters = NIL;

	while (*quals != NIL)
	{
		ScanFilter *filter = MakeFilter(linitial(*quals), ps);

		if (filter == NULL)
			break;
		CollectColumns(filter, attnos);
		filters = lappend(filters, filter);
		*quals = list_copy_tail(*quals, 1);
	}
	return filters;
}

/* Tell filters where the scan puts their columns: columns[attno] is an index in ScanColumns. */
void
ScanFiltersBind(List *filters, const int *columns)
{
	ListCell   *lc;

	foreach(lc, filters)
	{
		ScanFilter *filter = lfirst(lc);

		if (filter->attno != 0)
			filter->column = columns[filter->attno];
		ScanFiltersBind(filter->children, columns);
	}
}

/* Begin a scan, in which parameters may have other values.  `context` lives as long as the scan. */
void
ScanFiltersStart(List *filters, MemoryContext context)
{
	ListCell   *lc;

	foreach(lc, filters)
	{
		ScanFilter *filter = lfirst(lc);

		filter->context = context;
		filter->evaluated = false;
		ScanFiltersStart(filter->children, context);
	}
}

/* Evaluate the values of a comparison, when the first row needs them. */
static void
EvaluateValues(ScanFilter *filter, ExprContext *econtext)
{
	MemoryContext old_context = MemoryContextSwitchTo(filter->context);
	bool		isnull;
	Datum		value = ExecEvalExpr(filter->expr, econtext, &isnull);

	filter->evaluated = true;
	filter->nvalues = 0;
	filter->holds = filter->node == FILTER_CONSTANT && !isnull && DatumGetBool(value);
	if (!isnull && filter->node == FILTER_COMPARE)
	{
		filter->values = palloc(sizeof(Datum));
		filter->values[filter->nvalues++] = value;
	}
	else if (!isnull && filter->node == FILTER_IN)
	{
		ArrayType  *array = DatumGetArrayTypeP(value);
		int16		typlen;
		bool		typbyval;
		char		typalign;
		Datum	   *elements;
		bool	   *nulls;
		int			nelements;

		get_typlenbyvalalign(ARR_ELEMTYPE(array), &typlen, &typbyval, &typalign);
		deconstruct_array(array, ARR_ELEMTYPE(array), typlen, typbyval, typalign,
						  &elements, &nulls, &nelements);
		/* a comparison with NULL is not true */
		for (int i = 0; i < nelements; i++)
		{
			if (!nulls[i])
				elements[filter->nvalues++] = elements[i];
		}
		filter->values = elements;
	}
	/* detoast values once, and not for each row */
	for (int i = 0; i < filter->nvalues; i++)
	{
		if (filter->value_type == TEXTOID || filter->value_type == NUMERICOID)
			filter->values[i] = PointerGetDatum(PG_DETOAST_DATUM(filter->values[i]));
	}
	MemoryContextSwitchTo(old_context);
}

static inline int64
IntegerOf(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
		case DATEOID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

static inline float8
FloatOf(Datum value, Oid type)
{
	return type == FLOAT4OID ? (float8) DatumGetFloat4(value) : DatumGetFloat8(value);
}

/* Return whether a comparison holds, given the result of comparing as strcmp() does. */
static inline bool
Holds(StrategyNumber strategy, int order)
{
	switch (strategy)
	{
		case BTLessStrategyNumber:
			return order < 0;
		case BTLessEqualStrategyNumber:
			return order <= 0;
		case BTEqualStrategyNumber:
			return order == 0;
		case BTGreaterEqualStrategyNumber:
			return order >= 0;
		default:
			return order > 0;
	}
}

/*
 * Return whether a text equals another one, which is not toasted.  A toasted text is detoasted only
 * if the lengths are equal, and its copy freed at once: a page may have hundreds of large texts.
 */
static inline bool
TextEquals(Datum text, Datum other)
{
	struct varlena *a = (struct varlena *) DatumGetPointer(text);
	const struct varlena *b = (const struct varlena *) DatumGetPointer(other);
	Size		length = VARSIZE_ANY_EXHDR(b);
	bool		equal;

	if (toast_raw_datum_size(text) - VARHDRSZ != length)
		return false;
	a = PG_DETOAST_DATUM_PACKED(text);
	equal = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), length) == 0;
	if (a != (struct varlena *) DatumGetPointer(text))
		pfree(a);
	return equal;
}

/*
 * Keep those of the rows that satisfy a comparison with one value, and return their number.  The
 * conditions that are constant for all rows are tested outside of the loops.
 */
static int
Compare(ScanFilter *filter, Datum value, const ScanColumn *column, uint16 *rows, int nrows)
{
	const Datum *values = column->values;
	const bool *nulls = column->nulls;
	int			nkept = 0;

#define KEEP_IF(condition) \
	do { \
		for (int i = 0; i < nrows; i++) \
		{ \
			uint16		row = rows[i]; \
			bool		keep = !nulls[row] && (condition); \
			rows[nkept] = row; \
			nkept += keep; \
		} \
	} while (0)
#define COMPARE_INTEGERS(type, operator) \
	KEEP_IF(IntegerOf(values[row], type) operator integer)
#define EACH_OPERATOR(type) \
	do { \
		switch (filter->strategy) \
		{ \
			case BTLessStrategyNumber: \
				COMPARE_INTEGERS(type, <); \
				break; \
			case BTLessEqualStrategyNumber: \
				COMPARE_INTEGERS(type, <=); \
				break; \
			case BTGreaterEqualStrategyNumber: \
				COMPARE_INTEGERS(type, >=); \
				break; \
			case BTGreaterStrategyNumber: \
				COMPARE_INTEGERS(type, >); \
				break; \
			default: \
				COMPARE_INTEGERS(type, ==); \
				break; \
		} \
	} while (0)

	switch (filter->kind)
	{
		case FILTER_INTEGER:
			{
				int64		integer = IntegerOf(value, filter->value_type);

				if (filter->negated)
					KEEP_IF(IntegerOf(values[row], filter->column_type) != integer);
				else if (filter->column_type == INT2OID)
					EACH_OPERATOR(INT2OID);
				else if (filter->column_type == INT4OID || filter->column_type == DATEOID)
					EACH_OPERATOR(INT4OID);
				else
					EACH_OPERATOR(INT8OID);
				break;
			}
		case FILTER_FLOAT:
			{
				float8		number = FloatOf(value, filter->value_type);

				KEEP_IF(filter->negated !=
						Holds(filter->strategy,
							  float8_cmp_internal(FloatOf(values[row], filter->column_type),
												  number)));
				break;
			}
		case FILTER_TEXT:
			KEEP_IF(filter->negated != TextEquals(values[row], value));
			break;
		case FILTER_FUNCTION:
			/* the function is that of <>, too */
			KEEP_IF(DatumGetBool(FunctionCall2Coll(&filter->function, filter->collation,
												   values[row], value)));
			break;
	}
	return nkept;
}

static int	Apply(ScanFilter *filter, ExprContext *econtext, const ScanColumns *columns,
				  uint16 *rows, int nrows);

/*
 * Keep those of the rows that at least one of `n` filters keeps, in their order.  Filter i is
 * children[i], or, if that is NIL, a comparison of `filter` with its value i.
 */
static int
ApplyOr(ScanFilter *filter, ExprContext *econtext, const ScanColumns *columns, uint16 *rows,
		int nrows)
{
	bool		kept[MaxHeapTuplesPerPage] = {0};
	uint16		tried[MaxHeapTuplesPerPage];
	bool		is_in = filter->node == FILTER_IN;
	int			n = is_in ? filter->nvalues : list_length(filter->children);
	int			nkept = 0;

	for (int i = 0; i < n; i++)
	{
		int			ntried = 0;

		if (i % 256 == 255)
			CHECK_FOR_INTERRUPTS();

		for (int r = 0; r < nrows; r++)
		{
			tried[ntried] = rows[r];
			ntried += !kept[rows[r]];
		}
		ntried = is_in ?
			Compare(filter, filter->values[i], &columns->columns[filter->column], tried, ntried) :
			Apply(list_nth(filter->children, i), econtext, columns, tried, ntried);
		for (int r = 0; r < ntried; r++)
			kept[tried[r]] = true;
	}
	for (int r = 0; r < nrows; r++)
	{
		rows[nkept] = rows[r];
		nkept += kept[rows[r]];
	}
	return nkept;
}

/* Keep those of the rows that satisfy a filter, and return their number. */
static int
Apply(ScanFilter *filter, ExprContext *econtext, const ScanColumns *columns, uint16 *rows,
	  int nrows)
{
	const ScanColumn *column;
	int			nkept = 0;

	if (nrows == 0)
		return 0;
	if (filter->expr != NULL && !filter->evaluated)
		EvaluateValues(filter, econtext);

	switch (filter->node)
	{
		case FILTER_AND:
			return ScanFiltersApply(filter->children, econtext, columns, rows, nrows);
		case FILTER_OR:
		case FILTER_IN:
			return ApplyOr(filter, econtext, columns, rows, nrows);
		case FILTER_CONSTANT:
			return filter->holds ? nrows : 0;
		case FILTER_COMPARE:
			return filter->nvalues == 0 ? 0 :
				Compare(filter, filter->values[0], &columns->columns[filter->column], rows, nrows);
		case FILTER_IS_NULL:
		case FILTER_IS_NOT_NULL:
			column = &columns->columns[filter->column];
			for (int i = 0; i < nrows; i++)
			{
				uint16		row = rows[i];

				rows[nkept] = row;
				nkept += column->nulls[row] == (filter->node == FILTER_IS_NULL);
			}
			return nkept;
	}
	pg_unreachable();
}

/* Keep those of the rows of a page that satisfy all filters, and return their number. */
int
ScanFiltersApply(List *filters, ExprContext *econtext, const ScanColumns *columns, uint16 *rows,
				 int nrows)
{
	ListCell   *lc;

	foreach(lc, filters)
	{
		nrows = Apply(lfirst(lc), econtext, columns, rows, nrows);
	}
	return nrows;
}

/* Return whether filters keep no row of the whole table, as far as it is known by now. */
bool
ScanFiltersKeepNone(const List *filters)
{
	ListCell   *lc;

	foreach(lc, filters)
	{
		const ScanFilter *filter = lfirst(lc);

		if (filter->node == FILTER_CONSTANT && filter->evaluated && !filter->holds)
			return true;
	}
	return false;
}
