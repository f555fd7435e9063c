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
from workers import one_build
from workers.check import Bench, Judgement, Sighting
from workers.parsers.diagnostics import Diagnostic
from workers.reach import reaches
from workers.warm import Start, Warm
from workers.workspace import mark

VERSION = 1
KEEPS_BUILD = False

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


def probe(bench: Bench) -> Sighting:
    """Build what lies between base and head. InfraError for whatever is not the sources' doing."""
    if bench.side is Step.BASE:
        return Sighting(Seen())
    compiled = _compiled(bench)
    change = bench.case.change
    built = []
    tree, start = change.base_tree, bench.start.warm if bench.start else None
    earlier: Warm | None = None
    for patch, after in list(zip(change.patches, change.trees, strict=True))[:-1]:
        if reaches(patch.files, compiled, bench.target.arch):
            one, kept = _build(bench, patch.n, after, since=tree, warm=start)
            built.append(one)
            if kept is not None:
                if earlier:
                    earlier.drop()
                tree, start, earlier = after, kept, kept
    return Sighting(Seen(tuple(built)))


def _compiled(bench: Bench) -> frozenset[str]:
    """All sources that base or head was made of."""
    lists = (where[_COMPILED] for where in (bench.before, bench.needed) if _COMPILED in where)
    return frozenset(line for path in lists for line in path.read_text().splitlines())


def _build(
    bench: Bench, n: int, after: str, *, since: str, warm: Warm | None
) -> tuple[After, Warm | None]:
    """Build the tree AFTER patch N, from the build WARM of the tree SINCE; its own kept build.

    That is kept for this job alone: what the series' own code wrote is nothing to start others'
    builds from.
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
        with sources.changed(after, since, like=base) as source:
            here = replace(
                bench,
                source=source,
                build=directory,
                start=Start(warm, sources.differing(since, after)) if warm else None,
                leave=None,
                progress=lambda doing: bench.progress(f"after patch {n} of {total}: {doing}"),
            )
            one = one_build.build(here, confirm=True)
        seconds = one.config_s + one.build_s
        if not one.succeeded:
            errors = tuple(d for d in one.diagnostics if d.severity == "error")
            return After(n, errors, seconds), None
        kept = Warm(bench.build.with_name("kept"), after)
        kept.keep(directory, one.said)
        return After(n, (), seconds), kept
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
    telling = [d for d in after.errors if d.tool != "recipe"] or list(after.errors)
    first = telling[0]
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
