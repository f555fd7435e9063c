# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a finished build has to go before make sees a changed source."""

from __future__ import annotations

import pytest

from pipeline.model import FileChange, Hunk
from workers.reach import Named, Stale, Unseen, configures, reaches
from workers.reach import stale as stale_of


def change(path, status="M", old_path=None, added=(), removed=(), **more):
    old = {"A": "", "M": path, "D": path}.get(status, path) if old_path is None else old_path
    hunk = Hunk(4, len(removed), 4, len(added), tuple(removed), tuple(added))
    return FileChange(path, old, status, (hunk,) if added or removed else (), **more)


def stale(
    files, named=(), hosting=(), built=("drivers/net", "lib", "mm", "kernel", "tools/objtool")
):
    unseen = Unseen(Named(frozenset(named)), hosting=hosting)
    return stale_of(files, unseen, "s390", lambda directory: directory in built)


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
        "obj-y += ../lib/a.o", "endif", "always-y += offsets.h", "extra-y += vmlinux.lds", "\t$(CC) a.o", "x: a.o",
        "targets += a.o", "include $(src)/more.mk", "# more \\", "\tcp a.o b.o",
        "$(obj)/a.o: include/generated/offsets.h", "CFLAGS_a.o := $(shell date)",
    ],
)  # fmt: skip
def test_rules_of_a_make_file_may_matter_anywhere(line):
    assert stale([change("drivers/net/Makefile", added=("obj-y += a.o", line))]) is None


def test_a_source_that_goes_must_not_have_been_of_use():
    gone = stale([change("mm/memory.c", "D"), change("include/linux/new.h", "R", "mm/old.h")])
    assert gone.stems == {"mm/memory", "mm/old", "include/linux/new"}
    assert gone.names == {"memory.c", "old.h", "new.h"}
    assert stale([change("mm/memory.c", "D")], named={"memory.c"}) is None
    assert stale([change("lib/table.c", "R", "lib/old.c")], named={"lib/old.c"}) is None
    made = ("mm/memory", "mm/slab")
    assert stale([change("mm/memory.c", "D")], built=made) is None
    assert stale([change("mm/memories.c", "R", "mm/memory.c")], built=made) is None
    assert stale([change("mm/slab.h", "D")], built=made).names == {"slab.h"}


@pytest.mark.parametrize("place", ["include/asm-generic/", "include/uapi/asm-generic/"])
def test_a_header_that_kbuild_wraps_is_missed(place):
    assert stale([change(f"{place}user.h", "D")]) is None
    assert stale([change("include/linux/user.h", "R", f"{place}user.h")]) is None
    assert stale([change(f"{place}user.h", "A")]) is not None


@pytest.mark.parametrize(
    "path", ["mm/Makefile", "mm/Kconfig", "scripts/a.c", "mm/new.bc", "arch/x86/lib/inat.c"]
)
def test_where_another_file_goes_nothing_stays(path):
    assert stale([change(path, "D")]) is None
    assert stale([change(path, "R", "mm/older.c")]) is None
    assert stale([change("mm/newer.c", "R", path)]) is None


def test_a_make_file_of_which_nothing_was_made_matters_to_nothing():
    rule = change("drivers/net/Makefile", added=("\t$(CC) a.o",))
    assert stale([rule], built=("drivers",)) == Stale()
    assert stale([rule], {"net/Makefile"}, built=("drivers",)) is None
    wrapped = change("arch/s390/include/asm/Kbuild", added=("generic-y += a.h",))
    assert stale([wrapped], built=()) is None


def test_a_script_that_something_is_made_from_is_seen():
    script = change("lib/crypto/mips/sha.pl")
    assert stale([script]) == Stale()
    assert stale([script], {"sha.pl"}) is None
    assert stale([change("lib/crypto/mips/sha.pl", "A")]) is None


def test_what_objtool_compares_and_is_made_of_matters_where_it_is_made():
    files = [change("arch/x86/include/asm/insn.h"), change("tools/arch/x86/include/asm/insn.h")]
    assert stale(files, built=()) == Stale()
    for file in files:
        assert stale([file], built=("tools/objtool",)) is None
    assert stale([change("tools/arch/s390/include/asm/a.h")], built=()) is None


def test_a_program_for_users_matters_where_a_kernel_needs_it():
    program = change("tools/bootconfig/main.c")
    assert stale([program]) == Stale()
    assert stale([program], built=("tools/bootconfig",)) is None


