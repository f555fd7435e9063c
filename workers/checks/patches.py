# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the kernel build after each patch of the series, and not only after the last?

A series that does not cannot be bisected through. Base and head are built before; the probe
of the patched side builds what lies between, each from the one before, as far as a patch
reaches what this target compiles. The judge accuses the first patch of each stretch that does
not build.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pydantic import JsonValue

from pipeline.model import Case, Finding, InfraError, Outcome, Step, Target
from pipeline.removal import remove
from workers import kernel_objects, one_build
from workers.check import Bench, Judgement, Sighting
from workers.parsers.diagnostics import Diagnostic, telling
from workers.reach import reaches
from workers.unseen import unseen
from workers.warm import Notes, Start, Warm
from workers.workspace import mark

VERSION = 2
KEEPS_BUILD = False
BOOTS = False

#: The artifact of the build check that lists the sources which took part.
_COMPILED = "compiled"


@dataclass(frozen=True, slots=True)
class After:
    """The kernel after patch N; it fails with ERRORS, or builds where there are none."""

    n: int
    errors: tuple[Diagnostic, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What was built; patches that reach nothing here are not. Empty of the base."""

    built: tuple[After, ...] = ()


@dataclass(frozen=True, slots=True)
class _State:
    """A TREE that builds: of the files COMPILED, and where its build is kept."""

    tree: str
    compiled: frozenset[str]
    warm: Warm | None


def probe(bench: Bench) -> Sighting:
    """Build what lies between base and head. InfraError for whatever is not the sources' doing."""
    if bench.side is Step.BASE:
        return Sighting(Seen())
    change = bench.case.change
    last = _State(change.base_tree, _compiled(bench), bench.start.warm if bench.start else None)
    built: list[After] = []
    for patch, after in list(zip(change.patches, change.trees, strict=True))[:-1]:
        failed = bool(built and built[-1].errors)  # of what it is made then, nobody knows
        named = last.warm.named() if last.warm else None
        if failed or reaches(patch.files, last.compiled, named, bench.target.arch):
            one, state = _build(bench, patch.n, after, last)
            built.append(one)
            if state is not None:
                if last.warm and last.tree != change.base_tree:
                    last.warm.drop()
                last = state
    return Sighting(Seen(tuple(built)))


def _compiled(bench: Bench) -> frozenset[str]:
    """All sources that base was made of."""
    return frozenset(bench.before[_COMPILED].read_text(encoding="utf-8").splitlines())


def _build(bench: Bench, n: int, after: str, last: _State) -> tuple[After, _State | None]:
    """Build the tree AFTER patch N, from the LAST one that builds; its own state.

    Its build is kept for this job alone: what the series' own code wrote is nothing to start
    others' builds from.
    """
    if bench.sources is None:
        raise InfraError("There is no place where source trees are.")
    sources, base = bench.sources, bench.case.change.base_tree
    directory = bench.build.with_name(f"after-{n}")
    directory.mkdir()
    total = len(bench.case.change.patches)
    try:
        bench.sandbox.adopt(directory)
        mark(bench.log, f"after patch {n} of {total}")
        with sources.changed(after, last.tree, like=base) as source:
            differs = sources.differing(last.tree, after)
            here = replace(
                bench,
                source=source,
                build=directory,
                start=Start(last.warm, differs) if last.warm else None,
                leave=None,
                progress=lambda doing: bench.progress(f"after patch {n} of {total}: {doing}"),
            )
            one = one_build.build(here, confirm=True)
            seconds = one.config_s + one.build_s
            if not one.succeeded:
                errors = tuple(d for d in one.diagnostics if d.severity == "error")
                return After(n, errors, seconds), None
            compiled = frozenset(kernel_objects.scan(here, ()).files)
            notes = Notes(one.configured, one.said, unseen(here))
        kept = Warm(bench.build.with_name("kept"), after)
        kept.keep(directory, notes)
        return After(n, (), seconds), _State(after, compiled, kept)
    finally:
        remove(directory)


def judge(case: Case, target: Target, base: Seen, patched: Seen) -> Judgement:
    """FAIL for the first patch of each stretch after which the kernel does not build."""
    del target, base
    total = len(case.change.patches)
    findings = []
    failing = False
    for after in patched.built:
        if after.errors and not failing:
            findings.append(_finding(after, total, _mended(patched.built, after.n)))
        failing = bool(after.errors)
    facts: dict[str, JsonValue] = {
        "built_after": [after.n for after in patched.built],
        "build_seconds": [round(after.seconds, 1) for after in patched.built],
    }
    if not patched.built:
        reason = "no patch but the last reaches what this target compiles"
        return Judgement(outcome=Outcome.SKIP, reason=reason)
    return Judgement(findings=tuple(findings), facts=tuple(facts.items()))


def _mended(built: Iterable[After], n: int) -> int | None:
    """The first patch after N after which the kernel was seen to build; None: the last."""
    return next((after.n for after in built if after.n > n and not after.errors), None)


def _finding(after: After, total: int, mended: int | None) -> Finding:
    first = telling(after.errors)[0]
    later = f"patch {mended}" if mended else f"patch {total}"
    return Finding(
        kind="not-bisectable",
        severity=Outcome.FAIL,
        summary=f"the kernel does not build after patch {after.n} of {total}: {first.text}",
        patch=after.n,
        file=first.file,
        line=first.line,
        detail=f"{first.detail}\nIt builds again after {later}.",
    )
