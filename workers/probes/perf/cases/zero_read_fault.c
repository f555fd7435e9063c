// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first read of an anonymous page, which maps the zero page.
 * One operation: the fault, and the read again. Page tables are there before.
 * Disturbed by: nothing that is known, but for missing page tables.
 */
#include "../case.h"
#include "../pages.h"

PERF_CASE(.name = "zero_read_fault", .operations = PAGES, .prepare = pages_map,
	  .before = pages_drop, .run = pages_read);
