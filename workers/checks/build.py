# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the kernel still build, and what does the toolchain say now that it did not before?

The probe configures and builds one side and keeps what other checks need: `vmlinux`,
`System.map`, `Module.symvers`, `config`, `image`, `compiled`, the source files that took part,
one a line, and `modules`, how large each is (`workers.size.modules`), if it makes any. The
patched side starts from the finished build of its base, where
there is one and the configuration is the same. The judge compares diagnostics as sets and says
which changed lines this target did not compile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import JsonValue

from pipeline.model import (
    Artifact,
    Case,
    Fact,
    InfraError,
    Lines,
    Outcome,
    Step,
    Target,
)
from workers import kernel_build, kernel_coverage, kernel_objects, one_build
from workers.check import Bench, Judgement, Sighting
from workers.one_build import OneBuild
from workers.parsers import kbuild_config
from workers.parsers.coverage import NOT_COMPILED, Stretch, left_out
from workers.parsers.diag_compare import Compared, compare
from workers.parsers.diag_findings import bounded, finding
from workers.parsers.diagnostics import Diagnostic
from workers.size import modules
from workers.toolchain import compilers
from workers.unseen import unseen
from workers.warm import Notes

#: Raised also when `workers.kernel_build` asks make for something else.
VERSION = 7
KEEPS_BUILD = True
BOOTS = False


#: What a compiler or an assembler writes; the rest is made of these, or by the host.
_COMPILED = re.compile(r"^(?!scripts/|tools/|\.|vmlinux).*\.o$")

#: So many are named.
_MOST_CHANGED = 50

