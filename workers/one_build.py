# SPDX-License-Identifier: GPL-2.0-or-later
"""Configures and builds one source tree, from a finished build where there is one.

A finished build is of use only with the same configuration. What make had said of it about
objects that it does not make again is said of this one too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from pipeline.model import InfraError, Step
from pipeline.removal import remove
from workers import kernel_build
from workers.check import Bench
from workers.compile_cache import CompileCache, Counts, Use, counted
from workers.finds import finds
from workers.kernel_build import Made
from workers.parsers import kbuild_config
from workers.parsers.diag_compare import normalised
from workers.parsers.diag_trouble import Troubles, trouble, troubles
from workers.parsers.diagnostics import Diagnostic, parse, telling
from workers.parsers.kbuild_config import Options
from workers.parsers.said import (
    after_last_step,
    before_last_step,
    remade,
    still_true,
    worth_keeping,
)
from workers.reach import configures
from workers.warm import Start

#: Ten times what a distribution's kernel has.
CONFIG_BYTES = 4 << 20
#: With this, objects hold checksums of what headers say that they were not compiled with.
_CHECKSUMS = "CONFIG_ASM_MODVERSIONS"

#: What kbuild makes for the host.
_HOSTED = re.compile(r"^  HOST(?:CC|CXX|LD|AR|RUSTC)\b")


@dataclass(frozen=True, slots=True)
class OneBuild:
    """What came of it. MADE are the objects that make made now, HOSTED whether some of them are
    programs for the host, STARTED the build that it started from, CONFIGURED and SAID the lines to
    keep (`workers.warm.Notes`), CACHED the compile cache that it used, COMPILED how often what
    compilers make was there before; DOUBTED is whether words of trouble stand beside its errors.
    """

    succeeded: bool
    diagnostics: tuple[Diagnostic, ...]
    options: tuple[tuple[str, str], ...]  # those that are set
    made: frozenset[str]
    hosted: bool
    started: Start | None
    configured: tuple[str, ...]
    said: tuple[str, ...]
    last_words: str
    cached: CompileCache | None
    compiled: Counts
    doubted: bool
    config_s: float
    build_s: float


def build(bench: Bench, *, confirm: bool) -> OneBuild:
    """Build what BENCH has; CONFIRM: errors that do not come a second time do not count.

    A failure that may be the machine's, or the finished build's, of a generated file or a program
    in there, counts only if a build from nothing fails too; and where programs for the host were
    made again, who runs them nobody knows. Raises InfraError for whatever is not its sources'
    doing.
    """
    one = _once(bench, confirm=confirm)
    failed = not one.succeeded and (one.doubted or not _of_source(bench, one.diagnostics))
    doubtful = one.doubted or (one.started and (one.hosted or _goes_round(bench, one)))
    if doubtful or (failed and (one.started or one.cached)):
        bench.progress("building from nothing, to be sure")
        _empty(bench)
        compiled = None if failed else bench.compiled
        anew = _once(replace(bench, start=None, compiled=compiled), confirm=confirm)
        if anew.succeeded and not one.succeeded:
            for kept in (one.started and one.started.warm, one.cached):
                if kept:
                    kept.drop()  # whatever is wrong with it
        one = anew
    if not one.succeeded and not any(d.severity == "error" for d in one.diagnostics):
        raise InfraError(f"make failed without saying why; its last words: {one.last_words}")
    return one


def _goes_round(bench: Bench, one: OneBuild) -> bool:
    """Whether what a header is generated from includes a generated one now, perhaps that."""
    if one.started is None:
        return False
    warm = one.started.warm
    return any(name.endswith(".s") and warm.reads_more(bench.build, name) for name in one.made)


def _of_source(bench: Bench, found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The errors of FOUND by which a compiler rejects a file that the series touches, or what
    includes one.
    """
    touched = set(bench.case.change.paths if bench.side is Step.PATCHED else ())
    return tuple(
        error
        for error in found
        if error.severity == "error" and error.tool in {"compiler", "assembler"}
        if error.file in touched or not touched.isdisjoint(re.findall(r"[\w./+-]+", error.detail))
    )


