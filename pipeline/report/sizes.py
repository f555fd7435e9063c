# SPDX-License-Identifier: GPL-2.0-or-later
"""What is told of sizes to those who did not ask for all figures? Pure.

Nothing where nothing changed. Else a line for all targets on which the same changed, and one
for each of the symbols that changed most, over all targets. What follows from the rest (tables
that the build makes, and the image) is not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.report.costs import TOTAL, Costs, Size
from pipeline.report.wording import percent

#: So many parts of a kernel, and so many symbols and modules of the series, are told.
_PARTS_MOST = 4
_SYMBOLS_MOST = 3
_MODULES_MOST = 3
#: The unit of memory, and here of nothing else.
_MEMORY = "KiB"
_FOLLOWING = frozenset({"tables", "image"})


def size_lines(costs: Costs) -> tuple[str, ...]:
    """The lines for COSTS; none if nothing changed."""
    by_words: dict[str, list[str]] = {}
    for target in costs.sized:
        if words := _target([row for row in costs.sizes if row.target == target]):
            by_words.setdefault(words, []).append(target)
    kernels = tuple(f"{', '.join(targets)}: {words}" for words, targets in by_words.items())
    symbols = _changed_most(costs.symbols, _SYMBOLS_MOST)
    return (*kernels, *symbols, *_changed_most(costs.modules, _MODULES_MOST))


def _target(rows: Sequence[Size]) -> str:
    """What changed on one target; "" if nothing did."""
    changed = [row for row in rows if row.change and row.what not in _FOLLOWING]
    parts = sorted(
        (row for row in changed if row.unit != _MEMORY and row.what != TOTAL),
        key=lambda row: -abs(row.change),
    )
    told = [f"{row.what} {row.change:+,}" for row in parts[:_PARTS_MOST]]
    if len(parts) > _PARTS_MOST:
        told.append(f"others {sum(row.change for row in parts[_PARTS_MOST:]):+,}")
    total = next((row for row in changed if row.what == TOTAL), None)
    whole = _with_share(total) if total else "as large as before" if told else ""
    memory = [
        f"{_with_share(row)} of memory in use at boot" for row in changed if row.unit == _MEMORY
    ]
    kernel = f"{whole} ({', '.join(told)})" if told else whole
    return "; ".join([*([kernel] if kernel else []), *memory])


def _with_share(row: Size) -> str:
    """`+1,024 bytes, +0.02 %`; the share only where it says something."""
    share = percent(row.percent or 0.0)
    return f"{row.change:+,} {row.unit}" + (f", {share}" if share[0] in "+-" else "")


def _changed_most(rows: Iterable[Size], most_told: int) -> tuple[str, ...]:
    """A line for each of those that changed most."""
    by_name: dict[str, list[Size]] = {}
    for row in rows:
        if row.change:
            by_name.setdefault(row.what, []).append(row)
    most = sorted(by_name, key=lambda name: -max(abs(row.change) for row in by_name[name]))
    return tuple(
        f"{name}{_fate(by_name[name])}: {_where(by_name[name])}" for name in most[:most_told]
    )


def _fate(rows: Sequence[Size]) -> str:
    if not any(row.base for row in rows):
        return " (new)"
    return "" if any(row.patched for row in rows) else " (gone)"


def _where(rows: Iterable[Size]) -> str:
    by_change: dict[int, list[str]] = {}
    for row in rows:
        by_change.setdefault(row.change, []).append(row.target)
    return "; ".join(
        f"{change:+,} bytes on {', '.join(targets)}" for change, targets in by_change.items()
    )
