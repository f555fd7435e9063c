# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's line about its memory, whole, damaged or absent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.parsers.memory_line import Memory, memory

S390 = (
    "Memory: 250596K/262144K available (2268K kernel code, 652K rwdata, 720K rodata, 528K init,"
    " 264K bss, 10432K reserved, 0K cma-reserved)"
)
SEEN = Memory(250596, 262144)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([S390], SEEN),
        (["Linux version 7.2.13", "", f"[    0.012345] {S390}"], SEEN),
        ([f"<6>[    0.000000][    T0] {S390}"], SEEN),
        ([S390, "Memory: 1K/2K available (that somebody printed later)"], SEEN),
        ([S390[:35]], SEEN),  # the figures are there
        ([S390[:25]], None),
        ([S390.replace("250596", "2505x6")], None),
        ([f"abc {S390}"], None),
        (["Memory: 300000K/262144K available (damaged)", S390], None),  # which one is right?
        (["Memory: 1" + "0" * 40 + "K/2" + "0" * 40 + "K available (endless)"], None),
        (["Memory policy: ECC disabled"], None),
        ([], None),
    ],
)
def test_what_the_line_says(lines, expected):
    assert memory(lines) == expected


KIB = st.integers(0, 10**15 - 1)


@given(KIB, KIB, st.lists(st.text(max_size=20)))
def test_what_a_kernel_prints_is_read(one, other, before):
    available, total = sorted((one, other))
    lines = [*before, f"[    0.1] Memory: {available}K/{total}K available (1K kernel code)"]

    assert memory(lines) == Memory(available, total)


@given(st.lists(st.text("Memory: 0123456789K/available [](),", max_size=60)))
def test_no_console_is_too_strange(lines):
    said = memory(lines)

    assert said is None or 0 <= said.available_kib <= said.total_kib
