/*
 * scan_join.h
 *	  Rows that a Winback Scan joins to those of its tables, such as attributes of customers.
 */
#ifndef WINBACK_SCAN_JOIN_H
#define WINBACK_SCAN_JOIN_H

#include "postgres.h"

#include "nodes/execnodes.h"

#include "scan/scan_group.h"
#include "scan/scan_rows.h"
#include "table/customer_type.h"

/* A column of the other side that is the customer of an aggregate. */
typedef struct JoinedCustomer
{
	AttrNumber	attno;			/* in the rows of the other side */
	int			column;			/* index in ScanColumns */
	Oid			collation;		/* of the aggregate */
	bool		numbered;		/* each different customer has a number, which is the value */
	CustomerType *type;			/* if numbered */
	CustomerTable numbers;		/* if numbered: the facts of a customer contain the number */
	Datum	   *values;			/* in each row of the other side */
	bool	   *nulls;
} JoinedCustomer;

/* The rows of the other side, by their numbers from 0 on. */
typedef struct ScanJoin
{
	JoinType	type;			/* JOIN_INNER, JOIN_LEFT, JOIN_SEMI or JOIN_ANTI; the scan is left */
	PlanState  *other;			/* its first column is the key */
	PlanState  *ps;				/* the scan */
	int			column;			/* the key of the scan's rows: index in ScanColumns */
	CustomerType *own_type;		/* of the key of the scan's rows */
	CustomerType *other_type;

	/* keys of GROUP BY that are columns of the other side */
	int			class_column;	/* index in ScanColumns of the number of their values; -1 if none */
	ScanGroups	classes;		/* gives each combination of their values a number */
	ScanColumns class_columns;	/* the values in one row */
	int			nclass_keys;
	AttrNumber *class_attnos;	/* in the rows of the other side */
	int		   *class_places;	/* index in class_columns: 0, 1, ... */

	int			ncustomers;
	JoinedCustomer *customers;

	/* the rows; valid after ScanJoinBuild */
	MemoryContext context;		/* contains them */
	bool		built;
	CustomerTable table;		/* finds the number of the row with a key */
	uint32		nrows;
	uint32		allocated;
	uint32	   *row_classes;	/* the class of each row */
	uint32		null_class;		/* the class of a row without a match: all keys are NULL */
} ScanJoin;

extern void ScanJoinInit(ScanJoin *join, PlanState *ps, PlanState *other, JoinType type,
						 Oid own_type, Oid other_type, Oid collation);
extern void ScanJoinSetClasses(ScanJoin *join, const List *attnos, const List *types,
							   const List *typmods, const List *collations,
							   const List *operators);
extern void ScanJoinBuild(ScanJoin *join);
extern void ScanJoinProbe(ScanJoin *join, ScanRows *rows, uint16 *kept);
extern TupleTableSlot *ScanJoinKeys(ScanJoin *join, uint32 class);
extern void ScanJoinReset(ScanJoin *join);

#endif							/* WINBACK_SCAN_JOIN_H */
