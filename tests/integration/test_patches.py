# SPDX-License-Identifier: GPL-2.0-or-later
"""A series is built after each of its patches, on the toy tree."""

from __future__ import annotations

import pytest

from tests import toy
from tests.toy import adding, replacing

pytestmark = [pytest.mark.integration, pytest.mark.commands]

CALL = "\nint helper(int);\nint use(int n)\n{\n\treturn helper(n) + HELP;\n}\n"


def run(installation, patches, *options):
    """The verdict on the last PATCHES commits, its `patches` cells by target and the reply."""
    reply = installation.home / "reply.eml"
    verdict = installation.home / "verdict.json"
    status, _ = installation.command(
        "run", f"HEAD~{patches}..HEAD", "--json", str(verdict), "--reply", str(reply), *options
    )
    cells = {
        target["target"]: cell
        for target in installation.verdict()["targets"]
        for cell in target["checks"]
        if cell["check"] == "patches"
    }
    return status, installation.verdict(), cells, reply.read_text()


def broken_in_the_middle(installation):
    """Patch 2 of 4 breaks blue, patch 4 mends it; patch 3 is harmless."""
    toy.commit(installation.tree, "mm: harmless", {"mm/memory.c": adding("\n/* One. */\n")})
    toy.commit(installation.tree, "blue: use what is not there yet",
               {"arch/blue/mm/init.c": adding(CALL)})  # fmt: skip
    toy.commit(installation.tree, "mm: harmless too", {"mm/mm_init.c": adding("\n/* Three. */\n")})
    toy.commit(installation.tree, "blue: make it be there",
               {"arch/blue/include/asm/pgtable.h": adding("\n#define HELP 1\n"),
                "arch/blue/mm/init.c": adding("\nint helper(int n)\n{\n\treturn n;\n}\n")})  # fmt: skip


def test_a_series_that_does_not_build_in_the_middle_fails_there_and_only_there(installation):
    broken_in_the_middle(installation)
    status, verdict, cells, reply = run(installation, 4)
    assert (status, verdict["outcome"]) == (1, "FAIL")
    assert {target: cell["outcome"] for target, cell in cells.items()} == {
        "red": "PASS", "blue": "FAIL",
    }  # fmt: skip
    every = [f for t in verdict["targets"] for c in t["checks"] for f in c["findings"]]
    assert [(f["kind"], f["patch"], f["file"]) for f in every] == [
        ("not-bisectable", 2, "arch/blue/mm/init.c")
    ]
    assert "HELP" in every[0]["summary"]
    assert "It builds again after patch 4." in every[0]["detail"]
    assert "Re: [PATCH 2/4] blue: use what is not there yet" in reply
    # On red patch 2 changes nothing that is compiled; the head was built before.
    assert cells["red"]["facts"]["built_after"] == [1, 3]
    assert cells["blue"]["facts"]["built_after"] == [1, 2, 3]


def test_from_nothing_the_same_is_found(installation):
    broken_in_the_middle(installation)
    _, warm, cells, _ = run(installation, 4)
    _, cold, anew, _ = run(installation, 4, "--no-cache")
    assert anew["blue"]["findings"] == cells["blue"]["findings"]
    assert [t["outcome"] for t in warm["targets"]] == [t["outcome"] for t in cold["targets"]]


def test_a_series_that_builds_after_each_patch_passes(installation):
    toy.commit(installation.tree, "mm: one", {"mm/memory.c": adding("\n/* One. */\n")})
    toy.commit(installation.tree, "mm: two", {"mm/memory.c": adding("\n/* Two. */\n")})
    status, verdict, cells, _ = run(installation, 2)
    assert (status, verdict["outcome"]) == (0, "PASS")
    assert all(cell["facts"]["built_after"] == [1] for cell in cells.values())


def test_where_only_the_last_patch_matters_nothing_is_built_between(installation):
    toy.commit(installation.tree, "red: one", {"arch/red/mm/init.c": adding("\n/* One. */\n")})
    toy.commit(installation.tree, "mm: two", {"mm/memory.c": adding("\n/* Two. */\n")})
    status, _, cells, _ = run(installation, 2)
    assert status == 0
    assert cells["blue"]["outcome"] == "SKIP"
    assert "no patch but the last" in cells["blue"]["reason"]
    assert cells["red"]["outcome"] == "PASS"


def test_an_object_that_comes_and_goes_again_in_the_middle_is_made_or_not(installation):
    """Each tree between is built as it is, whatever the one before left."""
    toy.commit(installation.tree, "mm: come", {"mm/passing.c": "int passing;\n",
               "mm/Makefile": adding("obj-y += passing.o\n")})  # fmt: skip
    toy.commit(installation.tree, "mm: forget the source", {"mm/passing.c": None})
    toy.commit(installation.tree, "mm: go",
               {"mm/Makefile": replacing("obj-y += passing.o\n", "")})  # fmt: skip
    status, _, cells, _ = run(installation, 3)
    assert status == 1
    for cell in cells.values():
        (finding,) = cell["findings"]
        assert (finding["kind"], finding["patch"]) == ("not-bisectable", 2)