def _once(bench: Bench, *, confirm: bool) -> OneBuild:
    configured, options, before = _configure(bench)
    made = configured
    # What a series reaches was never compiled before.
    cached = bench.compiled if before is None or bench.side is Step.BASE else None
    if configured.exit_code == 0:
        with _cache(bench, cached) as cache:
            made = kernel_build.make(bench, bench.target.make_targets, cache=cache)
    succeeded = made.exit_code == 0
    lines = configured.lines if made is configured else configured.lines + made.lines
    unchanged = still_true(before or (), lines, lambda name: (bench.build / name).exists())
    diagnostics = parse((*lines, *unchanged))  # each step's first line ends what was before
    told = Troubles() if succeeded else troubles(lines)
    if told.why or told.beside:
        diagnostics = _despite(bench, told, diagnostics)
    if not succeeded and made is not configured and confirm:
        diagnostics = _confirmed(bench, diagnostics)
    return OneBuild(
        succeeded=succeeded,
        diagnostics=diagnostics,
        options=tuple(options.items()),
        made=remade(made.lines),
        hosted=any(map(_HOSTED.match, made.lines)),
        started=bench.start if before is not None else None,
        configured=after_last_step(configured.lines),
        said=worth_keeping((*before_last_step(configured.lines), *made.lines, *unchanged)),
        last_words=next((line for line in reversed(lines) if line.strip()), "nothing"),
        cached=cached,
        compiled=counted(bench.build),
        doubted=bool(told.beside),
        config_s=configured.seconds,
        build_s=made.seconds,
    )


def _cache(bench: Bench, compiled: CompileCache | None) -> AbstractContextManager[Use | None]:
    if compiled is None:
        return nullcontext()
    bench.progress("looking for what was compiled before")
    return compiled.used(bench.build, finds(bench))


def _empty(bench: Bench) -> None:
    for left in bench.build.iterdir():
        remove(left)


def _configure(bench: Bench) -> tuple[Made, Options, tuple[str, ...] | None]:
    """Configure; what that came to, the options that are set, and what make had said of a
    finished build that lies in the build directory now; None if it is to be built from nothing.
    """
    notes = None
    if bench.start:
        bench.progress("copying a finished build")
        start, arch = bench.start, bench.target.arch
        notes = start.warm.begin(bench.build, start.files, bench.source, arch)
        bench.sandbox.adopt(bench.build)
    had = _options(bench) if notes else {}
    if bench.start and notes and _CHECKSUMS not in had and not configures(bench.start.files):
        return Made(0, notes.configured, 0.0), had, notes.said
    configured = kernel_build.configure(bench)
    options = _options(bench)
    same = configured.exit_code == 0 and options == had and _CHECKSUMS not in options
    if notes is None or same:
        return configured, options, notes.said if notes else None
    _empty(bench)  # what only an option that is not set any more asked for would stay
    configured = kernel_build.configure(bench)
    return configured, _options(bench), None


def _despite(bench: Bench, told: Troubles, found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """FOUND without the errors that may come of the trouble that make TOLD of.

    What is left has a line of the sources. Raises InfraError if nothing is.
    """
    sure = () if told.why else _of_source(bench, (d for d in found if d.line))
    sure = tuple(d for d in sure if not any(map(trouble, d.detail.splitlines())))
    if not sure:
        raise _not_clear(told.why or told.beside)
    return tuple(d for d in found if d.severity != "error" or d in sure)


def _not_clear(words: str) -> InfraError:
    return InfraError(f"make failed, and perhaps by no fault of the sources: {words}.")


def _confirmed(bench: Bench, first: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """FIRST without the errors that do not come again: only what failed is made once more.

    Raises InfraError if none does: then it was decided by which of the parallel jobs was
    faster, where a dependency is missing, or the machine erred.
    """
    bench.progress("building again what failed")
    again = kernel_build.make(bench, bench.target.make_targets)
    if again.exit_code and (why := troubles(again.lines).why):
        raise _not_clear(why)
    said = {_said(d) for d in parse(again.lines)} if again.exit_code else set()
    errors = [d for d in first if d.severity == "error"]
    confirmed = [d for d in errors if _said(d) in said]
    wanted = telling(errors)
    if wanted and not any(d in confirmed for d in wanted):
        raise InfraError(f"make failed, but not again for the same reason: {wanted[0].text}.")
    return tuple(d for d in first if d.severity != "error" or d in confirmed)


def _said(diagnostic: Diagnostic) -> Diagnostic:
    return replace(diagnostic, text=normalised(diagnostic.text), detail="")


def _options(bench: Bench) -> Options:
    config = kernel_build.built(bench, ".config", CONFIG_BYTES)
    return (
        kbuild_config.options(config.read_text(encoding="utf-8", errors="replace"))
        if config
        else {}
    )
