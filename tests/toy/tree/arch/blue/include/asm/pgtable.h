/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _ASM_BLUE_PGTABLE_H
#define _ASM_BLUE_PGTABLE_H

#define PAGE_SHIFT	12

#ifndef __ASSEMBLY__
extern struct page *mem_map_zero;
#define ZERO_PAGE(vaddr)	(mem_map_zero)
#endif

#endif
