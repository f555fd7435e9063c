# SPDX-License-Identifier: GPL-2.0-or-later
"""What compilers made before is used again where it is the same, and only there; real ccache.

A series that edits scripts takes part in everything, and so is built from nothing.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import toy
from tests.conftest import missing
from tests.toy import adding, replacing

pytestmark = [pytest.mark.integration, pytest.mark.commands]

BLUE = ("--target", "blue", "--check", "build")
SCRIPT = {"scripts/symvers.sh": adding("# More.\n")}


@pytest.fixture
def warm(installation):
    """An installation that has built a base once, and whose compilers' results are kept."""
    if shutil.which("ccache") is None:
        missing("ccache")
    toy.commit(installation.tree, "kernel: more", {"kernel/main.c": adding("\n/* More. */\n")})
    _, verdict = installation.run(*BLUE)
    hits, misses = counts(verdict)
    assert hits == [0, 0]
    assert misses[0] >= 5
    return installation


def counts(verdict):
    (check,) = verdict["targets"][0]["checks"]
    facts = check["facts"]
    return facts["compile_cache_hits"], facts["compile_cache_misses"]


def forget(installation):
    """Of what was built only what compilers made is left."""
    shutil.rmtree(installation.home / "cache/crosscheck/warm")


def test_a_build_from_nothing_compiles_only_what_differs(warm):
    toy.commit(warm.tree, "scripts: more", SCRIPT | {"mm/mm_init.c": adding("int more;\n")})
    _, verdict = warm.run(*BLUE)
    (_, patched_hits), (_, patched_misses) = counts(verdict)
    assert not verdict["targets"][0]["checks"][0]["facts"]["from_base_build"]
    assert patched_misses == 1
    assert patched_hits >= 4
    made = warm.kernel("patched")
    _, verdict = warm.run(*BLUE, "--no-cache")
    assert counts(verdict) == ([0, 0], [0, 0])
    assert warm.kernel("patched") == made


def test_what_a_series_compiled_is_not_kept(warm):
    toy.commit(warm.tree, "scripts: more", SCRIPT | {"mm/mm_init.c": adding("int more;\n")})
    for _ in range(2):
        _, verdict = warm.run(*BLUE)
        assert counts(verdict)[1][1] == 1


def test_a_base_whose_build_is_gone_is_compiled_from_what_is_left(warm):
    made = warm.kernel("base")
    forget(warm)
    _, verdict = warm.run(*BLUE)
    (base_hits, _), (base_misses, _) = counts(verdict)
    assert base_misses == 0
    assert base_hits >= 5
    assert warm.kernel("base") == made


def test_a_source_that_is_renamed_is_all_that_is_compiled(warm):
    new = "int table;\n"
    toy.commit(
        warm.tree, "mm: a table", {"mm/table.c": new, "mm/Makefile": adding("obj-y += table.o\n")}
    )
    warm.run(*BLUE)
    toy.commit(
        warm.tree,
        "mm: tables",
        {"mm/table.c": None, "mm/tables.c": new, "mm/Makefile": replacing("table.o", "tables.o")},
    )
    _, verdict = warm.run(*BLUE)
    (_, patched_hits), (_, patched_misses) = counts(verdict)
    assert patched_misses == 1
    assert patched_hits >= 5
    made = warm.kernel("patched")
    warm.run(*BLUE, "--no-cache")
    assert warm.kernel("patched") == made


def test_warnings_are_told_again(warm):
    toy.commit(warm.tree, "scripts: more", SCRIPT)
    _, verdict = warm.run(*BLUE)
    assert counts(verdict)[1][1] == 0
    (check,) = verdict["targets"][0]["checks"]
    assert check["outcome"] == "PASS"
    assert not check["facts"].get("fixed_warnings")  # that of mm/memory.c


def test_a_header_that_is_found_first_is_seen(warm):
    """Another header of its name is the same as before, and so is what included it."""
    quiet = "#define EXPORT_SYMBOL_GPL(x)\n#define EXPORT_SYMBOL(x)\n"
    toy.commit(warm.tree, "a header", SCRIPT | {"arch/blue/include/linux/export.h": quiet})
    _, verdict = warm.run(*BLUE)
    assert counts(verdict)[0][1] == 0
    made = warm.kernel("patched")
    warm.run(*BLUE, "--no-cache")
    assert warm.kernel("patched") == made != warm.kernel("base")


def test_what_the_assembler_includes_is_seen(warm):
    toy.commit(
        warm.tree,
        "kernel: use it",
        {"include/linux/insn.h": "\t.byte 1\n",
         "kernel/main.c": adding('\nasm(".data; .include \\"linux/insn.h\\"; .text");\n')},
    )  # fmt: skip
    toy.commit(warm.tree, "another one", {"kernel/other.h": "\n"})
    warm.run(*BLUE)
    forget(warm)
    toy.commit(warm.tree, "and another", {"include/linux/insn.h": "\t.byte 2\n"})
    warm.run(*BLUE)
    made = warm.kernel("patched")
    warm.run(*BLUE, "--no-cache")
    assert warm.kernel("patched") == made != warm.kernel("base")


INCBIN = {"kernel/blob.S": '.globl blob\n.data\nblob: .incbin "kernel/blob.txt"\n',
          "kernel/Makefile": adding(".DEFAULT_GOAL := $(obj)/built-in.o\nobj-y += blob.o\n$(obj)/blob.o: kernel/blob.txt\n"
          "kernel/blob.txt: $(srctree)/kernel/blob.src\n\t@mkdir -p kernel; cp $< $@\n")}  # fmt: skip


def test_what_the_assembler_takes_in_is_seen(warm):
    """As kernels take in their vdso."""
    toy.commit(warm.tree, "a blob", INCBIN | {"kernel/blob.src": "one\n"})
    toy.commit(warm.tree, "another one", SCRIPT | {"kernel/blob.src": "two\n"})
    warm.run(*BLUE)
    forget(warm)
    warm.run(*BLUE)
    made = warm.kernel("patched")
    warm.run(*BLUE, "--no-cache")
    assert warm.kernel("patched") == made != warm.kernel("base")


def test_without_a_sandbox_nothing_is_left_elsewhere(warm):
    before = set(Path("/tmp").iterdir())
    forget(warm)
    assert warm.run(*BLUE, "--runtime", "none")[0] == 0
    assert not {p.name for p in set(Path("/tmp").iterdir()) - before if "ccache" in p.name}


def test_a_series_cannot_write_it(warm):
    attack = "\t@touch /compiled/mine && echo written; env | grep CCACHE_R; true\n"
    toy.commit(
        warm.tree, "hostile", SCRIPT | {"Makefile": replacing("Image: vmlinux\n", f"Image: vmlinux\n{attack}")}
    )  # fmt: skip
    assert warm.run(*BLUE)[0] == 0
    _, log = warm.command("logs", warm.verdict()["run"], "blue", "build")
    assert "/compiled/mine': Read-only file system" in log
    assert "CCACHE_READONLY=1" in log
    place = warm.home / "cache/crosscheck/compiled"
    assert not list(place.rglob("mine"))
    assert place.stat().st_mode & 0o077 == 0


def test_it_is_bounded_listed_and_removed(warm):
    _, listed = warm.command("cache")
    assert "compiled/ccache" in listed
    _, output = warm.command("cache", "--prune", "--all")
    assert "compiled/ccache" in output
    assert not Path(warm.home / "cache/crosscheck/compiled/ccache").exists()
    assert warm.run(*BLUE)[0] == 0
