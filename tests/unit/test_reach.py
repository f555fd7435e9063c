# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a finished build has to go before make sees a changed source."""

from __future__ import annotations

import pytest

from pipeline.model import FileChange, Hunk
from workers.reach import Stale, reaches, stale


def change(path, status="M", old_path=None, added=(), removed=(), **more):
    old = {"A": "", "M": path, "D": path}.get(status, path) if old_path is None else old_path
    hunk = Hunk(4, len(removed), 4, len(added), tuple(removed), tuple(added))
    return FileChange(path, old, status, (hunk,) if added or removed else (), **more)


@pytest.mark.parametrize(
    "path",
    [
        "mm/memory.c", "include/linux/mm.h", "arch/s390/kernel/vmlinux.lds.S",
        "arch/mips/boot/dts/a.dtsi", "mm/Kconfig", "mm/Kconfig.debug",
        "arch/arm/configs/multi_v7_defconfig", "kernel/configs/tiny-base.config",
        "Documentation/x.rst", "Documentation/Makefile", "tools/testing/selftests/mm/Makefile",
        "MAINTAINERS", "mm/.gitignore",
    ],
)  # fmt: skip
def test_of_what_make_sees_by_itself_or_what_is_no_part_all_stays(path):
    assert stale([change(path)]) == Stale()


@pytest.mark.parametrize(
    "path",
    [
        "Makefile", "Kbuild", "scripts/Makefile.build", "scripts/mod/modpost.c",
        "tools/objtool/check.c", "include/uapi/asm-generic/Kbuild",
        "arch/s390/include/asm/Kbuild", "arch/x86/Makefile.um", "arch/mips/generic/Platform",
        "arch/s390/kernel/vdso/gen_vdso_offsets.sh", "kernel/time/timeconst.bc",
        "arch/s390/tools/opcodes.txt", "arch/x86/entry/syscalls/syscall_64.tbl",
        "arch/x86/include/asm/inat.h", "rust/kernel/lib.rs", "localversion-next",
    ],
)  # fmt: skip
def test_of_what_nobody_knows_the_reach_of_nothing_stays(path):
    lists = change(path, added=("generic-y += mmu.h",))
    assert stale([change("mm/memory.c"), lists]) is None


def test_a_new_sublevel_is_no_new_makefile():
    new = {"removed": ("SUBLEVEL = 12",), "added": ("SUBLEVEL = 13",)}
    assert stale([change("Makefile", **new)]) == Stale()
    assert stale([change("Makefile", added=("core-y += more/",))]) is None


@pytest.mark.parametrize(
    "line",
    [
        "obj-y += a.o", "obj-$(CONFIG_X)\t\t+= x.o y/", "foo-objs := a.o \\", "\t  b.o c.o", "",
        "# More.", "CFLAGS_a.o := -O0", "subdir-ccflags-y := -Wall -DX=1",
    ],
)  # fmt: skip
def test_lists_of_a_make_file_matter_in_its_directory(line):
    gone = Stale(directories=frozenset({"drivers/net"}))
    assert stale([change("drivers/net/Makefile", added=(line,))]) == gone
    assert stale([change("drivers/net/Makefile", removed=(line,))]) == gone


@pytest.mark.parametrize(
    "line",
    [
        "endif", "always-y += offsets.h", "extra-y += vmlinux.lds", "\t$(CC) a.o", "x: a.o",
        "targets += a.o", "include $(src)/more.mk", "# more \\", "\tcp a.o b.o",
        "$(obj)/a.o: include/generated/offsets.h", "CFLAGS_a.o := $(shell date)",
    ],
)  # fmt: skip
def test_rules_of_a_make_file_may_matter_anywhere(line):
    assert stale([change("drivers/net/Makefile", added=("obj-y += a.o", line))]) is None


def test_a_make_file_that_moved_matters_wherever_it_was():
    assert stale([change("mm/a/Makefile", "R", "mm/b/Makefile")]) is None


def test_a_file_that_comes_or_goes_takes_what_is_called_like_it():
    gone = stale([change("mm/old.c", "D"), change("lib/new.S", "R", "lib/older.S")])
    assert gone.stems == {"mm/old", "lib/new", "lib/older"}
    assert gone.names == {"old.c", "new.S", "older.S"}
    assert gone.moved


def test_a_new_header_takes_what_was_made_of_another_one_of_its_name():
    assert stale([change("arch/arm64/include/asm/mmu.h", "A")]).names == {"mmu.h"}


def test_links_and_headers_that_others_are_made_from_leave_nothing():
    assert stale([change("include/linux/a.h", plain=False)]) is None
    assert stale([change("include/asm-generic/mmu.h", "D")]) is None
    assert stale([change("mm/kernel.lds.S", "R", "mm/k.lds.S")]) is None
    assert stale([change("include/asm-generic/mmu.h")]) == Stale()


@pytest.mark.parametrize(
    ("path", "status", "reached"),
    [
        ("mm/memory.c", "M", True),
        ("mm/unused.c", "M", False),
        ("mm/new.c", "A", True),
        ("mm/gone.c", "D", True),
        ("mm/Makefile", "M", True),
        ("arch/Kconfig", "M", True),
        ("drivers/Kconfig.debug", "M", True),
        ("Documentation/Kconfig", "M", True),
        ("kernel/configs/tiny-base.config", "M", True),
        ("kernel/time/timeconst.bc", "M", True),
        ("scripts/mod/modpost.c", "M", True),
        ("scripts/mod/modpost.sh", "M", True),
        ("arch/arm64/tools/new.txt", "M", True),
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


def test_what_a_link_leads_to_counts_and_um_uses_its_hosts_tree():
    assert reaches([change("include/linux/unused.h", plain=False)], frozenset(), "arm64")
    assert reaches([change("arch/x86/um/Makefile")], frozenset(), "um")
