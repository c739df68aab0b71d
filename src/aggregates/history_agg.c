/*
 * history_agg.c
 *	  The aggregate history_agg, which makes the history of a customer from rows, or from other
 *	  histories of the same customer.
 *
 * The state is a HistoryBuilder: one piece of memory, of about ten bytes for each event.  In a
 * Winback Scan, the facts of a customer are a pointer to it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"

#include "aggregates/aggregates.h"
#include "aggregates/call_site.h"
#include "compat.h"
#include "types/customer_history.h"

PG_FUNCTION_INFO_V1(history_agg_trans);
PG_FUNCTION_INFO_V1(history_agg_merge);
PG_FUNCTION_INFO_V1(history_agg_final);
PG_FUNCTION_INFO_V1(history_agg_combine);
PG_FUNCTION_INFO_V1(history_agg_serial);
PG_FUNCTION_INFO_V1(history_agg_deserial);

/* The position of `at` among the arguments of the transition function. */
#define AT_ARG	1

/* The arguments of all calls of the transition function in one plan. */
typedef struct AggSite
{
	TimeUnit	unit;
	int			event;			/* positions; 0 if absent */
	int			amount;
	BuilderArena *arena;		/* of all builders of a Winback Scan */
} AggSite;

static AggSite *
AggSiteGet(FunctionCallInfo fcinfo)
{
	AggSite    *site = fcinfo->flinfo->fn_extra;

	if (likely(site != NULL))
		return site;
	site = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(AggSite));
	site->unit = TimeUnitOfType(get_fn_expr_argtype(fcinfo->flinfo, AT_ARG));
	for (int arg = AT_ARG + 1; arg < PG_NARGS(); arg++)
	{
		if (get_fn_expr_argtype(fcinfo->flinfo, arg) == NUMERICOID)
			site->amount = arg;
		else
			site->event = arg;
	}
	fcinfo->flinfo->fn_extra = site;
	return site;
}

/*
 * Make an event of the values of a row: at, event and amount.  Return false if the row is ignored.
 * The amount may point to its value.
 */
static pg_attribute_always_inline bool
MakeEvent(const AggSite *site, NullableDatum at, NullableDatum kind, NullableDatum amount,
		  HistoryEvent *event)
{
	if (at.isnull || (site->event && kind.isnull))
		return false;
	event->at = InstantFromDatum(site->unit, at.value);
	event->event = site->event ? (uint8) DatumGetChar(kind.value) : EVENT_PURCHASE;
	event->form = AMOUNT_NONE;
	if (site->amount && !amount.isnull)
		HistoryEventSetAmount(event, DatumGetNumeric(amount.value));
	return HistoryEventCheck(event, ERRCODE_INVALID_PARAMETER_VALUE, NULL);
}

/* Add a row: at [, event] [, amount]. */
Datum
history_agg_trans(PG_FUNCTION_ARGS)
{
	AggSite    *site = AggSiteGet(fcinfo);
	MemoryContext context = AggregateContext(fcinfo);
	HistoryBuilder *builder = ArgState(fcinfo, 0);
	HistoryEvent event;

	if (PG_ARGISNULL(AT_ARG) ||
		!MakeEvent(site, fcinfo->args[AT_ARG], fcinfo->args[site->event],
				   fcinfo->args[site->amount], &event))
		return ReturnState(fcinfo, builder);
	if (builder == NULL)
		builder = HistoryBuilderCreate(context, site->unit);
	PG_RETURN_POINTER(HistoryBuilderAdd(builder, &event));
}

/* Add a history. */
Datum
history_agg_merge(PG_FUNCTION_ARGS)
{
	MemoryContext context = AggregateContext(fcinfo);
	HistoryBuilder *builder = ArgState(fcinfo, 0);
	HistoryReader reader;
	HistoryEvent event;

	if (PG_ARGISNULL(1))
		return ReturnState(fcinfo, builder);
	HistoryOpen(&reader, PG_GETARG_DATUM(1));
	if (builder == NULL)
		builder = HistoryBuilderCreate(context, reader.head.unit);
	HistoryCheckUnit((TimeUnit) builder->unit, reader.head.unit);
	while (HistoryNext(&reader, &event))
		builder = HistoryBuilderAdd(builder, &event);
	PG_RETURN_POINTER(builder);
}

Datum
history_agg_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(HistoryBuilderFinish((HistoryBuilder *) PG_GETARG_POINTER(0)));
}

