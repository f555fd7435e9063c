// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The least that a write takes.
 * One operation: write() of 4096 bytes to /dev/null, which reads none of them.
 * Disturbed by: nothing that is known.
 */
#include "../case.h"

static char buffer[4096];
static int fd;

static const char *prepare(void)
{
	fd = open("/dev/null", O_WRONLY);
	if (write(fd, buffer, sizeof(buffer)) != sizeof(buffer))
		return "/dev/null cannot be written";
	return NULL;
}

static void run(unsigned long operations)
{
	while (operations--)
		write(fd, buffer, sizeof(buffer));
}

PERF_CASE(.name = "write_dev_null", .operations = 1024, .prepare = prepare, .run = run);
