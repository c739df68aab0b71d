/*
 * customer_type.h
 *	  Make keys of a customer table from values of any hashable type.
 */
#ifndef WINBACK_CUSTOMER_TYPE_H
#define WINBACK_CUSTOMER_TYPE_H

#include "postgres.h"

#include "fmgr.h"

#include "table/customer_table.h"

/* The way in which values of a type become keys. */
typedef enum KeyPath
{
	CUSTOMER_INT16,				/* int2 */
	CUSTOMER_INT32,				/* int4, date */
	CUSTOMER_INT64,				/* int8 */
	CUSTOMER_UUID,
	CUSTOMER_TEXT,				/* text, varchar under a deterministic collation */
	CUSTOMER_ANY				/* by the hash and the equality of the type cache */
} KeyPath;

/* The type of the customer column of one call site. */
struct CustomerType
{
	Oid			type;			/* as declared, domains included */
	Oid			collation;
	KeyPath		path;
	KeyForm		form;			/* of an empty table; see CustomerTypeAllowsForm */
	uint64		seed;			/* of new tables */

	/* CUSTOMER_ANY only */
	int16		typlen;
	bool		typbyval;
	FmgrInfo	hash;
	bool		hash_is_extended;	/* 64 bits rather than 32 */
	FmgrInfo	equal;
};

extern CustomerType *CustomerTypeCreate(MemoryContext context, Oid type,
										Oid collation);
extern uint64 SeedOfQuery(void);
extern bool CustomerTypeAllowsForm(const CustomerType *customer_type, KeyForm form);
extern void MakeCustomerKeyOfValue(CustomerType *customer_type, const CustomerTable *table,
								   Datum customer, CustomerKey *key);
extern bool CustomerHasOneImage(Oid type, Oid collation);
extern int	CustomerKeyBytes(Oid type, int32 width);
extern uint64 CustomerHash(CustomerType *customer_type, Datum customer);
extern Datum CustomerOfFacts(const CustomerType *customer_type, const CustomerTable *table,
							 const uint8 *facts);
extern bool CustomerImageIsValid(const CustomerType *customer_type, const char *image, Size length);
extern bool CustomerImagesAreEqual(CustomerType *customer_type, const char *a, const char *b);

/* Return whether customers of a type are integers. */
static inline bool
CustomerIsInteger(const CustomerType *customer_type)
{
	return customer_type->path <= CUSTOMER_INT64;
}

/* Return the customer as an integer. */
static pg_attribute_always_inline int64
IntegerOfCustomer(KeyPath path, Datum customer)
{
	return path == CUSTOMER_INT64 ? DatumGetInt64(customer) :
		path == CUSTOMER_INT32 ? DatumGetInt32(customer) : DatumGetInt16(customer);
}

/* Return an integer as a customer. */
static pg_attribute_always_inline Datum
CustomerOfInteger(KeyPath path, int64 integer)
{
	return path == CUSTOMER_INT64 ? Int64GetDatum(integer) :
		path == CUSTOMER_INT32 ? Int32GetDatum((int32) integer) : Int16GetDatum((int16) integer);
}

/*
 * Make the key that a table has for a customer.  The key may point into the value, or
 * into memory allocated in the current context.
 */
static pg_attribute_always_inline void
MakeCustomerKey(CustomerType *customer_type, const CustomerTable *table, Datum customer,
				CustomerKey *key)
{
	switch (customer_type->path)
	{
		case CUSTOMER_INT16:
			CustomerKeyFromInteger(table, IntegerOfCustomer(CUSTOMER_INT16, customer), key);
			break;
		case CUSTOMER_INT32:
			CustomerKeyFromInteger(table, IntegerOfCustomer(CUSTOMER_INT32, customer), key);
			break;
		case CUSTOMER_INT64:
			CustomerKeyFromInteger(table, IntegerOfCustomer(CUSTOMER_INT64, customer), key);
			break;
		default:
			MakeCustomerKeyOfValue(customer_type, table, customer, key);
			break;
	}
}

#endif							/* WINBACK_CUSTOMER_TYPE_H */
