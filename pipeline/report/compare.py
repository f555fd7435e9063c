# SPDX-License-Identifier: GPL-2.0-or-later
"""What has become of the findings of an earlier verdict, of v2 when v3 is judged? Pure.

Nothing is called fixed that was not looked for, and nothing new that nobody had looked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipeline.fingerprint import fingerprint
from pipeline.model import CheckVerdict, Finding, Outcome, Verdict
from pipeline.report.digest import Told
from pipeline.report.wording import count, one_line

#: How many findings of one fate are named to people.
_MOST = 8

_TESTED = (Outcome.PASS, Outcome.WARN, Outcome.FAIL)


class Fate(StrEnum):
    """What has become of a finding, in the order and the words in which it is told."""

    FIXED = "fixed"
    REMAINING = "remaining"
    NEW = "new"
    FIRST_TESTED = "not tested before"  # found where the earlier verdict could not say
    HIDDEN = "not seen again, but a new failure may hide it"
    NOT_TESTED = "not tested again"
    IN_BASE = "now in the base too"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Findings by their fate, those without any left out; SINCE names the earlier verdict."""

    since: str  # `v2`, or `run NAME` of the same version
    fates: tuple[tuple[Fate, tuple[Told, ...]], ...]

    def of(self, fate: Fate) -> tuple[Told, ...]:
        """The findings of that FATE."""
        return dict(self.fates).get(fate, ())


@dataclass(frozen=True, slots=True)
class _Seen:
    """A finding in one cell of the table."""

    target: str
    check: str
    finding: Finding

    @property
    def cell(self) -> tuple[str, str]:
        return self.target, self.check


def _cells(verdict: Verdict) -> Mapping[tuple[str, str], CheckVerdict]:
    return {(row.target, cell.check): cell for row in verdict.targets for cell in row.checks}


def _findings(verdict: Verdict) -> Mapping[str, _Seen]:
    """By fingerprint; of several alike in a cell the first stands for all."""
    found: dict[str, _Seen] = {}
    for (target, check), cell in _cells(verdict).items():
        for finding in cell.findings:
            name = fingerprint(target, check, finding)
            found.setdefault(name, _Seen(target, check, finding))
    return found


def _inherited(verdict: Verdict) -> frozenset[str]:
    return frozenset(
        fingerprint(target, check, finding)
        for (target, check), cell in _cells(verdict).items()
        for finding in cell.inherited
    )


def _tested(verdict: Verdict) -> frozenset[tuple[str, str]]:
    return frozenset(key for key, cell in _cells(verdict).items() if cell.outcome in _TESTED)


def _fates(earlier: Verdict, verdict: Verdict) -> Iterator[tuple[Fate, _Seen]]:
    before, now = _findings(earlier), _findings(verdict)
    in_base = _inherited(verdict)
    tested_before, tested_now = _tested(earlier), _tested(verdict)
    # A kernel that does not build or come up shows less than the earlier one did.
    broken = {
        seen.cell
        for name, seen in now.items()
        if name not in before and seen.finding.severity is Outcome.FAIL
    }
    for name, seen in before.items():
        if name in now:
            yield Fate.REMAINING, now[name]
        elif name in in_base:
            yield Fate.IN_BASE, seen
        elif seen.cell not in tested_now:
            yield Fate.NOT_TESTED, seen
        else:
            yield Fate.HIDDEN if seen.cell in broken else Fate.FIXED, seen
    for name, seen in now.items():
        if name not in before:
            yield Fate.NEW if seen.cell in tested_before else Fate.FIRST_TESTED, seen


def _since(earlier: Verdict, verdict: Verdict) -> str:
    if earlier.series.version != verdict.series.version:
        return f"v{earlier.series.version}"
    return f"run {one_line(earlier.run)}"


def compare(earlier: Verdict, verdict: Verdict) -> Comparison:
    """The findings of both verdicts, each once with all targets on which the same became of it."""
    groups: dict[Fate, dict[str, list[_Seen]]] = {fate: {} for fate in Fate}
    for fate, seen in _fates(earlier, verdict):
        alike = fingerprint("", seen.check, seen.finding)
        groups[fate].setdefault(alike, []).append(seen)
    told = (
        (
            fate,
            tuple(
                Told(seen[0].check, tuple(s.target for s in seen), seen[0].finding)
                for seen in alike.values()
            ),
        )
        for fate, alike in groups.items()
    )
    return Comparison(_since(earlier, verdict), tuple(pair for pair in told if pair[1]))


def sentences(comparison: Comparison) -> tuple[str, ...]:
    """`fixed: build on s390: mm/a.c: what it said`: a line for each finding, in order."""
    lines = []
    for fate, told in comparison.fates:
        for item in told[:_MOST]:
            file = one_line(item.finding.file)
            what = f"{file}: {one_line(item.finding.summary)}" if file else item.finding.summary
            where = f"{item.check} on {', '.join(item.targets)}"
            lines.append(one_line(f"{fate}: {where}: {what}"))
        if len(told) > _MOST:
            lines.append(f"{fate}: {count(len(told) - _MOST, 'other')}")
    return tuple(lines)
