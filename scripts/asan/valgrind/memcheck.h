/*
 * memcheck.h
 *	  Passes PostgreSQL's hints to valgrind on to AddressSanitizer.
 *
 * PostgreSQL takes memory from malloc in blocks and hands out chunks of them, so
 * that AddressSanitizer alone sees neither a byte read behind a chunk nor one
 * read after pfree.  But compiled with USE_VALGRIND it declares, by the macros of
 * valgrind's <valgrind/memcheck.h>, which bytes may be touched and which not.
 * In the build of scripts/checked for AddressSanitizer this header replaces
 * valgrind's.
 *
 * Limits: AddressSanitizer does not find reads of memory that was never written;
 * valgrind does.  AddressSanitizer has no memory pools either.  In builds with
 * assertions PostgreSQL overwrites the memory that it frees and marks it byte by
 * byte, which serves as well.
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
