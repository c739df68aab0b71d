/*
 * period_state.c
 *	  States of one period: the judge of purchases, and the facts of each customer.
 *
 * There are two kinds.  If all rows are purchases, the facts are a byte of verdicts
 * (PurchaseFacts).  If rows have events, the order of a purchase and a cancellation
 * matters as well, and the facts are 34 bytes (EventFacts, packed).
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "utils/memutils.h"

#include "state/period_state.h"

/* A kind of state of one period. */
typedef struct PeriodStateOps
{
	CustomerStateOps base;
	/* cppcheck-suppress unusedStructMember ; called by way of CustomerState.ops */
	void		(*visit) (PeriodState *state, OutcomeVisitor visitor, void *arg);
} PeriodStateOps;

static const PeriodStateOps purchases_ops;
static const PeriodStateOps events_ops;

/*
 * Functions of both kinds.
 */

static CustomerState *
CreateOfKind(MemoryContext context, StateFamily *family, const PeriodJudge *judge,
			 const CustomerStateOps *ops)
{
	PeriodState *state = MemoryContextAllocZero(context, sizeof(PeriodState));

	state->judge = FamilyJudge(family, context, judge);
	CustomerStateInit(&state->base, ops, context, family->customer_type);
	return &state->base;
}

/* Create a state without customers. */
PeriodState *
PeriodStateCreate(MemoryContext context, StateFamily *family, const PeriodJudge *judge,
				  bool has_events)
{
	return (PeriodState *) CreateOfKind(context, family, judge,
										has_events ? &events_ops.base : &purchases_ops.base);
}

static CustomerState *
CreateLike(MemoryContext context, StateFamily *family, const CustomerState *other)
{
	return CreateOfKind(context, family, ((const PeriodState *) other)->judge, other->ops);
}

static void
MergeHead(CustomerState *state, const CustomerState *other)
{
	if (((PeriodState *) state)->judge->fingerprint !=
		((const PeriodState *) other)->judge->fingerprint)
		QuestionChanged();
}

static void
WriteHead(StringInfo wire, const CustomerState *state)
{
	pq_sendint64(wire, ((const PeriodState *) state)->judge->fingerprint);
}

/*
 * A received state can only be merged into another one and takes no rows.  So its judge
 * needs only the fingerprint, which the merge compares.
 */
static CustomerState *
ReadHead(StringInfo wire)
{
	PeriodState *state = palloc0(sizeof(PeriodState));
	PeriodJudge judge = {0};

	judge.fingerprint = pq_getmsgint64(wire);
	state->judge = PeriodJudgeCopy(CurrentMemoryContext, &judge);
	return &state->base;
}

#ifdef USE_ASSERT_CHECKING
static void
Check(const CustomerState *state, bool whole pg_attribute_unused())
{
	Assert(((const PeriodState *) state)->judge->nedges <= JUDGE_MAX_EDGES);
}
#endif

/*
 * The kind for purchases.  Facts are the OR of the verdicts.
 */

static int
PurchasesSize(const CustomerState *state pg_attribute_unused())
{
	return sizeof(PurchaseFacts);
}

static void
AddPurchases(CustomerState *state pg_attribute_unused(), uint8 *const *facts, const void *rows,
			 int nrows)
{
	const PurchaseFacts *verdicts = rows;

	for (int i = 0; i < nrows; i++)
		*facts[i] |= verdicts[i];
}

static void
MergePurchases(CustomerState *state pg_attribute_unused(), uint8 *facts,
			   const CustomerState *other pg_attribute_unused(), const uint8 *theirs)
{
	*facts |= *theirs;
}

/*
 * Customers with equal facts have the same outcome.  So we count the customers for each
 * value of the byte, and compute the outcome once for each value that occurs.
 */
static void
VisitPurchases(PeriodState *state, OutcomeVisitor visitor, void *arg)
{
	uint64		customers[UINT8_MAX + 1] = {0};

	CustomerTableCount(&state->base.table, customers);
	for (int byte = SLOT_TAKEN; byte <= UINT8_MAX; byte++)
	{
		Outcome		outcome;

		if (!(byte & SLOT_TAKEN) || customers[byte] == 0)
			continue;
		outcome = OutcomeFromPurchases(byte & PURCHASE_FACTS_MASK);
		visitor(arg, &outcome, customers[byte]);
	}
}

static const PeriodStateOps purchases_ops = {
	.base = {
		.tag = 'p',
		.row_size = sizeof(PurchaseFacts),
		.merge_is_or = true,
		.facts_size = PurchasesSize,
		.add_rows = AddPurchases,
		.merge_facts = MergePurchases,
		.merge_head = MergeHead,
		.create_like = CreateLike,
		.write_head = WriteHead,
		.read_head = ReadHead,
#ifdef USE_ASSERT_CHECKING
		.check = Check,
#endif
	},
	.visit = VisitPurchases
};

const CustomerStateOps *const period_purchases_kind = &purchases_ops.base;

/*
 * The kind for events.  Facts are EventFacts.
 */

static int
EventsSize(const CustomerState *state pg_attribute_unused())
{
	return EVENT_FACTS_SIZE;
}

static void
AddEvents(CustomerState *state, uint8 *const *facts, const void *rows, int nrows)
{
	const PeriodEvent *events = rows;
	int64		from = ((PeriodState *) state)->judge->period.from;

	for (int i = 0; i < nrows; i++)
	{
		EventFacts	known;

		EventFactsLoad(&known, facts[i]);
		EventFactsAdd(&known, events[i].at, events[i].event, events[i].verdict, from);
		EventFactsStore(&known, facts[i]);
	}
}

static void
MergeEvents(CustomerState *state pg_attribute_unused(), uint8 *facts,
			const CustomerState *other pg_attribute_unused(), const uint8 *theirs)
{
	EventFacts	known;
	EventFacts	more;

	EventFactsLoad(&known, facts);
	EventFactsLoad(&more, theirs);
	EventFactsMerge(&known, &more);
	EventFactsStore(&known, facts);
}

static void
VisitEvents(PeriodState *state, OutcomeVisitor visitor, void *arg)
{
	uint64		cursor = 0;
	const uint8 *facts;

	while ((facts = CustomerTableNextFacts(&state->base.table, &cursor)) != NULL)
	{
		EventFacts	known;
		Outcome		outcome;

		EventFactsLoad(&known, facts);
		outcome = OutcomeFromEvents(&known);
		visitor(arg, &outcome, 1);
	}
}

static const PeriodStateOps events_ops = {
	.base = {
		.tag = 'e',
		.row_size = sizeof(PeriodEvent),
		.facts_size = EventsSize,
		.add_rows = AddEvents,
		.merge_facts = MergeEvents,
		.merge_head = MergeHead,
		.create_like = CreateLike,
		.write_head = WriteHead,
		.read_head = ReadHead,
#ifdef USE_ASSERT_CHECKING
		.check = Check,
#endif
	},
	.visit = VisitEvents
};

const CustomerStateOps *const period_events_kind = &events_ops.base;

/* Call the visitor for the outcome of each customer or of equal customers. */
void
PeriodStateVisit(PeriodState *state, OutcomeVisitor visitor, void *arg)
{
	CustomerStateFlush(&state->base);
	((const PeriodStateOps *) state->base.ops)->visit(state, visitor, arg);
}
