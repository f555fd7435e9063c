# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel build compiled: reads the `.X.cmd` files that kbuild left behind."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from workers.check import Bench
from workers.kernel_build import inside
from workers.kernel_commands import commands
from workers.parsers.kbuild_cmd import Recipe, parse


@dataclass(frozen=True, slots=True)
class Objects:
    """FILES of the source tree that took part, sorted; COUNT of objects that were compiled.

    RECIPES are those that used one of the files that were asked for, sorted by name.
    """

    files: tuple[str, ...]
    count: int
    recipes: tuple[Recipe, ...]


def scan(bench: Bench, wanted: Collection[str]) -> Objects:
    """What was compiled in BENCH's build, and the recipes that used a file of WANTED."""
    files: set[str] = set()
    recipes = []
    count = 0
    for path in commands(bench.build):
        recipe = parse(inside(bench, path.read_bytes().decode(errors="replace")))
        if recipe is None:
            continue
        count += bool(recipe.source_file) and recipe.made.endswith(".o")
        files |= recipe.files
        if not recipe.files.isdisjoint(wanted):
            recipes.append(recipe)
    files |= _led_to(bench.source, files)
    return Objects(tuple(sorted(files)), count, tuple(sorted(recipes, key=lambda r: r.made)))


def _led_to(source: Path, files: Iterable[str]) -> set[str]:
    """The files of SOURCE that FILES are links to."""
    top = os.path.realpath(source)
    real = (os.path.realpath(source / name) for name in files)
    return {path.removeprefix(f"{top}/") for path in real if path.startswith(f"{top}/")}
