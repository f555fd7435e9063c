# SPDX-License-Identifier: GPL-2.0-or-later
"""Which sources a compiler finds the same headers in."""

from __future__ import annotations

import shutil

import pytest

from tests.unit import builders
from workers.finds import finds

TREE = {
    "include/linux/mm.h": "",
    "include/uapi/linux/mm.h": "",
    "include/linux/sched.h": "",
    "arch/s390/include/asm/insn.h": 'asm(".include \\"asm/insn-asm.h\\"");\n',
    "arch/s390/include/asm/insn-asm.h": "one\n",
    "arch/s390/include/asm/Kbuild": "generic-y += a.h\n",
    "kernel/sched.c": "",
    "kernel/Makefile": "obj-y += sched.o\n",
}


class Bench:
    """As much of one as is asked for."""

    def __init__(self, source):
        self.source = source
        self.target = builders.target("s390")


def write(where, files):
    for name, text in files.items():
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(text)


@pytest.fixture
def change(tmp_path):
    """Whether sources are alike after files are written, or gone."""

    def are_alike(files=(), gone=()):
        one, other = tmp_path / "one", tmp_path / "other"
        for place in (one, other):
            shutil.rmtree(place, ignore_errors=True)
            write(place, TREE)
        write(other, dict(files))
        for name in gone:
            (other / name).unlink()
        return finds(Bench(one)) == finds(Bench(other))

    return are_alike


def test_what_compilers_read_themselves_makes_no_difference(change):
    assert change()
    assert change({"include/linux/mm.h": "int more;\n", "kernel/sched.c": "int more;\n"})
    assert change({"kernel/scheds.c": ""}, ["kernel/sched.c"])
    assert change({"kernel/Makefile": "obj-y += scheds.o\n", "drivers/Kconfig": ""})
    assert change({"include/linux/new.h": ""}, ["include/linux/sched.h"])


def test_a_name_that_several_headers_have_does(change):
    assert not change({"kernel/mm.h": ""})
    assert not change({"kernel/sched.h": ""})
    assert not change(gone=["include/uapi/linux/mm.h"])
    assert change({"arch/arm/include/asm/sched.h": "", "Documentation/sched.h": ""})


def test_what_makes_headers_does(change):
    assert not change({"arch/s390/include/asm/Kbuild": "generic-y += b.h\n"})
    assert not change({"kernel/Makefile": "$(obj)/x.h:\n\techo > $@\n"})


def test_what_the_assembler_reads_does(change):
    assert not change({"arch/s390/include/asm/insn-asm.h": "two\n"})
    assert not change({"kernel/sched.c": 'asm(".include \\"linux/mm.h\\"");\n'})


def test_a_name_that_a_generated_header_has_does(tmp_path):
    write(tmp_path, TREE | {"kernel/Makefile": "$(obj)/new.h:\n\techo > $@\n"})
    before = finds(Bench(tmp_path))
    write(tmp_path, {"kernel/new.h": ""})
    assert finds(Bench(tmp_path)) != before


@pytest.mark.parametrize(
    ("asks", "alike"),
    [('__has_include("new.h")', False), ("__has_include (<linux/new.h>)", False),
     ("__has_include(NAME)", False), ('__has_include("other.h")', True)],
)  # fmt: skip
def test_a_header_of_which_somebody_asks_whether_it_is_there_does(tmp_path, asks, alike):
    write(tmp_path, TREE | {"kernel/sched.c": f"#if {asks}\n#endif\n"})
    before = finds(Bench(tmp_path))
    write(tmp_path, {"kernel/new.h": ""})
    assert (finds(Bench(tmp_path)) == before) == alike


def test_links_do(tmp_path):
    write(tmp_path, TREE)
    before = finds(Bench(tmp_path))
    (tmp_path / "kernel/link.h").symlink_to("../include/linux/sched.h")
    assert finds(Bench(tmp_path)) != before


def test_a_header_that_takes_in_a_file_leaves_nothing_alike(tmp_path):
    write(tmp_path, TREE | {"include/linux/blob.h": 'asm(".incbin \\"blob\\"");\n'})
    assert finds(Bench(tmp_path)) != finds(Bench(tmp_path))
