/* SPDX-License-Identifier: GPL-2.0-or-later */
/* futex(), which on 32 bits has a number of its own where time has 64. */
#ifndef CROSSCHECK_FUTEX_H
#define CROSSCHECK_FUTEX_H

#include <linux/futex.h>

static inline long futex(volatile unsigned int *word, int operation, unsigned int value)
{
#ifdef __NR_futex_time64
	return syscall(__NR_futex_time64, word, operation, value, NULL, NULL, 0);
#else
	return syscall(__NR_futex, word, operation, value, NULL, NULL, 0);
#endif
}

#endif
