# SPDX-License-Identifier: GPL-2.0-or-later
"""The ELF reader: every width and byte order, and nothing but InfraError for a damaged file."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model import InfraError
from workers.parsers import elf
from workers.parsers.elf import ElfSection, ElfSymbol, sections, symbols


@dataclass(frozen=True)
class Layout:
    wide: bool
    big: bool

    def pack(self, fmt: str, *values: int) -> bytes:
        return struct.pack((">" if self.big else "<") + fmt, *values)


WRITE, ALLOC = 1, 2
LAYOUTS = [Layout(wide, big) for wide in (False, True) for big in (False, True)]


def strings(*words: str) -> tuple[bytes, dict[str, int]]:
    data, at = b"\0", {}
    for word in words:
        at[word] = len(data)
        data += word.encode() + b"\0"
    return data, at


def entry(layout: Layout, *fields: int) -> bytes:
    name, value, size, info, index = fields
    if layout.wide:
        return layout.pack("IBBHQQ", name, info, 0, index, value, size)
    return layout.pack("IIIBBH", name, value, size, info, 0, index)


def elf_file(
    layout: Layout, table: list[tuple[str, int, int, int, int]], *, symtab: bool = True
) -> bytes:
    """An ELF file with sections .data, .symtab, .strtab, .shstrtab; TABLE has (name, value, size, info, index)."""
    sections, at = strings(".data", ".symtab", ".strtab", ".shstrtab")
    names, name_at = strings(*sorted({row[0] for row in table if row[0]}))
    entries = entry(layout, 0, 0, 0, 0, 0) + b"".join(
        entry(layout, name_at.get(name, 0), *rest) for name, *rest in table
    )
    header_size, section_size = (64, 64) if layout.wide else (52, 40)
    entry_size = 24 if layout.wide else 16
    parts = [b"data", entries, names, sections]
    offsets, position = [], header_size
    for part in parts:
        offsets.append(position)
        position += len(part)

    def section(*fields: int, flags: int = 0) -> bytes:
        name, kind, offset, size, link, width = fields
        fmt = "IIQQQQIIQQ" if layout.wide else "IIIIIIIIII"
        return layout.pack(fmt, name, kind, flags, 0, offset, size, link, 1, 1, width)

    headers = b"".join(
        (
            section(0, 0, 0, 0, 0, 0),
            section(at[".data"], 1, offsets[0], len(parts[0]), 0, 0, flags=WRITE | ALLOC),
            section(at[".symtab"], 2 if symtab else 1, offsets[1], len(parts[1]), 3, entry_size),
            section(at[".strtab"], 3, offsets[2], len(parts[2]), 0, 0),
            section(at[".shstrtab"], 3, offsets[3], len(parts[3]), 0, 0),
        )
    )
    ident = b"\x7fELF" + bytes((2 if layout.wide else 1, 2 if layout.big else 1, 1)) + bytes(9)
    fmt = "HHIQQQIHHHHHH" if layout.wide else "HHIIIIIHHHHHH"
    header = layout.pack(fmt, 2, 0, 1, 0, 0, position, 0, header_size, 0, 0, section_size, 5, 4)
    return ident + header + b"".join(parts) + headers


TABLE = [
    ("__zero_page", 0x1000, 8, 0x11, 1),  # global object in .data
    ("setup", 0x10, 4, 0x02, 1),  # local function
    ("arch_setup", 0x20, 4, 0x22, 1),  # weak function
    ("needed", 0, 0, 0x10, 0),  # undefined
    ("", 0x30, 0, 0x00, 1),  # nameless, as sparc has them
    ("absolute", 7, 0, 0x10, 0xFFF1),
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_every_width_and_byte_order_reads_the_same(layout, tmp_path):
    path = tmp_path / "vmlinux"
    path.write_bytes(elf_file(layout, TABLE))
    assert symbols(path) == (
        ElfSymbol("__zero_page", 0x1000, 8, "global", "object", ".data"),
        ElfSymbol("setup", 0x10, 4, "local", "func", ".data"),
        ElfSymbol("arch_setup", 0x20, 4, "weak", "func", ".data"),
        ElfSymbol("needed", 0, 0, "global", "notype", ""),
        ElfSymbol("absolute", 7, 0, "global", "notype", "*ABS*"),
    )
    assert [s.name for s in symbols(path) if not s.defined] == ["needed"]
    assert sections(path) == (
        ElfSection(".data", 0, 4, writable=True, executable=False, empty=False),
    )


def fault(tmp_path, content: bytes) -> str:
    path = tmp_path / "vmlinux"
    path.write_bytes(content)
    with pytest.raises(InfraError) as caught:
        symbols(path)
    return str(caught.value)


WIDE = Layout(wide=True, big=False)


def test_each_damage_is_one_sentence(tmp_path):
    whole = elf_file(WIDE, TABLE)
    assert "no ELF file" in fault(tmp_path, b"")
    assert "no ELF file" in fault(tmp_path, b"#!/bin/sh\n" * 20)
    assert "cut short" in fault(tmp_path, whole[:-10])
    beyond = bytearray(whole)
    struct.pack_into("<Q", beyond, len(whole) - 2 * 64 + 32, 1 << 28)  # the size of .strtab
    assert "cut short" in fault(tmp_path, bytes(beyond))
    assert "has no symbol table" in fault(tmp_path, elf_file(WIDE, TABLE, symtab=False))
    assert "a name without an end" in fault(tmp_path, elf_file(WIDE, [("x" * 9999, 0, 0, 0, 1)]))
    outside = elf_file(WIDE, [("x", 0, 0, 0x10, 99)])
    assert "a section that is not there" in fault(tmp_path, outside)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(InfraError, match="Cannot read vmlinux: No such file"):
        symbols(tmp_path / "vmlinux")


def test_a_file_that_claims_more_symbols_than_a_kernel_has_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(elf, "MAX_SYMBOLS", 3)
    assert "more than 3 symbols" in fault(tmp_path, elf_file(WIDE, TABLE))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_ends_in_infra_error_or_is_read(layout, tmp_path, data):
    content = bytearray(elf_file(layout, TABLE))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    path = tmp_path / "vmlinux"
    path.write_bytes(bytes(content[: cut if data.draw(st.booleans()) else len(content)]))
    try:
        told = data.draw(st.sampled_from((symbols, sections)))(path)
    except InfraError as error:
        told = str(error)
    assert isinstance(told, tuple) or told.startswith("vmlinux ")
