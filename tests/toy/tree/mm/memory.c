// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/export.h>
#include <linux/mm.h>

/* A warning that every kernel of this tree has. */
static int nobody_calls_this(void)
{
	return 1;
}

unsigned long do_anonymous_page(unsigned long addr)
{
	if (IS_ENABLED(CONFIG_TINY))
		return 0;
	return zero_pfn(addr);
}
EXPORT_SYMBOL_GPL(do_anonymous_page);
