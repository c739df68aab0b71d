/*
 * customer_type.c
 *	  Make keys of a customer table from values of any hashable type.
 *
 * Two values are the same customer if they are equal by the equality operator of their
 * type's default hash operator class, under the collation of the call.  For the types that
 * customers usually have, this is equality of the bits, and this file makes their keys.
 * All other types (composites, numeric, texts under nondeterministic collations, types
 * of extensions) are hashed and compared by functions from the type cache.
 *
 * A table of the other types stores an image of each value: the flat, detoasted bytes of a
 * varlena, the bytes of a value of fixed length, the Datum of a type passed by value.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_control.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "compat.h"
#include "table/customer_type.h"

/* Return the way in which values of a type become keys. */
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

/* Look up the functions with which the type hashes and compares. */
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
	 * The type cache has no hash function for rows without a declared type, so that the planner
	 * sorts them: a column might have a type that cannot be hashed.  Sorting is no option here.
	 * hash_record_extended raises an error for such a column.
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
				 errdetail("Customers are told apart by the default hash operator class "
						   "of their type."),
				 errhint("Use a customer column of another type, or cast it, "
						 "for example to text.")));

	customer_type->typlen = typentry->typlen;
	customer_type->typbyval = typentry->typbyval;
	fmgr_info_cxt(hash, &customer_type->hash, context);
	fmgr_info_cxt(equal, &customer_type->equal, context);
}

/*
 * Return the seed for tables of customers.  Customers may choose their own keys, but without
 * the seed they cannot compute the places of these keys.
 *
 * The seed is a hash of the secret that initdb made for the cluster and of the start of the
 * statement.  PostgreSQL passes that instant to the workers of a parallel query, so their
 * seed is the same as the leader's.  Two states of one aggregate may still have different
 * seeds, because a cursor is opened by one statement and read by another.  Tables with
 * different seeds can be merged (CustomerTableNextFor).
 */
uint64
SeedOfQuery(void)
{
	return hash_bytes_extended((const unsigned char *) GetMockAuthenticationNonce(),
							   MOCK_AUTH_NONCE_LEN,
							   (uint64) GetCurrentStatementStartTimestamp());
}

