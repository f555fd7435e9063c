/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _LINUX_MM_H
#define _LINUX_MM_H

struct page {
	unsigned long flags;
};

extern struct page mem_map[];

#define virt_to_page(addr)	(mem_map + ((unsigned long)(addr) >> PAGE_SHIFT) % 64)
#define page_to_pfn(page)	((unsigned long)((page) - mem_map))

#include <linux/pgtable.h>

void arch_mm_preinit(void);
void mm_core_init(void);

#endif
