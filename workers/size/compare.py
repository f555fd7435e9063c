# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions and objects grew, shrank, came or went? Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workers.size.symbols import OfFile


@dataclass(frozen=True, slots=True)
class Changed:
    """A symbol whose bytes differ; BASE or PATCHED is 0 where there is none of the name."""

    symbol: str
    group: str  # of sections that it is in
    base: int
    patched: int

    @property
    def by(self) -> int:
        """How many bytes it grew."""
        return self.patched - self.base


def changes(base: Iterable[OfFile], patched: Iterable[OfFile]) -> tuple[Changed, ...]:
    """Every difference, the largest first.

    What went from one file and came in another under the same name has moved, or is no longer
    static: it is one symbol, while it stays in its group.
    """
    before, after = _flat(base), _flat(patched)
    both = before.keys() & after.keys()
    found = [Changed(*key[1:], before[key], after[key]) for key in both]
    gone, new = _by_name(before, both), _by_name(after, both)
    found += [Changed(*key, gone.get(key, 0), new.get(key, 0)) for key in gone | new]
    differ = (each for each in found if each.by)
    return tuple(sorted(differ, key=lambda c: (-abs(c.by), c.symbol, c.base)))


#: File, name, group.
_Key = tuple[str, str, str]


def _flat(files: Iterable[OfFile]) -> dict[_Key, int]:
    return {(of.file, name, of.group): size for of in files for name, size in of.sizes}


def _by_name(sizes: dict[_Key, int], but: Iterable[_Key]) -> dict[tuple[str, str], int]:
    passed_over = set(but)
    found: dict[tuple[str, str], int] = {}
    for key, size in sizes.items():
        if key not in passed_over:
            found[key[1:]] = found.get(key[1:], 0) + size
    return found
