/*
 * history_site.c
 *	  The arguments of a transition function over histories.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "nodes/execnodes.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "aggregates/history_site.h"

/* history, period, step and three thresholds, after the state */
#define MAX_ARGS	7

/*
 * Return whether an argument of the aggregate has one value for the whole query.  Citus passes the
 * arguments to an aggregate of its own, behind an argument that names this one.
 */
static bool
ArgIsConstant(FunctionCallInfo fcinfo, int arg)
{
	ScanCall   *call = GetScanCall(fcinfo);
	Aggref	   *aggref = call ? call->aggref : AggGetAggref(fcinfo);
	int			nbefore;
	Expr	   *expr;

	if (arg == 0)
		return true;
	if (aggref == NULL)
		return false;
	nbefore = list_length(aggref->args) - (PG_NARGS() - 1);
	if (nbefore < 0)
		return false;
	expr = list_nth_node(TargetEntry, aggref->args, nbefore + arg - 1)->expr;
	return IsA(expr, Const) ||
		(IsA(expr, Param) && castNode(Param, expr)->paramkind == PARAM_EXTERN);
}

/*
 * A site of calls without an fn_extra that lives on.  Citus makes a new FmgrInfo for each row, but
 * passes the node of the plan, so these sites are kept here until the query ends.
 */
typedef struct KeptSite
{
	struct KeptSite *next;
	const Node *caller;			/* the AggState and its Aggref */
	const Aggref *aggref;
	Oid			function;		/* a transition function */
	HistorySite *site;
	MemoryContextCallback at_end;
} KeptSite;

static KeptSite *kept_sites = NULL;

/* Remove a site whose memory is about to be freed. */
static void
ForgetSite(void *arg)
{
	KeptSite   *gone = arg;
	KeptSite  **link = &kept_sites;

	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
}

/* Return the kept site of a call, or NULL if there is none. */
static HistorySite *
FindKeptSite(FunctionCallInfo fcinfo, const Aggref *aggref)
{
	for (const KeptSite *kept = kept_sites; kept != NULL; kept = kept->next)
	{
		if (kept->caller == fcinfo->context && kept->aggref == aggref &&
			kept->function == fcinfo->flinfo->fn_oid)
			return kept->site;
	}
	return NULL;
}

/* Keep a site, which is allocated in the memory of a query, until that ends. */
static void
KeepSite(FunctionCallInfo fcinfo, const Aggref *aggref, HistorySite *site)
{
	KeptSite   *kept = MemoryContextAlloc(site->context, sizeof(KeptSite));

	kept->caller = fcinfo->context;
	kept->aggref = aggref;
	kept->function = fcinfo->flinfo->fn_oid;
	kept->site = site;
	kept->at_end.func = ForgetSite;
	kept->at_end.arg = kept;
	kept->next = kept_sites;
	kept_sites = kept;
	MemoryContextRegisterResetCallback(site->context, &kept->at_end);
}

void *
HistorySiteCreate(FunctionCallInfo fcinfo, const Signature *signature, Size size)
{
	const Aggref *aggref = fcinfo->flinfo->fn_expr == NULL ? AggGetAggref(fcinfo) : NULL;
	MemoryContext context = aggref == NULL ? fcinfo->flinfo->fn_mcxt :
		castNode(AggState, fcinfo->context)->ss.ps.state->es_query_cxt;
	HistorySite *history_site = aggref == NULL ? NULL : FindKeptSite(fcinfo, aggref);
	CallSite	site = {.signature = signature};
	int			arg = HISTORY_WHEN_ARG;
	Oid		   *types;
	int			ntypes;

	if (history_site != NULL)
		return fcinfo->flinfo->fn_extra = history_site;
	history_site = MemoryContextAllocZero(context, size);
	history_site->context = context;
	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &ntypes);
	site.period = arg++;
	if (signature->scope == SCOPE_BETWEEN)
		site.until = arg++;
	history_site->nwhens = arg - HISTORY_WHEN_ARG;
	if (signature->scope == SCOPE_SERIES)
		site.step = arg++;
	if (signature->inactive_after)
		site.inactive_after = arg++;
	if (signature->churned_after)
		site.churned_after = arg++;
	if (signature->lost_after)
		site.lost_after = arg++;
	if (arg != PG_NARGS() || arg != ntypes || arg > MAX_ARGS)
		elog(ERROR, "transition function %u has %d arguments",
			 fcinfo->flinfo->fn_oid, PG_NARGS());
	history_site->when_type = types[HISTORY_WHEN_ARG];

	/* a history may have events, and amounts, which are in no argument of their own */
	site.event = HISTORY_ARG;
	site.amount = HISTORY_ARG;
	site.family.context = context;
	site.constant = ArgIsConstant(fcinfo, site.period) && ArgIsConstant(fcinfo, site.until) &&
		ArgIsConstant(fcinfo, site.step) &&
		ArgIsConstant(fcinfo, site.inactive_after) && ArgIsConstant(fcinfo, site.churned_after) &&
		ArgIsConstant(fcinfo, site.lost_after);
	for (int unit = 0; unit < NTIME_UNITS; unit++)
	{
		site.unit = (TimeUnit) unit;
		history_site->sites[unit] = site;
	}

	if (aggref != NULL)
		KeepSite(fcinfo, aggref, history_site);
	return fcinfo->flinfo->fn_extra = history_site;
}