def test_a_header_that_is_used_only_in_the_middle_counts_there(installation):
    toy.commit(installation.tree, "have it", {"include/linux/side.h": "#define SIDE 1\n"})
    uses = "#include <linux/side.h>\n"
    toy.commit(installation.tree, "mm: use it", {"mm/memory.c": adding(uses)})
    toy.commit(installation.tree, "break it", {"include/linux/side.h": adding("#error no\n")})
    toy.commit(installation.tree, "mm: do without", {"mm/memory.c": replacing(uses, "")})
    toy.commit(installation.tree, "mm: one", {"mm/memory.c": adding("\n/* One. */\n")})
    status, _, cells, _ = run(installation, 4, "--target", "blue")
    assert status == 1
    assert [f["patch"] for f in cells["blue"]["findings"]] == [2]
    assert cells["blue"]["facts"]["built_after"] == [1, 2, 3]


def test_what_every_architecture_is_configured_with_counts_everywhere(installation):
    toy.commit(installation.tree, "have it", {"arch/Kconfig": "config ARCH_X\n\tdef_bool y\n",
               "Kconfig": adding('source "arch/Kconfig"\n')})  # fmt: skip
    toy.commit(installation.tree, "break it", {"arch/Kconfig": adding("confgi ARCH_Y\n")})
    toy.commit(installation.tree, "mend it", {"arch/Kconfig": replacing("confgi", "config")})
    toy.commit(installation.tree, "mm: one", {"mm/memory.c": adding("\n/* One. */\n")})
    status, _, cells, _ = run(installation, 3)
    assert status == 1
    assert [f["patch"] for cell in cells.values() for f in cell["findings"]] == [1, 1]


def test_one_patch_has_no_middle(installation):
    toy.commit(installation.tree, "mm: one", {"mm/memory.c": adding("\n/* One. */\n")})
    status, _, cells, reply = run(installation, 1)
    assert status == 0
    assert cells == {}
    assert "the series has one patch" in reply


def test_a_warning_in_a_file_that_no_patch_touches_is_traced_to_its_patch(installation):
    """A type changes in a header; the pointer to another one is in kernel/main.c."""
    toy.commit(installation.tree, "kernel: have a hook", {
        "include/linux/mm.h": replacing("struct page {", "typedef int hook_t;\nstruct page {"),
        "kernel/main.c": adding("\nint *hook(hook_t *n)\n{\n\treturn n;\n}\n"),
    })  # fmt: skip
    toy.commit(installation.tree, "mm: one", {"mm/memory.c": adding("\n/* One. */\n")})
    toy.commit(installation.tree, "mm: two", {"include/linux/mm.h": replacing("int h", "long h")})
    toy.commit(installation.tree, "mm: three", {"mm/memory.c": adding("\n/* Three. */\n")})
    status, verdict, _, reply = run(installation, 3, "--target", "blue")
    assert (status, verdict["outcome"]) == (0, "WARN")
    (finding,) = verdict["targets"][0]["checks"][0]["findings"]
    assert (finding["file"], finding["patch"]) == ("kernel/main.c", 2)
    assert "Re: [PATCH 2/3] mm: two" in reply
    rows = installation.sql("select job, state from jobs where job like '%trace'")
    assert sorted(rows) == [("blue/build/trace", "done"), ("blue/symbols/trace", "done")]


def test_what_does_not_build_in_the_middle_hides_and_does_not_absolve(installation):
    toy.commit(installation.tree, "kernel: have a hook", {
        "include/linux/mm.h": replacing("struct page {", "typedef int hook_t;\nstruct page {"),
        "kernel/main.c": adding("\nint *hook(hook_t *n)\n{\n\treturn n;\n}\n"),
    })  # fmt: skip
    toy.commit(installation.tree, "mm: two", {"include/linux/mm.h": replacing("int h", "long h")})
    uses = "#include <linux/not_yet.h>\n"
    toy.commit(installation.tree, "init: broken", {"include/linux/init.h": adding(uses)})
    toy.commit(installation.tree, "init: mended", {"include/linux/not_yet.h": "\n"})
    toy.commit(installation.tree, "mm: three", {"mm/memory.c": adding("\n/* Three. */\n")})
    _, verdict, _, _ = run(installation, 4, "--target", "blue")
    (build, *_) = verdict["targets"][0]["checks"]
    assert [(f["file"], f["patch"]) for f in build["findings"]] == [("kernel/main.c", 1)]


def test_an_export_that_is_lost_without_a_word_is_traced(installation):
    """A macro that exports nothing any more is in a header; no line names what is lost."""
    modules = {"Kconfig": adding("\nconfig MODULES\n\tdef_bool y\n")}
    toy.commit(installation.tree, "have modules", modules)
    toy.commit(installation.tree, "kernel: one", {"kernel/main.c": adding("\n/* One. */\n")})
    toy.commit(installation.tree, "export: say less", {
        "include/linux/export.h": adding("\n#undef EXPORT_SYMBOL_GPL\n"
        "#define EXPORT_SYMBOL_GPL(name) struct nothing\n")})  # fmt: skip
    toy.commit(installation.tree, "kernel: three", {"kernel/main.c": adding("\n/* Three. */\n")})
    _, verdict, _, reply = run(installation, 3, "--target", "blue")
    (symbols,) = [c for c in verdict["targets"][0]["checks"] if c["check"] == "symbols"]
    lost = [f for f in symbols["findings"] if f["kind"] == "export-lost"]
    assert lost
    assert {f["patch"] for f in lost} == {2}
    assert "Re: [PATCH 2/3] export: say less" in reply
