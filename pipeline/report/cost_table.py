# SPDX-License-Identifier: GPL-2.0-or-later
"""How do all figures of a verdict look as tables? Pure: gives what rich can print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.model import Verdict
from pipeline.report import digest
from pipeline.report.costs import Cost, Costs, Size
from pipeline.report.terminal import STYLES, columns_table
from pipeline.report.wording import count, figure, one_line, percent

#: How many symbols and modules of each target are shown; the size check keeps more in the JSON.
SYMBOLS_MOST = 10


def _heading(words: str) -> Text:
    return Text(f"\n{words}", "bold")


def _figures(*heads: str) -> Table:
    """A table whose columns but for the first two, and the last, hold figures.

    Where room is short, the second column folds: no figure is cut.
    """
    table = columns_table(*heads)
    table.columns[1].no_wrap = False
    table.columns[1].overflow = "fold"
    for column in table.columns[2:-1]:
        column.justify = "right"
    return table


def _note(cost: Cost) -> Text:
    """What is to be said of the change: the finding, or which way it goes."""
    if cost.found:
        return Text(str(cost.found), STYLES[cost.found])
    if not cost.differs:
        return Text()
    return Text("more", "yellow") if cost.change > 0 else Text("fewer", "green")


def _cases(costs: Costs) -> Iterator[RenderableType]:
    if not costs.cases:
        return
    yield _heading("Instructions for one operation")
    table = _figures("target", "case", "base", "patched", "change", "spread", "")
    for cost in costs.cases:
        spreads = [percent(s, sign=False) for s in (cost.base_spread, cost.patched_spread)]
        spread = f"{spreads[0].removesuffix(' %')}, {spreads[1]}"
        told = (figure(cost.base), figure(cost.patched), percent(cost.change), spread)
        table.add_row(cost.target, Text(cost.case), *told, _note(cost))
    yield table
    yield Text("  spread: by how much boots of one kernel differ, of base and of patched", "dim")
    for (base, patched), targets in _by_boots(costs.boots):
        boots = f"{count(base, 'boot')} of base, {patched} of patched"
        yield Text(f"  {', '.join(targets)}: {boots}", "dim")


def _by_boots(
    boots: Iterable[tuple[str, int, int]],
) -> Iterable[tuple[tuple[int, int], list[str]]]:
    by_boots: dict[tuple[int, int], list[str]] = {}
    for target, base, patched in boots:
        by_boots.setdefault((base, patched), []).append(target)
    return by_boots.items()


def _unmeasured(costs: Costs) -> Iterator[RenderableType]:
    if not costs.cases and not costs.unmeasured:
        yield Text("\nperf was not run: what operations cost was not measured", "dim")
    if costs.unmeasured:
        yield _heading("Not measured")
    for row in costs.unmeasured:
        yield Text(f"  {row.target}{f' {row.case}' if row.case else ''}: {row.reason}")


def _sizes(head: str, rows: tuple[Size, ...]) -> Table:
    table = _figures("target", head, "base", "patched", "change", "", "")
    for row in rows:
        share = "" if row.percent is None else percent(row.percent)
        told = (f"{row.base:,}", f"{row.patched:,}", f"{row.change:+,}" if row.change else "0")
        table.add_row(row.target, Text(row.what), *told, share, row.unit)
    return table


def _most(costs: Costs, rows: tuple[Size, ...]) -> tuple[Size, ...]:
    """Of ROWS those of each target that changed most."""
    return tuple(
        row
        for target in costs.sized
        for row in [row for row in rows if row.target == target][:SYMBOLS_MOST]
    )


def costs_view(verdict: Verdict, costs: Costs) -> RenderableType:
    """COSTS, of VERDICT, in full, for rich."""
    parts: list[RenderableType] = [
        Text(one_line(verdict.series.subject), "bold"),
        Text(f"run {one_line(verdict.run)}, base {digest.base(verdict)}", "dim"),
        *_cases(costs),
        *_unmeasured(costs),
    ]
    if costs.sizes:
        parts += [_heading("Size of the kernel"), _sizes("what", costs.sizes)]
    if symbols := _most(costs, costs.symbols):
        parts += [_heading("Symbols that changed most"), _sizes("symbol", symbols)]
    if modules := _most(costs, costs.modules):
        parts += [_heading("Modules that changed most"), _sizes("module", modules)]
    return Group(*parts)
