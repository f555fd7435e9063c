// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Two processes that wait for each other at two futexes in shared memory.
 * One operation: a wake-up there and one back, with two switches of the process.
 * Disturbed by: collisions in the hash table of futexes, whose buckets follow from addresses;
 * what is more than the switches in some rounds (0.02 %, 1 % on mips; why is not known).
 */
#include "../case.h"
#include "../futex.h"

static volatile unsigned int *words; /* turns taken: ours, theirs */

static void wait_for(int which, unsigned int turn)
{
	while (words[which] != turn)
		futex(words + which, FUTEX_WAIT, words[which]);
}

static void take(int which, unsigned int turn)
{
	words[which] = turn;
	futex(words + which, FUTEX_WAKE, 1);
}

static const char *prepare(void)
{
	words = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (words == MAP_FAILED)
		return "mmap() of shared memory failed";
	words[0] = words[1] = 0;
	if (futex(words, FUTEX_WAKE, 1) || futex(words, FUTEX_WAIT, 1) != -1 || errno != EAGAIN)
		return "futex() failed";
	switch (partner()) {
	case -1:
		return "fork() failed";
	case 0:
		for (unsigned int turn = 1;; turn++) {
			wait_for(0, turn);
			take(1, turn);
		}
	}
	return NULL;
}

static void run(unsigned long operations)
{
	static unsigned int turn;

	while (operations--) {
		take(0, ++turn);
		wait_for(1, turn);
	}
}

/* That the other one was faster than FUTEX_WAIT is no failure. */
static void after(unsigned long operations)
{
	(void)operations;
	if (errno == EAGAIN)
		errno = 0;
}

PERF_CASE(.name = "futex_round_trip", .operations = 128, .prepare = prepare, .run = run,
	  .after = after);
