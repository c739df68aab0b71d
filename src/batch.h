/*
 * batch.h
 *	  Customers to be looked up in a ledger together.
 *
 * In a ledger that is larger than the caches, look-ups in batches are worth it
 * (see ledger.c).  The owner keeps what goes with each key in an array of its
 * own, of BATCH_ROWS elements.
 */
#ifndef WINBACK_BATCH_H
#define WINBACK_BATCH_H

#include "postgres.h"

#include "ledger.h"

/* Below this many bytes a ledger is looked up row by row. */
#define BATCH_FROM		(64 * 1024)
/* Keys a batch; and bytes of their images that it may hold. */
#define BATCH_ROWS		256
#define BATCH_IMAGES	(16 * 1024)

typedef struct Batch
{
	int			nrows;
	Size		images_used;	/* bytes */
	char	   *images;			/* NULL if the form has none */
	LedgerKey	keys[BATCH_ROWS];
	uint8	   *found[BATCH_ROWS];	/* their facts, after BatchLocate */
} Batch;

/* A batch for a ledger, or NULL while that is small. */
static inline Batch *
BatchCreate(const Ledger *ledger)
{
	Batch	   *batch;

	if (LedgerSize(ledger) <= BATCH_FROM)
		return NULL;

	batch = MemoryContextAlloc(ledger->context, sizeof(Batch));
	batch->nrows = 0;
	batch->images_used = 0;
	batch->images = LedgerHasImage(ledger->form) ?
		MemoryContextAlloc(ledger->context, BATCH_IMAGES) : NULL;
	return batch;
}

/* Is there room for a key? */
static pg_attribute_always_inline bool
BatchHasRoom(const Batch *batch, const LedgerKey *key)
{
	return batch->nrows < BATCH_ROWS && !key->wide &&
		(batch->images == NULL ||
		 (key->length <= BATCH_IMAGES &&
		  batch->images_used + MAXALIGN(key->length) <= BATCH_IMAGES));
}

/*
 * Add a key, for which there is room; returns its row.
 *
 * The key's image belongs to the caller, so it is copied.
 */
static pg_attribute_always_inline int
BatchAdd(Batch *batch, const Ledger *ledger, const LedgerKey *key)
{
	int			row = batch->nrows++;

	LedgerPrefetch(ledger, key->word);
	/* field by field: what a row does not need costs it a store all the same */
	batch->keys[row].word = key->word;
	if (batch->images != NULL)
	{
		batch->keys[row].u.image =
			memcpy(batch->images + batch->images_used, key->u.image, key->length);
		batch->keys[row].length = key->length;
		batch->images_used += MAXALIGN(key->length);
	}
	else if (LedgerHasRest(ledger->form))
		batch->keys[row].u.rest = key->u.rest;
	return row;
}

/* Find everybody's facts; returns the number of rows, and empties the batch. */
static inline int
BatchLocate(Batch *batch, Ledger *ledger)
{
	int			nrows = batch->nrows;

	LedgerLocate(ledger, batch->keys, nrows, batch->found);
	batch->nrows = 0;
	batch->images_used = 0;
	return nrows;
}

#endif							/* WINBACK_BATCH_H */
