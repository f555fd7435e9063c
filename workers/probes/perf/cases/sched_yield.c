// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A switch of the process, and nothing else.
 * One operation: sched_yield() to a process that yields as well, and back. Both are real-time
 * processes of one priority, for then a yield is always a switch.
 */
#include "../case.h"

static const char *prepare(unsigned long operations)
{
	int priority = 1;

	(void)operations;
	if (syscall(__NR_sched_setscheduler, 0, SCHED_FIFO, &priority))
		return "sched_setscheduler() failed";
	switch (partner()) {
	case -1:
		return "fork() failed";
	case 0:
		for (;;)
			sched_yield();
	}
	return NULL;
}

static void run(unsigned long operations)
{
	while (operations--)
		sched_yield();
}

PERF_CASE(.name = "sched_yield", .operations = 256, .prepare = prepare, .run = run);
