// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A new program: the same one, which ends at once when it is told to.
 * One operation: fork(), execve(), the start of a static program, exit, waitpid().
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
