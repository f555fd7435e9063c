// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first write to an anonymous page, which gets a page of zeros of its own.
 * One operation: the fault, and the write again. Page tables are there before.
 * Disturbed by: rounds that are no multiple of 31 pages, by 1 % (see pages.h).
 */
#include "../case.h"
#include "../pages.h"

PERF_CASE(.name = "write_fault", .operations = PAGES, .prepare = pages_map,
	  .before = pages_drop, .run = pages_write);
