// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A mapping that nobody touches.
 * One operation: mmap() of 16 anonymous pages, munmap().
 * Disturbed by: how many mappings this program has. A change of layout moved it by 0.03 %.
 */
#include "../case.h"

static int map_and_unmap(void)
{
	unsigned long size = 16UL * getpagesize();

	return munmap(mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), size);
}

static const char *prepare(void)
{
	return map_and_unmap() ? "mmap() or munmap() failed" : NULL;
}

static void run(unsigned long operations)
{
	while (operations--)
		map_and_unmap();
}

PERF_CASE(.name = "mmap_munmap", .operations = 128, .prepare = prepare, .run = run);
