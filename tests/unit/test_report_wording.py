# SPDX-License-Identifier: GPL-2.0-or-later
"""What others wrote is shown, and nothing else happens."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.report.wording import (
    clean,
    clock,
    count,
    line_ranges,
    listed,
    one_line,
    snippet,
    wrapped,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\tb\n", "a\tb\n"),
        ("a\r\nb\rc", "a\nbc"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;x\x1b\\link", "link"),
        ("\x1bcreset", "reset"),
        ("\x9b31mx", "31mx"),
        ("a\u2028b", "a b"),
        ("a\u202eb\u2066c", "abc"),
        ("\ud800", "\ufffd"),
        ("Jörg 谢", "Jörg 谢"),
    ],
)
def test_control_characters_and_escapes_are_dropped(text, shown):
    assert clean(text) == shown


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters()))
def test_nothing_that_is_left_can_move_a_cursor(text):
    left = clean(text)
    assert all(
        unicodedata.category(char) not in ("Cc", "Cs") for char in left if char not in "\n\t"
    )
    assert clean(left) == left
    assert "\n" not in one_line(text)


@settings(max_examples=50, deadline=None)
@given(st.text(st.sampled_from("ab -\n"), max_size=300))
def test_prose_is_wrapped_at_72_columns(text):
    assert all(
        len(line) <= 72 or " " not in line.strip()
        for line in wrapped(text, "  ", "    ").splitlines()
    )
    assert wrapped(text).split() == text.split()


def test_a_snippet_says_how_much_it_does_not_show():
    assert snippet("\na\nb\nc\n\n", 2) == ("a", "b", "[1 more line]")
    assert snippet("a\nb", 2) == ("a", "b")
    assert snippet("", 2) == ()
    assert snippet("x" * 300, 2) == ("x" * 236 + " ...",)


@pytest.mark.parametrize(
    ("ranges", "shown"),
    [
        ([(3, 3)], "line 3"),
        ([(3, 4)], "lines 3-4"),
        ([(3, 3), (7, 9)], "lines 3, 7-9"),
        ([(n, n) for n in range(1, 6)], "lines 1, 2, 3, and 2 more places"),
    ],
)
def test_lines_are_told_as_ranges(ranges, shown):
    assert line_ranges(ranges, most=3) == shown


def test_times_counts_and_lists():
    assert [clock(s) for s in (-1, 43.9, 60, 3723)] == ["0:00", "0:43", "1:00", "1:02:03"]
    assert [count(n, "warning") for n in (0, 1, 2)] == ["0 warnings", "1 warning", "2 warnings"]
    assert [listed(w) for w in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
