# SPDX-License-Identifier: GPL-2.0-or-later
"""What does the series cost? The figures of perf, size and boot in a verdict, as rows. Pure.

Facts come by way of a kernel's console, and perhaps from another version of crosscheck: names
are made clean, and what is no figure is said to be not measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from pipeline.model import CheckVerdict, Outcome, Verdict
from pipeline.report.wording import clipped, one_line

PERF, SIZE, _BOOT = "perf", "size", "boot"
BASE, PATCHED = "base", "patched"

#: What changes by less, and is no finding, is told only to those who ask for all of it.
TOLD_PERCENT = 0.5

#: What the size check calls the sum of its groups.
TOTAL = "total"

_NAME_COLUMNS = 48
#: No kernel is that large or takes that long; nor are infinity and what is no number.
_LARGEST = 1e15
_NO_FIGURE = "what was measured is no figure that can be compared"


@dataclass(frozen=True, slots=True)
class Cost:
    """A case of perf on a target: instructions for one operation. Spreads are in percent."""

    target: str
    case: str
    base: float
    patched: float
    base_spread: float
    patched_spread: float
    change: float  # in percent of base
    differs: bool  # by more than boots of one kernel do
    found: Outcome | None = None  # how severe the finding is; None: there is none

    @property
    def told(self) -> bool:
        """Whether those are told who did not ask."""
        return bool(self.found) or (self.differs and abs(self.change) >= TOLD_PERCENT)


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A case without figures, or with CASE "" a target without any, and why."""

    target: str
    case: str
    reason: str

    @property
    def side(self) -> str:
        """Of which kernel alone there is no figure, as `reason` begins; "" where it is of both."""
        side, colon, why = self.reason.partition(": ")
        alone = colon and side in (BASE, PATCHED) and f"; {PATCHED}: " not in why
        return side if self.case and alone else ""


@dataclass(frozen=True, slots=True)
class Size:
    """WHAT is measured of a target's kernel, before and after, in UNIT."""

    target: str
    what: str
    base: int
    patched: int
    unit: str = "bytes"

    @property
    def change(self) -> int:
        """What the series adds."""
        return self.patched - self.base

    @property
    def percent(self) -> float | None:
        """CHANGE in percent of base; None where that is 0."""
        return 100 * self.change / self.base if self.base else None


@dataclass(frozen=True, slots=True)
class Costs:
    """All figures of a verdict, in its order; symbols and modules by how much they changed."""

    measured: tuple[str, ...] = ()  # the targets on which cases were to be
    cases: tuple[Cost, ...] = ()
    unmeasured: tuple[Unmeasured, ...] = ()
    boots: tuple[tuple[str, int, int], ...] = ()  # target, of base, of patched
    sizes: tuple[Size, ...] = ()  # of sections and of memory
    symbols: tuple[Size, ...] = ()
    modules: tuple[Size, ...] = ()

    @property
    def case_names(self) -> tuple[str, ...]:
        """Every case once, measured or not."""
        names = [*(row.case for row in self.cases), *(row.case for row in self.unmeasured)]
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def sized(self) -> tuple[str, ...]:
        """Every target once of which there are sizes."""
        return tuple(
            dict.fromkeys(row.target for row in (*self.sizes, *self.symbols, *self.modules))
        )

    def of_case(self, pattern: str) -> Costs:
        """Only cases like PATTERN, in which * and ? are as in names of files; and no sizes."""
        return replace(
            self,
            sizes=(),
            symbols=(),
            modules=(),
            cases=tuple(row for row in self.cases if fnmatchcase(row.case, pattern)),
            unmeasured=tuple(
                row for row in self.unmeasured if not row.case or fnmatchcase(row.case, pattern)
            ),
        )


def costs_of(verdict: Verdict) -> Costs:
    """The figures of VERDICT."""
    cells = [(row.target, cell) for row in verdict.targets for cell in row.checks]
    perf = [(target, cell) for target, cell in cells if cell.check == PERF]
    size = [(target, cell) for target, cell in cells if cell.check == SIZE]
    boot = [(target, cell) for target, cell in cells if cell.check == _BOOT]
    rows = [row for target, cell in perf for row in _cases(target, cell)]
    return Costs(
        measured=tuple(dict.fromkeys(row.target for row in rows)),
        cases=tuple(row for row in rows if isinstance(row, Cost)),
        unmeasured=tuple(row for row in rows if isinstance(row, Unmeasured)),
        boots=tuple(row for target, cell in perf for row in _boots(target, cell)),
        sizes=(
            *(row for target, cell in size for row in _sections(target, cell)),
            *(row for target, cell in boot for row in _memory(target, cell)),
        ),
        symbols=tuple(row for target, cell in size for row in _symbols(target, cell)),
        modules=tuple(row for target, cell in size for row in _modules(target, cell)),
    )


