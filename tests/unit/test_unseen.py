# SPDX-License-Identifier: GPL-2.0-or-later
"""Which sources are read behind make's back."""

from __future__ import annotations

import pytest

from tests.unit import builders
from workers.reach import Named
from workers.unseen import _ends, unseen


class Bench:
    """As much of one as is asked for."""

    def __init__(self, where):
        self.build, self.source = where / "build", where / "src"
        self.target = builders.target("s390")


def write(place, text):
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("$(srctree)/include/linux/oid_registry.h", "include/linux/oid_registry.h"),
        ("$(src)/table.c", "lib/table.c"),
        ("$(srctree)/$(src)/table.c", "lib/table.c"),
        ("table.h", "lib/table.h"),
        ("$(src)/../vdso/note.S", "vdso/note.S"),
        ("$(srctree)/arch/$(SRCARCH)/include/asm/cpufeatures.h", "include/asm/cpufeatures.h"),
        ("${tree}/more.h", "more.h"),
        ("$1/linux/more.h", "linux/more.h"),
        ('"linux/more.h"', "linux/more.h"),
        ("<asm/types.h>", "asm/types.h"),
    ],
)  # fmt: skip
def test_how_a_make_file_names_a_source(word, end):
    assert list(_ends(word, "lib")) == [end]


def test_only_whole_parts_of_a_path_count():
    named = Named(frozenset({"linux/keys.h"}))
    assert named.has("include/linux/keys.h")
    assert not named.has("include/linux/monkeys.h")
    assert not named.has("keys.h")


def test_who_reads_what_make_does_not_see(tmp_path):
    here = Bench(tmp_path)
    src, build = here.source, here.build
    write(src / "lib/Makefile", "# of comment.h\nx: $(srctree)/tool.sh $(srctree)/include/a.h\n")
    write(
        src / "mm/Makefile",
        "include $(srctree)/arch/$(SRCARCH)/Makefile\n-include $(FULL)/mm/more/Makefile\n"
        "$(obj)/table.S: $(src)/seen.pl FORCE\n\t$(PERL) $(src)/not_seen.pl\n",
    )
    write(src / "tool.sh", "cat $1/read_by_script.h\n# $1/comment.h\n")
    write(src / "unused.sh", "cat unused.h\n")
    write(src / "arch/arm/Makefile", "x: $(src)/of_arm.h\n")
    write(src / "arch/s390/Makefile", "x: $(src)/of_s390.h\n")
    write(src / "include/asm-generic/Kbuild", "mandatory-y += wrapped.h\n")
    write(src / "lib/gen.c", '#include "tracked.h"\nchar *name = "drivers/read.h";\n')
    write(src / "mm/a.c", 'asm(".include \\"asm/insn.h\\"");\n#if __has_include("x.h")\n#endif\n')
    write(
        build / "lib/.gen.cmd", "savedcmd_lib/gen := gcc -o lib/gen /src/lib/gen.c\nsource_x := y"
    )
    write(build / "mm/.a.o.cmd", "savedcmd_mm/a.o := gcc -D__KERNEL__ -o mm/a.o /src/mm/a.c\n")
    (src / "mm/link.h").symlink_to("../include/linked.h")
    found = unseen(here)
    assert found.named.ends == {
        "include/a.h", "read_by_script.h", "more/Makefile", "mm/not_seen.pl", "include/linked.h", "arch/s390/of_s390.h", "drivers/read.h", "asm/insn.h",
    }  # fmt: skip
    assert found.asking == ("mm/a.o",)
    assert found.hosting == ("lib",)
