/*
 * large_memory.h
 *	  Allocate, move and clear memory of many megabytes, interruptibly.
 */
#ifndef WINBACK_LARGE_MEMORY_H
#define WINBACK_LARGE_MEMORY_H

#include "postgres.h"

/*
 * Loops over memory check for interrupts after each PIECE bytes, loops over customers
 * after each PIECE_CUSTOMERS.  Memory that is touched for the first time takes about
 * a millisecond a MB; the facts of a customer may have 6 kB.
 */
#define PIECE			((Size) 8 * 1024 * 1024)
#define PIECE_CUSTOMERS	1024

extern void *AllocateLarge(MemoryContext context, Size size);
extern void *MoveToLarger(MemoryContext context, void *old, Size used, Size offset, Size size);
extern void ClearMemory(char *start, Size size);

#endif							/* WINBACK_LARGE_MEMORY_H */
