/*
 * customer.h
 *	  From a value of any hashable type to a key of the ledger.
 */
#ifndef WINBACK_CUSTOMER_H
#define WINBACK_CUSTOMER_H

#include "postgres.h"

#include "fmgr.h"

#include "table/customer_table.h"

/* How values of the type become keys. */
typedef enum CustomerPath
{
	CUSTOMER_INT16,				/* int2 */
	CUSTOMER_INT32,				/* int4, date */
	CUSTOMER_INT64,				/* int8 */
	CUSTOMER_UUID,
	CUSTOMER_TEXT,				/* text, varchar under a deterministic collation */
	CUSTOMER_ANY				/* what the type cache says */
} CustomerPath;

/* The type of the customer column, as one call site sees it. */
typedef struct CustomerType
{
	Oid			type;			/* as declared, domains included */
	Oid			collation;
	CustomerPath path;
	LedgerForm	form;

	/* CUSTOMER_ANY only */
	int16		typlen;
	bool		typbyval;
	FmgrInfo	hash;
	bool		hash_is_extended;	/* 64 bits rather than 32 */
	FmgrInfo	equal;
} CustomerType;

extern CustomerType *CustomerTypeCreate(MemoryContext context, Oid type,
										Oid collation);
extern void CustomerKeyFromValue(CustomerType *customer_type, const Ledger *ledger,
								 Datum customer, LedgerKey *key);
extern bool CustomerSame(void *customer_type, const char *a, const char *b);

/* The key of a customer.  It may point into the value, or into palloc'd memory. */
static pg_attribute_always_inline void
CustomerKey(CustomerType *customer_type, const Ledger *ledger, Datum customer,
			LedgerKey *key)
{
	switch (customer_type->path)
	{
		case CUSTOMER_INT16:
			LedgerKeyFromInteger(ledger, DatumGetInt16(customer), key);
			break;
		case CUSTOMER_INT32:
			LedgerKeyFromInteger(ledger, DatumGetInt32(customer), key);
			break;
		case CUSTOMER_INT64:
			LedgerKeyFromInteger(ledger, DatumGetInt64(customer), key);
			break;
		default:
			CustomerKeyFromValue(customer_type, ledger, customer, key);
			break;
	}
}

#endif							/* WINBACK_CUSTOMER_H */