def _name(text: object) -> str:
    return clipped(one_line(str(text)), _NAME_COLUMNS) or "(no name)"


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    """VALUE, if it is a number that can be counted with."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if abs(number) <= _LARGEST else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else round(number)


def _cases(target: str, cell: CheckVerdict) -> Iterator[Cost | Unmeasured]:
    if cell.outcome in (Outcome.SKIP, Outcome.ERROR):
        yield Unmeasured(target, "", one_line(cell.reason) or "no reason given")
    facts = dict(cell.facts)
    found = {finding.symbol: finding.severity for finding in cell.findings}
    for name, figures in _mapping(facts.get("cases")).items():
        cost = _cost(target, name, _mapping(figures), found.get(name))
        yield cost or Unmeasured(target, _name(name), _NO_FIGURE)
    for name, reason in _mapping(facts.get("unmeasured")).items():
        yield Unmeasured(target, _name(name), one_line(str(reason)) or "no reason given")


def _cost(target: str, name: str, figures: dict[str, Any], found: Outcome | None) -> Cost | None:
    wanted = ("base", "patched", "base_spread_percent", "patched_spread_percent", "change_percent")
    numbers = [n for key in wanted if (n := _number(figures.get(key))) is not None]
    if len(numbers) < len(wanted) or numbers[0] <= 0 or min(numbers[:4]) < 0:
        return None
    base, patched, base_spread, patched_spread, change = numbers
    differs = figures.get("differs") is True
    spreads = (base_spread, patched_spread)
    return Cost(target, _name(name), base, patched, *spreads, change, differs, found)


def _boots(target: str, cell: CheckVerdict) -> Iterator[tuple[str, int, int]]:
    boots = _mapping(dict(cell.facts).get("boots"))
    base, patched = _whole(boots.get("base")), _whole(boots.get("patched"))
    if base is not None and patched is not None:
        yield target, base, patched


def _sections(target: str, cell: CheckVerdict) -> Iterator[Size]:
    for name, sides in _mapping(dict(cell.facts).get("sections")).items():
        base, patched = (_whole(_mapping(sides).get(side)) for side in ("base", "patched"))
        if base is not None and patched is not None:
            yield Size(target, _name(name), base, patched)


def _memory(target: str, cell: CheckVerdict) -> Iterator[Size]:
    """What the kernel keeps for itself of the memory that the machine has.

    How much that is, base's says: a patched one may hide from its total what it keeps.
    """
    memory = _mapping(dict(cell.facts).get("memory"))
    base, patched = _mapping(memory.get(BASE)), _mapping(memory.get(PATCHED))
    total = _whole(base.get("total_kib"))
    before, after = _whole(base.get("available_kib")), _whole(patched.get("available_kib"))
    if total is not None and before is not None and after is not None:
        yield Size(target, "memory in use", total - before, total - after, "KiB")


def _symbols(target: str, cell: CheckVerdict) -> Iterator[Size]:
    return _changed(target, dict(cell.facts).get("symbols"), "symbol")


def _modules(target: str, cell: CheckVerdict) -> Iterator[Size]:
    return _changed(target, _mapping(dict(cell.facts).get("modules")).get("changed"), "module")


def _changed(target: str, told: object, key: str) -> Iterator[Size]:
    """What TOLD, a list, has under the name in KEY, by how much it changed.

    Of a path, the last part: no two modules of a kernel have the same.
    """
    rows = []
    for each in map(_mapping, told if isinstance(told, list) else ()):
        # What one side does not have takes no room there.
        base, patched = (_whole(each.get(side)) or 0 for side in ("base", "patched"))
        rows.append(Size(target, _name(str(each.get(key, "")).rpartition("/")[2]), base, patched))
    yield from sorted(rows, key=lambda row: -abs(row.change))
