# SPDX-License-Identifier: GPL-2.0-or-later
"""How do the costs of a series look as a chart? Pure: gives the bytes of a PNG or an SVG.

A panel for each target, with the same cases in the same rows and the same scale, and below
them how the kernels grew. The same figures give the same bytes. Colours are those of Okabe and
Ito, which people tell apart who see few; shapes say the same.
"""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pipeline.model import InfraError, Verdict
from pipeline.report.costs import Cost, Costs, Size
from pipeline.report.wording import clipped, count, figure, one_line, percent

try:
    import matplotlib as mpl
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
except ModuleNotFoundError as error:
    raise InfraError(
        "Charts need matplotlib: install crosscheck with its extra, crosscheck[charts]."
    ) from error

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

MORE, FEWER, SAME, BAND, RULE = "#D55E00", "#0072B2", "#555555", "#EDEDED", "#DDDDDD"

_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same everywhere
    "font.size": 8.0,
    "svg.hashsalt": "crosscheck",  # ids, which are random else
    "text.parse_math": False,  # a subject may hold $
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
}
_NO_DATE = {"png": {"Software": None}, "svg": {"Date": None}}
_PANELS_WIDE = 4
_ROWS_MOST = 64  # what says more is no program of ours
_PANEL_IN = 3.2
_ROW_IN = 0.24

#: Changes of up to this many percent are on a linear scale, larger ones on a logarithmic one.
_LINEAR_PERCENT = 1.0
_TICKS = tuple(step * 10**n for n in range(9) for step in (1, 2, 5))

Limits = Mapping[tuple[str, str], float]


def draw(verdict: Verdict, costs: Costs, form: str, limits: Limits | None = None) -> bytes:
    """A chart of COSTS, of VERDICT, in FORM: png or svg.

    LIMITS has, by target and case, how many percent more are no finding.
    """
    shown = _bounded(costs)
    left_out = len(costs.case_names) - len(shown.case_names)
    out = io.BytesIO()
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure_ = _figure(verdict, shown, limits or {}, left_out)
        figure_.savefig(out, format=form, dpi=150, metadata=_NO_DATE[form])
    return out.getvalue()


def _bounded(costs: Costs) -> Costs:
    """COSTS with as many cases as a chart has rows for."""
    names = ("", *costs.case_names[:_ROWS_MOST])
    return replace(
        costs,
        cases=tuple(row for row in costs.cases if row.case in names),
        unmeasured=tuple(row for row in costs.unmeasured if row.case in names),
    )


def _figure(verdict: Verdict, costs: Costs, limits: Limits, left_out: int) -> Figure:
    targets = costs.measured
    down = math.ceil(len(targets) / _PANELS_WIDE)
    across = math.ceil(len(targets) / down)
    longest = max(map(len, costs.case_names))
    width = max(7.0, 0.3 + 0.07 * longest + _PANEL_IN * across)
    panels_in = down * (0.55 + _ROW_IN * len(costs.case_names)) + 1.1
    sized = tuple(dict.fromkeys(row.target for row in costs.sizes))
    sizes_in = 0.8 + _ROW_IN * len(sized) if sized else 0.0
    title = _title(verdict, int(width * 12), left_out)
    title_in = 0.2 * len(title.splitlines()) + 0.25
    whole = Figure(figsize=(width, title_in + panels_in + sizes_in), layout="constrained")
    whole.suptitle(title, x=0.01, ha="left", fontsize=9.5, linespacing=1.4)
    if not sized:
        _panels(whole, costs, targets, (down, across), limits)
        return whole
    upper, lower = whole.subfigures(2, 1, squeeze=False, height_ratios=(panels_in, sizes_in)).flat
    _panels(upper, costs, targets, (down, across), limits)
    _size_table(lower, costs.sizes, sized)
    return whole


def _title(verdict: Verdict, columns: int, left_out: int) -> str:
    series = verdict.series
    version = f" (v{series.version})" if series.version > 1 else ""
    lines = textwrap.wrap(clipped(one_line(series.subject), 2 * columns) + version, columns)
    base = one_line(verdict.base.commit)[:12]
    more = f"; {count(left_out, 'other case')} not shown" if left_out else ""
    return "\n".join((*lines, f"run {one_line(verdict.run)}, against base {base}{more}"))


