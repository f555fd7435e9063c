# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a name still stands: in code, in a comment, or in documentation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mentions import classify


def kinds(path: str, text: str, name: str = "mem_map_zero") -> list[tuple[int, str]]:
    hits = [(path, n, line) for n, line in enumerate(text.splitlines(), 1) if name in line]
    return [(m.line, m.kind) for m in classify([name], hits, {path: text}.__getitem__)]


C = """\
/* mem_map_zero of old,
   mem_map_zero of now */
extern struct page *mem_map_zero; // mem_map_zero
// mem_map_zero
char *s = "/*"; mem_map_zero = s;
char c = '"'; /* mem_map_zero */
x = 1; /* one */ mem_map_zero(); /* two */
say("mem_map_zero // http://mem_map_zero");
#error don't /* mem_map_zero
*/ mem_map_zero
"""


def test_the_comments_of_c():
    assert kinds("mm/a.c", C) == [
        (1, "comment"), (2, "comment"), (3, "code"), (4, "comment"), (5, "code"),
        (6, "comment"), (7, "code"), (8, "code"), (9, "comment"), (10, "code"),
    ]  # fmt: skip


def test_a_comment_that_never_ends():
    assert kinds("a.h", "/*\nmem_map_zero\n") == [(2, "comment")]


def test_only_whole_words():
    text = "my_mem_map_zero;\nmem_map_zero_too;\nmem_map_zero;\n"
    assert kinds("a.c", text) == [(3, "code")]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("\taddis r9,r3,mem_map_zero@ha", "code"),
        ("\tmov r0, #mem_map_zero", "code"),
        ("\tnop\t! mem_map_zero", "comment"),
        ("\tnop\t# see mem_map_zero", "comment"),
        ("# define X mem_map_zero", "code"),
        ("/* mem_map_zero */", "comment"),
    ],
)
def test_the_comments_of_assembler(line, kind):
    assert kinds("arch/x/a.S", line + "\n") == [(1, kind)]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("Documentation/mm/zero.rst", "documentation"),
        ("Documentation/conf.py", "documentation"),
        ("drivers/x/notes.txt", "documentation"),
        ("MAINTAINERS", "documentation"),
        ("mm/Kconfig.debug", "documentation"),
        ("drivers/x/README.md", "documentation"),
        ("scripts/gdb/linux/mm.py", "code"),
        ("mm/Makefile", "code"),
        ("arch/sparc/kernel/vmlinux.lds.S", "code"),
    ],
)
def test_what_a_file_is(path, kind):
    assert kinds(path, "x = mem_map_zero\n") == [(1, kind)]


def test_the_comments_of_scripts():
    assert kinds("mm/Makefile", "# mem_map_zero\nobj-y += x # mem_map_zero\n") == [
        (1, "comment"), (2, "comment"),
    ]  # fmt: skip


def test_a_line_with_two_symbols_is_two_mentions():
    found = classify(
        ["aa", "bb"], [("a.c", 1, "aa = bb; /* bb */\n")], lambda _: "aa = bb; /* bb */\n"
    )
    assert [(m.symbol, m.kind, m.text) for m in found] == [
        ("aa", "code", "aa = bb; /* bb */"), ("bb", "code", "aa = bb; /* bb */"),
    ]  # fmt: skip


def test_each_file_is_read_once_and_documents_never():
    read: list[str] = []

    def read_file(path: str) -> str:
        read.append(path)
        return "foo\nfoo\n"

    hits = [("a.c", 1, "foo"), ("a.c", 2, "foo"), ("x.rst", 1, "foo"), ("b.c", 1, "bar")]
    assert len(classify(["foo"], hits, read_file)) == 3
    assert read == ["a.c"]


def test_nothing_to_look_for():
    assert classify([], [("a.c", 1, "foo")], lambda _: "") == ()


@given(st.text(alphabet="/*\"'\\\n xfoo"), st.text(alphabet="/*\"'\\\n x"))
def test_any_text_can_be_classified(before, after):
    text = before + " foo " + after
    lines = text.split("\n")
    hits = [("a.c", n, line) for n, line in enumerate(lines, 1)]
    for mention in classify(["foo"], hits, lambda _: text):
        assert "foo" in lines[mention.line - 1]
        assert mention.kind in ("code", "comment")
