# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel made with clang and ld.lld: other warnings, the same checks."""

from __future__ import annotations

import shutil

import pytest

from tests.conftest import missing
from tests.kernels.test_zero_page import add_after, on

pytestmark = pytest.mark.kernels

#: GCC is told by kbuild not to say that something may be uninitialized; clang is asked to.
GUESSES = """
static int __maybe_unused guess(int known)
{
	int value;

	if (known)
		value = known;
	return value;
}
"""


def test_what_clang_alone_warns_of_is_found_where_it_is_used(crosscheck, posted, zero_page_base):
    if not shutil.which("clang-19"):
        missing("clang-19 (Debian's packages clang-19, lld-19, llvm-19)")
    guess = add_after('#include "shuffle.h"\n', GUESSES)
    series = posted(("mm: guess", {"mm/mm_init.c": guess}))
    ran = crosscheck(series, zero_page_base, *on("arm64", "arm64-clang"))
    assert (ran.status, ran.outcomes()) == (0, {"arm64": "PASS", "arm64-clang": "WARN"})
    (found,) = ran.check("arm64-clang", "build")["findings"]
    assert (found["kind"], found["file"], found["patch"]) == ("new-warning", "mm/mm_init.c", 1)
    assert "[-Wsometimes-uninitialized]" in found["summary"]
    assert ran.check("arm64-clang", "boot")["outcome"] in {"PASS", "SKIP"}
    assert ran.check("arm64-clang", "size")["outcome"] == "PASS"
    facts = ran.check("arm64-clang", "build")["facts"]
    assert "clang version 19." in facts["compiler"]
    assert "LLD 19." in facts["linker"]
