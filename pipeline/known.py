# SPDX-License-Identifier: GPL-2.0-or-later
"""Which findings are nobody's news? Pure.

A finding is known because somebody said so, or because a base was lately seen to have it: then
a fault that shows only now and then is not laid at the next series' door. That counts for
checks that are flaky alone; what a compiler says of a base, it says whenever it is asked.
Known is what was found on the same target, in the same file, in the same words and about the
same line of source, if a tool shows one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from pipeline.change import owner
from pipeline.fingerprint import alike, fingerprint, particulars
from pipeline.model import (
    Change,
    CheckVerdict,
    Finding,
    InputError,
    JobResult,
    Outcome,
    Plan,
    SetAside,
    Step,
    Verdict,
    worst,
)
from pipeline.store.records import SEEN_ON_BASE, KnownLine
from pipeline.verdict import of_run, of_target

#: How long a finding is known.
DAYS = 30
_DAY_S = 86_400

#: A check that lists only some of its findings has this fact; the others may be news.
_MORE = "findings_left_out"

_DIGITS = re.compile(r"[0-9a-f]{6,16}")

Cell = tuple[str, str]  # target and check


def blocked(results: Iterable[JobResult]) -> frozenset[Cell]:
    """Where what was seen of the patched kernel keeps other checks from looking at it."""
    return frozenset(
        (result.job.target, result.job.check)
        for result in results
        if result.job.step is Step.PATCHED and result.observation and result.observation.blocks
    )


def set_aside(
    verdict: Verdict, known: Iterable[KnownLine], *, change: Change, blocks: frozenset[Cell]
) -> Verdict:
    """VERDICT without the findings that are KNOWN; of BLOCKS, `blocked` tells.

    What stands on a line that the series wrote, no base has had. A kernel that does not build
    or boot for a known reason was not tested: that is no PASS.
    """
    by_print = {(line.fingerprint, line.source): line for line in known}

    def link(target: str, check: str, finding: Finding) -> str:
        """Where more is said of FINDING; "" if it is news."""
        line = by_print.get((fingerprint(target, check, finding), particulars(finding)))
        if line is None:
            return ""
        own = finding.line is not None and owner(change, finding.file, finding.line) is not None
        return "" if own and line.said_by == SEEN_ON_BASE else line.link

    rows = []
    for row in verdict.targets:
        cells = tuple(
            _cell(
                cell,
                links=[link(row.target, cell.check, finding) for finding in cell.findings],
                blocks=(row.target, cell.check) in blocks,
            )
            for cell in row.checks
        )
        rows.append(replace(row, checks=cells, outcome=of_target(cells)))
    return replace(verdict, targets=tuple(rows), outcome=of_run(rows, verdict.error))


def _cell(cell: CheckVerdict, *, links: list[str], blocks: bool) -> CheckVerdict:
    """CELL with its findings that have one of LINKS set aside."""
    pairs = tuple(zip(cell.findings, links, strict=True))
    known = tuple(SetAside(finding, link) for finding, link in pairs if link)
    new = tuple(finding for finding, link in pairs if not link)
    if not known or (dict(cell.facts).get(_MORE) and not new):
        return cell
    outcome, reason = worst((finding.severity for finding in new), Outcome.PASS), cell.reason
    if blocks and not new:
        outcome, reason = Outcome.SKIP, f"it fails as is known: {known[0].finding.summary}"
    return replace(cell, findings=new, known=known, outcome=outcome, reason=reason)


def _line(
    target: str, check: str, finding: Finding, *, link: str, by: str, now: float, days: float = DAYS
) -> KnownLine:
    return KnownLine(
        fingerprint=fingerprint(target, check, finding),
        source=particulars(finding),
        target=target,
        check=check,
        summary=finding.summary,
        link=link,
        said_by=by,
        made_at=now,
        expires_at=now + days * _DAY_S,
    )


def seen_on_base(
    run: str, plan: Plan, results: Iterable[JobResult], now: float
) -> tuple[KnownLine, ...]:
    """What RUN saw its base have, as later runs may know it. NOW is in seconds since 1970."""
    flaky = {check.name for check in plan.checks if check.flaky}
    return tuple(
        _line(result.job.target, result.job.check, finding, link=run, by=SEEN_ON_BASE, now=now)
        for result in results
        if result.job.step is Step.JUDGE
        and result.job.check in flaky
        and result.outcome is not Outcome.ERROR
        for finding in (*result.inherited, *result.base_only)
    )


def said_unrelated(
    verdict: Verdict, digits: str, *, link: str, by: str, now: float, days: float = DAYS
) -> tuple[KnownLine, ...]:
    """What is known once BY says that the finding whose fingerprint begins with DIGITS is.

    The same finding on other targets is known there as well; what is known already, is so for
    longer. Raises InputError if DIGITS mean no finding, or several.
    """
    digits = digits.lower()
    found = [
        (row.target, cell.check, finding)
        for row in verdict.targets
        for cell in row.checks
        for finding in (*cell.findings, *(aside.finding for aside in cell.known))
    ]
    prints = {fingerprint(*each) for each in found}
    meant = {each for each in prints if each.startswith(digits)}
    if not _DIGITS.fullmatch(digits) or not meant:
        raise InputError(f"There is no finding {digits!r} in run {verdict.run}.")
    if len(meant) > 1:
        raise InputError(f"Several findings of run {verdict.run} begin with {digits!r}: give more.")
    same = {(each[1], alike(each[2])) for each in found if fingerprint(*each) in meant}
    return tuple(
        _line(target, check, finding, link=link, by=by, now=now, days=days)
        for target, check, finding in found
        if (check, alike(finding)) in same
    )
