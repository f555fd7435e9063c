# SPDX-License-Identifier: GPL-2.0-or-later
"""What does an operation cost, and do two kernels differ in it? Pure.

A boot's figure is the smallest of its rounds. Where instructions are counted, nothing makes a
round shorter than the operation is, and much makes it longer: a timer tick, a list of free pages
that has to be filled. In which rounds that happens hangs on all that was done before, so that their
median wanders by 1 % and more between kernels that differ in layout only.

The same kernel with the same seed gives the same figure again. What is random in a kernel (the
order of free objects, the keys of hashes) comes from the seed alone, so boots with several seeds
show how far a case hangs on it: their spread is the noise.

Two kernels differ when the medians of their boots are farther apart than `_SPREADS` times the
larger range, so that the ranges cannot overlap. Of three boots each of one kernel, with a spread
like a bell, one pair in a thousand is so far apart; of five boots each, none in 200,000. (That the
ranges do not overlap is true of one pair in ten.) Three are enough where a spread is small beside
every limit; where it is not, there are five (`enough`). Ranges and not deviations, since what is
random often takes two or three values only.

What no seed shows is how code and data are laid out, and the grain of the clock. Patches that do
nothing but move things about (`bench/null`) moved figures by up to `_LAYOUT_PERCENT`, so that what
is below is no difference either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from workers.parsers.measures import Measurement, Report

_SPREADS = 3
_LAYOUT_PERCENT = 0.1

#: Boots of one side: at first, and at most while a case spreads by more than this.
LEAST_BOOTS, MOST_BOOTS = 3, 5
_STEADY_PERCENT = 0.5
#: No boot is begun that would end later than this after the first one began.
_MOST_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Instructions for one operation of a case; of each boot that told, in order."""

    name: str
    of_boots: tuple[float, ...]

    @property
    def figure(self) -> float:
        """What stands for all boots."""
        return median(self.of_boots)

    @property
    def range(self) -> float:
        """From the smallest to the largest."""
        return max(self.of_boots) - min(self.of_boots)

    @property
    def spread_percent(self) -> float:
        """The range, of the smallest."""
        return 100 * self.range / min(self.of_boots)


@dataclass(frozen=True, slots=True)
class Pair:
    """One case on both kernels."""

    base: Figures
    patched: Figures

    @property
    def change_percent(self) -> float:
        """From base to patched."""
        return 100 * (self.patched.figure - self.base.figure) / self.base.figure

    @property
    def differs(self) -> bool:
        """Whether the change is more than what makes boots of one kernel, or its layout, differ."""
        noise = _SPREADS * max(self.base.range, self.patched.range)
        change = abs(self.patched.figure - self.base.figure)
        return change > noise and abs(self.change_percent) > _LAYOUT_PERCENT


def instructions(measurement: Measurement, ns_per_instruction: int) -> float:
    """What MEASUREMENT comes to for one operation."""
    return min(measurement.rounds_ns) / ns_per_instruction / measurement.operations


def collect(reports: Sequence[Report], ns_per_instruction: int) -> tuple[Figures, ...]:
    """The figures of several boots, by case. What took no time at all was not measured."""
    found: dict[str, list[float]] = {}
    for report in reports:
        for measurement in report.measured:
            figure = instructions(measurement, ns_per_instruction)
            if figure > 0:
                found.setdefault(measurement.name, []).append(figure)
    return tuple(Figures(name, tuple(of_boots)) for name, of_boots in found.items())


def enough(figures: Sequence[Figures], boots: int, seconds: float) -> bool:
    """Whether BOOTS, in SECONDS altogether, tell how far FIGURES spread."""
    if boots < LEAST_BOOTS:
        return False
    steady = all(each.spread_percent <= _STEADY_PERCENT for each in figures)
    return steady or boots >= MOST_BOOTS or seconds + seconds / boots > _MOST_SECONDS
