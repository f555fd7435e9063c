# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a verdict is told to people, and in which order? Pure.

Every report for people (mail, terminal) is written from these; each says a thing once,
with the list of targets on which it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.fingerprint import alike
from pipeline.model import CheckVerdict, Finding, NotCovered, Outcome, Step, Verdict
from pipeline.report.wording import line_ranges, one_line


def place(finding: Finding) -> str:
    """Where it is: `file:line`, `file` or ""."""
    file = one_line(finding.file)
    return f"{file}:{finding.line}" if finding.line else file


def in_a_line(finding: Finding) -> str:
    """`file:line: what it says`, the place only if there is one."""
    where = place(finding)
    return f"{where}: {one_line(finding.summary)}" if where else one_line(finding.summary)


@dataclass(frozen=True, slots=True)
class Told:
    """A finding, told once: the same from one check on all of TARGETS.

    SUMMARY_OF and DETAIL_OF name the target that they are of, where the targets' differ.
    """

    check: str
    targets: tuple[str, ...]
    finding: Finding
    detail_of: str = ""
    summary_of: str = ""

    @property
    def summary(self) -> str:
        """What it says, in one line, and of which target, if not of all."""
        said = one_line(self.finding.summary)
        return f"{said} (on {self.summary_of})" if self.summary_of else said

    @property
    def place(self) -> str:
        """`file:line`, `file` or ""."""
        return place(self.finding)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A reason, and the cells of the table that it holds for, as `s390: symbols, boot`."""

    where: tuple[str, ...]
    reason: str


def _cells(verdict: Verdict) -> Iterator[tuple[str, CheckVerdict]]:
    for row in verdict.targets:
        for cell in row.checks:
            yield row.target, cell


def columns(verdict: Verdict) -> tuple[str, ...]:
    """The checks that were planned for any target, in the plan's order."""
    return tuple(dict.fromkeys(cell.check for _, cell in _cells(verdict)))


def grid(verdict: Verdict) -> tuple[tuple[str, tuple[Outcome | None, ...]], ...]:
    """Per target its outcome in every column; None where it does not have that check."""
    return tuple(
        (
            row.target,
            tuple({c.check: c.outcome for c in row.checks}.get(n) for n in columns(verdict)),
        )
        for row in verdict.targets
    )


def _told(
    verdict: Verdict, findings: Callable[[CheckVerdict], tuple[Finding, ...]]
) -> tuple[Told, ...]:
    groups: dict[tuple[str, Finding], list[tuple[str, Finding]]] = {}
    for target, cell in _cells(verdict):
        for f in findings(cell):
            groups.setdefault((cell.check, alike(f)), []).append((target, f))
    told = []
    for (check, _), members in groups.items():
        details = {finding.detail for _, finding in members}
        summaries = {finding.summary for _, finding in members}
        target, first = members[0]
        told.append(
            Told(
                check=check,
                targets=tuple(dict.fromkeys(name for name, _ in members)),
                finding=first,
                detail_of=target if len(details) > 1 else "",
                summary_of=target if len(summaries) > 1 else "",
            )
        )
    return tuple(told)


def new_findings(verdict: Verdict) -> tuple[Told, ...]:
    """What is new: failures first, then by patch, check and place."""
    order = columns(verdict)
    return tuple(
        sorted(
            _told(verdict, lambda cell: cell.findings),
            key=lambda told: (
                told.finding.severity is not Outcome.FAIL,
                told.finding.patch or 0,
                order.index(told.check),
                told.finding.file,
                told.finding.line or 0,
                told.finding.summary,
            ),
        )
    )


def inherited(verdict: Verdict) -> tuple[Told, ...]:
    """What base has too, in the order of the table."""
    return _told(verdict, lambda cell: cell.inherited)


def known(verdict: Verdict) -> tuple[tuple[Told, str], ...]:
    """What does not count since it is known, each with where more is said."""
    links = dict.fromkeys(aside.link for _, cell in _cells(verdict) for aside in cell.known)
    return tuple(
        (told, one_line(link) if "://" in link else f"run {one_line(link)} saw it on its base")
        for link in links
        for told in _told(verdict, _linked(link))
    )


def _linked(link: str) -> Callable[[CheckVerdict], tuple[Finding, ...]]:
    return lambda cell: tuple(aside.finding for aside in cell.known if aside.link == link)


def troubles(verdict: Verdict, outcome: Outcome) -> tuple[Trouble, ...]:
    """The reasons of all cells of that OUTCOME (SKIP or ERROR)."""
    places: dict[str, dict[str, list[str]]] = {}
    for target, cell in _cells(verdict):
        if cell.outcome is outcome:
            reason = one_line(cell.reason) or "no reason given"
            places.setdefault(reason, {}).setdefault(target, []).append(cell.check)
    return tuple(
        Trouble(tuple(f"{target} {', '.join(checks)}" for target, checks in by.items()), reason)
        for reason, by in places.items()
    )


def guilty(verdict: Verdict) -> int | None:
    """The one patch that all failures (without any: all warnings) are of; None if not one."""
    findings = [finding for _, cell in _cells(verdict) for finding in cell.findings]
    for severity in (Outcome.FAIL, Outcome.WARN):
        patches = {f.patch for f in findings if f.severity is severity}
        if patches:
            return patches.pop() if len(patches) == 1 else None
    return None


def left_out(verdict: Verdict) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Reasons, each with the architectures or targets that were left out for it."""
    reasons: dict[str, list[str]] = {}
    for left in verdict.left_out:
        reasons.setdefault(one_line(left.reason), []).append(left.target or left.arch)
    return tuple((reason, tuple(dict.fromkeys(names))) for reason, names in reasons.items())


def uncovered(place: NotCovered) -> str:
    """`mm/a.c lines 3, 7-9: reason`; what was removed is numbered as in base, and says so."""
    removed = " (removed)" if place.side is Step.BASE else ""
    return f"{one_line(place.file)} {line_ranges(place.lines)}{removed}: {one_line(place.reason)}"


def base(verdict: Verdict) -> str:
    """`edc2191aedc2 (why this commit)`."""
    return f"{one_line(verdict.base.commit)[:12]} ({one_line(verdict.base.reason)})"
