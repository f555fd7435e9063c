// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first write to an anonymous page that was read before: the zero page is replaced by
 * a page of its own.
 * One operation: the fault, and the write again. Page tables are there before.
 * Disturbed by: rounds that are no multiple of 31 pages, by 1 % (see pages.h).
 */
#include "../case.h"
#include "../pages.h"

static void before(unsigned long operations)
{
	pages_drop(operations);
	pages_read(operations);
}

PERF_CASE(.name = "copy_on_write", .operations = PAGES, .prepare = pages_map,
	  .before = before, .run = pages_write);
