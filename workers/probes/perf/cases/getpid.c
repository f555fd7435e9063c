// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least that a system call takes.
 * One operation: getpid().
 * Disturbed by: nothing but work that the kernel does at every entry (tracing, auditing).
 */
#include "../case.h"

static const char *prepare(void)
{
	return syscall(__NR_getpid) < 1 ? "getpid() failed" : NULL;
}

static void run(unsigned long operations)
{
	while (operations--)
		syscall(__NR_getpid);
}

PERF_CASE(.name = "getpid", .operations = 1024, .prepare = prepare, .run = run);
