# SPDX-License-Identifier: GPL-2.0-or-later
"""How many bytes does each module take when it is loaded? A list that the build keeps.

kbuild names what it made in `modules.order`, in the order in which it links: `drivers/a/b.o`, or
`.ko` before Linux 6.2. A module's size is what its sections add up to, its tables of exports,
unwinding and types aside (`workers.size.groups`): what is freed once it runs counts too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.model import InfraError
from workers.check import Bench
from workers.kernel_build import built
from workers.parsers import elf
from workers.size.groups import TOTAL, grouped, groups_of

MODULES = "modules"
ORDER = "modules.order"

#: An allmodconfig kernel has about ten thousand.
_MOST = 100_000
_LIST_BYTES = 32 << 20
_MODULE_BYTES = 1 << 30
_NAME = re.compile(r"((?:[\w+-][\w+,.-]*/)*[\w+,-]+)\.k?o", re.ASCII)
_LINE = re.compile(rf"(\d{{1,12}}) ({_NAME.pattern})", re.ASCII)

#: (path in the build directory, bytes) of each, sorted.
Sizes = tuple[tuple[str, int], ...]


def measure(bench: Bench) -> Sizes:
    """The modules of BENCH's build; () where it makes none. InfraError for one that is damaged."""
    order = built(bench, ORDER, _LIST_BYTES)
    return tuple(sorted(_measured(bench, order))) if order else ()


def _measured(bench: Bench, order: Path) -> Iterator[tuple[str, int]]:
    named = dict.fromkeys(order.read_text("utf-8", "replace").split())
    if len(named) > _MOST:
        raise InfraError(f"The build made more than {_MOST} modules: they are not looked at.")
    for name in named:
        found = _NAME.fullmatch(name)
        path = built(bench, f"{found[1]}.ko", _MODULE_BYTES) if found else None
        if found and path:
            groups = grouped(groups_of(elf.sections(path), ()), ())
            yield f"{found[1]}.ko", groups[TOTAL]


def listing(sizes: Iterable[tuple[str, int]]) -> str:
    """SIZES as text, a line for each."""
    return "".join(f"{size} {name}\n" for name, size in sizes)


def read(path: Path | None) -> Sizes:
    """The sizes in the `listing` at PATH, none if that is None. InfraError if it is no listing."""
    if path is None:
        return ()
    lines = path.read_text("utf-8", "replace").splitlines()
    found = [_LINE.fullmatch(line) for line in lines]
    if not all(found):
        raise InfraError("The list of modules is damaged: build it again with --no-cache.")
    return tuple((each[2], int(each[1])) for each in found if each)
