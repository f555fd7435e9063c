# SPDX-License-Identifier: GPL-2.0-or-later
"""What a probe works with, made by hand: no worker, no database, no queue."""

from __future__ import annotations

from pathlib import Path

from pipeline.artifacts import ArtifactStore
from pipeline.matrix import load
from pipeline.model import Case, Step, Target
from pipeline.settings import load as load_settings
from pipeline.store import Store
from tests import toy
from workers.check import Bench
from workers.guest import program
from workers.guest.watch import Patience, Watch
from workers.sandbox import open_sandbox
from workers.sandbox.contract import Limits


def make_bench(
    directory: Path,
    case: Case,
    target: Target,
    side: Step,
    source: Path,
    *,
    runtime: str = "",
    **more,
) -> Bench:
    """A bench in DIRECTORY, which must not have a `build` yet; what is kept lies beside it."""
    build = directory / "build"
    build.mkdir(parents=True)
    sandbox = open_sandbox(runtime or load_settings().runtime)
    sandbox.adopt(build)
    beside = directory.parent
    plain = {
        "needed": {},
        "before": {},
        "cores": 2,
        "log": directory / "log",
        "derived": beside / "derived",
        "progress": lambda _: None,
        "keep": ArtifactStore(beside / "artifacts").keep,
    }
    return Bench(
        case=case, target=target, side=side, source=source, build=build, sandbox=sandbox,
        **(plain | more),
    )  # fmt: skip


def reading_bench(case: Case, target: Target, source: Path, directory: Path) -> Bench:
    """A bench for a probe that only reads what is needed: it runs and keeps nothing."""
    return Bench(
        case=case, target=target, side=Step.BASE, source=source, build=directory, needed={},
        before={}, cores=1, sandbox=None, log=directory / "log", derived=directory,
        progress=lambda _: None, keep=None,
    )  # fmt: skip


def run_here(bench: Bench, name: str) -> list[str]:
    """What the guest's program NAME says on this kernel, where it comes to its end."""
    built = program.build(bench, name)
    assert isinstance(built, bytes)
    assert built.startswith(b"\x7fELF")

    watch = Watch(Patience(60))
    ended = bench.run(("/build/init",), limits=Limits(seconds=60), watch=watch)
    assert (ended.exit_code, ended.stopped) == (0, "")
    assert watch.finished  # and it mounted nothing and powered nothing off: it was not PID 1
    return watch.lines


def kept_of_bases(store: Store, artifacts: ArtifactStore, run: str) -> dict[str, dict[str, Path]]:
    """By target, the files by name that the build check of RUN kept of its base."""
    return {
        row.job.target: {
            each.name: artifacts.path(each) for each in row.result.observation.artifacts
        }
        for row in store.jobs(run)
        if (row.job.check, row.job.step) == ("build", Step.BASE)
        and row.result
        and row.result.observation
    }


def toy_target(name: str) -> Target:
    """The target NAME of the toy's matrix."""
    return next(target for target in load(toy.MATRIX).targets if target.name == name)
