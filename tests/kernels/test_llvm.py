# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel made with clang and ld.lld, and with modules: other warnings, the same checks."""

from __future__ import annotations

import shutil

import pytest

from tests.conftest import ROOT, missing
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


#: Nobody needs it, and it is there in every kernel here.
MODULE = "fs/configfs/configfs.ko"
ROOM = "static char __used room[65536];\n"


@pytest.fixture
def modular(tmp_path, monkeypatch):
    """arm64-clang makes a module as well."""
    shutil.copytree(ROOT / "workers" / "configs", tmp_path / "workers" / "configs")
    (tmp_path / "workers" / "configs" / "module.config").write_text("CONFIG_CONFIGFS_FS=m\n")
    before, name, after = (ROOT / "matrix.yaml").read_text().partition("  arm64-clang:\n")
    for plain, with_module in (
        ("make: [Image]", "make: [Image, modules]"),
        ("config: [arm64.config]", "config: [arm64.config, module.config]"),
    ):
        after = after.replace(plain, with_module, 1)
    (tmp_path / "matrix.yaml").write_text(before + name + after)
    monkeypatch.setenv("CROSSCHECK_MATRIX", str(tmp_path / "matrix.yaml"))


@pytest.mark.usefixtures("modular")
def test_what_clang_alone_warns_of_is_found_where_it_is_used(crosscheck, posted, zero_page_base):
    if not shutil.which("clang-19"):
        missing("clang-19 (Debian's packages clang-19, lld-19, llvm-19)")
    guess = add_after('#include "shuffle.h"\n', GUESSES)
    room = add_after('#include "configfs_internal.h"\n', ROOM)
    series = posted(("mm: guess", {"mm/mm_init.c": guess, "fs/configfs/dir.c": room}))
    ran = crosscheck(series, zero_page_base, *on("arm64", "arm64-clang"))
    assert (ran.status, ran.outcomes()) == (0, {"arm64": "PASS", "arm64-clang": "WARN"})
    (found,) = ran.check("arm64-clang", "build")["findings"]
    assert (found["kind"], found["file"], found["patch"]) == ("new-warning", "mm/mm_init.c", 1)
    assert "[-Wsometimes-uninitialized]" in found["summary"]
    assert ran.check("arm64-clang", "boot")["outcome"] in {"PASS", "SKIP"}
    (larger,) = ran.check("arm64-clang", "size")["findings"]
    assert (larger["kind"], larger["symbol"], larger["patch"]) == ("larger", MODULE, 1)
    assert ran.check("arm64-clang", "size")["facts"]["modules"]["differ"] == 1
    facts = ran.check("arm64-clang", "build")["facts"]
    assert "clang version 19." in facts["compiler"]
    assert "LLD 19." in facts["linker"]
