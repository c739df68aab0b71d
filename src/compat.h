/*
 * compat.h
 *	  What differs between versions of PostgreSQL and between compilers.
 *
 * Nothing else names PG_VERSION_NUM.  Each entry says what it bridges, so that
 * it can go when the oldest supported version (now 15) moves on.
 */
#ifndef WINBACK_COMPAT_H
#define WINBACK_COMPAT_H

#include "postgres.h"

/* 16 moved the varlena macros out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 17 brought infinite intervals; before, every interval is finite */
#if PG_VERSION_NUM >= 170000
#define IntervalIsFinite(interval)	(!INTERVAL_NOT_FINITE(interval))
#else
#define IntervalIsFinite(interval)	true
#endif

/* 18 wants "does not return" in front of a declaration, and has a name for that */
#if PG_VERSION_NUM < 180000
#define pg_noreturn			pg_attribute_noreturn()
#endif

/* a hint only: correct, if slower, where the compiler has no such thing */
#if defined(__GNUC__) || defined(__clang__)
#define PrefetchForUpdate(address)	__builtin_prefetch((address), 1)
#define PrefetchForReading(address)	__builtin_prefetch((address), 0)
#else
#define PrefetchForUpdate(address)	((void) (address))
#define PrefetchForReading(address)	((void) (address))
#endif

#endif							/* WINBACK_COMPAT_H */
