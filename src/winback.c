/*
 * winback.c
 *	  The module itself.
 */
#include "postgres.h"

#include "fmgr.h"

#include "scan/scan.h"

PG_MODULE_MAGIC;

void		_PG_init(void);			/* NOLINT(bugprone-reserved-identifier): PostgreSQL's name */

void
_PG_init(void)
{
	ScanPathInit();
}
