# SPDX-License-Identifier: GPL-2.0-or-later
"""What do the text files say that a kernel build writes about its symbols? Pure.

`System.map` is the output of nm(1), sorted by address; the columns of `Module.symvers` are
described in Documentation/kbuild/modules.rst ("Symbols and Module.symvers"); `.config` is
Kconfig's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.model import InfraError

#: `ffff800080010000 T _stext`; nm has blanks where an undefined symbol's address would be.
_MAP_LINE = re.compile(r"(?P<address>[0-9a-f]{8,16}|[ ]{8,16}) (?P<letter>\S) (?P<name>.+)")
_OPTION_LINE = re.compile(r"(?P<option>CONFIG_\w+)=(?P<value>.+)")


@dataclass(frozen=True, slots=True)
class MapSymbol:
    """A line of System.map; LETTER is nm's: upper case for global, U for undefined."""

    address: int
    letter: str
    name: str


@dataclass(frozen=True, slots=True)
class Export:
    """A line of Module.symvers: MODULE (or "vmlinux") exports NAME."""

    name: str
    module: str
    gpl_only: bool
    namespace: str = ""


def system_map(text: str) -> tuple[MapSymbol, ...]:
    """The symbols of a System.map; raises InfraError for a line that is none."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _MAP_LINE.fullmatch(line)
        if match is None:
            raise InfraError(
                f"System.map:{number} is not what nm writes: build again with --no-cache."
            )
        address = match["address"].strip()
        found.append(MapSymbol(int(address, 16) if address else 0, match["letter"], match["name"]))
    return tuple(found)


def module_symvers(text: str) -> tuple[Export, ...]:
    """The exports of a Module.symvers; raises InfraError for a line that is none."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        columns = line.split("\t")
        if len(columns) not in (4, 5) or not columns[3].startswith("EXPORT_"):
            raise InfraError(
                f"Module.symvers:{number} is not what modpost writes: build again with --no-cache."
            )
        _, name, module, how = columns[:4]
        found.append(
            Export(
                name=name,
                module=module,
                gpl_only="_GPL" in how,
                namespace=columns[4] if len(columns) == 5 else "",
            )
        )
    return tuple(found)


def set_options(text: str) -> tuple[str, ...]:
    """The options that a .config sets to y or m, sorted."""
    matches = (_OPTION_LINE.fullmatch(line) for line in text.splitlines())
    return tuple(sorted(m["option"] for m in matches if m and m["value"] in ("y", "m")))
