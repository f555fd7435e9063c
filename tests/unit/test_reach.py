# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a finished build has to go before make sees a changed source."""

from __future__ import annotations

import pytest

from pipeline.model import FileChange, Hunk
from workers.reach import Stale, reaches, stale


def change(path, status="M", old_path=None, hunks=()):
    old = {"A": "", "M": path, "D": path}.get(status, path) if old_path is None else old_path
    return FileChange(path, old, status, hunks)


def test_what_make_sees_by_itself_stays():
    assert stale([change("mm/memory.c"), change("include/linux/mm.h")]) == Stale()
    assert stale([change("mm/Kconfig"), change("Documentation/x.rst")]) == Stale()


@pytest.mark.parametrize(
    "path",
    ["Makefile", "Kbuild", "scripts/Makefile.build", "scripts/mod/modpost.c",
     "tools/objtool/check.c", "include/uapi/asm-generic/Kbuild"],
)  # fmt: skip
def test_what_everything_is_made_with_leaves_nothing(path):
    assert stale([change("mm/memory.c"), change(path)]) is None


def test_a_new_sublevel_is_no_new_makefile():
    new = Hunk(4, 1, 4, 1, ("SUBLEVEL = 12",), ("SUBLEVEL = 13",))
    other = Hunk(9, 0, 10, 1, (), ("core-y += more/",))
    assert stale([change("Makefile", hunks=(new,))]) == Stale()
    assert stale([change("Makefile", hunks=(new, other))]) is None
    assert stale([change("Makefile")]) is None  # e.g. binary, or its mode


@pytest.mark.parametrize("name", ["Makefile", "Kbuild", "Makefile.boot", "rules.mk"])
def test_a_make_file_takes_its_directory_with_it(name):
    assert stale([change(f"drivers/net/{name}")]) == Stale(directories=frozenset({"drivers/net"}))


def test_a_file_that_comes_or_goes_takes_what_is_called_like_it():
    gone = stale([change("mm/old.c", "D"), change("lib/new.S", "R", "lib/older.S")])
    assert gone.stems == {"mm/old", "lib/new", "lib/older"}
    assert gone.names == {"old.c", "new.S"}


def test_a_new_header_takes_what_was_made_of_another_one_of_its_name():
    assert stale([change("arch/arm64/include/asm/mmu.h", "A")]).names == {"mmu.h"}


@pytest.mark.parametrize(
    ("path", "status", "reached"),
    [
        ("mm/memory.c", "M", True),
        ("mm/unused.c", "M", False),
        ("mm/new.c", "A", True),
        ("mm/gone.c", "D", True),
        ("mm/Makefile", "M", True),
        ("drivers/Kconfig.debug", "M", True),
        ("scripts/mod/modpost.c", "M", True),
        ("arch/arm64/mm/new.c", "A", True),
        ("arch/s390/mm/new.c", "A", False),
        ("arch/s390/Makefile", "M", False),
        ("arch/arm/include/asm/shared.h", "M", True),
        ("Documentation/new.rst", "A", False),
    ],
)
def test_what_may_change_a_build(path, status, reached):
    compiled = frozenset({"mm/memory.c", "arch/arm/include/asm/shared.h"})
    assert reaches([change("mm/unused.c"), change(path, status)], compiled, "arm64") == reached
