# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel build compiled: reads the `.X.cmd` files that kbuild left behind."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import InfraError
from workers.check import Bench
from workers.kernel_build import inside
from workers.parsers.kbuild_cmd import Recipe, parse

#: More than any `.X.cmd` file of a kernel has: the largest are about 100 kB.
COMMAND_BYTES = 4 << 20
#: An allmodconfig kernel has about 30,000 of them, in 2 GB.
MOST_COMMANDS = 200_000
TOTAL_BYTES = 8 << 30


@dataclass(frozen=True, slots=True)
class Objects:
    """FILES of the source tree that took part, sorted; COUNT of objects that were compiled.

    RECIPES are those that used one of the files that were asked for, sorted by name.
    """

    files: tuple[str, ...]
    count: int
    recipes: tuple[Recipe, ...]


def _commands(build: Path) -> Iterator[Path]:
    """The `.X.cmd` files under BUILD, by path.

    The patch's own code wrote there: plain files only, and only so many and so large; what
    cannot be read tells nothing. Raises InfraError where there are too many.
    """
    found: list[Path] = []
    total_bytes = 0
    todo = [str(build)]  # not by recursion: directories may be nested without end
    while todo:
        try:
            entries = list(os.scandir(todo.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)
            elif entry.name.startswith(".") and entry.name.endswith(".cmd"):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and status.st_size <= COMMAND_BYTES:
                    found.append(Path(entry.path))
                    total_bytes += status.st_size
                    if len(found) > MOST_COMMANDS or total_bytes > TOTAL_BYTES:
                        raise InfraError("The build left more .cmd files than a kernel has.")
    yield from sorted(found)


def scan(bench: Bench, wanted: Collection[str]) -> Objects:
    """What was compiled in BENCH's build, and the recipes that used a file of WANTED."""
    files: set[str] = set()
    recipes = []
    count = 0
    for path in _commands(bench.build):
        recipe = parse(inside(bench, path.read_bytes().decode(errors="replace")))
        if recipe is None:
            continue
        count += bool(recipe.source_file) and recipe.made.endswith(".o")
        files |= recipe.files
        if not recipe.files.isdisjoint(wanted):
            recipes.append(recipe)
    return Objects(tuple(sorted(files)), count, tuple(sorted(recipes, key=lambda r: r.made)))
