# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds that start from the base's, on real Linux."""

from __future__ import annotations

import pytest

from tests.kernels.test_zero_page import add_after, on
from tests.toy import adding

pytestmark = pytest.mark.kernels

COLOURED = """
#ifdef __HAVE_COLOR_ZERO_PAGE
static unsigned long __maybe_unused zero_page_colour(unsigned long addr)
{
	return (addr & ZERO_PAGE_COLOURS) >> PAGE_SHIFT;
}
#endif
"""


def test_a_comment_in_a_header_of_everything_changes_no_kernel_and_boots_none(
    crosscheck, posted, zero_page_base
):
    comment = add_after("#define _LINUX_PGTABLE_H\n", "/* What every architecture has. */\n")
    series = posted(("mm: say more", {"include/linux/pgtable.h": comment}))
    ran = crosscheck(series, zero_page_base, *on("s390"))
    assert (ran.status, ran.outcomes()) == (0, {"s390": "PASS"})
    assert ran.check("s390", "boot")["outcome"] == "SKIP"
    assert "byte for byte" in ran.check("s390", "boot")["reason"]
    assert "byte for byte" in ran.reply
    facts = ran.check("s390", "build")["facts"]
    assert facts["from_base_build"] is True
    assert facts["objects_changed"] == 0
    assert facts["steps"][1] > 300  # and yet make made them all again


def test_what_starts_from_nothing_with_what_compilers_made_is_the_same_kernel(
    crosscheck, posted, zero_page_base
):
    """A program of the build's own may reach everything. How much was kept, others decide."""
    comment = {"scripts/mod/modpost.c": adding("/* More. */\n")}
    ran = crosscheck(posted(("modpost: say more", comment)), zero_page_base, *on("s390"))
    assert (ran.status, ran.outcomes()) == (0, {"s390": "PASS"})
    facts = ran.check("s390", "build")["facts"]
    assert facts["from_base_build"] is False
    assert facts["compile_cache_hits"][1] + facts["compile_cache_misses"][1] > 400
    assert "byte for byte" in ran.check("s390", "boot")["reason"]


def test_a_series_that_does_not_build_in_the_middle_fails_where_it_does_not(
    crosscheck, posted, zero_page_base
):
    """Two architectures colour their zero pages; only they compile what is not there yet."""
    define = add_after("#include <linux/kernel_stat.h>\n", "#define ZERO_PAGE_COLOURS 0xffffUL\n")
    series = posted(
        ("mm: tell a zero page's colour", {"mm/memory.c": adding(COLOURED)}),
        ("mm: say which colours there are", {"mm/memory.c": define}),
    )
    ran = crosscheck(series, zero_page_base, *on("mips", "s390", "riscv64"))
    assert ran.status == 1
    assert ran.accused() == {
        ("mips", "patches", "not-bisectable"), ("s390", "patches", "not-bisectable"),
    }  # fmt: skip
    for target in ("mips", "s390"):
        (finding,) = ran.check(target, "patches")["findings"]
        assert (finding["patch"], finding["file"]) == (1, "mm/memory.c")
        assert "ZERO_PAGE_COLOURS" in finding["summary"]
        assert ran.check(target, "boot")["outcome"] == "PASS"
    assert ran.outcomes()["riscv64"] == "PASS"
    assert "Re: [PATCH 1/2] mm: tell a zero page's colour" in ran.reply
