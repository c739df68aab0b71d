/*
 * batch.h
 *	  Collect rows, and look up their keys in a customer table together.
 *
 * In a table that is larger than the caches this is twice as fast as one look-up after
 * the other, because the processor waits for main memory once for many keys
 * (customer_table.c).  The owner of a batch decides what a row is besides its key.
 */
#ifndef WINBACK_BATCH_H
#define WINBACK_BATCH_H

#include "postgres.h"

#include "table/customer_type.h"
#include "table/customer_table.h"

/* A table of up to this many bytes has no batch, unless it is the only one of its query. */
#define BATCH_FROM		((Size) 64 * 1024)
/* The largest number of keys in a batch, and of bytes of their images. */
#define BATCH_ROWS		256
#define BATCH_IMAGES	((Size) 16 * 1024)

typedef struct Batch
{
	int			nrows;
	uint64		nbatches;		/* calls of BatchLocate so far */
	Size		images_used;	/* bytes */
	char	   *images;			/* copies of the keys' images; NULL before the first */
	void	   *rows;			/* of each key, without the key itself */
	CustomerKey keys[BATCH_ROWS];
	uint8	   *found[BATCH_ROWS];	/* the keys' facts, after BatchLocate */
} Batch;

/*
 * Create a batch for a table, of rows of `row_size` bytes.  Return NULL if the table is
 * small and not the only one of its query (`alone`).
 */
static inline Batch *
BatchCreate(const CustomerTable *table, Size row_size, bool alone)
{
	Batch	   *batch;

	if (!alone && CustomerTableSize(table) <= BATCH_FROM)
		return NULL;

	batch = MemoryContextAlloc(table->context, sizeof(Batch));
	batch->nrows = 0;
	batch->nbatches = 0;
	batch->images_used = 0;
	batch->images = NULL;
	batch->rows = MemoryContextAlloc(table->context, BATCH_ROWS * row_size);
	return batch;
}

#ifdef USE_ASSERT_CHECKING
/* Assert the invariants of a batch.  Of its keys, only the last is checked. */
static inline void
BatchCheck(const Batch *batch, const CustomerTable *table)
{
	Assert(batch->nrows >= 0 && batch->nrows <= BATCH_ROWS);
	Assert(batch->images_used <= BATCH_IMAGES);
	if (batch->nrows > 0)
	{
		const CustomerKey *key = &batch->keys[batch->nrows - 1];

		Assert(!key->wide);
		Assert(!FormIsInt32(table->form) || (uint32) key->word == 0);
		Assert(!FormHasImage(table->form) ||
			   (key->u.image >= batch->images &&
				key->u.image + key->length <= batch->images + batch->images_used));
	}
}
#else
#define BatchCheck(batch, table)	((void) 0)
#endif

/*
 * Add the key of a customer to a batch, and prefetch its slot.  Return the index in
 * batch->rows where the caller puts the row.
 *
 * Return -1 if the caller must look up the customer without the batch, after its keys: the
 * batch is full, the key does not fit the form of the table, or the images of all
 * keys do not fit the batch.
 */
static pg_attribute_always_inline int
BatchAdd(Batch *batch, const CustomerTable *table, CustomerType *customer_type, Datum customer)
{
	int			row = batch->nrows;
	CustomerKey *key = &batch->keys[row];

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
		/* copy the image, which may be part of the caller's row */
		key->u.image = memcpy(batch->images + batch->images_used, key->u.image, key->length);
		batch->images_used += MAXALIGN(key->length);
	}
	CustomerTablePrefetch(table, key->word);
	batch->nrows++;
	BatchCheck(batch, table);
	return row;
}

/*
 * Find the facts of one customer, who is added if missing.  The table's batch must be
 * empty, for the table may change its form.
 */
static inline uint8 *
LocateCustomer(CustomerTable *table, CustomerType *customer_type, Datum customer)
{
	CustomerKey key;
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

/*
 * Find the facts of all keys of a batch (batch->found), and empty the batch.  Return the
 * number of rows.
 */
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

/* The next customers of a table that is merged into another one. */
typedef struct Meeting
{
	uint64		cursor;			/* begins at zero */
	CustomerKey keys[BATCH_ROWS];	/* keys of the table that is merged into */
	char		texts[BATCH_ROWS][TEXT_IN_WORDS];	/* room for texts that keys point to */
	uint8	   *theirs[BATCH_ROWS]; /* facts of the table that is merged */
	uint8	   *ours[BATCH_ROWS];	/* facts of the table that is merged into */
} Meeting;

/*
 * Find the next customers of another table in this one, and add those that are missing.
 * CustomerTableMatch must have been called.  Return the number of customers, 0 at the end.
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
