# SPDX-License-Identifier: GPL-2.0-or-later
"""A finding is known again in another run, and not taken for another one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fingerprint import fingerprint, normalised, particulars, shortened
from pipeline.model import Outcome
from tests.unit.builders import finding
from tests.unit.strategies import findings, texts

ONE = finding()


def of(found, target="arm64", check="build"):
    return fingerprint(target, check, found)


def test_it_is_sixteen_digits_and_stays_what_it_is():
    assert of(ONE) == "39943569a29ffb99"


@pytest.mark.parametrize(
    "changed", [{"line": 7}, {"patch": None}, {"severity": Outcome.WARN}, {"detail": "more"}]
)
def test_what_moves_does_not_count(changed):
    assert of(replace(ONE, **changed)) == of(ONE)


@pytest.mark.parametrize(
    "changed",
    [{"kind": "new-warning"}, {"file": "mm/a.c"}, {"symbol": "s"}, {"summary": "'y' undeclared"}],
)
def test_what_is_found_counts(changed):
    assert of(replace(ONE, **changed)) != of(ONE)


def test_target_and_check_count():
    assert len({of(ONE), of(ONE, target="mips"), of(ONE, check="boot")}) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BUG: soft lockup - CPU#1 stuck for 22s!", "BUG: soft lockup - CPU#0 stuck for 23s!"),
        ("[    1.234567] oops", "[   12.000001] oops"),
        ("paging request at ffff800012345678", "paging request at 00000000deadbee0"),
        ("WARNING in f+0x1c/0x90 at mm/a.c:12", "WARNING in f+0x20/0x94 at mm/a.c:13"),
        ("WARNING in f() (in 1 of 2 boots)", "WARNING in f()"),
        ("`x' undeclared", "\u2018x\u2019 undeclared"),
        ("the frame size of 2064 bytes is larger", "the frame size of 1032 bytes is larger"),
        ("f.constprop.0 refers to x", "f.isra.12.cold refers to x"),
    ],
)
def test_numbers_addresses_and_times_are_left_out(one, other):
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("'x1' undeclared", "'x2' undeclared"),
        ("init_64.c has no f", "init_32.c has no f"),
        ("unused variable 'effaced'", "unused variable 'defaced'"),
        ("u32 expected", "u64 expected"),
    ],
)
def test_names_keep_their_digits(one, other):
    assert normalised(one) != normalised(other)


def test_of_a_measure_the_figures_are_particular():
    cost = finding(kind="slower", summary="getpid: 161 → 170, +5.6 %", symbol="getpid")
    more = finding(kind="slower", summary="getpid: 161 → 1062, +559.6 %", symbol="getpid")
    assert fingerprint("s390", "perf", cost) == fingerprint("s390", "perf", more)
    assert particulars(cost) != particulars(more)


def test_else_the_first_source_line_that_the_compiler_shows_is():
    detail = "a.c:70:22: warning: x\n   70 |   unsigned   int order;\n      |   ^\n   71 | }"
    assert particulars(finding(detail=detail)) == "unsigned int order;"
    assert particulars(ONE) == ""


def test_as_many_digits_are_shown_as_tell_findings_apart():
    one, near, other = "3fa9c1aa00000000", "3fa9c1bb00000000", "1111111100000000"
    assert shortened([one, other, one]) == {one: "3fa9c1", other: "111111"}
    assert shortened([one, near]) == {one: "3fa9c1aa", near: "3fa9c1bb"}
    assert shortened([]) == {}


@given(texts, texts, findings)
def test_every_finding_has_one(target, check, found):
    digits = fingerprint(target, check, found)
    assert len(digits) == 16
    assert int(digits, 16) >= 0


@given(st.text())
def test_what_is_normalised_stays_so(text):
    once = normalised(text)
    assert normalised(once) == once
