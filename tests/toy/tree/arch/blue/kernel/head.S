/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <asm/pgtable.h>
	.text
	.globl	_start
_start:
	.long	PAGE_SHIFT
