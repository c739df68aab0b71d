/*
 * holdout.c
 *	  The SQL function holdout, which draws customers at random and yet always the
 *	  same ones.
 *
 * The idea: a customer's number between 0 and 1 is the SHA-256 of the salt, a zero
 * byte and the customer's text form, both in UTF-8; the first 8 bytes, the most
 * significant first, divided by 2^64.  The customer is drawn if the number is
 * below the share.  So every server draws the same customers, and so does any
 * other program; a larger share draws the same customers and more; and draws with
 * different salts are independent.  No text contains a zero byte, so two different
 * pairs of salt and customer never give the same bytes.
 *
 * Limits: it takes integers, numeric, text, uuid and the like, and domains over them.
 * Settings change the text form of many other types, such as times, floats and rows:
 * the same customer would be drawn in one session and not in another.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "statistics/sql_function.h"

PG_FUNCTION_INFO_V1(holdout);

/* Return true if the text form of a type is the same in all sessions. */
static bool
TextFormIsFixed(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case NUMERICOID:
		case BOOLOID:
		case CHAROID:
		case NAMEOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case UUIDOID:
			return true;
		default:
			return false;
	}
}

/* Return the output function of the customer's type, or raise an error if it is not allowed. */
static FmgrInfo *
CustomerOutput(FunctionCallInfo fcinfo)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	FmgrInfo   *output = fcinfo->flinfo->fn_extra;
	Oid			function;
	bool		is_varlena;

	if (output != NULL)
		return output;
	if (!OidIsValid(type))
		elog(ERROR, "could not determine the type of the customer");
	type = getBaseType(type);
	if (!TextFormIsFixed(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("holdout cannot take a customer of type %s", format_type_be(type)),
				 errdetail("Settings of the session may change the text form of this type."),
				 errhint("Convert the customer to text in a form that does not change, such as "
						 "to_char(..., 'YYYY-MM-DD'), lower(...::text) or encode(..., 'hex').")));
	getTypeOutputInfo(type, &function, &is_varlena);
	output = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(FmgrInfo));
	fmgr_info_cxt(function, output, fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = output;
	return output;
}

/* SQL function holdout(customer, salt, share). */
Datum
holdout(PG_FUNCTION_ARGS)
{
	FmgrInfo   *output = CustomerOutput(fcinfo);
	float8		share = ArgShare(fcinfo, 2, "share");
	char	   *customer = OutputFunctionCall(output, PG_GETARG_DATUM(0));
	char	   *salt = text_to_cstring(PG_GETARG_TEXT_PP(1));
	Size		salt_length,
				customer_length;
	bytea	   *message;
	bytea	   *digest;
	uint64		number = 0;

	salt = pg_server_to_any(salt, strlen(salt), PG_UTF8);
	customer = pg_server_to_any(customer, strlen(customer), PG_UTF8);
	salt_length = strlen(salt);
	customer_length = strlen(customer);
	message = palloc(VARHDRSZ + salt_length + 1 + customer_length);
	SET_VARSIZE(message, VARHDRSZ + salt_length + 1 + customer_length);
	memcpy(VARDATA(message), salt, salt_length + 1);
	memcpy(VARDATA(message) + salt_length + 1, customer, customer_length);

	digest = DatumGetByteaPP(DirectFunctionCall1(sha256_bytea, PointerGetDatum(message)));
	for (int i = 0; i < 8; i++)
		number = number << 8 | (uint8) VARDATA_ANY(digest)[i];
	/* share * 2^64 is exact, and an integer is below it if it is below the next larger integer */
	PG_RETURN_BOOL(share >= 1 || number < (uint64) ceil(ldexp(share, 64)));
}
