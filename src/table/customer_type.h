/*
 * customer_type.h
 *	  From a value of any hashable type to a key of the table.
 */
#ifndef WINBACK_CUSTOMER_TYPE_H
#define WINBACK_CUSTOMER_TYPE_H

#include "postgres.h"

#include "fmgr.h"

#include "table/customer_table.h"

/* How values of the type become keys. */
typedef enum KeyPath
{
	CUSTOMER_INT16,				/* int2 */
	CUSTOMER_INT32,				/* int4, date */
	CUSTOMER_INT64,				/* int8 */
	CUSTOMER_UUID,
	CUSTOMER_TEXT,				/* text, varchar under a deterministic collation */
	CUSTOMER_ANY				/* what the type cache says */
} KeyPath;

/* The type of the customer column, as one call site sees it. */
typedef struct CustomerType
{
	Oid			type;			/* as declared, domains included */
	Oid			collation;
	KeyPath path;
	KeyForm	form;

	/* CUSTOMER_ANY only */
	int16		typlen;
	bool		typbyval;
	FmgrInfo	hash;
	bool		hash_is_extended;	/* 64 bits rather than 32 */
	FmgrInfo	equal;
} CustomerType;

extern CustomerType *CustomerTypeCreate(MemoryContext context, Oid type,
										Oid collation);
extern void MakeCustomerKeyOfValue(CustomerType *customer_type, const CustomerTable *table,
								 Datum customer, CustomerKey *key);
extern bool CustomersEqualByType(void *customer_type, const char *a, const char *b);

/* The key of a customer.  It may point into the value, or into palloc'd memory. */
static pg_attribute_always_inline void
MakeCustomerKey(CustomerType *customer_type, const CustomerTable *table, Datum customer,
			CustomerKey *key)
{
	switch (customer_type->path)
	{
		case CUSTOMER_INT16:
			CustomerKeyFromInteger(table, DatumGetInt16(customer), key);
			break;
		case CUSTOMER_INT32:
			CustomerKeyFromInteger(table, DatumGetInt32(customer), key);
			break;
		case CUSTOMER_INT64:
			CustomerKeyFromInteger(table, DatumGetInt64(customer), key);
			break;
		default:
			MakeCustomerKeyOfValue(customer_type, table, customer, key);
			break;
	}
}

#endif							/* WINBACK_CUSTOMER_TYPE_H */
