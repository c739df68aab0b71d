/*
 * label.c
 *	  The types lifecycle_status and lifecycle_event: one byte by value, labels.
 *
 * The byte is the code of rules.h, whose order is the order of the type.  On the
 * wire, binary as well as text, a value is its label, as with enums: a driver
 * that does not know the type then shows something a person can read, and codes
 * stay our own business.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "rules/rules.h"

/* each type has its labels */
PG_FUNCTION_INFO_V1(lifecycle_status_in);
PG_FUNCTION_INFO_V1(lifecycle_status_out);
PG_FUNCTION_INFO_V1(lifecycle_status_recv);
PG_FUNCTION_INFO_V1(lifecycle_status_send);
PG_FUNCTION_INFO_V1(lifecycle_event_in);
PG_FUNCTION_INFO_V1(lifecycle_event_out);
PG_FUNCTION_INFO_V1(lifecycle_event_recv);
PG_FUNCTION_INFO_V1(lifecycle_event_send);

/* all else is the same for both */
PG_FUNCTION_INFO_V1(label_lt);
PG_FUNCTION_INFO_V1(label_le);
PG_FUNCTION_INFO_V1(label_eq);
PG_FUNCTION_INFO_V1(label_ne);
PG_FUNCTION_INFO_V1(label_ge);
PG_FUNCTION_INFO_V1(label_gt);
PG_FUNCTION_INFO_V1(label_cmp);
PG_FUNCTION_INFO_V1(label_hash);
PG_FUNCTION_INFO_V1(label_hash_extended);

typedef struct Label
{
	const char *name;
	uint8		code;
} Label;

/* A type whose values are labels. */
typedef struct LabelSet
{
	const char *type_name;
	const char *hint;			/* the labels, for a person */
	int			nlabels;
	const Label *labels;
} LabelSet;

static const Label status_labels[] = {
	{"prospect", LIFECYCLE_PROSPECT},
	{"new", LIFECYCLE_NEW},
	{"active", LIFECYCLE_ACTIVE},
	{"inactive", LIFECYCLE_INACTIVE},
	{"churned", LIFECYCLE_CHURNED},
	{"reactivated", LIFECYCLE_REACTIVATED},
	{"won_back", LIFECYCLE_WON_BACK},
};

static const LabelSet status_set = {
	"lifecycle_status",
	"Labels are prospect, new, active, inactive, churned, reactivated and won_back.",
	lengthof(status_labels),
	status_labels
};

static const Label event_labels[] = {
	{"interest", EVENT_INTEREST},
	{"purchase", EVENT_PURCHASE},
	{"cancellation", EVENT_CANCELLATION},
};

static const LabelSet event_set = {
	"lifecycle_event",
	"Labels are interest, purchase and cancellation.",
	lengthof(event_labels),
	event_labels
};

static uint8
LabelToCode(const LabelSet *set, const char *name)
{
	for (int i = 0; i < set->nlabels; i++)
	{
		if (strcmp(set->labels[i].name, name) == 0)
			return set->labels[i].code;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input value for %s: \"%s\"", set->type_name, name),
			 errhint("%s", set->hint)));
}

static const char *
CodeToLabel(const LabelSet *set, uint8 code)
{
	for (int i = 0; i < set->nlabels; i++)
	{
		if (set->labels[i].code == code)
			return set->labels[i].name;
	}
	elog(ERROR, "invalid code for %s: %d", set->type_name, code);
}

static Datum
LabelReceive(FunctionCallInfo fcinfo, const LabelSet *set)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *name = pq_getmsgtext(message, message->len - message->cursor, &length);

	PG_RETURN_CHAR(LabelToCode(set, name));
}

static Datum
LabelSend(FunctionCallInfo fcinfo, const LabelSet *set)
{
	const char *name = CodeToLabel(set, PG_GETARG_CHAR(0));
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendtext(&message, name, strlen(name));
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}

Datum
lifecycle_status_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_CHAR(LabelToCode(&status_set, PG_GETARG_CSTRING(0)));
}

Datum
lifecycle_status_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(pstrdup(CodeToLabel(&status_set, PG_GETARG_CHAR(0))));
}

Datum
lifecycle_status_recv(PG_FUNCTION_ARGS)
{
	return LabelReceive(fcinfo, &status_set);
}

Datum
lifecycle_status_send(PG_FUNCTION_ARGS)
{
	return LabelSend(fcinfo, &status_set);
}

Datum
lifecycle_event_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_CHAR(LabelToCode(&event_set, PG_GETARG_CSTRING(0)));
}

Datum
lifecycle_event_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(pstrdup(CodeToLabel(&event_set, PG_GETARG_CHAR(0))));
}

Datum
lifecycle_event_recv(PG_FUNCTION_ARGS)
{
	return LabelReceive(fcinfo, &event_set);
}

Datum
lifecycle_event_send(PG_FUNCTION_ARGS)
{
	return LabelSend(fcinfo, &event_set);
}

/* The order of two arguments, less than, equal to or greater than zero. */
static inline int
CompareArgs(FunctionCallInfo fcinfo)
{
	return (int) (uint8) PG_GETARG_CHAR(0) - (int) (uint8) PG_GETARG_CHAR(1);
}

Datum
label_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) < 0);
}

Datum
label_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) <= 0);
}

Datum
label_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) == 0);
}

Datum
label_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) != 0);
}

Datum
label_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) >= 0);
}

Datum
label_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(CompareArgs(fcinfo) > 0);
}

Datum
label_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(CompareArgs(fcinfo));
}

Datum
label_hash(PG_FUNCTION_ARGS)
{
	return hash_uint32((uint8) PG_GETARG_CHAR(0));
}

Datum
label_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_uint32_extended((uint8) PG_GETARG_CHAR(0), PG_GETARG_INT64(1));
}
