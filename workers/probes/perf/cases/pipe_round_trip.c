// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two processes that wait for each other at two pipes.
 * One operation: a byte there and one back, with two switches of the process.
 * Disturbed by: what is more than the switches in some rounds (0.03 %, 0.6 % on mips; why is not
 * known).
 */
#include "../case.h"

static int there[2], back[2];

static const char *prepare(void)
{
	char byte = 0;

	if (pipe(there) || pipe(back))
		return "pipe() failed";
	if (syscall(__NR_write, back[1], &byte, 1) != 1 ||
	    syscall(__NR_read, back[0], &byte, 1) != 1)
		return "write() or read() of a pipe failed";
	switch (partner()) {
	case -1:
		return "fork() failed";
	case 0:
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			write(back[1], &byte, 1);
		_exit(0);
	}
	return NULL;
}

static void run(unsigned long operations)
{
	char byte = 0;

	while (operations--) {
		write(there[1], &byte, 1);
		read(back[0], &byte, 1);
	}
}

PERF_CASE(.name = "pipe_round_trip", .operations = 128, .prepare = prepare, .run = run);