def _panels(
    where: Figure | SubFigure,
    costs: Costs,
    targets: Sequence[str],
    shape: tuple[int, int],
    limits: Limits,
) -> None:
    axes = where.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    names = costs.case_names
    reach = max(
        2 * _LINEAR_PERCENT,
        *(1.5 * (abs(row.change) + _spread(row)) for row in costs.cases),
        *(1.2 * limit for limit in limits.values()),
    )
    for place, target in zip(axes.flat, targets, strict=False):
        _panel(place, costs, target, limits)
        place.set_title(target, loc="left", fontsize=9, fontweight="bold")
    for n, place in enumerate(axes.flat):
        place.set_visible(n < len(targets))
        if len(targets) - shape[1] <= n < len(targets):
            place.tick_params(labelbottom=True)  # nothing is below it
    first = axes.flat[0]
    first.set_yticks(range(len(names)), names)
    first.set_ylim(len(names) - 0.5, -0.5)
    first.set_xscale("symlog", linthresh=_LINEAR_PERCENT)
    first.set_xlim(-reach, reach)
    ticks = _ticks(reach)
    first.set_xticks(ticks, [f"{tick:+g}" if tick else "0" for tick in ticks])
    first.minorticks_off()
    where.legend(
        handles=_legend(limits),
        title=f"change in percent (linear up to {_LINEAR_PERCENT:g}, logarithmic beyond)",
        title_fontsize=7.5,
        alignment="left",
        loc="outside lower left",
        ncols=3,
        frameon=False,
        fontsize=7.5,
    )


def _ticks(reach: float) -> list[float]:
    within = [tick for tick in _TICKS if tick < reach]
    chosen = within if len(within) <= 2 else [tick for tick in within if str(tick)[0] == "1"]
    return [*(-tick for tick in reversed(chosen)), 0, *chosen]


def _spread(cost: Cost) -> float:
    return max(cost.base_spread, cost.patched_spread)


def _panel(place: Axes, costs: Costs, target: str, limits: Limits) -> None:
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
        place.barh(y, 2 * limit, left=-limit, height=1.0, color=BAND, zorder=0)
    colour, marker = SAME, "o"
    if cost.differs:
        colour, marker = (MORE, ">") if cost.change > 0 else (FEWER, "<")
    place.errorbar(
        cost.change,
        y,
        xerr=_spread(cost),
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
            f"{percent(cost.change)}  {figure(cost.base)} \u2192 {figure(cost.patched)}",
            (0, y),
            xytext=(-5 if cost.change > 0 else 5, 0),
            textcoords="offset points",
            ha="right" if cost.change > 0 else "left",
            va="center",
            color=colour,
            fontsize=7,
            fontweight="bold" if cost.found else "normal",
        )


def _gap(place: Axes, names: Sequence[str], case: str, reason: str) -> None:
    words, y = "not measured", float(names.index(case)) if case else (len(names) - 1) / 2
    if not case:
        words = textwrap.fill(clipped(f"not measured: {reason}", 160), 36)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
    place.text(
        0, y, words, ha="center", va="center", color=SAME, fontsize=7, style="italic", bbox=box
    )


def _legend(limits: Limits) -> list[Artist]:
    def mark(marker: str, colour: str, words: str) -> Line2D:
        return Line2D([], [], marker=marker, color=colour, linestyle="none", label=words)

    marks: list[Artist] = [
        mark(">", MORE, "more instructions for one operation"),
        mark("<", FEWER, "fewer instructions"),
        mark("o", SAME, "no difference beyond the spread"),
        Line2D([], [], color=SAME, linewidth=1, label="spread over boots of one kernel"),
    ]
    if limits:
        marks.append(Patch(color=BAND, label="within the limit of the matrix"))
    return marks


def _size_table(where: Figure | SubFigure, sizes: Sequence[Size], targets: Sequence[str]) -> None:
    """Rows are targets, columns what is measured; the more of a change, the more of its colour."""
    what = tuple(dict.fromkeys(row.what for row in sizes))
    place = where.subplots()
    place.set_title("Change in size, in bytes", loc="left", fontsize=9, fontweight="bold")
    for row in sizes:
        x, y = what.index(row.what), targets.index(row.target)
        colour = MORE if row.change > 0 else FEWER
        share = min(1.0, abs(row.percent if row.percent is not None else 100.0))
        if row.change:
            place.barh(y, 0.96, left=x - 0.48, height=0.9, color=colour, alpha=0.08 + 0.4 * share)
        unit = "" if row.unit == "bytes" else f" {row.unit}"
        words = f"{row.change:+,}{unit}" if row.change else "0"
        place.text(x, y, words, ha="center", va="center", color="black" if row.change else SAME)
    place.set_yticks(range(len(targets)), targets)
    place.set_ylim(len(targets) - 0.5, -0.5)
    place.set_xticks(range(len(what)), what)
    place.set_xlim(-0.5, len(what) - 0.5)
    place.xaxis.tick_top()
    place.tick_params(length=0)
    place.spines[:].set_visible(False)
