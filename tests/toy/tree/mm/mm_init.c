// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/export.h>
#include <linux/init.h>
#include <linux/mm.h>

struct page mem_map[64];
EXPORT_SYMBOL(mem_map);

unsigned long zero_page_pfn;
EXPORT_SYMBOL(zero_page_pfn);

#ifndef __HAVE_COLOR_ZERO_PAGE
const unsigned char empty_zero_page[1 << PAGE_SHIFT] = { 0 };
EXPORT_SYMBOL(empty_zero_page);
#endif

#ifdef CONFIG_DEBUG_MEMORY_INIT
int mminit_loglevel;
#endif

static int __init init_zero_page_pfn(void)
{
	zero_page_pfn = page_to_pfn(ZERO_PAGE(0));
	return 0;
}

void __init mm_core_init(void)
{
	arch_mm_preinit();
	init_zero_page_pfn();
}
