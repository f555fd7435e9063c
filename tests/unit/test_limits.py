# SPDX-License-Identifier: GPL-2.0-or-later
"""What is beyond a limit of the matrix, and which limit says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.limits import allows, exceeded, growth
from pipeline.model import Limit, Outcome

W, F = Outcome.WARN, Outcome.FAIL
ONE = Limit("size", "total", 1.0, 4096)


def verdict(limits, base=1_000_000, patched=1_020_000):
    found = exceeded(limits, "size", "arm64", "total", base=base, patched=patched)
    return None if found is None else (found.limit.severity, found.limit.percent)


@pytest.mark.parametrize(
    ("base", "patched", "expected"),
    [
        (1_000_000, 1_020_000, (W, 1.0)),
        (1_000_000, 1_010_001, (W, 1.0)),
        (1_000_000, 1_010_000, None),  # one percent, and not more
        (1_000_000, 1_000_000, None),
        (1_000_000, 500_000, None),  # an improvement is no finding
        (100_000, 104_096, None),  # four percent, but not more than 4096
        (100_000, 104_097, (W, 1.0)),
        (0, 4_097, (W, 1.0)),  # whatever is new is more than any percent of nothing
        (0, 4_096, None),
        (0, 0, None),
    ],
)
def test_both_the_percentage_and_the_amount_are_exceeded(base, patched, expected):
    assert verdict([ONE], base, patched) == expected


@pytest.mark.parametrize(("base", "percent"), [(1_000_000, 1.0), (409_600, 1.0), (8_192, 50.0)])
def test_what_is_allowed_is_the_larger_of_the_percentage_and_the_amount(base, percent):
    assert allows(ONE, base) == percent
    most = base + base * percent / 100
    assert verdict([ONE], base, most) is None
    assert verdict([ONE], base, most + 1) == (W, 1.0)


@pytest.mark.parametrize(
    ("limit", "applies"),
    [
        (ONE, True),
        (Limit("size", "*", 1.0), True),
        (Limit("size", "tot?l", 1.0), True),
        (Limit("size", "text", 1.0), False),
        (Limit("size", "TOTAL", 1.0), False),
        (Limit("perf", "total", 1.0), False),
        (Limit("size", "total", 1.0, targets=("arm64",)), True),
        (Limit("size", "total", 1.0, targets=("s390", "mips")), False),
    ],
)
def test_a_limit_is_for_its_check_its_measures_and_its_targets(limit, applies):
    assert (verdict([limit]) is not None) is applies


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ([], None),
        ([Limit("size", "*", 1), Limit("size", "total", 5)], None),  # the later one excepts
        ([Limit("size", "*", 5), Limit("size", "total", 1)], (W, 1)),
        ([Limit("size", "*", 1), Limit("size", "*", 5, targets=("mips",))], (W, 1)),
        ([Limit("size", "*", 1), Limit("size", "*", 1.5, severity=F)], (F, 1.5)),
        ([Limit("size", "*", 1.5, severity=F), Limit("size", "*", 1)], (F, 1.5)),
        ([Limit("size", "*", 1), Limit("size", "*", 5, severity=F)], (W, 1)),
        ([Limit("size", "*", 5), Limit("size", "*", 1, severity=F)], (F, 1)),
    ],
)
def test_the_last_of_a_severity_counts_and_the_worst_wins(limits, expected):
    assert verdict(limits) == expected


def test_what_is_exceeded_is_said_in_words():
    found = exceeded([ONE], "size", "arm64", "total", base=1_000_000, patched=1_052_345)

    assert found is not None
    assert found.words == "+5.2 %, the limit is 1 %"


@pytest.mark.parametrize(
    ("base", "patched", "words"),
    [
        (1000, 1338, "+33.8 %"),
        (1000, 988, "-1.2 %"),
        (100_000, 100_120, "+0.12 %"),
        (10, 0, "-100.0 %"),
        (0, 5, "new"),
        (0, 0, "+0.0 %"),
    ],
)
def test_growth_in_words(base, patched, words):
    assert growth(base, patched) == words


FIGURES = st.floats(min_value=0, max_value=1e15)


@given(FIGURES, FIGURES, st.floats(min_value=1e-3, max_value=1e3), FIGURES)
def test_only_what_grew_is_beyond_a_limit(base, patched, percent, at_least):
    found = exceeded(
        [Limit("c", "*", percent, at_least)], "c", "t", "m", base=base, patched=patched
    )

    assert found is None or patched - base > at_least
