/*
 * open_tally.h
 *	  A lifecycle_tally to which customers are still added.
 *
 * The stored form of a lifecycle_tally is compact, and takes long to read and to write.  An
 * aggregate over histories adds each customer to a state of that type; so its state is an open
 * tally: version 0, the arrays of a SeriesTally side by side, which are changed in place.  It is
 * never stored: the final function makes the stored form, and so do the output functions, if a
 * state travels to another server.
 */
#ifndef WINBACK_OPEN_TALLY_H
#define WINBACK_OPEN_TALLY_H

#include "postgres.h"

#include "pgtime.h"

#include "state/series_tally.h"

#define OPEN_TALLY_VERSION		0

/*
 * The head of an open tally.  The periods, the rows of `steady` and, with amounts, the sums follow
 * it.  The sums are integers; numerics behind them hold the rest.  Before each numeric stands the
 * number of its sum, in 8 bytes, and it is padded to a multiple of 8 bytes.
 */
typedef struct OpenTally
{
	int32		vl_len_;		/* varlena header */
	uint8		version;
	bool		has_amounts;
	uint16		unused;
	int32		nperiods;
	int32		nnumerics;
	int64		first_at;
	int64		last_at;
	Question	question;
	char		timezone[TZ_STRLEN_MAX + 1];
} OpenTally;

extern OpenTally *OpenTallyCreate(const Calendar *calendar, bool has_amounts);
extern OpenTally *OpenTallyFromDatum(Datum datum);
extern void OpenTallyView(OpenTally *open, SeriesTally *view);
extern OpenTally *OpenTallyStoreNumerics(OpenTally *open, SeriesTally *view);
extern OpenTally *OpenTallyMerge(OpenTally *open, OpenTally *other);
extern SeriesTally *OpenTallySettled(const char *bytes, Size size);

/* Return whether a lifecycle_tally that is not toasted is an open one. */
static inline bool
IsOpenTally(const struct varlena *tally)
{
	return VARSIZE_ANY_EXHDR(tally) > 0 && *(const uint8 *) VARDATA_ANY(tally) == OPEN_TALLY_VERSION;
}

#endif							/* WINBACK_OPEN_TALLY_H */
