/*
 * large_memory.c
 *	  Allocate, move and clear memory of many megabytes, interruptibly.
 *
 * A table of customers may have gigabytes, and clearing or copying a gigabyte takes
 * about a second.  So it is done in pieces, with a check for interrupts between two
 * of them.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "table/large_memory.h"

/* Ask for huge pages from this size on.  Smaller tables nearly fit the caches. */
#define HUGE_PAGES_FROM	((Size) 8 * 1024 * 1024)

/* Allocate memory, in huge pages where the system gives them. */
void	   *
AllocateLarge(MemoryContext context, Size size)
{
	void	   *memory = MemoryContextAllocHuge(context, size);

	if (size >= HUGE_PAGES_FROM)
		AdviseHugePages(memory, size);
	return memory;
}

/*
 * Allocate `size` bytes, copy the first `used` bytes of `old` to `offset`, and free
 * `old`, which may be NULL if nothing is used.  The other bytes are undefined.
 *
 * If `old` is large, its pages are given back piece by piece as they are copied, so
 * the peak is the larger size plus a piece, not the sum of both sizes.  repalloc() has the
 * same peak, but cannot be interrupted: neither while the C library copies, nor while
 * the kernel moves pages (measured: 0.7 ms a MB).
 */
void	   *
MoveToLarger(MemoryContext context, void *old, Size used, Size offset, Size size)
{
	char	   *from = old;
	char	   *larger = AllocateLarge(context, size);

	Assert(offset + used <= size);

	for (Size done = 0; done < used; done += PIECE)
	{
		Size		piece = Min(PIECE, used - done);

		CHECK_FOR_INTERRUPTS();
		memcpy(larger + offset + done, from + done, piece);
		if (used > PIECE)
			GiveBackPages(from + done, piece);
	}
	if (old != NULL)
		pfree(old);
	return larger;
}

/* Set memory to zeros. */
void
ClearMemory(char *start, Size size)
{
	for (Size done = 0; done < size; done += PIECE)
	{
		CHECK_FOR_INTERRUPTS();
		memset(start + done, 0, Min(PIECE, size - done));
	}
}
