# SPDX-License-Identifier: GPL-2.0-or-later
"""Which changed lines a build compiled, and why not the others. Pure.

Added lines are looked up in what the patched kernel's preprocessor did; removed lines are
judged by base's configuration alone, because base may have been built before this series
was known: they count as compiled unless their file was not, or an #if around them certainly
did not hold. Documentation, comments and blank lines need no compiler; Kconfig and make
files are read by make itself.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pipeline.model import FileChange, Lines, Step
from workers.parsers.coverage_before import before
from workers.parsers.coverage_condition import holds
from workers.parsers.coverage_text import Group, code_lines, conditions, groups, innermost
from workers.parsers.kbuild_config import Options

NOT_COMPILED = "not compiled into the kernel of this configuration"
NOT_BUILT = "the patched kernel does not build"

_PROSE = re.compile(
    r"^(?:Documentation|LICENSES)/|\.(?:rst|txt|md)$"
    r"|(?:^|/)(?:MAINTAINERS|CREDITS|COPYING|README|\.\w[\w.-]*)$"
)
_MAKE = re.compile(r"(?:^|/)(?:Kconfig|Makefile|Kbuild)[^/]*$")
#: What the C preprocessor reads when the kernel is built.
_PREPROCESSED = (".c", ".h", ".S")
_C_COMMENTS = (".c", ".h", ".S", ".s", ".dts", ".dtsi", ".dtso", ".rs", ".l", ".y", ".lds")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Changed lines with one fate. LEFT_OUT says why they were not compiled, "" if they were.

    On base's side LEFT_OUT is "" and CONDITIONS are those of the #if groups around the
    lines, the outermost first, for `left_out` to judge.
    """

    lines: Lines
    left_out: str = ""
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A changed file's text on one side: the CHANGED lines' numbers, and which hold CODE."""

    path: str
    side: Step
    groups: tuple[Group, ...]
    changed: tuple[int, ...]
    code: frozenset[int]

    def stretches(self) -> tuple[tuple[Lines, int | None], ...]:
        """Runs of changed lines of code in one group each, with that group's index.

        Changed comments and blank lines within a run do not end it; unchanged lines do.
        """
        runs: list[tuple[int, int, int | None]] = []
        block = 0  # the first line of the changed lines that follow one another
        for at, line in enumerate(self.changed):
            if at == 0 or self.changed[at - 1] != line - 1:
                block = line
            if line not in self.code:
                continue
            group = innermost(self.groups, line)
            if runs and runs[-1][0] >= block and runs[-1][2] == group:
                runs[-1] = (runs[-1][0], line, group)
            else:
                runs.append((line, line, group))
        return tuple((Lines(self.path, self.side, a, b), group) for a, b, group in runs)


def is_compiled_code(path: str) -> bool:
    """Whether PATH is something that only a compilation, or another tool, can look at."""
    return not (_PROSE.search(path) or _MAKE.search(path))


def _code(path: str, text: str) -> frozenset[int]:
    """The numbers of TEXT's lines that are more than blanks and comments."""
    if path.endswith(_C_COMMENTS):
        return code_lines(text)
    return frozenset(
        number
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip() and not line.lstrip().startswith("#")
    )


def _source(path: str, side: Step, text: str, changed: Iterable[int]) -> Source:
    found = groups(text) if path.endswith(_PREPROCESSED) else ()
    return Source(path, side, found, tuple(changed), _code(path, text))


def added(change: FileChange, text: str) -> Source:
    """The lines that CHANGE added; TEXT is the file in the patched tree."""
    numbers = (n for h in change.hunks for n in range(h.new_start, h.new_start + h.new_count))
    return _source(change.path, Step.PATCHED, text, numbers)


def removed(change: FileChange, text: str) -> Source:
    """The lines that CHANGE removed; TEXT is the file in the patched tree, "" if deleted."""
    old = "\n".join(before(text.split("\n") if text else [], change.hunks))
    numbers = (n for h in change.hunks for n in range(h.old_start, h.old_start + h.old_count))
    return _source(change.old_path, Step.BASE, old, numbers)


def added_stretches(
    source: Source, *, compiled: bool, active: Collection[int] | None, options: Options
) -> tuple[Stretch, ...]:
    """The fate of SOURCE's added lines in a kernel that was built.

    COMPILED says whether the file took part; ACTIVE holds the groups that the preprocessor
    kept, or is None where it could not be asked and only OPTIONS can tell.
    """
    fates = []
    for lines, group in source.stretches():
        reason = ""
        if not compiled:
            reason = NOT_COMPILED
        elif active is None:
            reason = left_out(conditions(source.groups, group), options)
        elif group is not None and group not in active:
            reason = _only_where(_outermost_inactive(source.groups, group, active))
        fates.append(Stretch(lines, reason))
    return tuple(fates)


def _outermost_inactive(of: tuple[Group, ...], index: int, active: Collection[int]) -> str:
    parent = of[index].parent
    while parent is not None and parent not in active:
        index, parent = parent, of[parent].parent
    return of[index].condition


def _only_where(condition: str) -> str:
    return f"compiled only where `{condition}`"


def removed_stretches(source: Source) -> tuple[Stretch, ...]:
    """SOURCE's removed lines with the conditions around them."""
    return tuple(
        Stretch(lines, conditions=conditions(source.groups, group))
        for lines, group in source.stretches()
    )


def left_out(around: Iterable[str], options: Options) -> str:
    """Why a configuration with OPTIONS leaves out what stands in the conditions AROUND it.

    "" if it does not, or if that cannot be told.
    """
    return next((_only_where(c) for c in around if holds(c, options) is False), "")
