# SPDX-License-Identifier: GPL-2.0-or-later
"""What is the verdict, in a sentence or two? Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.model import Outcome, Verdict
from pipeline.report.digest import columns, new_findings
from pipeline.report.wording import count, listed


def patch_name(verdict: Verdict, n: int) -> str:
    """`patch 2/3`, or `this patch` of a series of one."""
    total = len(verdict.series.patches)
    return "this patch" if total == 1 else f"patch {n}/{total}"


def _where(cells: Iterable[tuple[str, str]]) -> str:
    """(target, check) pairs as `s390 build, mips build and symbols`."""
    checks: dict[str, list[str]] = {}
    for target, check in cells:
        checks.setdefault(target, []).append(check)
    return ", ".join(f"{target} {listed(names)}" for target, names in checks.items())


def _with(verdict: Verdict, outcome: Outcome) -> tuple[tuple[str, str], ...]:
    return tuple(
        (row.target, cell.check)
        for row in verdict.targets
        for cell in row.checks
        if cell.outcome is outcome
    )


def _findings(verdict: Verdict, severity: Outcome, noun: str) -> str:
    """`2 new failures (s390 build, sparc64 symbols) from patch 1/3`; "" without any."""
    told = [told for told in new_findings(verdict) if told.finding.severity is severity]
    if not told:
        return ""
    order = [(row.target, check) for row in verdict.targets for check in columns(verdict)]
    places = {(target, item.check) for item in told for target in item.targets}
    where = _where(place for place in order if place in places)
    patches = sorted({item.finding.patch or 0 for item in told})
    named = [patch_name(verdict, patch) for patch in patches if patch]
    by = f" from {listed(named)}" if all(patches) else ""
    return f"{count(len(told), f'new {noun}')} ({where}){by}"


def _clean(verdict: Verdict) -> str:
    """Which checks found nothing new, and on which targets."""
    by_targets: dict[tuple[str, ...], list[str]] = {}
    passed = _with(verdict, Outcome.PASS)
    for check in columns(verdict):
        targets = tuple(target for target, name in passed if name == check)
        if targets:
            by_targets.setdefault(targets, []).append(check)
    parts = [
        f"{listed(checks)} on {count(len(targets), 'target')} ({', '.join(targets)})"
        for targets, checks in by_targets.items()
    ]
    return "; ".join(parts)


def _found(verdict: Verdict) -> str:
    parts = [
        _findings(verdict, Outcome.FAIL, "failure"),
        _findings(verdict, Outcome.WARN, "warning"),
    ]
    return f"{listed([part for part in parts if part])}."


#: How the plan says that a target was left out because nobody named it.
_UNASKED = ("not asked for", "taken only when it is named")


def _passed(verdict: Verdict) -> str:
    if not verdict.targets:
        # What was not asked for may be affected: nobody looked.
        unasked = any(each.reason.startswith(_UNASKED) for each in verdict.left_out)
        which = "no target that was asked for" if unasked else "no target"
        return f"{which} is affected, so nothing was built."
    clean = _clean(verdict)
    if not clean:
        return "every check was skipped; the reasons are below."
    return f"no new failure or warning in {clean}."


def _ours(verdict: Verdict) -> str:
    """What could not be judged. Why may be ours, the base's or the series': nobody is accused."""
    cells = _with(verdict, Outcome.ERROR)
    if not cells and not verdict.error:
        return ""
    what = _where(cells) or "the run as a whole"
    if verdict.error.startswith("interrupted"):
        why = "The run was interrupted: that says nothing of the series."
    else:
        why = "That accuses nobody."
    return f"Could not be judged: {what}. {why}"


def headline(verdict: Verdict) -> str:
    """The verdict, where it comes from and what is ours; begins with the outcome's name."""
    ours = _ours(verdict)
    if verdict.outcome is Outcome.ERROR:
        clean = _clean(verdict)
        found = _findings(verdict, Outcome.WARN, "warning")
        rest = [
            f"No new failure or warning in {clean}." if clean else "",
            f"{found}." if found else "",
        ]
        sentences = [f"ERROR: {ours[0].lower()}{ours[1:]}", *rest]
    else:
        told = _passed(verdict) if verdict.outcome is Outcome.PASS else _found(verdict)
        sentences = [f"{verdict.outcome}: {told}", ours]
    return " ".join(sentence for sentence in sentences if sentence)
