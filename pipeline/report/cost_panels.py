# SPDX-License-Identifier: GPL-2.0-or-later
"""What is drawn into the panels of a chart of costs? Needs matplotlib; writes nothing.

Colours are those of Okabe and Ito, which people tell apart who see few; shapes say the same.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pipeline.report.costs import Cost, Costs, Size
from pipeline.report.wording import clipped, figure, percent

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

MORE, FEWER, SAME, BAND, RULE = "#D55E00", "#0072B2", "#555555", "#EDEDED", "#DDDDDD"

#: By target and case, how many percent more are no finding.
Limits = Mapping[tuple[str, str], float]


def spread(cost: Cost) -> float:
    """Of whichever kernel, in percent: how long the whiskers of COST are."""
    return max(cost.base_spread, cost.patched_spread)


def draw_cases(place: Axes, costs: Costs, target: str, limits: Limits) -> None:
    """What each case costs on TARGET, a row for each."""
    names = costs.case_names
    place.axvline(0, color="#999999", linewidth=0.8, zorder=1)
    for y in range(len(names)):
        place.axhline(y, color=RULE, linewidth=0.5, linestyle=":", zorder=0.5)
    place.tick_params(left=False)
    for cost in costs.cases:
        if cost.target == target:
            _row(place, names.index(cost.case), cost, limits.get((target, cost.case)))
    for gap in costs.unmeasured:
        if gap.target == target:
            _gap(place, names, gap.case, gap.reason)


def _row(place: Axes, y: int, cost: Cost, limit: float | None) -> None:
    if limit is not None:
        place.barh(y, limit, height=1.0, color=BAND, zorder=0)
    colour, marker = SAME, "o"
    if cost.differs:
        colour, marker = (MORE, ">") if cost.change > 0 else (FEWER, "<")
    place.errorbar(
        cost.change,
        y,
        xerr=spread(cost),
        fmt=marker,
        color=colour,
        markersize=5.5 if cost.differs else 4,
        capsize=2,
        linewidth=1,
        zorder=3,
    )
    if cost.differs:
        # The half of the panel in which the dot is not has room.
        place.annotate(
            _figures(cost),
            (0, y),
            xytext=(-5 if cost.change > 0 else 5, 0),
            textcoords="offset points",
            ha="right" if cost.change > 0 else "left",
            va="center",
            color=colour,
            fontsize=7,
            fontweight="bold" if cost.found else "normal",
        )


def _figures(cost: Cost) -> str:
    found = f"{cost.found}  " if cost.found else ""
    return f"{found}{percent(cost.change)}  {figure(cost.base)} \u2192 {figure(cost.patched)}"


def panel_width_in(costs: Costs) -> float:
    """How wide a panel is in which the figures of no case leave their half."""
    longest = max((len(_figures(cost)) for cost in costs.cases if cost.differs), default=0)
    return max(3.2, 2 * (0.07 * longest + 0.1))


def _gap(place: Axes, names: Sequence[str], case: str, reason: str) -> None:
    words, y = "not measured", float(names.index(case)) if case else (len(names) - 1) / 2
    if not case:
        words = textwrap.fill(clipped(f"not measured: {reason}", 160), 36)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    place.text(
        0, y, words, ha="center", va="center", color=SAME, fontsize=7, style="italic", bbox=box
    )


def legend(limits: Limits) -> list[Artist]:
    """What the marks mean."""

    def mark(marker: str, colour: str, words: str) -> Line2D:
        return Line2D([], [], marker=marker, color=colour, linestyle="none", label=words)

    marks: list[Artist] = [
        mark(">", MORE, "more instructions for one operation"),
        mark("<", FEWER, "fewer instructions"),
        mark("o", SAME, "no difference beyond the spread"),
        Line2D([], [], color=SAME, linewidth=1, label="spread over boots of one kernel"),
    ]
    if limits:
        marks.append(Patch(color=BAND, label="more, within the limit of the matrix"))
    return marks


def _change(size: Size) -> str:
    unit = "" if size.unit == "bytes" else f" {size.unit}"
    return f"{size.change:+,}{unit}" if size.change else "0"


def sizes_width_in(sizes: Iterable[Size]) -> float:
    """How wide a table of SIZES is, in which no word touches another."""
    rows = tuple(sizes)
    longest = max(len(words) for row in rows for words in (row.what, _change(row)))
    names = max(len(row.target) for row in rows)
    return len({row.what for row in rows}) * (0.15 + 0.07 * longest) + 0.3 + 0.07 * names


def draw_sizes(place: Axes, sizes: Iterable[Size]) -> None:
    """Rows are targets, columns what is measured; the more of a change, the more of its colour."""
    rows = tuple(sizes)
    targets = tuple(dict.fromkeys(row.target for row in rows))
    what = tuple(dict.fromkeys(row.what for row in rows))
    place.set_title("Change in size, in bytes", loc="left", fontsize=9, fontweight="bold")
    for row in rows:
        x, y = what.index(row.what), targets.index(row.target)
        colour = MORE if row.change > 0 else FEWER
        share = min(1.0, abs(row.percent if row.percent is not None else 100.0))
        if row.change:
            place.barh(y, 0.96, left=x - 0.48, height=0.9, color=colour, alpha=0.08 + 0.4 * share)
        ink = "black" if row.change else SAME
        place.text(x, y, _change(row), ha="center", va="center", color=ink)
    place.set_yticks(range(len(targets)), targets)
    place.set_ylim(len(targets) - 0.5, -0.5)
    place.set_xticks(range(len(what)), what)
    place.set_xlim(-0.5, len(what) - 0.5)
    place.xaxis.tick_top()
    place.tick_params(length=0)
    place.spines[:].set_visible(False)