/* Merge the second state into the first, or copy the second, whose memory is short-lived. */
Datum
history_agg_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = AggregateContext(fcinfo);
	HistoryBuilder *builder = ArgState(fcinfo, 0);
	HistoryBuilder *other = ArgState(fcinfo, 1);

	if (other == NULL)
		return ReturnState(fcinfo, builder);
	if (builder == NULL)
		builder = HistoryBuilderCreate(context, (TimeUnit) other->unit);
	PG_RETURN_POINTER(HistoryBuilderMerge(builder, other));
}

Datum
history_agg_serial(PG_FUNCTION_ARGS)
{
	(void) AggregateContext(fcinfo);
	PG_RETURN_BYTEA_P(HistoryBuilderSerialize((HistoryBuilder *) PG_GETARG_POINTER(0)));
}

Datum
history_agg_deserial(PG_FUNCTION_ARGS)
{
	(void) AggregateContext(fcinfo);
	PG_RETURN_POINTER(HistoryBuilderDeserialize(PG_GETARG_BYTEA_PP(0)));
}

/*
 * In a list of customers.
 */

/* The facts of a customer: a pointer to a builder, which is not aligned. */
#define BUILDER_FACTS_SIZE	((int) sizeof(void *))

static int
BuilderFactsSize(int nargs pg_attribute_unused())
{
	return BUILDER_FACTS_SIZE;
}

/* Return the builder of a customer; NULL before the first event. */
static inline HistoryBuilder *
LoadBuilder(const uint8 *facts)
{
	HistoryBuilder *builder;

	memcpy(&builder, facts, BUILDER_FACTS_SIZE);
	return builder;
}

/*
 * Add rows to the builders of their customers.  Nearly each row needs another one, so ask for the
 * heads of all of them in advance, and then for the places where they are written.
 */
static void
AddToBuilders(FunctionCallInfo fcinfo, const RowBlock *rows, uint8 *const *facts, int offset)
{
	AggSite    *site = AggSiteGet(fcinfo);
	const NullableDatum none = {.isnull = true};

	if (site->arena == NULL)
		site->arena = BuilderArenaCreate(fcinfo->flinfo->fn_mcxt);
	for (int row = 0; row < rows->nrows; row++)
	{
		HistoryBuilder *builder = LoadBuilder(facts[row] + offset);

		if (builder != NULL)
			PrefetchForUpdate(builder);
	}
	for (int row = 0; row < rows->nrows; row++)
	{
		HistoryBuilder *builder = LoadBuilder(facts[row] + offset);

		if (builder != NULL)
			PrefetchForUpdate((uint8 *) builder + builder->used);
	}
	for (int row = 0; row < rows->nrows; row++)
	{
		uint8	   *own = facts[row] + offset;
		HistoryBuilder *builder = LoadBuilder(own);
		HistoryEvent event;

		if (!MakeEvent(site, RowBlockArg(rows, row, fcinfo, AT_ARG),
					   site->event ? RowBlockArg(rows, row, fcinfo, site->event) : none,
					   site->amount ? RowBlockArg(rows, row, fcinfo, site->amount) : none, &event))
			continue;
		if (builder == NULL)
			builder = HistoryBuilderCreateIn(site->arena, site->unit);
		builder = HistoryBuilderAddIn(site->arena, builder, &event);
		memcpy(own, &builder, BUILDER_FACTS_SIZE);
	}
}

/* The builder of a customer with about ten events takes two lines of the cache. */
static void
PrefetchBuilder(const uint8 *facts)
{
	const HistoryBuilder *builder = LoadBuilder(facts);

	if (builder != NULL)
	{
		PrefetchForReading(builder);
		PrefetchForReading((const uint8 *) builder + CACHE_LINE);
	}
}

static Datum
FinishBuilder(FunctionCallInfo fcinfo pg_attribute_unused(),
			  FunctionCallInfo final pg_attribute_unused(), const uint8 *facts, bool *isnull)
{
	HistoryBuilder *builder = LoadBuilder(facts);

	*isnull = builder == NULL;
	return *isnull ? (Datum) 0 : PointerGetDatum(HistoryBuilderFinish(builder));
}

const ListAggregate history_agg_list = {
	.transition = history_agg_trans,
	.final = history_agg_final,
	.facts_size = BuilderFactsSize,
	.add_rows = AddToBuilders,
	.prefetch = PrefetchBuilder,
	.finish = FinishBuilder,
	/* an event takes about ten bytes; a builder that grew is half empty at first */
	.customer_bytes = 64,
	.row_bytes = 16
};
