/*
 * sql_function.h
 *	  The arguments and results that the SQL functions of this directory share.
 */
#ifndef WINBACK_SQL_FUNCTION_H
#define WINBACK_SQL_FUNCTION_H

#include "postgres.h"

#include "fmgr.h"

/* A row of float8 columns to return, each NULL until RowSet sets it. */
#define ROW_MAX_COLUMNS 16
typedef struct Row
{
	int			ncolumns;
	float8		values[ROW_MAX_COLUMNS];
	bool		nulls[ROW_MAX_COLUMNS];
} Row;

/* The elements of an argument that is an array. */
typedef struct Elements
{
	int			count;
	Datum	   *values;
	bool	   *nulls;
} Elements;

extern Row	RowOfNulls(int ncolumns);
extern Datum ReturnRow(FunctionCallInfo fcinfo, Row *row);
extern float8 ArgConfidence(FunctionCallInfo fcinfo, int arg);
extern float8 ArgShare(FunctionCallInfo fcinfo, int arg, const char *name);
extern Elements ArgElements(FunctionCallInfo fcinfo, int arg, const char *name);
extern void CheckNoNulls(const Elements *elements, const char *name);
extern void CheckSameLength(const Elements *first, const char *first_name,
							const Elements *second, const char *second_name);

static inline void
RowSet(Row *row, int column, float8 value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

#endif							/* WINBACK_SQL_FUNCTION_H */
