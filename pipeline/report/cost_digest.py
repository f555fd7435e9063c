# SPDX-License-Identifier: GPL-2.0-or-later
"""What is told of costs to those who did not ask for all figures? Pure.

A reply and a terminal say the same: of each case that differs, a paragraph with the targets
on which it does, for the better too; which cases only one of the kernels got through; and by
how much the kernels grew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.model import Verdict
from pipeline.report.costs import TOLD_PERCENT, Cost, Costs, costs_of
from pipeline.report.sizes import size_lines
from pipeline.report.wording import clipped, count, figure, listed, percent

#: How many rows of figures are told, how many lines about what was not measured (with so many
#: names each, and so much of a reason), and how many about sizes.
ROWS_MOST = 24
GAPS_MOST = 6
GAP_NAMES_MOST = 8
_REASON_COLUMNS = 160
SIZES_MOST = 12


@dataclass(frozen=True, slots=True)
class CostDigest:
    """What is told: CASES have a heading and a line for each target. MORE are not told."""

    cases: tuple[tuple[str, tuple[str, ...]], ...] = ()
    more: int = 0
    gaps: tuple[str, ...] = ()  # what was measured on one kernel only
    gaps_more: int = 0
    sizes: tuple[str, ...] = ()
    sizes_more: int = 0
    nothing: str = ""  # a sentence, where cases were measured and none is told


def digest_costs(verdict: Verdict) -> CostDigest:
    """What is told of the figures of VERDICT."""
    costs = costs_of(verdict)
    told = [cost for cost in costs.cases if cost.told]
    shown = _in_order(told)[:ROWS_MOST]
    by_case: dict[str, list[Cost]] = {}
    for cost in shown:
        by_case.setdefault(cost.case, []).append(cost)
    gaps = _gaps(costs)
    sizes = size_lines(costs)
    return CostDigest(
        cases=tuple((f"{case}: {_by(rows)}", _lines(rows)) for case, rows in by_case.items()),
        more=len(told) - len(shown),
        gaps=gaps[:GAPS_MOST],
        gaps_more=max(0, len(gaps) - GAPS_MOST),
        sizes=sizes[:SIZES_MOST],
        sizes_more=max(0, len(sizes) - SIZES_MOST),
        nothing=_nothing(costs) if costs.cases and not told else "",
    )


def _in_order(told: Iterable[Cost]) -> list[Cost]:
    """TOLD by case: first those with findings, then those that changed most."""
    rows = list(told)
    rank: dict[str, tuple[bool, float]] = {}
    for cost in rows:
        found, most = rank.get(cost.case, (False, 0.0))
        rank[cost.case] = (found or cost.found is not None, max(most, abs(cost.change)))
    first = {case: n for n, case in enumerate(rank)}
    return sorted(
        rows, key=lambda cost: (not rank[cost.case][0], -rank[cost.case][1], first[cost.case])
    )


def _by(rows: Sequence[Cost]) -> str:
    """`14.1 to 33.4 % more instructions`, `1.2 % fewer …`, `from 2.0 % fewer to 3.0 % more …`."""
    least, most = min(row.change for row in rows), max(row.change for row in rows)
    if least < 0 < most:
        return f"from {_words(least)} to {_words(most)} instructions"
    low, high = sorted((abs(least), abs(most)))
    low_words, word = percent(low, sign=False), "more" if most > 0 else "fewer"
    if low_words == percent(high, sign=False):
        return f"{low_words} {word} instructions"
    return f"{low_words.removesuffix(' %')} to {percent(high, sign=False)} {word} instructions"


def _words(change: float) -> str:
    return f"{percent(abs(change), sign=False)} {'more' if change > 0 else 'fewer'}"


def _lines(rows: Sequence[Cost]) -> tuple[str, ...]:
    cells = [
        (row.target, figure(row.base), figure(row.patched), percent(row.change)) for row in rows
    ]
    name, base, patched, change = (max(map(len, column)) for column in zip(*cells, strict=True))
    return tuple(
        f"{a:<{name}}  {b:>{base}} -> {c:>{patched}}  {d:>{change}}" for a, b, c, d in cells
    )


def _gaps(costs: Costs) -> tuple[str, ...]:
    """`not measured on the patched kernel: getpid, pipe on mips, s390 (why)`."""
    cases: dict[tuple[str, str, str], list[str]] = {}
    for gap in costs.unmeasured:
        if gap.side:
            reason = gap.reason.removeprefix(f"{gap.side}: ")
            cases.setdefault((gap.side, reason, gap.target), []).append(gap.case)
    targets: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (side, reason, target), names in cases.items():
        targets.setdefault((side, reason, tuple(names)), []).append(target)
    return tuple(
        f"not measured on the {side} kernel: {_some(names)} on {_some(where)}"
        f" ({clipped(reason, _REASON_COLUMNS)})"
        for (side, reason, names), where in targets.items()
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - GAP_NAMES_MOST
    shown = ", ".join(names[:GAP_NAMES_MOST])
    return listed((shown, count(more, "other"))) if more > 0 else shown


def _nothing(costs: Costs) -> str:
    spread = max(max(cost.base_spread, cost.patched_spread) for cost in costs.cases)
    targets = len({cost.target for cost in costs.cases})
    cases = count(len({cost.case for cost in costs.cases}), "case")
    return (
        f"no case differs by {TOLD_PERCENT} % or more between base and patched ({cases} on"
        f" {count(targets, 'target')}; boots of one kernel differ by {percent(spread, sign=False)}"
        " at most)"
    )
