// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/init.h>
#include <linux/mm.h>

void start_kernel(void);

void __init start_kernel(void)
{
	mm_core_init();
}
