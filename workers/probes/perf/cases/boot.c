// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The machine's way to user space: firmware (but on s390), kernel, the start of this program.
 * One operation: all of that, once. It is read from a counter that starts at reset, whose pace
 * is taken from how far it gets in some ticks.
 * Disturbed by: the size of kernel and initramfs, which firmware and kernel move, unpack and
 * clear (half a megabyte more is 0.15 % on arm64, 1.2 % on s390, which unpacks the kernel);
 * waiting for devices and ticks, which costs virtual time; how this program was compiled.
 */
#include "../case.h"
#include "../clock.h"
#include "../counter.h"

/* By hand: for 64 bits on 32 the compiler would call libgcc, which is not everywhere. */
static uint64_t divide(uint64_t what, uint64_t by)
{
	uint64_t result = 0, rest = 0;

	for (int bit = 0; bit < 64; bit++) {
		rest = rest << 1 | what >> 63;
		what <<= 1;
		result <<= 1;
		if (rest >= by) {
			rest -= by;
			result++;
		}
	}
	return result;
}

static const char *once(uint64_t *ns)
{
	uint64_t begin, passed, counted;

	if (!counter_at_start)
		return "there is no counter that user space can read";
	clock_settle();
	begin = clock_now();
	counted = counter();
	poll(NULL, 0, 50);
	passed = clock_now() - begin;
	counted = counter() - counted;
	if (!counted)
		return "the counter stands still";
	*ns = divide(counter_at_start * passed, counted);
	return NULL;
}

PERF_CASE(.name = "boot", .once = once);
