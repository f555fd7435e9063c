# SPDX-License-Identifier: GPL-2.0-or-later
"""What does Patchwork show beside each patch? A verdict as checks, one for a patch. Pure.

`fail` and `warning` are for the patch that brought it. What could not be laid to a patch is
shown at the last one, where the series stands whole, and clears none of the others. ERROR is
`pending`: Patchwork has no state that accuses nobody, and a result is still owed. Else a patch
is `success`, also where another one of its series is not.

There is one context, `crosscheck`: the whole answer is behind the link, and a row for each
target would bury those of other systems. Its letters and the length of the link are what
Patchwork's API takes (version 1.3, CheckCreate).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from pipeline.fingerprint import alike
from pipeline.model import Finding, Outcome, Patch, Series, Verdict
from pipeline.report import digest
from pipeline.report.headline import headline
from pipeline.report.wording import clipped, count, listed, one_line

CONTEXT = "crosscheck"

_LINE_CHARS = 200
_URL = re.compile(r"https?://[!-~]{1,190}")
_MESSAGE_ID = re.compile(r"[!-;=?-~]+")


class State(StrEnum):
    """The states that Patchwork has."""

    PENDING = "pending"
    SUCCESS = "success"
    WARNING = "warning"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class PatchCheck:
    """What is to be said of the patch that was posted as MESSAGE_ID (without brackets)."""

    message_id: str
    state: State
    description: str  # one line
    target_url: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """A finding and the cell that it is of."""

    where: str  # `s390 build`
    finding: Finding


def _found(verdict: Verdict) -> tuple[_Found, ...]:
    """Every finding, failures first."""
    found = (
        _Found(f"{row.target} {cell.check}", finding)
        for row in verdict.targets
        for cell in row.checks
        for finding in cell.findings
    )
    return tuple(sorted(found, key=lambda item: item.finding.severity is not Outcome.FAIL))


def _accusing(found: tuple[_Found, ...]) -> tuple[State, str]:
    """The state and the words for findings; the worst is told, the others are counted."""
    worst = found[0]
    state = State.FAIL if worst.finding.severity is Outcome.FAIL else State.WARNING
    rest = {alike(item.finding).summary for item in found} - {alike(worst.finding).summary}
    more = f" (and {count(len(rest), 'other')})" if rest else ""
    said = f"{worst.finding.severity} in {worst.where}: {digest.in_a_line(worst.finding)}"
    return state, clipped(said, _LINE_CHARS - len(more)) + more


def _untested(verdict: Verdict) -> str:
    """What could not be judged, which accuses nobody; "" if nothing."""
    cells = [
        f"{row.target} {cell.check}"
        for row in verdict.targets
        for cell in row.checks
        if cell.outcome is Outcome.ERROR
    ]
    if not cells and not verdict.error:
        return ""
    return f"could not be tested, which accuses nobody: {listed(cells) or one_line(verdict.error)}"


def _cleared(verdict: Verdict) -> str:
    """What is said of a patch that nothing is held against."""
    if verdict.outcome in (Outcome.WARN, Outcome.FAIL):
        return f"no finding against this patch; {verdict.outcome} is for others of its series"
    return headline(verdict)


def _of_patch(verdict: Verdict, patch: Patch, found: tuple[_Found, ...]) -> tuple[State, str]:
    numbers = {p.n for p in verdict.series.patches}
    unlaid = tuple(item for item in found if item.finding.patch not in numbers)
    shown = unlaid if patch.n == max(numbers) else ()
    own = tuple(item for item in found if item.finding.patch == patch.n or item in shown)
    if own:
        state, words = _accusing(own)
        if own[0] in unlaid and len(numbers) > 1:
            return state, f"of the series, by a patch that could not be told: {words}"
        return state, words
    if unlaid:
        return State.PENDING, "a finding of the series could not be laid to a patch: see the last"
    if untested := _untested(verdict):
        return State.PENDING, untested
    return State.SUCCESS, _cleared(verdict)


def _checks(
    series: Series, said: Iterable[tuple[State, str]], target_url: str
) -> tuple[PatchCheck, ...]:
    url = target_url if _URL.fullmatch(target_url) else ""
    return tuple(
        PatchCheck(patch.letter.message_id, state, clipped(one_line(words), _LINE_CHARS), url)
        for patch, (state, words) in zip(series.patches, said, strict=True)
        if _MESSAGE_ID.fullmatch(patch.letter.message_id)
    )


def to_checks(verdict: Verdict, target_url: str = "") -> tuple[PatchCheck, ...]:
    """A check for each patch that was posted; TARGET_URL is where the whole verdict is."""
    found = _found(verdict)
    said = [_of_patch(verdict, patch, found) for patch in verdict.series.patches]
    return _checks(verdict.series, said, target_url)


def begun(series: Series, run: str, target_url: str = "") -> tuple[PatchCheck, ...]:
    """What is said while RUN is at it."""
    said = [(State.PENDING, f"being built, checked and booted: run {run}")] * len(series.patches)
    return _checks(series, said, target_url)
