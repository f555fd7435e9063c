# SPDX-License-Identifier: GPL-2.0-or-later
"""Which symbols and sections does an ELF file have? Reads a file; judges nothing.

The file comes from a build that ran a stranger's patch: nothing in it is believed, every
offset and count is held against the file's size before it is used. pyelftools reads the
headers; the table itself is unpacked in one sweep, because pyelftools takes 1.3 s for the
40,000 symbols of a small kernel and `struct.iter_unpack` 0.05 s. The format is that of the
System V ABI, chapters 4 ("Sections", "Symbol Table").
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from elftools.common.exceptions import ELFError
from elftools.common.utils import struct_parse
from elftools.elf.elffile import ELFFile

from pipeline.model import InfraError

#: An allyesconfig kernel has about a million symbols; more than this is no kernel.
MAX_SYMBOLS = 4_000_000
MAX_SECTIONS = 100_000
MAX_CONTENT_BYTES = 512 << 20  # of the symbol table, or of its names
MAX_NAME_BYTES = 4096

_SHF_WRITE, _SHF_ALLOC, _SHF_EXECINSTR = 1, 2, 4
_SHN_UNDEF = 0
_SHN_LORESERVE = 0xFF00
_RESERVED = {0xFFF1: "*ABS*", 0xFFF2: "*COM*"}
_BINDINGS = {0: "local", 1: "global", 2: "weak", 10: "global"}  # 10 is STB_GNU_UNIQUE
_KINDS = {0: "notype", 1: "object", 2: "func", 3: "section", 4: "file", 5: "common", 6: "tls"}

#: What pyelftools lets through on a damaged file besides its own ELFError.
_DAMAGE = (
    ELFError,
    AssertionError,
    AttributeError,
    LookupError,
    OverflowError,
    TypeError,
    ValueError,
    struct.error,
)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ElfSection:
    """A section that takes memory when the file is loaded."""

    name: str
    address: int
    size_bytes: int
    writable: bool
    executable: bool
    empty: bool  # zeros, of which the file has none


@dataclass(frozen=True, slots=True)
class ElfSymbol:
    """One entry of a symbol table; SECTION is "" for an undefined symbol."""

    name: str
    value: int
    size_bytes: int
    binding: str  # "local", "global", "weak" or "other"
    kind: str  # "notype", "object", "func", "section", "file", "common", "tls" or "other"
    section: str  # the section's name, "*ABS*", "*COM*", or "*?*" where it has none

    @property
    def defined(self) -> bool:
        """Whether this is a definition and not a reference."""
        return self.section != ""


def symbols(path: Path) -> tuple[ElfSymbol, ...]:
    """Every named symbol of the ELF file at PATH, of either width and byte order.

    The null entry and nameless symbols (sparc has them) are left out. Raises InfraError for
    a file that is not ELF, is damaged, or has no symbol table.
    """
    return _read(path, _symbols)


def sections(path: Path) -> tuple[ElfSection, ...]:
    """Every section of the ELF file at PATH that takes memory, in the file's order.

    Raises InfraError for a file that is not ELF, or is damaged.
    """
    return _read(path, _sections)


def _read(path: Path, read: Callable[[Any, io.BufferedReader, int], Iterator[T]]) -> tuple[T, ...]:
    """What READ finds in the ELF file at PATH; InfraError for whatever is wrong with that."""
    try:
        with path.open("rb") as stream:
            return tuple(read(ELFFile(stream), stream, path.stat().st_size))
    except OSError as error:
        raise InfraError(f"Cannot read {path.name}: {error.strerror}.") from error
    except InfraError as error:
        raise InfraError(f"{path.name} {error}: build it again with --no-cache.") from error
    except _DAMAGE as error:
        raise InfraError(
            f"{path.name} is no ELF file, or a damaged one: build it again with --no-cache."
        ) from error


def _sections(elf: Any, stream: io.BufferedReader, size_bytes: int) -> Iterator[ElfSection]:
    headers = _section_headers(elf, stream, size_bytes)
    names = _section_names(elf, stream, headers, size_bytes)
    for name, header in zip(names, headers, strict=True):
        flags = header["sh_flags"]
        if flags & _SHF_ALLOC:
            yield ElfSection(
                name=name,
                address=header["sh_addr"],
                size_bytes=header["sh_size"],
                writable=bool(flags & _SHF_WRITE),
                executable=bool(flags & _SHF_EXECINSTR),
                empty=header["sh_type"] == "SHT_NOBITS",
            )


def _symbols(elf: Any, stream: io.BufferedReader, size_bytes: int) -> Iterator[ElfSymbol]:
    headers = _section_headers(elf, stream, size_bytes)
    table = next((h for h in headers if h["sh_type"] == "SHT_SYMTAB"), None)
    if table is None:
        raise InfraError("has no symbol table")
    if not 0 < table["sh_link"] < len(headers):
        raise InfraError("has a symbol table without names")
    names = _content(stream, headers[table["sh_link"]], size_bytes)
    sections = _section_names(elf, stream, headers, size_bytes)
    yield from _unpack(elf, _content(stream, table, size_bytes), names, sections)


def _section_headers(elf: Any, stream: io.BufferedReader, size_bytes: int) -> list[Any]:
    count = elf.num_sections()
    width, offset = elf["e_shentsize"], elf["e_shoff"]
    fits = count <= MAX_SECTIONS and offset + count * width <= size_bytes
    if width != elf.structs.Elf_Shdr.sizeof() or not fits:
        raise InfraError("is cut short or has a broken section table")
    return [
        struct_parse(elf.structs.Elf_Shdr, stream, stream_pos=offset + n * width)
        for n in range(count)
    ]


def _content(stream: io.BufferedReader, header: Any, size_bytes: int) -> bytes:
    offset, size = header["sh_offset"], header["sh_size"]
    if header["sh_type"] == "SHT_NOBITS" or offset + size > size_bytes:
        raise InfraError("is cut short")
    if size > MAX_CONTENT_BYTES:
        raise InfraError("has a symbol table beyond all measure")
    stream.seek(offset)
    return stream.read(size)


def _section_names(
    elf: Any, stream: io.BufferedReader, headers: list[Any], size_bytes: int
) -> list[str]:
    index = elf.get_shstrndx()
    if not 0 < index < len(headers):
        raise InfraError("has no section names")
    names = _content(stream, headers[index], size_bytes)
    return [_name(names, header["sh_name"]) or "*?*" for header in headers]


def _name(names: bytes, offset: int) -> str:
    end = names.find(b"\0", offset, offset + MAX_NAME_BYTES)
    if end < 0:
        raise InfraError("has a name without an end")
    return names[offset:end].decode("utf-8", "backslashreplace")


def _unpack(elf: Any, table: bytes, names: bytes, sections: list[str]) -> Iterator[ElfSymbol]:
    order = "<" if elf.little_endian else ">"
    wide = elf.elfclass == 64
    entry = struct.Struct(order + ("IBBHQQ" if wide else "IIIBBH"))
    if len(table) % entry.size:
        raise InfraError("has a symbol table that is cut short")
    if len(table) // entry.size > MAX_SYMBOLS:
        raise InfraError(f"has more than {MAX_SYMBOLS} symbols")
    for fields in entry.iter_unpack(table):
        if wide:
            name_at, info, _, index, value, size = fields
        else:
            name_at, value, size, info, _, index = fields
        name = _name(names, name_at) if name_at else ""
        if not name:
            continue
        yield ElfSymbol(
            name=name,
            value=value,
            size_bytes=size,
            binding=_BINDINGS.get(info >> 4, "other"),
            kind=_KINDS.get(info & 0xF, "other"),
            section=_section(index, sections),
        )


def _section(index: int, sections: list[str]) -> str:
    if index == _SHN_UNDEF:
        return ""
    if index >= _SHN_LORESERVE:
        return _RESERVED.get(index, "*?*")
    if index >= len(sections):
        raise InfraError("has a symbol in a section that is not there")
    return sections[index]
