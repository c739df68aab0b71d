/*
 * memcheck.h
 *	  PostgreSQL's hints to valgrind about its memory, told to AddressSanitizer.
 *
 * PostgreSQL takes memory from malloc in blocks and hands out chunks of them, so
 * that AddressSanitizer alone sees neither a byte read behind a chunk nor one
 * read after pfree.  But compiled with USE_VALGRIND it says, by the macros of
 * valgrind's <valgrind/memcheck.h>, which bytes may be touched and which not.
 * In the build of scripts/checked for AddressSanitizer this header stands in for
 * that one.
 *
 * Limits: AddressSanitizer knows nothing of memory that was never written; that
 * remains valgrind's.  It has no pools either: what is freed in one is said by
 * PostgreSQL byte for byte as well, where it overwrites freed memory (in builds
 * with assertions it does).
 */
#ifndef WINBACK_ASAN_MEMCHECK_H
#define WINBACK_ASAN_MEMCHECK_H

#include <sanitizer/asan_interface.h>

#define VALGRIND_MAKE_MEM_NOACCESS(addr, size)	ASAN_POISON_MEMORY_REGION(addr, size)
#define VALGRIND_MAKE_MEM_UNDEFINED(addr, size)	ASAN_UNPOISON_MEMORY_REGION(addr, size)
#define VALGRIND_MAKE_MEM_DEFINED(addr, size)	ASAN_UNPOISON_MEMORY_REGION(addr, size)
#define VALGRIND_CHECK_MEM_IS_DEFINED(addr, size)	((void) 0)

#define VALGRIND_CREATE_MEMPOOL(pool, redzone, zeroed)	((void) 0)
#define VALGRIND_DESTROY_MEMPOOL(pool)					((void) 0)
#define VALGRIND_MEMPOOL_TRIM(pool, addr, size)			((void) 0)
#define VALGRIND_MEMPOOL_FREE(pool, addr)				((void) 0)
#define VALGRIND_MEMPOOL_ALLOC(pool, addr, size)		ASAN_UNPOISON_MEMORY_REGION(addr, size)
#define VALGRIND_MEMPOOL_CHANGE(pool, old, new, size)	ASAN_UNPOISON_MEMORY_REGION(new, size)

#endif							/* WINBACK_ASAN_MEMCHECK_H */
