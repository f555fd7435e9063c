# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel's `.config` says, and how it differs from what was asked. Pure.

Options are kept as (name, value) pairs, names with their `CONFIG_`, values as they stand
in the file: `y`, `m`, `0x10`, `"text"`. An option that is not set is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Options = Mapping[str, str]

_SET = re.compile(r"^(CONFIG_\w+)=(.*)$")
_UNSET = re.compile(r"^# (CONFIG_\w+) is not set$")


def requested(lines: Iterable[str]) -> dict[str, str]:
    """What LINES of a fragment ask for; the last one wins, and "n" means not set."""
    wanted: dict[str, str] = {}
    for line in lines:
        if found := _SET.match(line.strip()):
            wanted.pop(found[1], None)
            wanted[found[1]] = found[2]
        elif found := _UNSET.match(line.strip()):
            wanted.pop(found[1], None)
            wanted[found[1]] = "n"
    return wanted


def fragment(lines: Iterable[str]) -> str:
    """LINES as the text of a KCONFIG_ALLCONFIG file that names each option once."""
    return "".join(
        f"# {name} is not set\n" if value == "n" else f"{name}={value}\n"
        for name, value in requested(lines).items()
    )


def options(config: str) -> dict[str, str]:
    """The options that are set in CONFIG, the text of a `.config`."""
    return {name: value for name, value in requested(config.splitlines()).items() if value != "n"}


def not_honoured(lines: Iterable[str], configured: Options) -> tuple[str, ...]:
    """What LINES ask for and CONFIGURED does not have, as `CONFIG_X=y (is n)`."""
    return tuple(
        f"{name}={value} (is {configured.get(name, 'n')})"
        for name, value in requested(lines).items()
        if configured.get(name, "n") != value
    )


def differing(base: Options, patched: Options) -> tuple[str, ...]:
    """The options whose values differ, as `CONFIG_X: y, was n`, sorted by name."""
    return tuple(
        f"{name}: {patched.get(name, 'n')}, was {base.get(name, 'n')}"
        for name in sorted({*base, *patched})
        if base.get(name) != patched.get(name)
    )


def compiler(configured: Options) -> str:
    """The compiler as it describes itself; "" for a tree older than CONFIG_CC_VERSION_TEXT."""
    return configured.get("CONFIG_CC_VERSION_TEXT", "").strip('"')


def linker(configured: Options) -> str:
    """The linker and its version, from CONFIG_LD_VERSION (24000 means 2.40)."""
    for name, key in (("GNU ld", "CONFIG_LD_VERSION"), ("LLD", "CONFIG_LLD_VERSION")):
        number = int(configured.get(key) or 0)
        if number:
            return f"{name} {number // 10000}.{number // 100 % 100}"
    return ""