/* Create the CustomerType of a customer column. */
CustomerType *
CustomerTypeCreate(MemoryContext context, Oid type, Oid collation)
{
	CustomerType *customer_type = MemoryContextAllocZero(context, sizeof(CustomerType));

	customer_type->type = type;
	customer_type->collation = collation;
	customer_type->path = KeyPathOfType(type, collation);
	customer_type->seed = SeedOfQuery();

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

/*
 * Return whether a table of this type of customers may have keys of a form: the form of an
 * empty table, or one that it may change to.
 *
 * Check the form of a received table before you merge its customers.  Otherwise keys of
 * another form would be read wrongly, for example integers as pointers.
 */
bool
CustomerTypeAllowsForm(const CustomerType *customer_type, KeyForm form)
{
	switch (customer_type->path)
	{
		case CUSTOMER_INT16:
		case CUSTOMER_INT32:
			return form == KEY_HALF || form == KEY_DENSE;
		case CUSTOMER_INT64:
			return form == KEY_HALF || form == KEY_DENSE || form == KEY_WORD;
		case CUSTOMER_UUID:
			return form == KEY_PAIR;
		case CUSTOMER_TEXT:
			return form == KEY_PAIR || form == KEY_QUAD || form == KEY_BYTES;
		case CUSTOMER_ANY:
			return form == KEY_VALUE;
	}
	return false;
}

/* Do the work of MakeCustomerKey for all types except integers. */
void
MakeCustomerKeyOfValue(CustomerType *customer_type, const CustomerTable *table, Datum customer,
					   CustomerKey *key)
{
	key->wide = false;
	if (customer_type->path == CUSTOMER_UUID)
	{
		uint64		words[2];

		memcpy(words, DatumGetUUIDP(customer)->data, sizeof(words));
		CustomerKeyFromWords(table, words, lengthof(words), key);
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

		/*
		 * The upper bits of a type's own hash need not be well distributed.  The seed comes in
		 * here, not as an argument of the hash function, so that a table with another seed can be
		 * merged without another call of that function.
		 */
		key->word = ScrambleWord(key->word, table->seed);

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

/*
 * Return whether equal values of a type have equal bytes, so that a customer in a table can be
 * returned in place of any equal one.  A number such as 1.0, which equals 1.00, can not.
 */
bool
CustomerHasOneImage(Oid type, Oid collation)
{
	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case UUIDOID:
			return true;
		case TEXTOID:
		case VARCHAROID:
			return OidIsValid(collation) && get_collation_isdeterministic(collation);
	}
	return false;
}

/*
 * Return the bytes that a table takes for the key of a customer of a type of CustomerHasOneImage.
 * `width` is the average length of a value.
 */
int
CustomerKeyBytes(Oid type, int32 width)
{
	const int	image_header = sizeof(Size);

	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case DATEOID:
			return sizeof(uint32);
		case INT8OID:
			return sizeof(uint64);
		case UUIDOID:
			return 2 * sizeof(uint64);
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return 2 * sizeof(uint64) + image_header + sizeof(Datum);
	}
	if (width <= TEXT_IN_WORDS)
		return width <= UUID_LEN ? UUID_LEN : TEXT_IN_WORDS;
	return 2 * sizeof(uint64) + image_header + MAXALIGN(width);
}

/*
 * Return a hash of a customer of a type of CustomerHasOneImage.  Unlike the word of a key, it does
 * not depend on the form of a table, and it is independent of the word.
 */
uint64
CustomerHash(CustomerType *customer_type, Datum customer)
{
	const uint64 seed = ~customer_type->seed;
	const text *value;

	switch (customer_type->path)
	{
		case CUSTOMER_INT16:
			return ScrambleWord((uint64) DatumGetInt16(customer), seed);
		case CUSTOMER_INT32:
			return ScrambleWord((uint64) DatumGetInt32(customer), seed);
		case CUSTOMER_INT64:
			return ScrambleWord((uint64) DatumGetInt64(customer), seed);
		case CUSTOMER_UUID:
			return hash_bytes_extended(DatumGetUUIDP(customer)->data, UUID_LEN, seed);
		case CUSTOMER_TEXT:
			value = DatumGetTextPP(customer);
			return hash_bytes_extended((const unsigned char *) VARDATA_ANY(value),
									   VARSIZE_ANY_EXHDR(value), seed);
		case CUSTOMER_ANY:
			Assert(customer_type->typbyval);
			return ScrambleWord((uint64) customer, seed);
	}
	pg_unreachable();
}

/*
 * Return the customer with these facts, of a type of CustomerHasOneImage, allocated in the current
 * context.
 */
Datum
CustomerOfFacts(const CustomerType *customer_type, const CustomerTable *table, const uint8 *facts)
{
	char		room[TEXT_IN_WORDS];
	const char *bytes;
	Size		length;
	uint64		words[2];
	pg_uuid_t  *uuid;

	switch (customer_type->path)
	{
		case CUSTOMER_INT16:
		case CUSTOMER_INT32:
		case CUSTOMER_INT64:
			return CustomerOfInteger(customer_type->path, CustomerTableInteger(table, facts));
		case CUSTOMER_UUID:
			uuid = palloc(sizeof(pg_uuid_t));
			CustomerTableWords(table, facts, words);
			memcpy(uuid->data, words, UUID_LEN);
			return UUIDPGetDatum(uuid);
		case CUSTOMER_TEXT:
			length = CustomerTableText(table, facts, room, &bytes);
			return PointerGetDatum(cstring_to_text_with_len(bytes, (int) length));
		case CUSTOMER_ANY:
			Assert(customer_type->typbyval);
			return *(const Datum *) CustomerTableImage(table, facts, &length);
	}
	pg_unreachable();
}

/* Return whether a received image of KEY_VALUE has the length that its type demands. */
bool
CustomerImageIsValid(const CustomerType *customer_type, const char *image, Size length)
{
	if (customer_type->typbyval)
		return length == sizeof(Datum);
	if (customer_type->typlen == -1)
		return length >= VARHDRSZ && VARATT_IS_4B_U(image) && VARSIZE(image) == length;
	if (customer_type->typlen == -2)
		return strnlen(image, length) + 1 == length;
	return length == (Size) customer_type->typlen;
}

/* Return whether two images of KEY_VALUE are the same customer. */
bool
CustomerImagesAreEqual(CustomerType *customer_type, const char *a, const char *b)
{
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
