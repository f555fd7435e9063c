// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A switch to another process, and little else.
 * One operation: sched_yield() to a process that yields as well, and back. Both are real-time
 * processes of one priority, for then a yield is always a switch. To wake the other one, which
 * sleeps between rounds, is in the figure: about a 128th of it.
 * Disturbed by: what is more than the switches in some rounds (0.03 %, 0.4 % on mips; why is not
 * known).
 */
#include "../case.h"

static int start[2];

static const char *prepare(void)
{
	int priority = 1;
	unsigned long operations;

	if (syscall(__NR_sched_yield))
		return "sched_yield() failed";
	if (pipe(start) || syscall(__NR_sched_setscheduler, 0, SCHED_FIFO, &priority))
		return "sched_setscheduler() or pipe() failed";
	switch (partner()) {
	case -1:
		return "fork() failed";
	case 0:
		for (;;) {
			read(start[0], &operations, sizeof(operations));
			while (operations--)
				sched_yield();
		}
	}
	return NULL;
}

static void run(unsigned long operations)
{
	write(start[1], &operations, sizeof(operations));
	while (operations--)
		sched_yield();
}

PERF_CASE(.name = "sched_yield", .operations = 128, .prepare = prepare, .run = run);
