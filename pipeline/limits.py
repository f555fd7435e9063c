# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a measure that grew beyond what the matrix allows? Pure.

Every limit of the check whose pattern matches the measure's name applies, if it names no
target or this one. Of those of one severity the last in the matrix counts, so that a limit for
all may be followed by an exception. What exceeds several counts as the worst of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pipeline.model import SEVERITY, Limit, Outcome

#: The checks that measure something.
MEASURING = ("boot", "perf", "size")
#: The kinds of findings about measures. Their summaries are figures, and `symbol` names what was
#: measured.
KINDS = frozenset({"larger", "memory", "slower"})


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A measure that grew from BASE to PATCHED, which is beyond LIMIT."""

    limit: Limit
    base: float
    patched: float

    @property
    def words(self) -> str:
        """By how much, and what the limit is, to follow the measure's name in a sentence."""
        return f"{growth(self.base, self.patched)}, the limit is {self.limit.percent:g} %"


def growth(base: float, patched: float) -> str:
    """The change from BASE to PATCHED in percent, with its sign; in words where BASE is 0."""
    if not base:
        return "new" if patched else "+0.0 %"
    percent = 100 * (patched - base) / base
    return f"{percent:+.{_digits(percent)}f} %"


def applying(limits: Iterable[Limit], check: str, target: str, of: str) -> tuple[Limit, ...]:
    """The limits that hold for the measure OF of CHECK on TARGET, one of a severity."""
    latest: dict[Outcome, Limit] = {}
    for limit in limits:
        if limit.check == check and fnmatchcase(of, limit.of) and _applies(limit, target):
            latest[limit.severity] = limit
    return tuple(latest.values())


def exceeded(
    limits: Iterable[Limit], check: str, target: str, of: str, *, base: float, patched: float
) -> Exceeded | None:
    """The limit that the measure OF of CHECK on TARGET exceeds, the most severe one."""
    beyond = [
        limit for limit in applying(limits, check, target, of) if _beyond(limit, base, patched)
    ]
    if not beyond:
        return None
    return Exceeded(max(beyond, key=lambda limit: SEVERITY.index(limit.severity)), base, patched)


def allows(limit: Limit, base: float) -> float:
    """How many percent more than BASE, which is not 0, are within LIMIT."""
    return max(limit.percent, 100 * limit.at_least / base)


def _applies(limit: Limit, target: str) -> bool:
    return not limit.targets or target in limit.targets


def _beyond(limit: Limit, base: float, patched: float) -> bool:
    grown = patched - base
    return grown > limit.at_least and 100 * grown > limit.percent * base


def _digits(percent: float) -> int:
    """Two digits that say something of a small change, one of all others."""
    return 1 if abs(percent) >= 1 else 2
