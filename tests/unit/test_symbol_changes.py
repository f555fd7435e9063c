# SPDX-License-Identifier: GPL-2.0-or-later
"""What a diff says of symbols: what it exports, and what must be gone after it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Change, FileChange, Hunk, PatchDiff, Rule
from pipeline.symbol_changes import derive, names_to_search
from pipeline.symbol_lines import declared, exported, uncommented
from tests.unit.changes import series


def said(*trees: dict[str, str]) -> list[tuple[str, str, str, int]]:
    return [(s.kind, s.name, s.file, s.line) for s in derive(series(*trees))]


# --- one line -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "name", "gpl_only"),
    [
        ("EXPORT_SYMBOL(__zero_page);", "__zero_page", False),
        ("EXPORT_SYMBOL_GPL(empty_zero_page);", "empty_zero_page", True),
        ('EXPORT_SYMBOL_NS(foo, "BAR");', "foo", False),
        ('EXPORT_SYMBOL_NS_GPL(foo, "BAR");', "foo", True),
        ('EXPORT_SYMBOL_FOR_MODULES(foo, "kvm");', "foo", True),
        ('EXPORT_SYMBOL_GPL_FOR_MODULES(foo, "kvm");', "foo", True),  # in 6.16
        ("EXPORT_PER_CPU_SYMBOL(foo);", "foo", False),
        ("EXPORT_PER_CPU_SYMBOL_GPL(foo);", "foo", True),
    ],
)
def test_every_way_to_export(line, name, gpl_only):
    assert (found := exported(line)) is not None
    assert (found.name, found.gpl_only) == (name, gpl_only)


@pytest.mark.parametrize(
    "line",
    [
        "\tEXPORT_SYMBOL(name)",  # the body of a macro
        "EXPORT_SYMBOL(name);\\",
        "EXPORT_SYMBOL(foo_##name);",
        "EXPORT_SYMBOL_IF_KUNIT(foo);",  # exports only in some configurations
        "/* EXPORT_SYMBOL(foo); */",
    ],
)
def test_what_is_no_certain_export(line):
    assert exported(line) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("struct page *mem_map_zero __read_mostly;", "definition mem_map_zero"),
        ("struct page *__zero_page __ro_after_init;", "definition __zero_page"),
        (
            "const uint8_t empty_zero_page[PAGE_SIZE] __aligned(PAGE_SIZE);",
            "definition empty_zero_page",
        ),
        ("int __meminitdata mminit_loglevel;", "definition mminit_loglevel"),
        ("static const struct foo bar = { .baz = 1 };", "static definition bar"),
        ("unsigned long empty_zero_page, *mask[2];", "definition empty_zero_page, definition mask"),
        ("u64 x = 3, y;", "definition x"),
        ("static void __init setup_zero_pages(void)", "static definition setup_zero_pages"),
        ("void __init __weak arch_setup_zero_pages(void)", "definition arch_setup_zero_pages"),
        ("static inline int f(int a) { return a; }", "static definition f"),
        ("__printf(1, 2) void complain(const char *how, ...)", "definition complain"),
        ("struct page *find(int a,", "definition find"),
        ("void arch_setup_zero_pages(void);", "declaration arch_setup_zero_pages"),
        ("extern struct page *mem_map_zero;", "declaration mem_map_zero"),
        ("extern const uint8_t empty_zero_page[PAGE_SIZE];", "declaration empty_zero_page"),
        ("#define ZERO_PAGE(vaddr)\t(mem_map_zero)", "macro ZERO_PAGE"),
        ("# define __HAVE_COLOR_ZERO_PAGE", "macro __HAVE_COLOR_ZERO_PAGE"),
    ],
)
def test_what_a_line_declares(line, expected):
    told = (f"{'static ' * d.static}{d.kind} {d.name}" for d in declared(line))
    assert ", ".join(told) == expected


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "\tint local;",
        "struct foo {",
        "struct foo;",
        "typedef int foo_t;",
        "return foo(bar);",
        "else foo(bar);",
        "out:",
        "module_init(foo);",
        "early_initcall(init_zero_page_pfn);",
        "static DEFINE_SPINLOCK(lock);",
        "SYSCALL_DEFINE2(foo, int, a,",
        "struct page *DECLARE_PAGE(zero);",
        'MODULE_LICENSE("GPL");',
        "int (*hook)(void);",
        "int foo __strange;",  # an attribute that is not known, or a name?
        "foo_t bar baz;",
        "static strange int x;",
        "#ifndef ZERO_PAGE",
        "#define _ASM_FOO_H",
        "void part_of_a_macro(void) \\",
        "int x" + "x" * 600 + ";",
        "foo = 3;",
    ],
)
def test_what_a_line_does_not_declare(line):
    assert declared(line) == ()


@given(st.text(alphabet="ab_ *();,=[]{}/\"'#\\\tstatic extern struct int"))
def test_any_line_can_be_read(line):
    for what in declared(line):
        assert re.search(rf"\b{what.name}\b", line)
    exported(line)


def test_lines_of_a_comment_are_empty():
    lines = ["/* before", " * mem_map_zero", "prose */ int x;", 'char *s = "/*";', "int y;"]
    assert list(uncommented(lines)) == ["/* before", "", " int x;", 'char *s = "/*";', "int y;"]


# --- a diff ---------------------------------------------------------------------------------


def test_an_export_that_is_added():
    old = {"mm/mm_init.c": "int a;\n"}
    new = {"mm/mm_init.c": "int a;\nstruct page *b;\nEXPORT_SYMBOL_GPL(b);\n"}
    (export,) = derive(series(old, new))
    assert (export.kind, export.name, export.line, export.patch) == ("export-added", "b", 3, 1)
    assert export.gpl_only


def test_a_symbol_that_goes_with_everything_that_belongs_to_it():
    old = {
        "a/init.c": "int x;\nstruct page *mem_map_zero __read_mostly;\nEXPORT_SYMBOL(mem_map_zero);\n",
        "a/page.h": "extern struct page *mem_map_zero;\n",
    }
    assert said(old, {"a/init.c": "int x;\n", "a/page.h": ""}) == [
        ("definition-removed", "mem_map_zero", "a/init.c", 2),
        ("export-removed", "mem_map_zero", "a/init.c", 3),
        ("declaration-removed", "mem_map_zero", "a/page.h", 1),
    ]


def test_the_patch_that_removed_it_is_named():
    first = {"a.c": "int alpha;\nint beta;\n"}
    second = {"a.c": "int new;\nint alpha;\nint beta;\n"}
    third = {"a.c": "int new;\nint alpha;\n"}
    (gone,) = derive(series(first, second, third))
    assert (gone.name, gone.line, gone.patch) == ("beta", 2, 2)


@pytest.mark.parametrize(
    "new",
    [
        {"a.c": "", "b.c": "static int foo_count;\n"},  # moved
        {"a.c": "long foo_count;\n", "b.c": ""},  # another type
        {"a.c": "", "b.c": "\tint y = foo_count;\n"},  # still used by an added line
        {"a.c": "", "b.c": "#define MAKE(n) int n##_count;\n"},  # made by a macro
        {"a.c": "", "b.c": "DEFINE_COUNTER(foo)\n"},  # by a macro that was there before
    ],
)
def test_what_may_still_be_there_is_not_removed(new):
    assert said({"a.c": "static int foo_count;\n", "b.c": ""}, new) == []


def test_an_added_comment_that_names_it_does_not_keep_it():
    old = {"a.c": "int foo_count;\n"}
    new = {"a.c": "/*\n * foo_count was here\n */\n"}
    assert said(old, new) == [("definition-removed", "foo_count", "a.c", 1)]


def test_an_export_on_other_terms_is_not_removed():
    old, new = {"a.c": "EXPORT_SYMBOL(f);\n"}, {"a.c": "EXPORT_SYMBOL_GPL(f);\n"}
    assert said(old, new) == [("export-added", "f", "a.c", 1)]


def test_a_macro_counts_only_in_a_header():
    assert said({"a.c": "#define DEBUG\n"}, {"a.c": ""}) == []
    assert said({"a.h": "#define HAVE_FOO\n"}, {"a.h": ""}) == [
        ("declaration-removed", "HAVE_FOO", "a.h", 1)
    ]


def test_the_statics_of_a_file_that_goes_say_nothing_of_the_rest():
    old = {"a.c": "static int local_thing;\nint global_thing;\n"}
    assert said(old, {}) == [("definition-removed", "global_thing", "a.c", 2)]


def test_documentation_says_nothing():
    assert said({"Documentation/a.rst": "int foo_count;\n"}, {"Documentation/a.rst": ""}) == []


def test_names_to_search():
    old = {"a.c": "int up;\nint mem_map_zero;\nEXPORT_SYMBOL(other_thing);\n"}
    changes = derive(series(old, {"a.c": "EXPORT_SYMBOL(added_thing);\n"}))
    rules = (
        Rule("r", "wanted", ("absent",), unmentioned=True),
        Rule("s", "not_searched", ("absent",)),
    )
    assert names_to_search(changes, rules) == ("mem_map_zero", "wanted")


LINES = st.lists(
    st.sampled_from([
        "int foo_a;", "extern int foo_a;", "EXPORT_SYMBOL(foo_a);", "static void foo_b(void)",
        "{", "}", "/*", " */", "#define FOO_C", "\tfoo_a = 1;", "#endif", "MACRO(foo_a) \\", "",
    ]),
    max_size=6,
).map(lambda lines: "".join(f"{line}\n" for line in lines))  # fmt: skip


@given(LINES, LINES, LINES)
def test_what_is_said_to_be_gone_was_there_and_is_in_no_added_code(old, middle, new):
    change = series({"a.h": old}, {"a.h": middle}, {"a.h": new})
    added = {line for f in change.files for h in f.hunks for line in uncommented(h.added)}
    for told in derive(change):
        side = new if told.kind == "export-added" else old
        assert told.name in side.splitlines()[told.line - 1]
        if told.kind.startswith("d"):
            assert f"\t{told.name} = 1;" not in added


# --- the zero-page series -------------------------------------------------------------------


def change_of_mbox(text: str) -> Change:
    """The first patch of an mbox, its context left out."""
    files: list[FileChange] = []
    body = text.partition("\n-- \n")[0]
    for part in re.split(r"^diff --git .*\n", body, flags=re.MULTILINE)[1:]:
        path = re.search(r"^\+\+\+ b/(.*)$", part, re.MULTILINE)[1]
        found = []
        for head in re.split(r"^@@ ", part, flags=re.MULTILINE)[1:]:
            old, new = (int(n) for n in re.findall(r"[-+](\d+)", head)[:2])
            for line in head.splitlines()[1:]:
                if line.startswith("-"):
                    found.append(Hunk(old, 1, new - 1, 0, removed=(line[1:],)))
                elif line.startswith("+"):
                    found.append(Hunk(old - 1, 0, new, 1, added=(line[1:],)))
                old += not line.startswith("+")
                new += not line.startswith("-")
        files.append(FileChange(path, path, "M", tuple(found)))
    return Change("", "", "", "", tuple(files), (PatchDiff(1, tuple(files)),))


def test_the_zero_page_series(zero_page_mbox):
    change = change_of_mbox(zero_page_mbox.read_text())
    told = {(s.kind, s.name, s.file, s.static, s.patch) for s in derive(change)}
    assert told == {
        ("export-added", "__zero_page", "mm/mm_init.c", False, 1),
        ("export-removed", "mem_map_zero", "arch/sparc/mm/init_64.c", False, 1),
        ("definition-removed", "mem_map_zero", "arch/sparc/mm/init_64.c", False, 1),
        ("declaration-removed", "mem_map_zero", "arch/sparc/include/asm/pgtable_64.h", False, 1),
        ("definition-removed", "setup_zero_pages", "arch/mips/mm/init.c", True, 1),
        ("definition-removed", "setup_zero_pages", "arch/s390/mm/init.c", True, 1),
        # the variant for CONFIG_NUMA; the other one stays, and the judge sees that
        ("definition-removed", "arch_mm_preinit", "arch/mips/mm/init.c", False, 1),
    }