/* Return what argument n of the type of the period is. */
static HistoryWhenKind
KindOfWhen(const HistorySite *history_site, int n)
{
	switch (history_site->sites[0].signature->scope)
	{
		case SCOPE_UNTIL:
			return WHEN_UNTIL;
		case SCOPE_BETWEEN:
			return n == 0 ? WHEN_AS_OF : WHEN_UNTIL;
		default:
			return WHEN_PERIOD;
	}
}

/* Return the period or instant that a text is in a unit.  It is kept for the next call. */
static Datum
WhenOfText(FunctionCallInfo fcinfo, HistorySite *history_site, int n, TimeUnit unit)
{
	HistoryLiteral *literal = &history_site->literals[n][unit];
	text	   *when = PG_GETARG_TEXT_PP(HISTORY_WHEN_ARG + n);
	Size		size = VARSIZE_ANY_EXHDR(when);
	MemoryContext caller;

	if (literal->text != NULL && VARSIZE_ANY_EXHDR(literal->text) == size &&
		memcmp(VARDATA_ANY(literal->text), VARDATA_ANY(when), size) == 0)
		return literal->value;

	if (literal->text != NULL)
	{
		pfree(literal->text);
		literal->text = NULL;
		if (KindOfWhen(history_site, n) == WHEN_PERIOD)
			pfree(DatumGetPointer(literal->value));
	}
	caller = MemoryContextSwitchTo(history_site->context);
	literal->value = HistoryWhen(PointerGetDatum(when), TEXTOID, unit, KindOfWhen(history_site, n));
	literal->text = cstring_to_text_with_len(VARDATA_ANY(when), (int) size);
	MemoryContextSwitchTo(caller);
	return literal->value;
}

/* Return the mark of a question, with the zone in which days and months are counted. */
static int64
MarkOf(const Question *question)
{
	uint64		hash = question->fingerprint;

	if (question->unit == UNIT_TIMESTAMPTZ)
	{
		const char *timezone = pg_get_timezone_name(session_timezone);

		hash = hash_bytes_extended((const unsigned char *) timezone, (int) strlen(timezone), hash);
	}
	return (int64) (hash % ((UINT64CONST(1) << HISTORY_MARK_BITS) - 1)) + 1;
}

/* Raise the error of a group whose customers were not all asked one question. */
void
HistoryQuestionsDiffer(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the question must be the same for every history of a group"),
			 errdetail("Period, as_of and until, step and thresholds, the type of the times of the "
					   "histories and, over timestamptz, TimeZone belong to the question."),
			 errhint("Pass constants, or add them to GROUP BY.  Ask histories of different types "
					 "of time apart.")));
}

/* Read the question about a history of a unit from the arguments. */
const Question *
HistorySiteReadQuestion(FunctionCallInfo fcinfo, HistorySite *history_site, TimeUnit unit)
{
	CallSite   *site = &history_site->sites[unit];
	const Question *question;
	LOCAL_FCINFO(args, MAX_ARGS);

	/* CallSite reads the arguments of a column of the unit */
	memcpy(args, fcinfo, SizeForFunctionCallInfo(PG_NARGS()));
	for (int n = 0; n < history_site->nwhens; n++)
	{
		int			arg = HISTORY_WHEN_ARG + n;

		if (PG_ARGISNULL(arg))
			continue;
		args->args[arg].value = history_site->when_type == TEXTOID ?
			WhenOfText(fcinfo, history_site, n, unit) :
			HistoryWhenOfUnit(PG_GETARG_DATUM(arg), history_site->when_type, unit,
							  KindOfWhen(history_site, n));
	}
	question = CallSiteReadQuestion(args, site);
	history_site->marks[unit] = MarkOf(question);
	return question;
}
