/*
 * batch.h
 *	  Customers to be looked up in a table together.
 *
 * In a table that is larger than the caches, look-ups in batches are worth it
 * (see table.c).  The owner keeps what goes with each key in an array of its
 * own, of BATCH_ROWS elements.
 */
#ifndef WINBACK_BATCH_H
#define WINBACK_BATCH_H

#include "postgres.h"

#include "table/customer_type.h"
#include "table/customer_table.h"

/* Below this many bytes a table is looked up row by row, unless it is the only one. */
#define BATCH_FROM		((Size) 64 * 1024)
/* Keys a batch; and bytes of their images that it may hold. */
#define BATCH_ROWS		256
#define BATCH_IMAGES	((Size) 16 * 1024)

typedef struct Batch
{
	int			nrows;
	uint64		nbatches;		/* that were looked up so far */
	Size		images_used;	/* bytes */
	char	   *images;			/* NULL as long as there are none */
	CustomerKey	keys[BATCH_ROWS];
	uint8	   *found[BATCH_ROWS];	/* their facts, after BatchLocate */
} Batch;

/* A batch for a table, or NULL while that is small and there may be many others. */
static inline Batch *
BatchCreate(const CustomerTable *table, bool alone)
{
	Batch	   *batch;

	if (!alone && CustomerTableSize(table) <= BATCH_FROM)
		return NULL;

	batch = MemoryContextAlloc(table->context, sizeof(Batch));
	batch->nrows = 0;
	batch->nbatches = 0;
	batch->images_used = 0;
	batch->images = NULL;
	return batch;
}

#ifdef USE_ASSERT_CHECKING
/* What must hold of a batch after every step; of its keys, the last is looked at. */
static inline void
BatchCheck(const Batch *batch, const CustomerTable *table)
{
	Assert(batch->nrows >= 0 && batch->nrows <= BATCH_ROWS);
	Assert(batch->images_used <= BATCH_IMAGES);
	if (batch->nrows > 0)
	{
		const CustomerKey *key = &batch->keys[batch->nrows - 1];

		Assert(!key->wide);
		Assert(table->form > KEY_HALF || (uint32) key->word == 0);
		Assert(!FormHasImage(table->form) ||
			   (key->u.image >= batch->images &&
				key->u.image + key->length <= batch->images + batch->images_used));
	}
}
#else
#define BatchCheck(batch, table)	((void) 0)
#endif

/*
 * Add a customer, and begin to fetch what will be read of them.  Returns the row,
 * or -1 where the batch is full, or the key is not for this batch: too wide for
 * the table as it is, or too long for any.
 *
 * The key is made where it will stay; an image belongs to the caller, so it is
 * copied.
 */
static pg_attribute_always_inline int
BatchAdd(Batch *batch, const CustomerTable *table, CustomerType *customer_type, Datum customer)
{
	int			row = batch->nrows;
	CustomerKey  *key = &batch->keys[row];

	if (unlikely(row == BATCH_ROWS))
		return -1;
	MakeCustomerKey(customer_type, table, customer, key);
	if (unlikely(key->wide))
		return -1;
	if (FormHasImage(table->form))
	{
		if (unlikely(batch->images == NULL))
			batch->images = MemoryContextAlloc(table->context, BATCH_IMAGES);
		if (key->length > BATCH_IMAGES - batch->images_used)
			return -1;
		key->u.image = memcpy(batch->images + batch->images_used, key->u.image, key->length);
		batch->images_used += MAXALIGN(key->length);
	}
	CustomerTablePrefetch(table, key->word);
	batch->nrows++;
	BatchCheck(batch, table);
	return row;
}

/* Find the facts of one customer, without a batch; none may be waiting. */
static inline uint8 *
LocateCustomer(CustomerTable *table, CustomerType *customer_type, Datum customer)
{
	CustomerKey	key;
	uint8	   *facts;

	MakeCustomerKey(customer_type, table, customer, &key);
	if (key.wide)
	{
		CustomerTableWiden(table, &key);
		MakeCustomerKey(customer_type, table, customer, &key);
	}
	CustomerTableLocate(table, &key, 1, &facts);
	return facts;
}

/* Find everybody's facts; returns the number of rows, and empties the batch. */
static inline int
BatchLocate(Batch *batch, CustomerTable *table)
{
	int			nrows = batch->nrows;

	BatchCheck(batch, table);
	CustomerTableLocate(table, batch->keys, nrows, batch->found);
	batch->nbatches++;
	batch->nrows = 0;
	batch->images_used = 0;
	return nrows;
}

/* Customers of another table, and the facts that both have of them. */
typedef struct Meeting
{
	uint64		cursor;			/* begins at zero */
	CustomerKey	keys[BATCH_ROWS];
	char		texts[BATCH_ROWS][SHORT_TEXT];	/* that keys point to */
	uint8	   *theirs[BATCH_ROWS];
	uint8	   *ours[BATCH_ROWS];
} Meeting;

/*
 * Find here, or enter, the next customers of another table, which CustomerTableMatch
 * has seen; returns how many, 0 at the end.
 */
static inline int
BatchMeet(Meeting *meeting, CustomerTable *table, const CustomerTable *other)
{
	int			nkeys = 0;

	while (nkeys < BATCH_ROWS &&
		   CustomerTableNextFor(table, other, &meeting->cursor,
						 &meeting->keys[nkeys], meeting->texts[nkeys],
						 &meeting->theirs[nkeys]))
		nkeys++;
	CustomerTableLocate(table, meeting->keys, nkeys, meeting->ours);
	return nkeys;
}

#endif							/* WINBACK_BATCH_H */
