/*
 * large_memory.c
 *	  What is done to large memory, in pieces.
 *
 * A table of customers may be gigabytes.  Between two pieces we look whether somebody
 * wants us to stop.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "compat.h"
#include "table/large_memory.h"

/* from this many bytes on, large pages are worth it (measured: a tenth) */
#define HUGE_FROM		((Size) 8 * 1024 * 1024)

/* Ask for large pages, where there is enough memory for it to be worth it. */
void
AdviseLargePages(char *start, Size size)
{
	char	   *end = start + size;

	if (size < HUGE_FROM)
		return;
	/* pieces that begin at multiples of their size, so that no page is cut in two */
	while (start < end)
	{
		char	   *next = Min((char *) TYPEALIGN(PIECE, start + 1), end);

		CHECK_FOR_INTERRUPTS();
		AdviseHugePages(start, next - start);
		start = next;
	}
}

/*
 * Larger memory, in which what was there, so many bytes, stands from an offset on;
 * the rest of it is undefined, and the old memory, if not NULL, is no more.
 *
 * Of what is large, each piece is given back as soon as it is copied, so that both do
 * not exist as a whole at any time; only addresses are needed for both.  repalloc
 * does not need more memory, but nothing can stop it, be it that the C library copies
 * or that the kernel moves pages (measured: 0.7 ms a MB).
 */
void *
MoveToLarger(MemoryContext context, void *old, Size used, Size offset, Size size)
{
	char	   *from = old;
	char	   *larger = MemoryContextAllocHuge(context, size);

	Assert(offset + used <= size);

	AdviseLargePages(larger, size);
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

/* As memset with zero. */
void
ClearMemory(char *start, Size size)
{
	for (Size done = 0; done < size; done += PIECE)
	{
		CHECK_FOR_INTERRUPTS();
		memset(start + done, 0, Min(PIECE, size - done));
	}
}
