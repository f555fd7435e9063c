// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is in the page cache, copied.
 * One operation: lseek() to the start of a file of the tmpfs, read() of 4096 bytes.
 * Disturbed by: how the architecture copies, for a string instruction counts as one on s390
 * and as one for each step on x86.
 */
#include "../case.h"

static char buffer[4096];
static int fd;

static const char *prepare(void)
{
	fd = open("/tmp/page_cache_read", O_RDWR | O_CREAT, 0600);
	if (fd < 0 || write(fd, buffer, sizeof(buffer)) != sizeof(buffer))
		return "no file can be written below /tmp";
	if (lseek(fd, 0, SEEK_SET) || read(fd, buffer, sizeof(buffer)) != sizeof(buffer))
		return "lseek() or read() failed";
	return NULL;
}

static void run(unsigned long operations)
{
	while (operations--) {
		lseek(fd, 0, SEEK_SET);
		read(fd, buffer, sizeof(buffer));
	}
}

PERF_CASE(.name = "page_cache_read", .operations = 256, .prepare = prepare, .run = run);
