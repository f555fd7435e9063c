# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck perf`: what a series costs, as tables and charts."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

from pipeline.commands.common import opened, verdict_of
from pipeline.limits import allows, applying
from pipeline.model import InputError, Verdict
from pipeline.outputs import writable, writing
from pipeline.report.cost_table import costs_view
from pipeline.report.costs import PERF, Costs, costs_of
from pipeline.report.terminal import show
from pipeline.report.wording import clipped, one_line
from pipeline.settings import Settings
from pipeline.store import Store

_FORMS = (".png", ".svg")
_NAMES_COLUMNS = 400
_EVERY = "*"


@click.command()
@click.argument("run", default="")
@click.option("--case", "pattern", default=_EVERY, help="Only cases like this: zero*.")
@click.option("--target", "targets", multiple=True, help="Only this target (repeatable).")
@click.option(
    "--chart",
    "charts",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="Draw a chart there: a file that ends in .png or .svg (repeatable).",
)
def perf(run: str, pattern: str, targets: tuple[str, ...], charts: tuple[Path, ...]) -> None:
    """Show what the series of RUN (default: the latest) costs, base against patched."""
    for file in charts:
        if file.suffix.lower() not in _FORMS:
            raise InputError(f"A chart's file ends in .png or .svg, and {file} does not.")
    writable(*charts)
    settings, store = opened()
    verdict = _only(verdict_of(store, run), targets)
    costs = _measured(verdict, pattern)
    if charts:
        _draw(settings, verdict, costs, _allowed(store, costs, verdict.run), charts)
    show(costs_view(verdict, costs), width=4096)


def _only(verdict: Verdict, targets: tuple[str, ...]) -> Verdict:
    """VERDICT of TARGETS alone; of all if there are none."""
    names = [row.target for row in verdict.targets]
    for target in targets:
        if target not in names:
            has = f"it has {', '.join(names)}" if names else "it has none"
            raise InputError(f"Run {verdict.run} has no target {target!r}; {has}.")
    rows = tuple(row for row in verdict.targets if not targets or row.target in targets)
    return replace(verdict, targets=rows)


def _measured(verdict: Verdict, pattern: str) -> Costs:
    """The figures of VERDICT, of cases like PATTERN. Raises InputError if there are none.

    Sizes alone are enough, unless it is a case that is wanted: then there are none.
    """
    costs = costs_of(verdict)
    if pattern == _EVERY and (costs.cases or costs.sizes):
        return costs
    if not costs.cases and costs.unmeasured:
        reasons = dict.fromkeys(f"{row.target}: {row.reason}" for row in costs.unmeasured)
        why = "; ".join(reasons)
        raise InputError(
            f"Run {verdict.run} measured nothing ({why}); `crosscheck logs {verdict.run} TARGET"
            f" {PERF}` says more."
        )
    if not costs.cases:
        raise InputError(
            f"Run {verdict.run} has no results of {PERF}; `crosscheck run"
            f" {one_line(verdict.series.source)} --tree DIR --check {PERF}` brings some."
        )
    chosen = costs.of_case(pattern)
    if not chosen.case_names:
        names = clipped(", ".join(costs.case_names), _NAMES_COLUMNS)
        raise InputError(f"Run {verdict.run} has no case like {pattern!r}; it has {names}.")
    return chosen


def _allowed(store: Store, costs: Costs, run: str) -> dict[tuple[str, str], float]:
    """By target and case, how many percent more are no finding of RUN."""
    record = store.run(run)
    limits = record.case.limits if record else ()
    allowed = {}
    for row in costs.cases:
        holding = applying(limits, PERF, row.target, row.case)
        if holding:
            allowed[row.target, row.case] = min(allows(limit, row.base) for limit in holding)
    return allowed


def _draw(
    settings: Settings,
    verdict: Verdict,
    costs: Costs,
    allowed: dict[tuple[str, str], float],
    charts: tuple[Path, ...],
) -> None:
    # It keeps a list of fonts, and nothing of ours is written elsewhere.
    os.environ.setdefault("MPLCONFIGDIR", str(settings.cache_dir / "matplotlib"))
    from pipeline.report.cost_chart import draw  # noqa: PLC0415 (half a second for a chart)

    for file in charts:
        image = draw(verdict, costs, file.suffix.lower()[1:], allowed)
        with writing():
            file.write_bytes(image)
