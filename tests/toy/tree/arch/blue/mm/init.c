// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/export.h>
#include <linux/init.h>
#include <linux/mm.h>

struct page *mem_map_zero;
EXPORT_SYMBOL(mem_map_zero);

void __init arch_mm_preinit(void)
{
	mem_map_zero = virt_to_page(empty_zero_page);
}
