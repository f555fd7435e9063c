# SPDX-License-Identifier: GPL-2.0-or-later
"""Which tests did a console report, and how did they end? Pure.

Reads KTAP version 1 (Documentation/dev-tools/ktap.rst) and the TAP that it grew from, amid
whatever else is on the console: lines that are not KTAP are passed over. Nothing is taken
before the version line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from workers.parsers.console import message

_VERSION = re.compile(r"^( *)K?TAP version \d+\s*$")
_PLAN = re.compile(r"^( *)1\.\.(\d+)(?:\s*#.*)?\s*$")
_RESULT = re.compile(
    r"^( *)(not ok|ok) (\d+)(?: +-)?(?: +(?!#)(.*?))??(?: +# *(SKIP|TODO|XFAIL)\b:? *(.*))?\s*$",
    re.IGNORECASE,
)
_DIAGNOSTIC = re.compile(r"^( *)# ?(.*)$")
_INDENT = 2


class Status(StrEnum):
    """How a test ended. A test that was expected to fail, and did, is TODO."""

    OK = "ok"
    NOT_OK = "not ok"
    SKIP = "skip"
    TODO = "todo"


@dataclass(frozen=True, slots=True)
class Test:
    """A result. A subtest's NAME has its parents' before it: `suite/case`."""

    __test__ = False  # not one of pytest's

    name: str
    status: Status
    diagnostics: tuple[str, ...] = ()  # without "# "; of a skipped test its reason too


@dataclass(frozen=True, slots=True)
class Report:
    """All tests, subtests before their parents. PLAN counts those of the outermost level."""

    plan: int | None
    tests: tuple[Test, ...]
    complete: bool  # every planned test of the outermost level has a result


@dataclass
class _Level:
    """What is collected of one indentation level until its parent's result."""

    plan: int | None = None
    numbers: set[int] = field(default_factory=set)
    tests: list[Test] = field(default_factory=list)
    diagnostics: list[str] = field(default_factory=list)


def _status(word: str, directive: str | None) -> Status:
    if directive and directive.upper() == "SKIP":
        return Status.SKIP
    if directive and word == "not ok":
        return Status.TODO
    return Status.OK if word == "ok" else Status.NOT_OK


class _Reader:
    def __init__(self) -> None:
        self.levels: list[_Level] = []

    def level(self, indent: str) -> _Level | None:
        """The level of INDENT; deeper ones than were opened do not exist."""
        depth = len(indent) // _INDENT
        return self.levels[depth] if depth < len(self.levels) else None

    def version(self, indent: str) -> None:
        depth = len(indent) // _INDENT
        if depth == 0 and self.levels:
            return  # a second report on the same console continues the first
        del self.levels[depth:]
        if depth == len(self.levels):
            self.levels.append(_Level())

    def result(self, line: re.Match[str]) -> None:
        indent, word, number, name, directive, reason = line.groups()
        level = self.level(indent)
        if level is None:
            return
        depth = len(indent) // _INDENT
        name = (name or number).strip()
        for inner in self.levels[depth + 1 :]:
            level.tests += [
                Test(f"{name}/{test.name}", test.status, test.diagnostics) for test in inner.tests
            ]
        del self.levels[depth + 1 :]
        notes = (*level.diagnostics, reason) if reason else tuple(level.diagnostics)
        level.tests.append(Test(name, _status(word.lower(), directive), notes))
        level.diagnostics.clear()
        level.numbers.add(int(number))

    def read(self, line: str) -> None:
        if opened := _VERSION.match(line):
            self.version(opened[1])
        elif result := _RESULT.match(line):
            self.result(result)
        elif (plan := _PLAN.match(line)) and (level := self.level(plan[1])):
            level.plan = int(plan[2])
        elif (note := _DIAGNOSTIC.match(line)) and (level := self.level(note[1])):
            level.diagnostics.append(note[2])


def parse(lines: Iterable[str]) -> Report:
    """The report in a console's clean LINES; without a plan, none is complete."""
    reader = _Reader()
    for line in lines:
        reader.read(message(line))
    if not reader.levels:
        return Report(None, (), complete=False)
    top = reader.levels[0]
    orphans = [test for inner in reader.levels[1:] for test in inner.tests]  # it was cut short
    planned = set(range(1, top.plan + 1)) if top.plan is not None else None
    complete = planned == top.numbers and not orphans
    return Report(top.plan, (*top.tests, *orphans), complete=complete)
