# SPDX-License-Identifier: GPL-2.0-or-later
"""How many bytes of a kernel are code, how many are data, and so on? Pure.

Every section that takes memory is in one group. What is freed after boot, and what is read
only, the kernel itself says, by symbols around it: __init_begin and __init_end, __start_rodata
and __end_rodata. Names and flags decide the rest, in this order:

- `percpu`: `.data..percpu`, which is there once for each processor (without SMP it is data);
- `init`: what is freed after boot, code and data;
- `bss`: zeros;
- `rodata`: what is only read, also what is written during boot alone (`__ro_after_init`);
- `text`: code;
- `data`: what can be written.

`tables` are apart: what the build makes of all the rest, so that it changes with everything:
kallsyms, the tables of exports, unwind tables, types for BPF. `total` is all but these. What
kallsyms' length makes of the alignment behind it (up to 255 bytes) stays with `rodata`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from workers.parsers.elf import ElfSection, ElfSymbol

TOTAL = "total"
TABLES = "tables"
#: The parts that add up to the total.
PARTS = ("text", "rodata", "data", "bss", "init", "percpu")

_TABLES = re.compile(
    r"__(?:ksymtab|kflagstab|kcrctab)|\.orc_|\.eh_frame|\.BTF|\.(?:ARM|IA_64)\.(?:exidx|extab|unwind)"
)
_PERCPU = re.compile(r"\.data\.\.percpu")
_INIT = re.compile(r"\.(?:init|exit)\b")
_RODATA = re.compile(r"\.s?rodata\b|.*\bro_after_init")

_KALLSYMS = "kallsyms_"
#: scripts/kallsyms.c: the last table has three bytes for each symbol, and one before it four.
_LAST, _LAST_WIDTH = "kallsyms_seqs_of_names", 3
_OFFSETS, _OFFSETS_WIDTH = "kallsyms_offsets", 4


def groups_of(
    sections: Iterable[ElfSection], symbols: Iterable[ElfSymbol]
) -> tuple[tuple[ElfSection, str], ...]:
    """The group of each section, one of PARTS or `tables`."""
    marks = {s.name: s.value for s in symbols if s.kind in ("notype", "object", "func")}
    return tuple((section, _group(section, marks)) for section in sections)


def grouped(
    groups: Iterable[tuple[ElfSection, str]], symbols: Iterable[ElfSymbol]
) -> dict[str, int]:
    """The bytes of each group, of PARTS, `tables` and `total`."""
    found = dict.fromkeys((*PARTS, TABLES), 0)
    for section, group in groups:
        found[group] += section.size_bytes
    kallsyms = min(_kallsyms(symbols), found["rodata"])
    found["rodata"] -= kallsyms
    found[TABLES] += kallsyms
    return {TOTAL: sum(found[part] for part in PARTS), **found}


def _group(section: ElfSection, marks: Mapping[str, int]) -> str:
    def between(start: str, end: str) -> bool:
        return start in marks and marks[start] <= section.address < marks.get(end, 0)

    name = section.name
    answers = (
        (TABLES, _TABLES.match(name)),
        ("percpu", _PERCPU.match(name)),
        ("init", _INIT.match(name) or between("__init_begin", "__init_end")),
        ("bss", section.empty),
        ("rodata", _RODATA.match(name) or between("__start_rodata", "__end_rodata")),
        ("text", section.executable),
        ("data", section.writable),
    )
    return next((group for group, holds in answers if holds), "rodata")


def _kallsyms(symbols: Iterable[ElfSymbol]) -> int:
    """The bytes of kallsyms' tables, which have no section and no size of their own."""
    bare = (s for s in symbols if s.kind == "notype" and not s.size_bytes)
    tables = sorted((s.value, s.name) for s in bare if s.name.startswith(_KALLSYMS))
    if not tables:
        return 0
    end, last = tables[-1]
    if last == _LAST:
        end += _LAST_WIDTH * (_room(tables, _OFFSETS) // _OFFSETS_WIDTH)
    return end - tables[0][0]


def _room(tables: Sequence[tuple[int, str]], name: str) -> int:
    """From the table NAME to the one after it, in bytes."""
    return next((after - at for (at, called), (after, _) in pairwise(tables) if called == name), 0)
