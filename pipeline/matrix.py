# SPDX-License-Identifier: GPL-2.0-or-later
"""What can crosscheck build, check and boot? Reads matrix.yaml and its config fragments.

Everything wrong with them is an InputError that names file, line and key.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pipeline.limits import MEASURING
from pipeline.matrix_schema import MatrixFile, PathEntry, TargetEntry
from pipeline.model import CheckSpec, InputError, Limit, Machine, Outcome, Target
from pipeline.paths import ARCH, PathRule
from pipeline.yaml_nodes import Key
from pipeline.yaml_source import Source, read

#: What Kconfig writes and reads: Documentation/kbuild/kconfig.rst, KCONFIG_ALLCONFIG.
_CONFIG = re.compile(
    r'CONFIG_\w+=(?:[ymn]|-?\d+|0[xX][0-9a-fA-F]+|"(?:[^"\\]|\\.)*")|# CONFIG_\w+ is not set',
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Matrix:
    """All that is declared. CHECKS come after those that they need."""

    targets: tuple[Target, ...]
    checks: tuple[CheckSpec, ...]
    path_rules: tuple[PathRule, ...]
    defaults: tuple[str, ...]  # names of the targets that are taken without being named
    limits: tuple[Limit, ...] = ()


def load(path: Path) -> Matrix:
    """The matrix in PATH; raises InputError `FILE:LINE:COLUMN: key: what is wrong`."""
    source = read(path)
    file = source.parse(MatrixFile)
    return Matrix(
        targets=tuple(_target(source, file, name) for name in file.targets),
        checks=_checks(source, file),
        path_rules=_path_rules(source, file.paths),
        defaults=tuple(name for name, entry in file.targets.items() if entry.default),
        limits=_limits(source, file),
    )


def _checks(source: Source, file: MatrixFile) -> tuple[CheckSpec, ...]:
    for name, entry in file.checks.items():
        for n, needed in enumerate(entry.needs):
            _demand(source, ("checks", name, "needs", n), "check", needed, file.checks)
    graph = {name: entry.needs for name, entry in file.checks.items()}
    try:
        order = tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        cycle: list[str] = error.args[1]
        what = f"needs itself: {' → '.join(reversed(cycle))}"
        raise source.fault(("checks", cycle[0], "needs"), what) from None
    return tuple(
        CheckSpec(
            name,
            entry.needs,
            entry.queue,
            entry.deadline_s,
            of_series=entry.of_series,
            traced=entry.traced,
            flaky=entry.flaky,
        )
        for name, entry in sorted(file.checks.items(), key=lambda item: order.index(item[0]))
    )


def _demand(source: Source, key: Key, kind: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise source.fault(key, f"there is no {kind} {name}, there are {', '.join(known)}")


def _limits(source: Source, file: MatrixFile) -> tuple[Limit, ...]:
    for n, entry in enumerate(file.limits):
        at = ("limits", n, "check")
        _demand(source, at, "check", entry.check, file.checks)
        if entry.check not in MEASURING:
            raise source.fault(at, f"{entry.check} measures nothing, {', '.join(MEASURING)} do")
        for m, name in enumerate(entry.targets):
            _demand(source, ("limits", n, "targets", m), "target", name, file.targets)
    return tuple(
        Limit(
            entry.check,
            entry.of,
            entry.percent,
            entry.at_least,
            Outcome(entry.severity),
            entry.targets,
        )
        for entry in file.limits
    )


def _target(source: Source, file: MatrixFile, name: str) -> Target:
    entry = file.targets[name]
    return Target(
        name=name,
        arch=entry.arch,
        make_arch=entry.make_arch or entry.arch,
        cross_compile=entry.cross_compile,
        packages=entry.packages,
        make_targets=entry.make,
        image=entry.image,
        config=_config(source, file, name),
        machine=_machine(entry, file.common.seconds_limit),
        make_vars=entry.make_vars,
        init_cflags=entry.init_cflags,
        toolchain=entry.toolchain,
        llvm=entry.llvm or 0,
    )


def _machine(entry: TargetEntry, seconds_limit: float) -> Machine:
    return Machine(
        qemu=tuple(shlex.split(entry.machine.qemu)),
        append=entry.machine.append,
        seconds_limit=entry.machine.seconds_limit or seconds_limit,
        zero_pages=entry.machine.zero_pages,
        icount=entry.machine.icount or "",
        icount_append=entry.machine.icount_append or "",
    )


def _config(source: Source, file: MatrixFile, target: str) -> tuple[str, ...]:
    """The lines of the common fragments, then of the target's own."""
    directory = source.path.parent / file.fragments
    named: tuple[tuple[Key, tuple[str, ...]], ...] = (
        (("common", "config"), file.common.config),
        (("targets", target, "config"), file.targets[target].config),
    )
    lines: list[str] = []
    for key, fragments in named:
        for n, fragment in enumerate(fragments):
            try:
                text = (directory / fragment).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
                what = f"the fragment {directory / fragment} cannot be read: {why}"
                raise source.fault((*key, n), what) from None
            lines += _fragment_lines(directory / fragment, text)
    return tuple(lines)


def _fragment_lines(path: Path, text: str) -> list[str]:
    """The lines of a fragment that say something: no blank lines, no other comments."""
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        if _CONFIG.fullmatch(line):
            lines.append(line)
        elif line.strip() and (not line.startswith("#") or line.startswith("# CONFIG_")):
            what = 'must be CONFIG_NAME=VALUE, "# CONFIG_NAME is not set" or a comment'
            raise InputError(f"{path}:{number}:1: {what}, not {line!r}")
    return lines


def _path_rules(source: Source, entries: tuple[PathEntry, ...]) -> tuple[PathRule, ...]:
    for n, entry in enumerate(entries):
        if ARCH in entry.affects and not all(ARCH in pattern for pattern in entry.match):
            raise source.fault(("paths", n, "affects"), "{arch} must then be in every pattern")
        if n < len(entries) - 1 and "**" in entry.match:
            what = "** matches everything: the rules below can never apply, move this to the end"
            raise source.fault(("paths", n, "match"), what)
    if not entries or "**" not in entries[-1].match:
        raise source.fault(("paths",), 'the last rule must match "**", so that none is forgotten')
    return tuple(PathRule(entry.match, entry.what, entry.affects) for entry in entries)
