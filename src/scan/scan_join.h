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

/*
 * Bits for the integers between the least and the greatest key of the other side.  Bit n of a set is
 * bit n % 64 of word n / 64.  Bit number `nbits` is there as well, and is zero.
 */
typedef struct JoinBits
{
	uint64		nbits;			/* 0 if the keys are not integers, or too far from each other */
	int64		first;			/* the integer of bit 0 */
	uint64	   *exists;			/* keys of rows of the other side */
	uint64	   *met;			/* those of them that a row of the scan has, if `gathers` */
} JoinBits;

/* The rows of the other side, by their numbers from 0 on. */
typedef struct ScanJoin
{
	JoinType	type;			/* JOIN_INNER, JOIN_LEFT, JOIN_SEMI or JOIN_ANTI; the scan is left */
	PlanState  *other;			/* its first column is the key */
	PlanState  *ps;				/* the scan */
	int			column;			/* the key of the scan's rows: index in ScanColumns */
	CustomerType *own_type;		/* of the key of the scan's rows */
	CustomerType *other_type;

	/*
	 * Keys of GROUP BY that are expressions of the other side.  Their columns are numbered when a row
	 * is read, and their values when a row of the scan has the first match with these columns.
	 */
	int			class_column;	/* index in ScanColumns of the number of the values; -1 if none */
	ScanGroups	attributes;		/* gives each combination of the columns a number */
	ScanColumns attribute_columns;	/* the columns in one row */
	AttrNumber *attribute_attnos;	/* in the rows of the other side */
	ScanGroups	classes;		/* gives each combination of values of the keys a number, a class */
	ScanColumns class_columns;	/* the values of the keys */
	ExprState **class_exprs;	/* of the keys, evaluated on a slot of `attributes` */

	int			ncustomers;
	JoinedCustomer *customers;

	bool		may_gather;		/* facts may be gathered by key first: see scan_gather.c */

	/* the rows; valid after ScanJoinBuild */
	MemoryContext context;		/* contains them */
	bool		built;
	bool		gathers;		/* facts are gathered by key first */
	CustomerTable table;		/* finds the number of the row with a key */
	int64		least;			/* key, if the keys are integers */
	int64		greatest;
	JoinBits	bits;
	uint32		nrows;
	uint32		allocated;
	uint32	   *row_attributes; /* of each row, the number of its columns for keys */
	uint32		no_attributes;	/* of a row without a match: all columns are NULL */
	uint32	   *attribute_classes;	/* the class of each number; NO_GROUP before the first match */
	uint32		attributes_allocated;
} ScanJoin;

extern void ScanJoinInit(ScanJoin *join, PlanState *ps, PlanState *other, JoinType type,
						 Oid own_type, Oid other_type, Oid collation);
extern void ScanJoinSetClasses(ScanJoin *join, const KeyLists *attributes,
							   const KeyLists *classes, const List *exprs);
extern void ScanJoinBuild(ScanJoin *join);
extern void ScanJoinStore(ScanJoin *join, ScanRows *rows, uint16 *kept);
extern void ScanJoinProbe(ScanJoin *join, ScanRows *rows, uint16 *kept);
extern TupleTableSlot *ScanJoinKeys(ScanJoin *join, uint32 class);
extern void ScanJoinReset(ScanJoin *join);

#endif							/* WINBACK_SCAN_JOIN_H */
