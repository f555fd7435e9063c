/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A counter that begins at the machine's reset and that user space can read: how much was
 * counted before the kernel had a clock. CLOCK_MONOTONIC does not tell, for until the kernel
 * switches to its clocksource it counts ticks.
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
#define COUNTER

#elif defined(__riscv) && __riscv_xlen == 64

static inline uint64_t counter(void)
{
	uint64_t count;

	__asm__ volatile ("rdtime %0" : "=r"(count));
	return count;
}
#define COUNTER

#elif defined(__x86_64__) || defined(__i386__)

static inline uint64_t counter(void)
{
	uint32_t low, high;

	__asm__ volatile ("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}
#define COUNTER

#elif defined(__s390x__)

/* The time of day in 2^-12 microseconds. The machine is switched on at midnight (-rtc). */
static inline uint64_t counter(void)
{
	uint64_t count;

	__asm__ volatile ("stckf %0" : "=Q"(count) : : "cc");
	return count % (86400000000ULL << 12);
}
#define COUNTER

#elif defined(__mips__) && __mips_isa_rev >= 2

static inline uint64_t counter(void)
{
	uint32_t count;

	__asm__ volatile ("rdhwr %0, $2" : "=r"(count));
	return count;
}
#define COUNTER

#elif defined(__sparc__) && defined(__arch64__)

static inline uint64_t counter(void)
{
	uint64_t count;

	__asm__ volatile ("rd %%tick, %0" : "=r"(count));
	return count & ~(1ULL << 63);
}
#define COUNTER

#endif
#endif
