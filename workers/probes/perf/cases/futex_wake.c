// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least that the futex system call takes.
 * One operation: FUTEX_WAKE of a word of this process that nobody waits for.
 * Disturbed by: collisions in the hash table of futexes, which nobody else uses here.
 */
#include "../case.h"
#include "../futex.h"

static unsigned int word;

static const char *prepare(void)
{
	return futex(&word, FUTEX_WAKE_PRIVATE, 1) ? "futex() failed" : NULL;
}

static void run(unsigned long operations)
{
	while (operations--)
		futex(&word, FUTEX_WAKE_PRIVATE, 1);
}

PERF_CASE(.name = "futex_wake", .operations = 1024, .prepare = prepare, .run = run);
