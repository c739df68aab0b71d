/*
 * pieces.c
 *	  What is done to large memory, in pieces.
 *
 * A table of customers may be gigabytes.  Between two pieces we look whether somebody
 * wants us to stop.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "pieces.h"

/* from this many bytes on, large pages are worth it (measured: a tenth) */
#define HUGE_FROM		((Size) 8 * 1024 * 1024)

/* Ask for large pages, where there is enough memory for it to be worth it. */
void
PutInLargePages(char *start, Size size)
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

/* As memcpy. */
void
CopyPieces(char *to, const char *from, Size size)
{
	for (Size done = 0; done < size; done += PIECE)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy(to + done, from + done, Min(PIECE, size - done));
	}
}

/* As memmove, towards the end. */
void
MovePieces(char *to, const char *from, Size size)
{
	while (size > 0)
	{
		Size		piece = Min(PIECE, size);

		CHECK_FOR_INTERRUPTS();
		size -= piece;
		memmove(to + size, from + size, piece);
	}
}

/* As memset with zero. */
void
ClearPieces(char *start, Size size)
{
	for (Size done = 0; done < size; done += PIECE)
	{
		CHECK_FOR_INTERRUPTS();
		memset(start + done, 0, Min(PIECE, size - done));
	}
}
