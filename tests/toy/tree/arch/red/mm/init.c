// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/export.h>
#include <linux/init.h>
#include <linux/mm.h>

unsigned long empty_zero_page, zero_page_mask;
EXPORT_SYMBOL_GPL(empty_zero_page);
EXPORT_SYMBOL(zero_page_mask);

/*
 * Not static inline because used by special magic initialization code
 */
static void __init setup_zero_pages(void)
{
	static char pages[2][1 << PAGE_SHIFT];

	empty_zero_page = (unsigned long)pages;
	zero_page_mask = 1UL << PAGE_SHIFT;
}

#ifndef CONFIG_NUMA
void __init arch_mm_preinit(void)
{
	setup_zero_pages();	/* Setup zeroed pages.  */
}
#else  /* CONFIG_NUMA */
void __init arch_mm_preinit(void)
{
	setup_zero_pages();	/* This comes from node 0 */
}
#endif /* !CONFIG_NUMA */
