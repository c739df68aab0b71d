/*
 * valgrind.h
 *	  Stands in for valgrind's header of this name, as memcheck.h does: macros
 *	  that PostgreSQL 16 and later use.
 */
#ifndef WINBACK_ASAN_VALGRIND_H
#define WINBACK_ASAN_VALGRIND_H

#define RUNNING_ON_VALGRIND			0
#define VALGRIND_COUNT_ERRORS		0
#define VALGRIND_PRINTF(...)		((void) 0)

#endif							/* WINBACK_ASAN_VALGRIND_H */
