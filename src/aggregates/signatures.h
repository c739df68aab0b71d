/*
 * signatures.h
 *	  The arguments of the aggregates, which those over rows and those over histories share.
 *
 * They are constants in a header, so that the compiler sees them where a signature is used, and
 * compiles the loops over rows for it.
 */
#ifndef WINBACK_SIGNATURES_H
#define WINBACK_SIGNATURES_H

#include "aggregates/call_site.h"

/* These are of rates.c and history_rates.c. */
static const Signature reactivation_signature = {
	.customer = true, .scope = SCOPE_START, .inactive_after = true
};
static const Signature winback_signature = {
	.customer = true, .scope = SCOPE_START, .churned_after = true
};
static const Signature reactivation_lost_signature = {
	.customer = true, .scope = SCOPE_START, .inactive_after = true, .lost_after = true
};
static const Signature winback_lost_signature = {
	.customer = true, .scope = SCOPE_START, .churned_after = true, .lost_after = true
};

/* These are of counts.c and history_counts.c. */
static const Signature counts_signature = {
	.customer = true, .scope = SCOPE_BOTH, .inactive_after = true, .churned_after = true
};
static const Signature series_signature = {
	.customer = true, .scope = SCOPE_SERIES, .inactive_after = true, .churned_after = true
};
static const Signature counts_lost_signature = {
	.customer = true, .scope = SCOPE_BOTH, .inactive_after = true, .churned_after = true,
	.lost_after = true
};
static const Signature series_lost_signature = {
	.customer = true, .scope = SCOPE_SERIES, .inactive_after = true, .churned_after = true,
	.lost_after = true
};

/* These are of return_curve.c and history_curve.c. */
static const Signature curve_signature = {
	.customer = true, .scope = SCOPE_UNTIL, .counts_days = true
};
static const Signature curve_at_signature = {
	.customer = true, .scope = SCOPE_BETWEEN, .counts_days = true
};

/* These are of lifecycle.c and history.c, for one customer. */
static const Signature at_signature = {
	.scope = SCOPE_INSTANT, .inactive_after = true, .churned_after = true
};
static const Signature during_signature = {
	.scope = SCOPE_BOUNDED, .inactive_after = true, .churned_after = true
};
static const Signature explain_signature = {
	.scope = SCOPE_BOTH, .inactive_after = true, .churned_after = true
};

#endif							/* WINBACK_SIGNATURES_H */
