# SPDX-License-Identifier: GPL-2.0-or-later
"""How do the costs of a series look as a chart? Pure: gives the bytes of a PNG or an SVG.

A panel for each target, with the same cases in the same rows and the same scale, and below
them how the kernels grew. The same figures give the same bytes.
"""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.model import InfraError, Verdict
from pipeline.report.costs import Costs
from pipeline.report.wording import clipped, count, one_line

try:
    import matplotlib as mpl
    from matplotlib.figure import Figure, SubFigure

    from pipeline.report.cost_panels import (
        Limits,
        draw_cases,
        draw_sizes,
        legend,
        panel_width_in,
        sizes_width_in,
        spread,
    )
except ModuleNotFoundError as error:
    raise InfraError(
        "Charts need matplotlib: install crosscheck with its extra, crosscheck[charts]."
    ) from error

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
_ROW_IN = 0.24

#: Changes of up to this many percent are on a linear scale, larger ones on a logarithmic one.
_LINEAR_PERCENT = 1.0
#: What a case may grow by is shown to its end up to so many percent.
_LIMIT_MOST = 100.0
_TICKS_MOST = 4  # on either side, which have room
_TICKS = tuple(step * 10**n for n in range(9) for step in (1, 2, 5))


def draw(verdict: Verdict, costs: Costs, form: str, limits: Limits | None = None) -> bytes:
    """A chart of COSTS, of VERDICT, in FORM: png or svg."""
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
    if not costs.case_names:
        return _of_sizes(verdict, costs)
    targets = costs.measured
    down = math.ceil(len(targets) / _PANELS_WIDE)
    across = math.ceil(len(targets) / down)
    longest = max(map(len, costs.case_names))
    wide = sizes_width_in(costs.sizes) if costs.sizes else 0.0
    width = max(7.0, 0.3 + 0.07 * longest + panel_width_in(costs) * across, wide)
    panels_in = down * (0.55 + _ROW_IN * len(costs.case_names)) + 1.1
    sized = len({row.target for row in costs.sizes})
    sizes_in = 0.8 + _ROW_IN * sized if sized else 0.0
    title = _title(verdict, int(width * 12), left_out)
    title_in = 0.2 * len(title.splitlines()) + 0.25
    whole = Figure(figsize=(width, title_in + panels_in + sizes_in), layout="constrained")
    whole.suptitle(title, x=0.01, ha="left", fontsize=9.5, linespacing=1.4)
    if not sized:
        _panels(whole, costs, targets, (down, across), limits)
        return whole
    upper, lower = whole.subfigures(2, 1, squeeze=False, height_ratios=(panels_in, sizes_in)).flat
    _panels(upper, costs, targets, (down, across), limits)
    draw_sizes(lower.subplots(), costs.sizes)
    return whole


def _of_sizes(verdict: Verdict, costs: Costs) -> Figure:
    width = max(7.0, sizes_width_in(costs.sizes))
    title = _title(verdict, int(width * 12), 0)
    rows = len({row.target for row in costs.sizes})
    height = 0.2 * len(title.splitlines()) + 1.05 + _ROW_IN * rows
    whole = Figure(figsize=(width, height), layout="constrained")
    whole.suptitle(title, x=0.01, ha="left", fontsize=9.5, linespacing=1.4)
    draw_sizes(whole.subplots(), costs.sizes)
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
        *(1.5 * (abs(row.change) + spread(row)) for row in costs.cases),
        *(1.2 * min(limit, _LIMIT_MOST) for limit in limits.values()),
    )
    limits = {of: min(limit, reach) for of, limit in limits.items()}
    for place, target in zip(axes.flat, targets, strict=False):
        draw_cases(place, costs, target, limits)
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
        handles=legend(limits),
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
    each = math.ceil(len(within) / _TICKS_MOST)
    # Every one, every second one, or powers of ten.
    chosen = within[:: each if each <= 2 else 3 * math.ceil(each / 3)]
    return [*(-tick for tick in reversed(chosen)), 0, *chosen]
