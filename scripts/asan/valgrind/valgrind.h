/*
 * valgrind.h
 *	  As memcheck.h: what PostgreSQL 16 and later ask valgrind beside that.
 */
#ifndef WINBACK_ASAN_VALGRIND_H
#define WINBACK_ASAN_VALGRIND_H

#define RUNNING_ON_VALGRIND			0
#define VALGRIND_COUNT_ERRORS		0
#define VALGRIND_PRINTF(...)		((void) 0)

#endif							/* WINBACK_ASAN_VALGRIND_H */
