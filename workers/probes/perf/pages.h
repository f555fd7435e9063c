/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages to fault on, again and again, while their page tables stay: of each BLOCK pages one
 * is written once and never given back. A block is smaller than what a page table holds
 * anywhere, so that no table falls empty (and is freed, where the kernel does so).
 */
#ifndef CROSSCHECK_PAGES_H
#define CROSSCHECK_PAGES_H

#define BLOCK 64UL

/*
 * Of a round. A multiple of 31: the kernel puts new pages on its lists by so many
 * (FOLIO_BATCH_SIZE), and then each round has the same share of that.
 */
#define PAGES 248

static char *pages;

static inline unsigned long pages_blocks(unsigned long count)
{
	return (count + BLOCK - 2) / (BLOCK - 1);
}

/* Fresh pages for COUNT from page FIRST; not by madvise(), which small kernels lack. */
static inline void *pages_fresh(unsigned long first, unsigned long count)
{
	unsigned long size = getpagesize();
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | (pages ? MAP_FIXED : 0);

	return mmap(pages ? pages + first * size : NULL, count * size, PROT_READ | PROT_WRITE,
		    flags, -1, 0);
}

/* Gives all of them back, but for each block's first. */
static inline void pages_drop(unsigned long count)
{
	for (unsigned long i = 0; i < pages_blocks(count); i++)
		pages_fresh(i * BLOCK + 1, BLOCK - 1);
}

/* Page I of those that are given back. */
static inline volatile char *pages_at(unsigned long i, unsigned long size)
{
	return pages + (i + i / (BLOCK - 1) + 1) * size;
}

static inline const char *pages_map(void)
{
	unsigned long blocks = pages_blocks(PAGES);

	pages = pages_fresh(0, blocks * BLOCK);
	if (pages == MAP_FAILED)
		return "mmap() failed";
	for (unsigned long i = 0; i < blocks; i++)
		*(volatile char *)(pages + i * BLOCK * getpagesize()) = 1;
	*pages_at(0, getpagesize()) = 1;
	pages_drop(1);
	return *pages_at(0, getpagesize()) ? "mmap() gives no fresh page" : NULL;
}

static inline void pages_read(unsigned long count)
{
	unsigned long size = getpagesize();

	for (unsigned long i = 0; i < count; i++)
		(void)*pages_at(i, size);
}

static inline void pages_write(unsigned long count)
{
	unsigned long size = getpagesize();

	for (unsigned long i = 0; i < count; i++)
		*pages_at(i, size) = 1;
}

#endif
