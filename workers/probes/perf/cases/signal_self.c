// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A signal and its handler.
 * One operation: kill() of this process, the handler, which notes the signal, and the return.
 * Disturbed by: how much state the kernel saves for the handler, floating point included.
 */
#include "../case.h"
#include "../signal_handler.h"

static volatile int handled;

static void handler(int signal)
{
	handled = signal;
}

static const char *prepare(void)
{
	if (signal_handler(SIGUSR1, handler) || kill(getpid(), SIGUSR1) || !handled)
		return "no signal came";
	return NULL;
}

static void run(unsigned long operations)
{
	pid_t self = getpid();

	while (operations--)
		kill(self, SIGUSR1);
}

PERF_CASE(.name = "signal_self", .operations = 256, .prepare = prepare, .run = run);
