/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A counter that begins at the machine's reset and that user space can read: how much was
 * counted before the kernel had a clock. CLOCK_MONOTONIC does not tell, for until the kernel
 * switches to its clocksource it counts ticks (but on s390).
 */
#ifndef CROSSCHECK_COUNTER_H
#define CROSSCHECK_COUNTER_H

#if defined(__aarch64__)

static inline uint64_t counter(void)
{
	uint64_t count;

	__asm__ volatile ("mrs %0, cntvct_el0" : "=r"(count));
	return count;
}

#elif defined(__riscv) && __riscv_xlen == 64

static inline uint64_t counter(void)
{
	uint64_t count;

	__asm__ volatile ("rdtime %0" : "=r"(count));
	return count;
}

#elif defined(__x86_64__) || defined(__i386__)

static inline uint64_t counter(void)
{
	uint32_t low, high;

	__asm__ volatile ("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

#elif defined(__s390x__)

/* The clock counts from the first instruction of the kernel on (arch/s390/boot/head.S). */
static inline uint64_t counter(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#elif defined(__mips__) && __mips_isa_rev >= 2

static inline uint64_t counter(void)
{
	uint32_t count;

	__asm__ volatile ("rdhwr %0, $2" : "=r"(count));
	return count;
}

#elif defined(__sparc__) && defined(__arch64__)

static inline uint64_t counter(void)
{
	uint64_t count;

	__asm__ volatile ("rd %%tick, %0" : "=r"(count));
	return count & ~(1ULL << 63);
}

#else

static inline uint64_t counter(void)
{
	return 0;
}

#endif
#endif
