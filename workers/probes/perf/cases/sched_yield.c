// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A switch to another process, and little else.
 * One operation: sched_yield() to a process that yields as well, and back. Both are real-time
 * processes of one priority, for then a yield is always a switch. What wakes the other one
 * at a round's begin is in the figure, a 128th of it.
 * Disturbed by: nothing that is known.
 */
#include "../case.h"

static int start[2];

static const char *prepare(unsigned long operations)
{
	int priority = 1;
	char byte;

	if (pipe(start) || syscall(__NR_sched_setscheduler, 0, SCHED_FIFO, &priority))
		return "sched_setscheduler() or pipe() failed";
	switch (partner()) {
	case -1:
		return "fork() failed";
	case 0:
		for (;;) {
			read(start[0], &byte, 1);
			for (unsigned long i = 0; i < operations; i++)
				sched_yield();
		}
	}
	return NULL;
}

static void run(unsigned long operations)
{
	char byte = 0;

	write(start[1], &byte, 1);
	while (operations--)
		sched_yield();
}

PERF_CASE(.name = "sched_yield", .operations = 128, .prepare = prepare, .run = run);