#: Ten times what a distribution's kernel has, debug information aside.
_MOST_BYTES = {
    "vmlinux": 3 << 30,
    "System.map": 128 << 20,
    "Module.symvers": 128 << 20,
    "config": one_build.CONFIG_BYTES,
    "image": 1 << 30,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What building one side showed. OPTIONS are the set ones of `.config`."""

    succeeded: bool
    diagnostics: tuple[Diagnostic, ...]
    compiler: str
    linker: str
    objects: int
    config_s: float
    build_s: float
    options: tuple[tuple[str, str], ...]
    not_honoured: tuple[str, ...]
    compiled: tuple[str, ...] = ()  # source files, sorted
    stretches: tuple[Stretch, ...] = ()  # of the patched side only
    steps: int = 0  # what make did, as kbuild counts
    started_from: str = ""  # the tree whose finished build it started from
    #: Compiled objects that differ from that build's, sorted; None: nobody knows.
    changed: tuple[str, ...] | None = None
    #: How often the compiler's answer was there before, and how often it was not.
    compile_hits: int = 0
    compile_misses: int = 0
    tools: tuple[str, ...] = ()  # versions, and the image that has them if they are in one


# --- one side -------------------------------------------------------------------------------


def probe(bench: Bench) -> Sighting:
    """Configure and build one side. InfraError for whatever is not its sources' doing."""
    one = one_build.build(bench, confirm=bench.side is Step.PATCHED)
    objects = kernel_objects.scan(bench, bench.case.change.paths) if one.succeeded else None
    patched = bench.side is Step.PATCHED
    options = dict(one.options)
    seen = Seen(
        succeeded=one.succeeded,
        diagnostics=one.diagnostics,
        compiler=kbuild_config.compiler(options),
        linker=kbuild_config.linker(options),
        objects=objects.count if objects else 0,
        config_s=one.config_s,
        build_s=one.build_s,
        options=one.options,
        not_honoured=kbuild_config.not_honoured(
            kernel_build.config_lines(bench.source, bench.target), options
        ),
        compiled=objects.files if objects else (),
        stretches=kernel_coverage.stretches(bench, objects, options) if patched else (),
        steps=len(one.made),
        started_from=one.started.warm.tree if one.started else "",
        changed=_changed(bench, one),
        compile_hits=one.compiled.hits,
        compile_misses=one.compiled.misses,
        tools=bench.sandbox.versions(compilers(bench.target)),
    )
    if objects is None:
        return Sighting(seen, blocks=f"the {bench.side} kernel does not build")
    kept = _keep(bench, objects.files)
    if bench.leave:
        bench.leave.keep(bench.build, Notes(one.configured, one.said, unseen(bench)))
    return Sighting(seen, kept)


def _changed(bench: Bench, one: OneBuild) -> tuple[str, ...] | None:
    """The compiled objects that are not what they were in the build that ONE started from."""
    if one.started is None or not one.succeeded:
        return None
    return one.started.warm.changed(bench.build, (n for n in one.made if _COMPILED.search(n)))


def _keep(bench: Bench, compiled: Sequence[str]) -> tuple[Artifact, ...]:
    """Keep what other checks need of a build that succeeded."""
    bench.progress("keeping the kernel")
    kept = []
    for name, places in (
        ("vmlinux", ("vmlinux",)),
        ("System.map", ("System.map",)),
        # Without modules to build, kbuild stops at vmlinux's own part of it.
        ("Module.symvers", ("Module.symvers", "vmlinux.symvers")),
        ("config", (".config",)),
        ("image", (bench.target.image,)),
    ):
        found = (kernel_build.built(bench, place, _MOST_BYTES[name]) for place in places)
        path = next((path for path in found if path), None)
        if path:
            kept.append(bench.keep(name, path))
        elif name != "Module.symvers":
            raise InfraError(
                f"make {' '.join(bench.target.make_targets)} left no {places[0]} behind:"
                f" check the target {bench.target.name} in matrix.yaml."
            )
    texts = {
        "compiled": "".join(f"{name}\n" for name in compiled),
        modules.MODULES: modules.listing(modules.measure(bench)),
    }
    with TemporaryDirectory(dir=bench.build.parent) as directory:
        for name, text in texts.items():
            if text:
                written = Path(directory, name)
                written.write_text(text, encoding="utf-8")
                kept.append(bench.keep(name, written))
    return tuple(kept)


# --- both sides -----------------------------------------------------------------------------


def judge(case: Case, target: Target, base: Seen, patched: Seen) -> Judgement:
    """What the series changed: errors FAIL, new warnings WARN; the rest is inherited."""
    del target
    if not base.succeeded:
        return Judgement(outcome=Outcome.ERROR, reason=_base_fails(base, patched))
    compared = compare(base.diagnostics, patched.diagnostics, case.change.files)
    accused = _accused(case, compared, patched)
    facts = _facts(base, patched, compared)
    uncovered = _uncovered(base, patched)
    if not patched.succeeded and not any(d.severity == "error" for d in accused):
        errors = [d for d in patched.diagnostics if d.severity == "error"]
        reason = f"the patched kernel does not build, and why is not clear: {errors[0].text}"
        return Judgement(facts=facts, uncovered=uncovered, outcome=Outcome.ERROR, reason=reason)
    findings = [finding(case.change, d, failed=not patched.succeeded) for d in accused]
    shown, hidden = bounded(findings, case.change.paths)
    if hidden:
        facts = (*facts, ("findings_left_out", hidden))
    inherited = tuple(
        finding(case.change, d, failed=False, inherited=True) for d in compared.inherited
    )
    return Judgement(shown, inherited, facts, uncovered)


def _base_fails(base: Seen, patched: Seen) -> str:
    first = next(d for d in base.diagnostics if d.severity == "error")
    where = (
        f"{first.file}:{first.line}: " if first.line else f"{first.file}: " if first.file else ""
    )
    other = "; the patched kernel does" if patched.succeeded else ""
    return f"base does not build: {where}{first.text}{other}"


def _accused(case: Case, compared: Compared, patched: Seen) -> tuple[Diagnostic, ...]:
    """The new diagnostics that say what is wrong.

    That a recipe failed says nothing beside the message of the tool it ran. Alone, the first
    one (the later ones only pass it on) accuses where the series touches its make file.
    """
    said = tuple(d for d in compared.new if d.tool != "recipe")
    if patched.succeeded or any(d.severity == "error" for d in said):
        return said
    touched = set(case.change.paths)
    recipe = next((d for d in compared.new if d.tool == "recipe"), None)
    return (*said, recipe) if recipe and recipe.file in touched else said


def _facts(base: Seen, patched: Seen, compared: Compared) -> tuple[Fact, ...]:
    fixed = [f"{d.file}: {d.text}" for d in compared.fixed if patched.succeeded]
    differs = kbuild_config.differing(dict(base.options), dict(patched.options))
    facts: dict[str, JsonValue] = {
        "compiler": patched.compiler,
        "linker": patched.linker,
        "tools": [*patched.tools],
        "objects": patched.objects,
        "steps": [base.steps, patched.steps],
        "from_base_build": bool(patched.started_from),
        "base_started_from": base.started_from,
        "objects_changed": None if patched.changed is None else len(patched.changed),
        "objects_changed_first": [*(patched.changed or ())[:_MOST_CHANGED]],
        "compile_cache_hits": [base.compile_hits, patched.compile_hits],
        "compile_cache_misses": [base.compile_misses, patched.compile_misses],
        "build_seconds": [round(base.build_s, 1), round(patched.build_s, 1)],
        "fixed_warnings": [*fixed],
        "config_differs": [*differs],
        "config_not_honoured": [*base.not_honoured],
    }
    return tuple((name, value) for name, value in facts.items() if value or value == 0)


def _uncovered(base: Seen, patched: Seen) -> tuple[tuple[Lines, str], ...]:
    """The changed lines that neither side's build compiled, with the reason."""
    compiled = set(base.compiled)
    options = dict(base.options)
    found = []
    for stretch in patched.stretches:
        reason = stretch.left_out
        if stretch.lines.side is Step.BASE:
            known = stretch.lines.file in compiled
            reason = left_out(stretch.conditions, options) if known else NOT_COMPILED
        if reason:
            found.append((stretch.lines, reason))
    return tuple(found)
