/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a test says of itself: KTAP version 1 (Documentation/dev-tools/ktap.rst). */
#ifndef CROSSCHECK_KTAP_H
#define CROSSCHECK_KTAP_H

/* "# WHAT: TEXT": why the test fails; returns FAILED for `return fail(…)`. */
enum result { PASSED, FAILED, SKIPPED };

static enum result fail(const char *text)
{
	struct line line = { .length = 0 };

	put(&line, "# ");
	put(&line, text);
	say(&line);
	return FAILED;
}

static enum result fail_number(const char *text, unsigned long number)
{
	struct line line = { .length = 0 };

	put(&line, "# ");
	put(&line, text);
	put(&line, " 0x");
	put_number(&line, number, 16);
	say(&line);
	return FAILED;
}

static enum result skip(const char *text)
{
	fail(text);
	return SKIPPED;
}

#endif
