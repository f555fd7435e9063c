// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Zeros from the kernel.
 * One operation: read() of 4096 bytes of /dev/zero.
 * Disturbed by: how the architecture clears memory, as in page_cache_read.
 */
#include "../case.h"

static char buffer[4096];
static int fd;

static const char *prepare(void)
{
	fd = open("/dev/zero", O_RDONLY);
	if (read(fd, buffer, sizeof(buffer)) != sizeof(buffer))
		return "/dev/zero cannot be read";
	return NULL;
}

static void run(unsigned long operations)
{
	while (operations--)
		read(fd, buffer, sizeof(buffer));
}

PERF_CASE(.name = "read_dev_zero", .operations = 512, .prepare = prepare, .run = run);
