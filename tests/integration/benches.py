# SPDX-License-Identifier: GPL-2.0-or-later
"""What a probe works with, made by hand: no worker, no database, no queue."""

from __future__ import annotations

from pathlib import Path

from pipeline.artifacts import ArtifactStore
from pipeline.matrix import load
from pipeline.model import Case, Step, Target
from pipeline.settings import load as load_settings
from tests import toy
from workers.check import Bench
from workers.sandbox import open_sandbox


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


def toy_target(name: str) -> Target:
    """The target NAME of the toy's matrix."""
    return next(target for target in load(toy.MATRIX).targets if target.name == name)
