/*
 * large_memory.h
 *	  What is done to large memory, in pieces.
 */
#ifndef WINBACK_LARGE_MEMORY_H
#define WINBACK_LARGE_MEMORY_H

#include "postgres.h"

/*
 * How many bytes are copied, cleared or put in large pages at a time: memory that is
 * touched for the first time takes about a millisecond a MB.
 */
#define PIECE			((Size) 8 * 1024 * 1024)

/* And how many customers are, whose facts may take 6 kB each. */
#define PIECE_CUSTOMERS	1024

extern void AdviseLargePages(char *start, Size size);
extern void *MoveToLarger(MemoryContext context, void *old, Size used, Size offset, Size size);
extern void ClearMemory(char *start, Size size);

#endif							/* WINBACK_LARGE_MEMORY_H */
