# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the `Bench` that a job's probe works with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.model import Step
from workers.check import Bench, Check
from workers.work import Work


def open_bench(
    work: Work,
    check: Check,
    source: Path,
    directory: Path,
    needed: Mapping[str, Path],
    *,
    side: Step,
) -> Bench:
    """A bench for CHECK on SIDE, with SOURCE and DIRECTORY's empty `build`.

    NEEDED are the files of the checks that CHECK needs.
    """
    work.sandbox.adopt(directory / "build")
    direct = work.record.plan.check(check.name).needs
    of_base = (*direct, check.name) if side is Step.PATCHED else ()
    return Bench(
        case=work.record.case,
        target=work.target,
        side=side,
        source=source,
        build=directory / "build",
        needed=needed,
        before=work.kept(of_base, Step.BASE),
        cores=work.cores,
        sandbox=work.sandbox,
        log=directory / "log",
        derived=work.settings.cache_dir / "derived",
        progress=work.lease.progress,
        keep=work.artifacts.keep,
        cancelled=work.lease.lost,
        sources=work.sources,
    )