def test_what_make_files_and_scripts_name_leaves_nothing():
    named = {"linux/keys.h", "mm/table.c", "plain.h"}
    for path in ("include/uapi/linux/keys.h", "mm/table.c", "net/core/plain.h"):
        assert stale([change(path)], named) is None
        assert stale([change(path, "A")], named) is None
    for path in ("include/linux/monkeys.h", "mm/stable.c", "lib/mm/tables.c"):
        assert stale([change(path)], named) == Stale()


def test_an_option_of_another_type_is_another_header_from_the_same_configuration():
    assert stale([change("mm/Kconfig", removed=('\tint "more"',), added=('\thex "more"',))]) is None
    assert stale([change("mm/Kconfig", added=("config NEW", '\tbool "new"'))]) == Stale()
    reworded = change("mm/Kconfig", removed=('\tbool "More"',), added=('\tbool "Better"',))
    assert stale([reworded]) == Stale()


def test_what_an_architecture_lists_may_lie_anywhere():
    assert stale([change("arch/s390/Makefile", added=("drivers-y += drivers/s390/",))]) is None
    assert stale([change("arch/s390/mm/Makefile", added=("obj-y += a.o",))]) is not None


@pytest.mark.parametrize("path", ["arch/arm64/Makefile", "arch/arm64/boot/dts/qcom/a.dts"])
@pytest.mark.parametrize("status", ["M", "A", "D"])
def test_how_another_architecture_is_made_matters_to_none(path, status):
    assert stale([change(path, status, added=("dtb-y += a.dtb",))]) == Stale()


def test_where_programs_for_the_host_are_made_again_nothing_stays():
    lists = change("lib/Makefile", added=("obj-y += a.o",))
    assert stale([lists], hosting=("lib/crc",)) is None
    assert stale([lists], hosting=("",)) is not None
    assert stale([lists], hosting=("library", "usr")) is not None


def test_a_new_header_takes_what_was_made_of_another_one_of_its_name():
    assert stale([change("arch/arm64/include/asm/mmu.h", "A")]).names == {"mmu.h"}


def test_a_link_leaves_nothing():
    assert stale([change("include/linux/a.h", plain=False)]) is None


def test_of_tests_for_users_only_headers_matter():
    tests = "tools/testing/selftests/"
    assert stale([change(f"{tests}new.c", "A"), change(f"{tests}old.sh", "D")]) == Stale()
    assert stale([change(f"{tests}kselftest_module.h")]) is None


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
        ("arch/s390/crypto/Kconfig", "M", True),
        ("arch/arm64/configs/defconfig", "M", False),
        ("include/linux/read_by_a_script.h", "M", True),
        ("arch/arm/include/asm/shared.h", "M", True),
        ("Documentation/new.rst", "A", False),
    ],
)
def test_what_may_change_a_build(path, status, reached):
    compiled = frozenset({"mm/memory.c", "arch/arm/include/asm/shared.h"})
    named = Named(frozenset({"linux/read_by_a_script.h"}))
    files = [change("mm/unused.c"), change(path, status)]
    assert reaches(files, compiled, named, "arm64") == reached


def test_what_a_link_leads_to_counts_and_um_uses_its_hosts_tree():
    assert reaches([change("include/linux/unused.h", plain=False)], frozenset(), Named(), "arm64")
    assert reaches([change("arch/x86/um/Makefile")], frozenset(), Named(), "um")


def test_where_nobody_knows_what_was_read_everything_counts():
    assert reaches([change("mm/unused.c")], frozenset(), None, "arm64")
    assert not reaches([change("Documentation/x.rst")], frozenset(), None, "arm64")


@pytest.mark.parametrize(
    ("path", "status", "may"),
    [
        ("mm/memory.c", "M", False), ("include/linux/new.h", "A", False), ("mm/a.c", "D", False),
        ("Documentation/x.rst", "M", False), ("mm/Kconfig", "M", True), ("mm/Makefile", "M", True),
        ("scripts/kconfig/conf.c", "M", True), ("arch/s390/tools/relocs.c", "M", True),
        ("rust/kernel/lib.rs", "M", True), ("kernel/configs/tiny-base.config", "M", True),
    ],
)  # fmt: skip
def test_what_may_change_the_configuration(path, status, may):
    assert configures([change("mm/slab.c"), change(path, status)]) == may


def test_a_link_may_change_the_configuration():
    assert configures([change("mm/slab.c", plain=False)])
