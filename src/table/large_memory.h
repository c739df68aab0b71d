/*
 * pieces.h
 *	  What is done to large memory, in pieces.
 */
#ifndef WINBACK_PIECES_H
#define WINBACK_PIECES_H

#include "postgres.h"

/*
 * How many bytes are copied, cleared or put in large pages at a time: memory that is
 * touched for the first time takes about a millisecond a MB.
 */
#define PIECE			((Size) 8 * 1024 * 1024)

/* And how many customers are, whose facts may take 6 kB each. */
#define PIECE_CUSTOMERS	1024

extern void PutInLargePages(char *start, Size size);
extern void *Enlarge(MemoryContext context, void *old, Size used, Size offset, Size size);
extern void ClearPieces(char *start, Size size);

#endif							/* WINBACK_PIECES_H */
