# SPDX-License-Identifier: GPL-2.0-or-later
"""A finding keeps its fingerprint while lines and numbers move, and shares it with no other."""

from __future__ import annotations

import pytest

from pipeline.fingerprint import fingerprint, normalised
from pipeline.model import Outcome
from tests.unit.builders import finding

ONE = fingerprint("arm64", "build", finding())


@pytest.mark.parametrize(
    "moved",
    [
        {"line": 7},
        {"line": None},
        {"patch": 3},
        {"detail": "other words"},
        {"severity": Outcome.WARN},
        {"summary": "\u2018zero_page_mask\u2019   undeclared"},
    ],
)
def test_what_moves_leaves_it_as_it_is(moved):
    severity = moved.pop("severity", Outcome.FAIL)
    assert fingerprint("arm64", "build", finding(severity, **moved)) == ONE


@pytest.mark.parametrize(
    "other",
    [
        {"kind": "new-warning"},
        {"file": "mm/memory.c"},
        {"symbol": "a"},
        {"summary": "'x' undeclared"},
    ],
)
def test_another_finding_has_another(other):
    assert fingerprint("arm64", "build", finding(**other)) != ONE


def test_another_target_or_check_has_another():
    names = [("mips", "build"), ("arm64", "boot"), ("arm64b", "uild")]
    assert len({ONE, *(fingerprint(*name, finding()) for name in names)}) == 4


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("BUG: soft lockup - CPU#0 stuck for 22s! [init:1]", "BUG: soft lockup - CPU#3 stuck for 23s! [init:42]"),
        ("paging request at ffff800012345678", "paging request at ffff8000deadbee0"),
        ("pc : schedule+0x1c/0x90", "pc : schedule+0x20/0xa0"),
        ("the frame size of 1040 bytes", "the frame size of 1056 bytes"),
        ("'f.constprop.0' defined but not used", "'f' defined but not used"),
        ("not ok in 1 of 2 boots", "not ok in 2 of 2 boots"),
        ("error in /tmp/ccAbC123.s", "error in /tmp/cc999xyz.s"),
    ],
)  # fmt: skip
def test_what_differs_from_time_to_time_is_not_in_it(one, same):
    assert normalised(one) == normalised(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("unused variable 'order2'", "unused variable 'order3'"),
        ("bounds of 'int[4]'", "bounds of 'int[8]'"),
        ("-Wformat-overflow=1", "-Wformat-truncation=1"),
        ("feedface is not defined", "deadbeef is not defined"),
        ("uses 'u32'", "uses 'u64'"),
    ],
)
def test_names_and_types_stay_in_it(one, other):
    assert normalised(one) != normalised(other)


def test_it_is_what_it_was_yesterday():
    assert ONE == "f1c4b634c24f27ccb0f6"
