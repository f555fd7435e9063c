// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A signal and its handler.
 * One operation: kill() of this process, the handler, which does nothing, and the return.
 */
#include "../case.h"
#include "../signal_handler.h"

static void handler(int signal)
{
	(void)signal;
}

static const char *prepare(unsigned long operations)
{
	(void)operations;
	return signal_handler(SIGUSR1, handler) ? "rt_sigaction() failed" : NULL;
}

static void run(unsigned long operations)
{
	pid_t self = getpid();

	while (operations--)
		kill(self, SIGUSR1);
}

PERF_CASE(.name = "signal_self", .operations = 256, .prepare = prepare, .run = run);
