/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _LINUX_PGTABLE_H
#define _LINUX_PGTABLE_H

#include <asm/pgtable.h>

extern unsigned long zero_page_pfn;

/*
 * For architectures that don't __HAVE_COLOR_ZERO_PAGE the zero page lives in
 * empty_zero_page in BSS.
 */
#ifdef __HAVE_COLOR_ZERO_PAGE
static inline unsigned long zero_pfn(unsigned long addr)
{
	return page_to_pfn(ZERO_PAGE(addr));
}
#else
static inline unsigned long zero_pfn(unsigned long addr)
{
	(void)addr;
	return zero_page_pfn;
}

extern const unsigned char empty_zero_page[1 << PAGE_SHIFT];

#ifndef ZERO_PAGE
#define ZERO_PAGE(vaddr) ((void)(vaddr), virt_to_page(empty_zero_page))
#endif

#endif /* __HAVE_COLOR_ZERO_PAGE */

#endif
