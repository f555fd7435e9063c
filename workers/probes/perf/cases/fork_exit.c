// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that does nothing.
 * One operation: fork(), exit in the child, waitpid().
 * Disturbed by: work that comes in some rounds and not in others, as in fork_exec (1 to 8 %);
 * how many pages this program has, for their table is copied; the hash table of processes, if
 * it grew or shrank (see main.c).
 */
#include "../case.h"

static int start_and_wait(void)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	waitpid(child, &status, 0);
	return status;
}

static const char *prepare(void)
{
	return start_and_wait() ? "fork() failed" : NULL;
}

static void run(unsigned long operations)
{
	while (operations--)
		start_and_wait();
}

PERF_CASE(.name = "fork_exit", .operations = 8, .prepare = prepare, .run = run);
