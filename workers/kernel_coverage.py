# SPDX-License-Identifier: GPL-2.0-or-later
"""Which changed lines the patched kernel's build compiled: asks the compiler itself.

A copy of a changed file that defines a macro in each of its #if groups is mounted over the
file, and a compilation that used it is run again as far as the preprocessor: the macros
that are defined at its end name the groups that were kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.model import FileChange
from workers.check import Bench
from workers.kernel_objects import Objects
from workers.parsers import coverage
from workers.parsers.coverage_text import MARK, instrumented
from workers.parsers.kbuild_cmd import Recipe, preprocess
from workers.parsers.kbuild_config import Options
from workers.sandbox.contract import SOURCE, Limits, Mount

#: How many compilations that used a file are asked before a group counts as left out.
TRIES = 3
LIMITS = Limits(seconds=60, file_bytes=64 << 20)
#: Where a compilation sees the directory for its answer.
ASIDE = "/crosscheck"

_MARK = re.compile(rf"^#define {MARK}(file|\d+)\b", re.MULTILINE)


def stretches(
    bench: Bench, objects: Objects | None, options: Options
) -> tuple[coverage.Stretch, ...]:
    """The fate of every changed line; OBJECTS is None if the kernel could not be built."""
    return tuple(
        stretch
        for change in bench.case.change.files
        if not change.binary
        for stretch in _of_file(bench, change, objects, options)
    )


def _of_file(
    bench: Bench, change: FileChange, objects: Objects | None, options: Options
) -> Iterator[coverage.Stretch]:
    text = _text(bench.source / change.path) if change.status != "D" else ""
    if change.old_path and coverage.is_compiled_code(change.old_path):
        yield from coverage.removed_stretches(coverage.removed(change, text))
    if change.status == "D" or not coverage.is_compiled_code(change.path):
        return
    source = coverage.added(change, text)
    if objects is None:
        for lines, _ in source.stretches():
            yield coverage.Stretch(lines, coverage.NOT_BUILT)
        return
    yield from coverage.added_stretches(
        source,
        compiled=change.path in objects.files,
        active=_active(bench, source, text, objects),
        options=options,
    )


def _text(path: Path) -> str:
    """The file's text; a symbolic link has none of its own."""
    return "" if path.is_symlink() else path.read_bytes().decode(errors="replace")


def _active(
    bench: Bench, source: coverage.Source, text: str, objects: Objects
) -> frozenset[int] | None:
    """The groups of SOURCE that some compilation kept; None if none could be asked."""
    wanted = {group for _, group in source.stretches() if group is not None}
    kept: frozenset[int] | None = None
    if not wanted:
        return frozenset()
    for recipe in _worth_asking(source.path, bench.case.change.paths, objects):
        bench.progress(f"looking which lines of {source.path} are compiled")
        found = _groups_kept(bench, source.path, text, recipe)
        kept = found if kept is None else kept | (found or frozenset())
        if kept is not None and wanted <= kept:
            break
    return kept


def _worth_asking(path: str, touched: tuple[str, ...], objects: Objects) -> tuple[Recipe, ...]:
    """The compilations that are likely to show most of PATH: its own, else touched C files'.

    A header is also read by assembly, which sees other groups of it.
    """
    using = [recipe for recipe in objects.recipes if path in recipe.files and recipe.source_file]
    own = [recipe for recipe in using if recipe.source_file == path]
    if own:
        return tuple(own[:TRIES])
    using.sort(
        key=lambda r: (r.source_file not in touched, r.source_file.startswith("arch/"), r.made)
    )
    assembly = [recipe for recipe in using if recipe.source_file.endswith(".S")]
    c_files = [recipe for recipe in using if not recipe.source_file.endswith(".S")]
    return (*c_files[: TRIES - 1], *assembly[:1]) if assembly else tuple(c_files[:TRIES])


def _groups_kept(bench: Bench, path: str, text: str, recipe: Recipe) -> frozenset[int] | None:
    """The groups of PATH that are compiled for RECIPE; None if that cannot be found out."""
    argv = preprocess(recipe.command, f"{ASIDE}/macros")
    if argv is None:
        return None
    with TemporaryDirectory(prefix="lines-", dir=bench.build.parent) as directory:
        # Not in the build directory: what stands there was made by the patch's own code.
        aside = Path(directory)
        copy, macros = aside / "source", aside / "macros"
        copy.write_bytes(instrumented(text).encode())
        bench.sandbox.adopt(aside)
        mounts = (Mount(aside, ASIDE, writable=True), Mount(copy, f"{SOURCE}/{path}"))
        ended = bench.run(argv, limits=LIMITS, mounts=mounts, env={"LC_ALL": "C"})
        if ended.stopped or ended.exit_code != 0 or macros.is_symlink() or not macros.is_file():
            return None
        marks = _MARK.findall(macros.read_bytes().decode(errors="replace"))
    return frozenset(int(mark) for mark in marks if mark != "file") if "file" in marks else None
