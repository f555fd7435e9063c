// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A new program: this one again, which ends at once when it is told to.
 * One operation: fork(), execve(), the start of a static program, exit, waitpid().
 * Disturbed by: random addresses and what follows from them, so that `norandmaps` is needed;
 * work that comes in some rounds and not in others (2 to 5 %; it seems to be the page
 * allocator's, which refills its lists), so that of all rounds only the shortest is the same in
 * every boot; how many pages this program has. Where instructions take long, the next tick.
 */
#include "../case.h"

static int start_and_wait(void)
{
	char *argv[] = { "/proc/self/exe", NOTHING, NULL };
	char *envp[] = { NULL };
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		execve(argv[0], argv, envp);
		_exit(1);
	}
	waitpid(child, &status, 0);
	return status;
}

static const char *prepare(void)
{
	return start_and_wait() ? "execve() of /proc/self/exe failed" : NULL;
}

static void run(unsigned long operations)
{
	while (operations--)
		start_and_wait();
}

PERF_CASE(.name = "fork_exec", .operations = 4, .prepare = prepare, .run = run);
