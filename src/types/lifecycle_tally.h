/*
 * lifecycle_tally.h
 *	  The type lifecycle_tally: a SeriesTally as bytes.
 */
#ifndef WINBACK_LIFECYCLE_TALLY_H
#define WINBACK_LIFECYCLE_TALLY_H

#include "postgres.h"

#include "state/series_tally.h"

/* of the bytes and of the text */
#define TALLY_VERSION			1

extern Datum LifecycleTallyDatum(SeriesTally *tally);
extern SeriesTally *LifecycleTallyFromDatum(Datum datum);
extern Datum *LifecycleTallyRows(SeriesTally *tally, Oid row_type);

/* what the input functions of the bytes and of the text share */
extern const char *LifecycleTallyMistake(SeriesTally *tally);
extern bool LifecycleTallyAddSum(SeriesTally *tally, int period, int part, char *text,
								 Node *escontext);
extern char *LifecycleTallySumText(SeriesTally *tally, int period, int part);

#endif							/* WINBACK_LIFECYCLE_TALLY_H */
