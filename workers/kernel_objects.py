# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel build compiled: reads the `.X.cmd` files that kbuild left behind."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from workers.parsers.kbuild_cmd import Recipe, parse


@dataclass(frozen=True, slots=True)
class Objects:
    """FILES of the source tree that took part, sorted; COUNT of objects that were compiled.

    RECIPES are those that used one of the files that were asked for, sorted by name.
    """

    files: tuple[str, ...]
    count: int
    recipes: tuple[Recipe, ...]


def scan(build: Path, wanted: Collection[str]) -> Objects:
    """What was compiled in BUILD, and the recipes that used a file of WANTED."""
    files: set[str] = set()
    recipes = []
    count = 0
    for directory, _, names in os.walk(build):
        for name in names:
            if not (name.startswith(".") and name.endswith(".cmd")):
                continue
            recipe = parse(Path(directory, name).read_text(encoding="utf-8", errors="replace"))
            if recipe is None:
                continue
            count += bool(recipe.source_file) and recipe.made.endswith(".o")
            files |= recipe.files
            if not recipe.files.isdisjoint(wanted):
                recipes.append(recipe)
    return Objects(tuple(sorted(files)), count, tuple(sorted(recipes, key=lambda r: r.made)))
