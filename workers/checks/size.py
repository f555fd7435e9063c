# SPDX-License-Identifier: GPL-2.0-or-later
"""How much larger is the kernel, and what in it? Probe: reads what the build kept. Judge: pure.

Sections come in groups (`workers.size.groups`), functions and objects by name, as
scripts/bloat-o-meter has them. The limits of the matrix say how much is too much, for each
group, for the `total`, for the `image` that boots, and for each module that the target makes
(`modules` among its `make:`), by its path: `drivers/net/dummy.ko`. The rest are facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from pipeline.model import Case, Fact, InfraError, Target
from workers.check import Bench, Judgement, Sighting
from workers.parsers import elf
from workers.size.compare import Changed, changes
from workers.size.groups import grouped, groups_of
from workers.size.larger import IMAGE, larger, larger_modules, unpadded
from workers.size.modules import MODULES, Pair, Sizes, paired, read
from workers.size.symbols import OfFile, sizes

VERSION = 3
KEEPS_BUILD = False
BOOTS = False

#: So many symbols are named.
_MOST_SYMBOLS = 50
#: And so many modules.
_MOST_MODULES = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """How large one kernel is. IMAGE_BYTES is None where what boots is vmlinux itself."""

    groups: tuple[tuple[str, int], ...]
    symbols: tuple[OfFile, ...]
    image_bytes: int | None
    modules: Sizes = ()


def probe(bench: Bench) -> Sighting:
    """Measure one side's kernel, as the build check kept it."""
    bench.progress("measuring")
    vmlinux, image = _needed(bench, "vmlinux"), _needed(bench, IMAGE)
    sections, symbols = elf.sections(vmlinux), elf.symbols(vmlinux)
    placed = groups_of(sections, symbols)
    groups = grouped(placed, symbols)
    if not groups["text"]:
        raise InfraError("vmlinux has no code: build it again with --no-cache.")
    return Sighting(
        Seen(
            groups=tuple(groups.items()),
            symbols=sizes(symbols, {section.name: group for section, group in placed}),
            # The paths of artifacts are their contents.
            image_bytes=None if image == vmlinux else image.stat().st_size,
            modules=read(bench.needed.get(MODULES)),
        )
    )


def judge(case: Case, target: Target, base: Seen, patched: Seen) -> Judgement:
    """What the series makes larger, beyond the limits, and all that it changes in size."""
    before, after = _measures(base), _measures(patched)
    differ = changes(base.symbols, patched.symbols)
    modules = paired(base.modules, patched.modules)
    return Judgement(
        findings=(
            *larger(case, target, before, unpadded(before, after, differ), differ),
            *larger_modules(case, target, modules),
        ),
        facts=(
            (
                "sections",
                {of: {"base": before[of], "patched": after[of]} for of in after if of in before},
            ),
            ("counts", _counts(differ)),
            ("symbols", _symbols(differ[:_MOST_SYMBOLS])),
            *_modules(modules),
        ),
    )


def _needed(bench: Bench, name: str) -> Path:
    path = bench.needed.get(name)
    if path is None:
        raise InfraError(f"The build check kept no {name}: run again with --no-cache.")
    return path


def _measures(seen: Seen) -> dict[str, int]:
    image = {} if seen.image_bytes is None else {IMAGE: seen.image_bytes}
    return dict(seen.groups) | image


def _counts(differ: tuple[Changed, ...]) -> JsonValue:
    return {
        "grown": sum(0 < c.base < c.patched for c in differ),
        "shrunk": sum(c.base > c.patched > 0 for c in differ),
        "added": sum(not c.base for c in differ),
        "removed": sum(not c.patched for c in differ),
    }


def _modules(modules: tuple[Pair, ...]) -> tuple[Fact, ...]:
    """How many there are, and those that differ, the largest difference first; else nothing."""
    if not modules:
        return ()
    differ = sorted((each for each in modules if each[1] != each[2]), key=_by_difference)
    shown: list[JsonValue] = [
        {"module": path, "base": before, "patched": after}
        for path, before, after in differ[:_MOST_MODULES]
    ]
    made: JsonValue = {
        "base": sum(bool(before) for _, before, _ in modules),
        "patched": sum(bool(after) for _, _, after in modules),
    }
    return (("modules", {"made": made, "differ": len(differ), "changed": shown}),)


def _by_difference(module: Pair) -> tuple[int, str]:
    path, before, after = module
    return -abs(after - before), path


def _symbols(differ: tuple[Changed, ...]) -> JsonValue:
    return [{"symbol": c.symbol, "base": c.base, "patched": c.patched} for c in differ]
