# SPDX-License-Identifier: GPL-2.0-or-later
"""Which measures of the kernel's size grew beyond the limits of the matrix? Pure.

Sections are filled up, to whole pages and to alignments inside of them, so that one may grow by
16 kB when another does by a byte: a part has grown by what its functions and objects have, at most.

What grows is said once: the total is not blamed beside a part of it, nor what boots beside
what it is made of, unless their own limits are more severe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipeline.limits import Exceeded, exceeded
from pipeline.model import SEVERITY, Case, Finding, Outcome, Target
from workers.size.compare import Changed
from workers.size.groups import PARTS, TOTAL
from workers.size.modules import Pair
from workers.symbols.places import only_patch

IMAGE = "image"
_KIND = "larger"
_WORDS = {TOTAL: "the kernel", IMAGE: "the image that boots"}
_MOST_NAMED = 10


def unpadded(
    base: Mapping[str, int], patched: Mapping[str, int], differ: Iterable[Changed]
) -> dict[str, int]:
    """PATCHED as it would be if what grew had been filled up as BASE is.

    Strings have no symbols: read-only data counts as it is.
    """
    named: dict[str, int] = {}
    for change in differ:
        named[change.group] = named.get(change.group, 0) + change.by
    found = dict(patched)
    for part in (part for part in PARTS if part != "rodata" and part in base and part in patched):
        padding = max(0, patched[part] - base[part] - max(0, named.get(part, 0)))
        found[part] -= padding
        found[TOTAL] -= padding
    return found


def larger(
    case: Case,
    target: Target,
    base: Mapping[str, int],
    patched: Mapping[str, int],
    differ: Sequence[Changed],
) -> tuple[Finding, ...]:
    """A finding for each measure that grew too much; DIFFER says in what."""
    found: list[tuple[str, Exceeded]] = []
    for level in (PARTS, (TOTAL,), (IMAGE,)):
        told = [each.limit.severity for _, each in found]
        found += [
            (of, each)
            for of in level
            if of in base
            and of in patched
            and (each := _exceeded(case, target, of, base[of], patched[of]))
            and _worse(each.limit.severity, told)
        ]
    return tuple(_finding(case, of, each, differ) for of, each in found)


def larger_modules(case: Case, target: Target, modules: Iterable[Pair]) -> tuple[Finding, ...]:
    """A finding for each of MODULES that grew too much: none of them is part of another measure.

    What is new, or gone, grew from nothing, or to nothing.
    """
    return tuple(
        _finding(case, path, each, ())
        for path, base, patched in modules
        if base and patched and (each := _exceeded(case, target, path, base, patched))
    )


def _exceeded(case: Case, target: Target, of: str, base: int, patched: int) -> Exceeded | None:
    return exceeded(case.limits, "size", target.name, of, base=base, patched=patched)


def _worse(severity: Outcome, told: Iterable[Outcome]) -> bool:
    return all(SEVERITY.index(severity) > SEVERITY.index(other) for other in told)


def _finding(case: Case, of: str, each: Exceeded, differ: Sequence[Changed]) -> Finding:
    return Finding(
        kind=_KIND,
        severity=each.limit.severity,
        summary=f"{_WORDS.get(of, of)} grew from {each.base:.0f} to {each.patched:.0f} bytes:"
        f" {each.words}",
        patch=only_patch(case.change),
        symbol=of,
        detail="\n".join([_line(c) for c in differ if c.by > 0 and _is_of(c, of)][:_MOST_NAMED]),
    )


def _is_of(change: Changed, measure: str) -> bool:
    return measure not in PARTS or change.group == measure


def _line(change: Changed) -> str:
    return f"{change.by:+d} {change.symbol} ({change.base} to {change.patched} bytes)"
