// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process that does nothing.
 * One operation: fork(), exit in the child, waitpid().
 */
#include "../case.h"

static void run(unsigned long operations)
{
	while (operations--) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

PERF_CASE(.name = "fork_exit", .operations = 8, .run = run);
