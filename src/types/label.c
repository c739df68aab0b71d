/*
 * label.c
 *	  The types lifecycle_status and lifecycle_event.
 *
 * A value is one byte, passed by value: a code of LifecycleStatus or
 * LifecycleEvent in rules.h.  Values sort by their codes.  The codes are stored
 * in users' tables, so they never change; t/030_types.pl checks them.
 *
 * The text form and the binary form of a value are both its label, as with an
 * enum.  So a driver that has no code for the type shows a readable word, and
 * the codes stay inside the server.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "nodes/nodes.h"
#include "utils/builtins.h"

#include "compat.h"
#include "rules/rules.h"
#include "types/label.h"

/* Each type has its own input and output functions, because its labels differ. */
PG_FUNCTION_INFO_V1(lifecycle_status_in);
PG_FUNCTION_INFO_V1(lifecycle_status_out);
PG_FUNCTION_INFO_V1(lifecycle_status_recv);
PG_FUNCTION_INFO_V1(lifecycle_status_send);
PG_FUNCTION_INFO_V1(lifecycle_event_in);
PG_FUNCTION_INFO_V1(lifecycle_event_out);
PG_FUNCTION_INFO_V1(lifecycle_event_recv);
PG_FUNCTION_INFO_V1(lifecycle_event_send);

/* Both types share the functions that look at codes only. */
PG_FUNCTION_INFO_V1(label_lt);
PG_FUNCTION_INFO_V1(label_le);
PG_FUNCTION_INFO_V1(label_eq);
PG_FUNCTION_INFO_V1(label_ne);
PG_FUNCTION_INFO_V1(label_ge);
PG_FUNCTION_INFO_V1(label_gt);
PG_FUNCTION_INFO_V1(label_cmp);
PG_FUNCTION_INFO_V1(label_larger);
PG_FUNCTION_INFO_V1(label_smaller);
PG_FUNCTION_INFO_V1(label_hash);
PG_FUNCTION_INFO_V1(label_hash_extended);

typedef struct Label
{
	const char *name;
	uint8		code;
} Label;

/* All labels of one type. */
typedef struct LabelSet
{
	const char *type_name;
	const char *hint;			/* errhint: lists the labels */
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
	{"adjustment", EVENT_ADJUSTMENT},
};

static const LabelSet event_set = {
	"lifecycle_event",
	"Labels are interest, purchase, cancellation and adjustment.",
	lengthof(event_labels),
	event_labels
};

/*
 * Return the likely cause if a text that is no event is another argument of an
 * aggregate, or else an empty string.
 *
 * The form with an event has one argument more than the form without.  So
 * PostgreSQL chooses it for a call with one argument too many, and reads the
 * literal in the place of the event as an event.  Labels have neither digits nor
 * brackets.
 */
static const char *
CauseOfWrongEvent(const char *input)
{
	if (strpbrk(input, "[(") != NULL)
		return "The text looks like a period. There is one threshold too many, or the event "
			"does not stand right before the period. ";
	if (strpbrk(input, "0123456789") != NULL)
		return "The text looks like a time. A period is one argument: tstzrange(from, to). "
			"Otherwise there is one threshold too many. ";
	return "";
}

/*
 * Return the code of a label.  Any other text is an error: a soft one if
 * escontext is an ErrorSaveContext, and then the result means nothing.
 */
static uint8
LabelToCode(const LabelSet *set, const char *name, Node *escontext)
{
	for (int i = 0; i < set->nlabels; i++)
	{
		if (strcmp(set->labels[i].name, name) == 0)
			return set->labels[i].code;
	}
	ereturn(escontext, 0,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input value for %s: \"%s\"", set->type_name, name),
			 errhint("%s%s", set == &event_set ? CauseOfWrongEvent(name) : "", set->hint)));
}

/* Return the label of a code.  A code without a label means a damaged table. */
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

/* Set the event with a label of `length` bytes.  Return false if there is none. */
bool
LifecycleEventOfLabel(const char *name, Size length, uint8 *event)
{
	for (int i = 0; i < (int) lengthof(event_labels); i++)
	{
		if (strlen(event_labels[i].name) == length &&
			memcmp(event_labels[i].name, name, length) == 0)
		{
			*event = event_labels[i].code;
			return true;
		}
	}
	return false;
}

const char *
LabelOfLifecycleEvent(LifecycleEvent event)
{
	return CodeToLabel(&event_set, (uint8) event);
}

static Datum
LabelReceive(FunctionCallInfo fcinfo, const LabelSet *set)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *name = pq_getmsgtext(message, message->len - message->cursor, &length);

	PG_RETURN_CHAR(LabelToCode(set, name, NULL));
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
	PG_RETURN_CHAR(LabelToCode(&status_set, PG_GETARG_CSTRING(0), fcinfo->context));
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
	PG_RETURN_CHAR(LabelToCode(&event_set, PG_GETARG_CSTRING(0), fcinfo->context));
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

/* Compare two arguments by their codes, as strcmp() does: below, equal to or above zero. */
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
label_larger(PG_FUNCTION_ARGS)
{
	return PG_GETARG_DATUM(CompareArgs(fcinfo) > 0 ? 0 : 1);
}

Datum
label_smaller(PG_FUNCTION_ARGS)
{
	return PG_GETARG_DATUM(CompareArgs(fcinfo) < 0 ? 0 : 1);
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
