/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _ASM_RED_PGTABLE_H
#define _ASM_RED_PGTABLE_H

#define PAGE_SHIFT	12

#ifndef __ASSEMBLY__
extern unsigned long empty_zero_page;
extern unsigned long zero_page_mask;

#define __HAVE_COLOR_ZERO_PAGE
#define ZERO_PAGE(vaddr) \
	virt_to_page((void *)(empty_zero_page + ((vaddr) & zero_page_mask)))
#endif

#endif
