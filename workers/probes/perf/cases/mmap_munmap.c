// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A mapping that nobody touches.
 * One operation: mmap() of 16 anonymous pages, munmap().
 */
#include "../case.h"

static void run(unsigned long operations)
{
	unsigned long size = 16UL * getpagesize();

	while (operations--)
		munmap(mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), size);
}

PERF_CASE(.name = "mmap_munmap", .operations = 128, .run = run);
