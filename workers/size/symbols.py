# SPDX-License-Identifier: GPL-2.0-or-later
"""How large is each function and each object of a kernel? Pure.

They go by the names that the sources have for them: what a compiler splits off a function
counts with it. A static one goes by its source file as well, whose last part is all that the
symbol table has; what of one file has one name (`__func__`, `__already_done`) counts together.
Aliases count once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workers.parsers.elf import ElfSymbol
from workers.parsers.symbol_names import of_source, unsplit

#: What is no function or object of the sources: labels, the build's own tables, the padding
#: before functions, and texts that have the kernel's version in them.
_GENERATED = re.compile(
    r"\.L|\$|__ksymtab|__kstrtab|__kflagstab|__flags_|__crc_|__pfx_|__mod_|__addressable_"
    r"|(?:linux_banner|vermagic|init_uts_ns)$"
)
_PLAIN = frozenset({"notype", "object", "func", "common", "tls"})


@dataclass(frozen=True, slots=True)
class OfFile:
    """(name, bytes) of the static symbols of FILE, or of the global ones if that is "".

    All are of one GROUP of sections (`workers.size.groups`).
    """

    file: str
    group: str
    sizes: tuple[tuple[str, int], ...]


def sizes(symbols: Iterable[ElfSymbol], groups: Mapping[str, str]) -> tuple[OfFile, ...]:
    """The sizes of what takes memory, sorted. SYMBOLS are in the order of their table.

    GROUPS has the group of each section that takes memory.
    """
    files: dict[tuple[str, str], dict[str, int]] = {}
    placed = _without_aliases(_with_files(symbols, set(groups)))
    known = {s.name for _, s in placed if s.binding != "local"}
    for file, symbol in placed:
        whole = unsplit(symbol.name)
        of_global = whole != symbol.name and whole in known
        place = ("" if of_global else file, groups[symbol.section])
        names = files.setdefault(place, {})
        name = of_source(symbol.name)
        names[name] = names.get(name, 0) + symbol.size_bytes
    return tuple(
        OfFile(*place, tuple(sorted(names.items()))) for place, names in sorted(files.items())
    )


def _with_files(symbols: Iterable[ElfSymbol], taking: set[str]) -> list[tuple[str, ElfSymbol]]:
    """Each symbol that counts, with its source file if it is static."""
    file, found = "", []
    for symbol in symbols:
        if symbol.kind == "file":
            file = symbol.name
        elif (
            symbol.size_bytes
            and symbol.kind in _PLAIN
            and symbol.section in taking
            and not _GENERATED.match(symbol.name)
        ):
            found.append((file if symbol.binding == "local" else "", symbol))
    return found


def _without_aliases(placed: Iterable[tuple[str, ElfSymbol]]) -> list[tuple[str, ElfSymbol]]:
    """Of names for the same bytes the most public, then the shortest."""
    best: dict[tuple[str, int, int], tuple[str, ElfSymbol]] = {}
    for file, symbol in placed:
        place = (symbol.section, symbol.value, symbol.size_bytes)
        if place not in best or _rank(symbol) < _rank(best[place][1]):
            best[place] = (file, symbol)
    return list(best.values())


def _rank(symbol: ElfSymbol) -> tuple[bool, int, str]:
    return symbol.binding == "local", len(symbol.name), symbol.name
