# SPDX-License-Identifier: GPL-2.0-or-later
"""Which changed lines did no target look at, and why? Pure.

A target that was built and judged says which changed lines it did not compile; a line that
all of them name was looked at by none. A target that could not be judged covers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import PurePosixPath
from typing import NamedTuple

from pipeline.model import (
    Change,
    FileChange,
    JobResult,
    NotCovered,
    Outcome,
    Plan,
    Step,
)

#: The check whose judge knows what was compiled.
COMPILES = "build"
#: What a kernel build compiles, by suffix; used only where no build could say it.
_CODE = frozenset({".c", ".h", ".S", ".s", ".rs"})


class _Line(NamedTuple):
    file: str
    side: Step
    line: int


def _judged(results: Iterable[JobResult]) -> tuple[JobResult, ...]:
    """The judgements that say what was compiled, in an order of their own."""
    told = (Outcome.PASS, Outcome.WARN, Outcome.FAIL)
    return tuple(
        sorted(
            (
                result
                for result in results
                if result.job.check == COMPILES
                and result.job.step is Step.JUDGE
                and result.outcome in told
            ),
            key=lambda result: result.job.target,
        )
    )


def _uncovered(result: JobResult) -> dict[_Line, str]:
    """The lines that one target did not compile, each with the reason."""
    lines: dict[_Line, str] = {}
    for where, reason in sorted(result.uncovered, key=lambda pair: (pair[0].file, pair[0].start)):
        for line in range(where.start, where.end + 1):
            lines.setdefault(_Line(where.file, where.side, line), reason)
    return lines


def _hunk_lines(changed: FileChange) -> Iterator[_Line]:
    """Every changed line of a file of code, on both sides."""
    if PurePosixPath(changed.path).suffix not in _CODE:
        return
    for hunk in changed.hunks:
        for line in range(hunk.old_start, hunk.old_start + hunk.old_count):
            yield _Line(changed.old_path or changed.path, Step.BASE, line)
        for line in range(hunk.new_start, hunk.new_start + hunk.new_count):
            yield _Line(changed.path, Step.PATCHED, line)


def _arch_of(path: str) -> str:
    """The directory under arch/ that PATH is in, or ""."""
    parts = PurePosixPath(path).parts
    return parts[1] if len(parts) > 2 and parts[0] == "arch" else ""


def _nothing_built(names: Iterable[str]) -> str:
    listed = sorted(names)
    return f"{', '.join(listed)}: no build to judge" if listed else "no target builds it"


def _merged(reasons: dict[str, str]) -> str:
    """One reason of those that targets gave; by whom each, if they differ."""
    by_reason: dict[str, list[str]] = {}
    for target, reason in reasons.items():
        by_reason.setdefault(reason, []).append(target)
    if len(by_reason) == 1:
        return next(iter(by_reason))
    return "; ".join(
        f"{', '.join(sorted(targets))}: {reason}"
        for reason, targets in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item))
    )


def _reason(file: str, reasons: dict[str, str], plan: Plan) -> str:
    """Why nobody looked at lines of FILE; REASONS by target, of the targets that were judged.

    What other architectures say about the files of one says nothing: they never compile it.
    """
    arch = _arch_of(file)
    own = {p.target.name for p in plan.targets if arch in ("", p.target.arch)}
    if arch and not own:
        why = next((left.reason for left in plan.left_out if left.arch == arch), "no target")
        return f"arch/{arch}: {why}"
    told = {target: reason for target, reason in reasons.items() if target in own}
    return _merged(told) if told else _nothing_built(own)


def _ranges(lines: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """LINES, sorted, as (first, last) pairs of what follows without a gap."""
    pairs = []
    for _, group in groupby(enumerate(lines), key=lambda pair: pair[1] - pair[0]):
        run = [line for _, line in group]
        pairs.append((run[0], run[-1]))
    return tuple(pairs)


def not_covered(plan: Plan, results: Iterable[JobResult], change: Change) -> tuple[NotCovered, ...]:
    """The changed lines that no target of PLAN looked at, by file, side and reason."""
    told = {result.job.target: _uncovered(result) for result in _judged(results)}
    if told:
        missed = set.intersection(*(set(lines) for lines in told.values()))
    else:
        missed = {line for changed in change.files for line in _hunk_lines(changed)}
    places: dict[tuple[str, Step, str], list[int]] = {}
    for line in sorted(missed):
        reasons = {target: lines[line] for target, lines in told.items()}
        key = (line.file, line.side, _reason(line.file, reasons, plan))
        places.setdefault(key, []).append(line.line)
    return tuple(
        NotCovered(file=file, lines=_ranges(lines), reason=reason, side=side)
        for (file, side, reason), lines in places.items()
    )
