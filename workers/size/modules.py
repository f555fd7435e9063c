# SPDX-License-Identifier: GPL-2.0-or-later
"""How many bytes does each module take when it is loaded? A list that the build keeps.

kbuild names what it made in `modules.order`, in the order in which it links: `drivers/a/b.o`, or
`.ko` before Linux 6.2. A module's size is what its sections add up to, its tables of exports,
unwinding and types aside (`workers.size.groups`): what is freed once it runs counts too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.model import InfraError
from workers.check import Bench
from workers.kernel_build import built
from workers.parsers import elf
from workers.size.groups import TOTAL, grouped, groups_of

MODULES = "modules"
_GOAL, _ORDER = "modules", "modules.order"

#: An allmodconfig kernel has about ten thousand.
_MOST = 100_000
_LIST_BYTES = 32 << 20
_MODULE_BYTES = 1 << 30
_NAME_CHARS = 512
_NAME = re.compile(r"((?:[\w+-][\w+,.-]*/)*[\w+-][\w+,.-]*)\.k?o", re.ASCII)
_LINE = re.compile(rf"(\d{{1,20}}) ({_NAME.pattern})", re.ASCII)

#: (path in the build directory, bytes) of each, sorted.
Sizes = tuple[tuple[str, int], ...]
#: (path, bytes of base, bytes of patched); 0 where there is none.
Pair = tuple[str, int, int]


def measure(bench: Bench) -> Sizes:
    """The modules of BENCH's build; () where its target asks for none.

    Raises InfraError for what is named and is no module, or a damaged one: it is not gone.
    """
    if _GOAL not in bench.target.make_targets:
        return ()
    order = built(bench, _ORDER, _LIST_BYTES)
    if order is None:
        raise InfraError(f"make {_GOAL} left no {_ORDER} behind.")
    named = tuple(dict.fromkeys(order.read_text("utf-8", "replace").split("\n")))
    if len(named) > _MOST:
        raise InfraError(f"The build made more than {_MOST} modules: they are not looked at.")
    return tuple(sorted(_measured(bench, name) for name in named if name))


def _measured(bench: Bench, name: str) -> tuple[str, int]:
    found = _NAME.fullmatch(name) if len(name) <= _NAME_CHARS else None
    if not found:
        raise InfraError(f"{_ORDER} names what can be no module: {name[:80]!r}.")
    module = f"{found[1]}.ko"
    path = built(bench, module, _MODULE_BYTES)
    if path is None:
        raise InfraError(f"{_ORDER} names {module}, and make left no such file behind.")
    return module, grouped(groups_of(elf.sections(path), ()), ())[TOTAL]


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


def paired(base: Sizes, patched: Sizes) -> tuple[Pair, ...]:
    """Every module once, by its path. One that went from one directory and came in another has
    moved: no two modules of a kernel have one name.
    """
    before, after = dict(base), dict(patched)
    gone, new = before.keys() - after.keys(), after.keys() - before.keys()
    moved = dict(_moved(gone, new))
    old = set(moved.values())
    return tuple(
        sorted(
            [(path, before.get(moved.get(path, path), 0), size) for path, size in after.items()]
            + [(path, before[path], 0) for path in gone - old]
        )
    )


def _moved(gone: Iterable[str], new: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(new path, old path) of those that can be only one another."""
    gone, new = tuple(gone), tuple(new)
    often = Counter(map(_file, gone)), Counter(map(_file, new))
    where = {_file(path): path for path in gone}
    for path in new:
        name = _file(path)
        if often[0][name] == often[1][name] == 1:
            yield path, where[name]


def _file(path: str) -> str:
    return path.rpartition("/")[2]
