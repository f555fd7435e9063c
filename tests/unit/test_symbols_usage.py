# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a line needs a symbol: in doubt it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Mention
from workers.symbols.usage import Usage, usage


def does(text: str, file: str = "mm/a.c") -> Usage:
    return usage(Mention("page_zero", file, 1, text))


@pytest.mark.parametrize(
    "text",
    [
        "\tpage_zero = pfn_to_page(pfn);",
        "\tpage_zero();",
        "\treturn page_zero;",
        "\tfoo(a, page_zero);",
        "\tif (x == page_zero)",
        "\tx = *page_zero;",
        "\tx = y ? page_zero : z;",
        "\tWRITE_ONCE(page_zero, x);",
        "\tpage_zero->flags = 0;",
        "unsigned long x = (unsigned long)&page_zero;",
        "EXPORT_SYMBOL(page_zero);",
        "#define ZERO_PAGE(vaddr)\t(page_zero)",
    ],
)
def test_uses(text):
    assert does(text) is Usage.USES


@pytest.mark.parametrize(
    "text",
    [
        "\tx->page_zero = 1;",
        "\tx.page_zero++;",
        "\t.page_zero = 1,",
        "\tint page_zero;",
        "\tstruct page *page_zero;",
        "\tstruct page_zero *x;",
        "\tint a, page_zero;",
        "\tgoto page_zero;",
        "\tpage_zero,",  # an enumerator, or a line of arguments
        "\tpage_zero = 3,",
        "static int f(struct page *page_zero)",
        "#define f(page_zero) x",
        "#define f(x) page_zero##x",
        "\tLIST_HEAD(page_zero);",
        "early_initcall(page_zero);",
        "\tint (*page_zero)(struct page *page);",
        "\tvoid __iomem *(*const page_zero[2])(int),",
        "\tpage_zero = 7",  # the last enumerator
    ],
)
def test_can_be_something_else(text):
    assert does(text) is Usage.UNCLEAR


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("struct page *page_zero;", Usage.DEFINES),
        ("void __weak page_zero(void)", Usage.DEFINES),
        ("#define page_zero 1", Usage.DEFINES),
        ("DEFINE_PER_CPU(int, page_zero);", Usage.DEFINES),
        ("static DEFINE_SPINLOCK(page_zero);", Usage.DEFINES),
        ("int strange page_zero;", Usage.DEFINES),
        ("static int page_zero;", Usage.DEFINES_LOCALLY),
        ("extern struct page *page_zero;", Usage.DECLARES),
        ("\textern struct page *page_zero;", Usage.DECLARES),
        ("void page_zero(void);", Usage.DECLARES),
        ('\tprintk("page_zero");', Usage.SILENT),
        ("#ifdef page_zero", Usage.SILENT),
    ],
)
def test_defines_declares_or_proves_nothing(text, expected):
    assert does(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\tbl\tpage_zero", Usage.USES),
        ("EXPORT_SYMBOL(page_zero)", Usage.USES),
        ("SYM_FUNC_START(page_zero)", Usage.DEFINES),
        ("page_zero:", Usage.DEFINES),
        ("\tpage_zero = .;", Usage.DEFINES),
        ("#define page_zero x0", Usage.DEFINES),
        ("\t.set page_zero, 4", Usage.DEFINES),
        ("\t.globl page_zero", Usage.SILENT),
    ],
)
def test_assembler_and_linker_scripts(text, expected):
    assert does(text, "arch/x/a.S") is expected


@pytest.mark.parametrize(
    "text",
    [
        "\tx->state = page_zero; \\",  # perhaps a parameter of the macro
        "\tREG_SET(base, page_zero, 1);",  # perhaps base##_##page_zero
        "\t    page_zero)",  # perhaps the same, or a parameter
    ],
)
def test_may_need_it_unless_a_macro_that_is_not_seen_says_otherwise(text):
    assert does(text) is Usage.MAY_USE


def test_a_constant_may_be_pasted_by_any_macro():
    for text, expected in (
        ("\tdump_register(PAGE_ZERO),", Usage.MAY_USE),
        ("\tx = y + PAGE_ZERO;", Usage.USES),
        ("\treturn (PAGE_ZERO);", Usage.USES),
        ("\tset(1 << PAGE_ZERO);", Usage.USES),
        ("\t&& !defined(PAGE_ZERO)", Usage.SILENT),
    ):
        assert usage(Mention("PAGE_ZERO", "mm/a.c", 1, text)) is expected


def test_constants_that_c_makes_for_assembler():
    line = "\tDEFINE(page_zero, offsetof(struct page, zero));"
    assert does(line, "arch/x/kernel/asm-offsets.c") is Usage.DEFINES
    assert does(line) is Usage.UNCLEAR


def test_other_languages_and_data_are_unclear():
    assert does("x = page_zero", "scripts/a.py") is Usage.UNCLEAR
    assert does("\tx = page_zero" + "+ 1" * 300 + ";") is Usage.UNCLEAR


@given(st.text(alphabet="ab,;=(){}*.>-# \t\"'"), st.text(alphabet="ab,;=(){}*:[]# \t\"'"))
def test_any_line_has_a_usage(before, after):
    assert does(f"{before} page_zero {after}") in Usage
