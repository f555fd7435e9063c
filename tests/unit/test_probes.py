# SPDX-License-Identifier: GPL-2.0-or-later
"""What each case of the measuring program owes its reader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CASES = sorted(
    (Path(__file__).parents[2] / "workers" / "probes" / "perf" / "cases").rglob("*.c"),
)
NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
HEADER = re.compile(
    r"\A// SPDX-License-Identifier: GPL-2\.0-or-later\n"
    r"/\*\n"
    r"(?: \* (?!One operation:|Disturbed by:).*\n)+"
    r" \* One operation: .*\n"
    r"(?: \* (?!Disturbed by:).*\n)*"
    r" \* Disturbed by: .*\n"
    r"(?: \* .*\n)*"
    r" \*/\n"
)


def test_there_are_cases():
    assert {"zero_read_fault", "getpid", "pipe_round_trip"} <= {case.stem for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_case_says_what_it_measures_and_what_would_disturb_it(case):
    text = case.read_text()
    assert HEADER.match(text)
    assert re.findall(r'\bPERF_CASE\(\.name = "([^"]*)"', text) == [case.stem]
    assert re.findall(r"\bPERF_CASE\b", text) == ["PERF_CASE"]


def test_the_parser_reads_each_case_by_its_name():
    names = [case.stem for case in CASES]
    assert [name for name in names if not NAME.fullmatch(name)] == []
    assert len(set(names)) == len(names)
