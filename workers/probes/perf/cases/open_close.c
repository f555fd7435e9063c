// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A path looked up, and a file opened and closed.
 * One operation: open() of a file of the tmpfs, close().
 * Disturbed by: collisions in the hash table of directory entries, whose buckets follow from
 * addresses.
 */
#include "../case.h"

#define FILE_NAME "/tmp/open_close"

static const char *prepare(void)
{
	errno = 0;
	close(open(FILE_NAME, O_RDWR | O_CREAT, 0600));
	return errno ? "no file can be made below /tmp, or closed" : NULL;
}

static void run(unsigned long operations)
{
	while (operations--)
		close(open(FILE_NAME, O_RDONLY));
}

PERF_CASE(.name = "open_close", .operations = 256, .prepare = prepare, .run = run);
