/*
 * lifecycle_counts.h
 *	  The rows of the type lifecycle_counts.
 */
#ifndef WINBACK_LIFECYCLE_COUNTS_H
#define WINBACK_LIFECYCLE_COUNTS_H

#include "postgres.h"

#include "state/series_tally.h"

extern Datum *CountsRows(SeriesTally *tally, Oid row_type);

#endif							/* WINBACK_LIFECYCLE_COUNTS_H */
