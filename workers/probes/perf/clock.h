/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual time, and how to be far from the next tick. */
#ifndef CROSSCHECK_CLOCK_H
#define CROSSCHECK_CLOCK_H

static inline uint64_t clock_now(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Sleeps until just after a tick, so that the next one is far. What the kernel has put off
 * (work queues, RCU callbacks) is done meanwhile, and not in the round.
 */
static inline void clock_settle(void)
{
	poll(NULL, 0, 1);
}

#endif
