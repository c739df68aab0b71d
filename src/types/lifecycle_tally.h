/*
 * lifecycle_tally.h
 *	  The type lifecycle_tally: a SeriesTally as bytes.
 */
#ifndef WINBACK_LIFECYCLE_TALLY_H
#define WINBACK_LIFECYCLE_TALLY_H

#include "postgres.h"

#include "state/series_tally.h"

extern Datum LifecycleTallyDatum(SeriesTally *tally);
extern SeriesTally *LifecycleTallyFromDatum(Datum datum);

#endif							/* WINBACK_LIFECYCLE_TALLY_H */
