// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A new program: the same one, which ends at once when it is told to.
 * One operation: fork(), execve(), the start of a static program, exit, waitpid().
 */
#include "../case.h"

static void run(unsigned long operations)
{
	char *argv[] = { "/proc/self/exe", NOTHING, NULL };
	char *envp[] = { NULL };

	while (operations--) {
		pid_t child = fork();

		if (child == 0) {
			execve(argv[0], argv, envp);
			_exit(1);
		}
		waitpid(child, NULL, 0);
	}
}

PERF_CASE(.name = "fork_exec", .operations = 4, .run = run);
