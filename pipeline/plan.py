# SPDX-License-Identifier: GPL-2.0-or-later
"""What will run for a series, what will not, and why? Pure.

A target is taken if a touched path concerns its architecture (`pipeline.paths`) and nobody
asked for something narrower, or if it was named. Each target, taken or left out, and each
check that is skipped has its reason; so has every architecture that the series concerns and
that the matrix has no target for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from pipeline.matrix import Matrix
from pipeline.model import CheckSpec, InputError, LeftOut, Plan, PlannedTarget, Target
from pipeline.paths import Concern, concern


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the user narrowed the run to; empty tuples narrow nothing."""

    arch: tuple[str, ...]  # directories under arch/ or target names
    targets: tuple[str, ...]
    defaults: tuple[str, ...]  # targets that need not be named

    @property
    def words(self) -> str:
        options = (("--arch", self.arch), ("--target", self.targets))
        return " ".join(f"{option} {','.join(names)}" for option, names in options if names)

    def forces(self, target: Target) -> bool:
        """Whether TARGET is taken whatever the series touches."""
        return target.name in self.targets

    def admits(self, target: Target) -> bool:
        """Whether TARGET is among those that the series may select."""
        if not self.arch:
            return not self.targets
        return target.name in self.arch or target.arch in self.arch

    def names(self, target: Target) -> bool:
        """Whether TARGET is named, or one that need not be."""
        return target.name in (*self.defaults, *self.targets, *self.arch)


def demand_names(
    matrix: Matrix,
    *,
    arch: Iterable[str] = (),
    targets: Iterable[str] = (),
    checks: Iterable[str] = (),
) -> None:
    """Raises InputError for names that MATRIX does not have."""
    _demand("--arch", arch, [name for t in matrix.targets for name in (t.arch, t.name)])
    _demand("--target", targets, [t.name for t in matrix.targets])
    _demand("--check", checks, [c.name for c in matrix.checks])


def make_plan(
    matrix: Matrix,
    paths: tuple[str, ...],
    tree_arches: tuple[str, ...],
    *,
    arch: tuple[str, ...] = (),
    targets: tuple[str, ...] = (),
    checks: tuple[str, ...] = (),
    patches: int = 1,
) -> Plan:
    """The plan for a series of PATCHES that touches PATHS of a tree with TREE_ARCHES under arch/.

    ARCH (directories under arch/ or target names) narrows what the paths select; TARGETS
    are taken whatever they say, and without ARCH nothing else is; CHECKS are run with those
    that they need, all if there are none. Raises InputError for names that do not exist.
    """
    demand_names(matrix, arch=arch, targets=targets, checks=checks)
    concerns = tuple(concern(matrix.path_rules, path, tree_arches) for path in paths)
    wish = _Wish(arch, targets, matrix.defaults)
    pointless = tuple(c.name for c in matrix.checks if c.of_series and patches < 2)
    chosen = tuple(c for c in _chosen(matrix.checks, checks) if c.name not in pointless)
    names = tuple(check.name for check in chosen)
    taken: list[PlannedTarget] = []
    left_out: list[LeftOut] = []
    for target in matrix.targets:
        why_not = _why_not(target, concerns, wish)
        if why_not:
            left_out.append(LeftOut(target.arch, why_not, target.name))
        else:
            taken.append(PlannedTarget(target, _why(target, concerns), names))
    return Plan(
        targets=tuple(taken),
        left_out=(*left_out, *_without_target(matrix, concerns, tree_arches)),
        checks=chosen,
        skipped=tuple(
            (check.name, _why_skipped(check.name, pointless, checks))
            for check in matrix.checks
            if check not in chosen
        ),
        patches=patches,
    )


def _why_skipped(name: str, pointless: tuple[str, ...], asked: tuple[str, ...]) -> str:
    if name in pointless and (not asked or name in asked):
        return "the series has one patch"
    return f"not asked for: --check {','.join(asked)}"


def _demand(option: str, asked: Iterable[str], known: list[str]) -> None:
    names = sorted(set(known))
    for name in asked:
        if name not in names:
            close = get_close_matches(name, names, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise InputError(
                f'{option}: the matrix has no "{name}".{hint} It has {", ".join(names)}.'
            )


def _chosen(specs: tuple[CheckSpec, ...], asked: tuple[str, ...]) -> tuple[CheckSpec, ...]:
    """The checks that were ASKED for and what they need, in the matrix's order."""
    wanted = set(asked or (spec.name for spec in specs))
    for spec in reversed(specs):  # those that need something come after it
        if spec.name in wanted:
            wanted |= set(spec.needs)
    return tuple(spec for spec in specs if spec.name in wanted)


def _decider(arch: str, concerns: Iterable[Concern]) -> Concern | None:
    """The concern that speaks most clearly for ARCH: one of its own, else a generic one."""
    affecting = [c for c in concerns if c.affects(arch)]
    return min(affecting, key=lambda c: c.everywhere, default=None)


def _why(target: Target, concerns: tuple[Concern, ...]) -> str:
    decider = _decider(target.arch, concerns)
    if decider:
        return str(decider)
    return f"named by --target, although {_unconcerned(target.arch, concerns)}"


def _why_not(target: Target, concerns: tuple[Concern, ...], wish: _Wish) -> str:
    """Why TARGET is left out; "" if it is taken."""
    if wish.forces(target):
        return ""
    if not wish.admits(target):
        return f"not asked for: {wish.words}"
    if _decider(target.arch, concerns) is None:
        return _unconcerned(target.arch, concerns)
    if not wish.names(target):
        return f"taken only when it is named: --target {target.name}"
    return ""


def _unconcerned(arch: str, concerns: tuple[Concern, ...]) -> str:
    if not concerns:
        return "the series touches no file"
    others = len(concerns) - 1
    more = f" (and {others} more file{'s' if others > 1 else ''})" if others else ""
    return f"nothing that the series touches is built for {arch}: {concerns[0]}{more}"


def _without_target(
    matrix: Matrix, concerns: tuple[Concern, ...], tree_arches: tuple[str, ...]
) -> tuple[LeftOut, ...]:
    """Architectures that the series concerns and nobody can build here, those named first."""
    covered = {target.arch for target in matrix.targets}
    named = {arch for c in concerns if not c.everywhere for arch in c.arches}
    deciders = {arch: _decider(arch, concerns) for arch in {*tree_arches, *named} - covered}
    left_out = []
    for arch in sorted(deciders, key=lambda arch: (arch not in named, arch)):
        decider = deciders[arch]
        if decider:
            why = "" if decider.everywhere else f"{decider}, but "
            left_out.append(LeftOut(arch, f"{why}the matrix has no target for it"))
    return tuple(left_out)
