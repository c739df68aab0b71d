/*
 * customer_type.c
 *	  From a value of any hashable type to a key of the table.
 *
 * Two values are the same customer when the equality of their type's default
 * hash operator class says so, under the collation of the call.  For the types
 * that customers usually have, that is equality of the bits, and we take a path
 * of our own; everything else (composites, numeric, nondeterministic collations,
 * what an extension brings) goes through the type cache.
 *
 * For the latter the table keeps an image of the value: the flat, detoasted
 * bytes of a varlena, the bytes of a fixed-length type, the Datum of a by-value
 * one.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "compat.h"
#include "table/customer_type.h"

static KeyPath
KeyPathOfType(Oid type, Oid collation)
{
	switch (getBaseType(type))
	{
		case INT2OID:
			return CUSTOMER_INT16;
		case INT4OID:
		case DATEOID:
			return CUSTOMER_INT32;
		case INT8OID:
			return CUSTOMER_INT64;
		case UUIDOID:
			return CUSTOMER_UUID;
		case TEXTOID:
		case VARCHAROID:
			if (!OidIsValid(collation))
				ereport(ERROR,
						(errcode(ERRCODE_INDETERMINATE_COLLATION),
						 errmsg("could not determine which collation to use for the customer"),
						 errhint("Use the COLLATE clause to set the collation explicitly.")));
			return get_collation_isdeterministic(collation) ? CUSTOMER_TEXT : CUSTOMER_ANY;
	}
	return CUSTOMER_ANY;
}

/* Look up how the type hashes and compares. */
static void
LookUpFunctions(CustomerType *customer_type, MemoryContext context)
{
	TypeCacheEntry *typentry = lookup_type_cache(customer_type->type,
												 TYPECACHE_EQ_OPR_FINFO |
												 TYPECACHE_HASH_PROC |
												 TYPECACHE_HASH_EXTENDED_PROC);
	Oid			equal = typentry->eq_opr_finfo.fn_oid;
	Oid			hash = typentry->hash_extended_proc;

	/*
	 * Of a row without a declared type the type cache would not say that it can
	 * be hashed, in order that sorting be chosen.  We have no such choice, and
	 * leave it to the function to find a column that cannot.
	 */
	if (customer_type->type == RECORDOID)
		hash = F_HASH_RECORD_EXTENDED;

	customer_type->hash_is_extended = OidIsValid(hash);
	if (!customer_type->hash_is_extended)
		hash = typentry->hash_proc;

	if (!OidIsValid(hash) || !OidIsValid(equal))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify a hash function and an equality operator for type %s",
						format_type_be(customer_type->type)),
				 errdetail("Customers are told apart by the default hash operator class of their type."),
				 errhint("Use a customer column of another type, or cast it, for example to text.")));

	customer_type->typlen = typentry->typlen;
	customer_type->typbyval = typentry->typbyval;
	fmgr_info_cxt(hash, &customer_type->hash, context);
	fmgr_info_cxt(equal, &customer_type->equal, context);
}

/* Learn how to treat a customer column. */
CustomerType *
CustomerTypeCreate(MemoryContext context, Oid type, Oid collation)
{
	CustomerType *customer_type = MemoryContextAllocZero(context, sizeof(CustomerType));

	customer_type->type = type;
	customer_type->collation = collation;
	customer_type->path = KeyPathOfType(type, collation);

	switch (customer_type->path)
	{
		case CUSTOMER_INT16:
		case CUSTOMER_INT32:
		case CUSTOMER_INT64:
			customer_type->form = KEY_HALF;
			break;
		case CUSTOMER_UUID:
		case CUSTOMER_TEXT:
			customer_type->form = KEY_PAIR;
			break;
		case CUSTOMER_ANY:
			customer_type->form = KEY_VALUE;
			LookUpFunctions(customer_type, context);
			break;
	}
	return customer_type;
}

/* The general case of MakeCustomerKey. */
void
MakeCustomerKeyOfValue(CustomerType *customer_type, const CustomerTable *table, Datum customer,
					 CustomerKey *key)
{
	key->wide = false;
	if (customer_type->path == CUSTOMER_UUID)
	{
		uint64		half[2];

		memcpy(half, DatumGetUUIDP(customer)->data, sizeof(half));
		CustomerKeyFromPair(half, key);
	}
	else if (customer_type->path == CUSTOMER_TEXT)
	{
		const text *value = DatumGetTextPP(customer);

		CustomerKeyFromText(table, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), key);
	}
	else
	{
		if (customer_type->typlen == -1)
			customer = PointerGetDatum(PG_DETOAST_DATUM(customer));

		if (customer_type->hash_is_extended)
			key->word = DatumGetUInt64(FunctionCall2Coll(&customer_type->hash,
														 customer_type->collation,
														 customer, Int64GetDatum(0)));
		else
			key->word = DatumGetUInt32(FunctionCall1Coll(&customer_type->hash,
														 customer_type->collation,
														 customer));
		/* nobody promises that the upper bits of a type's own hash are any good */
		key->word = ScrambleWord(key->word);

		if (customer_type->typbyval)
		{
			Datum	   *image = palloc(sizeof(Datum));

			*image = customer;
			key->u.image = (const char *) image;
			key->length = sizeof(Datum);
		}
		else
		{
			key->u.image = DatumGetPointer(customer);
			key->length = datumGetSize(customer, false, customer_type->typlen);
		}
	}
}

/* Are two images the same customer?  For KEY_VALUE. */
bool
CustomersEqualByType(void *arg, const char *a, const char *b)
{
	CustomerType *customer_type = arg;
	Datum		left = PointerGetDatum(a);
	Datum		right = PointerGetDatum(b);

	if (customer_type->typbyval)
	{
		left = *(const Datum *) a;
		right = *(const Datum *) b;
	}
	return DatumGetBool(FunctionCall2Coll(&customer_type->equal,
										  customer_type->collation, left, right));
}
