# SPDX-License-Identifier: GPL-2.0-or-later
"""Are kernels that were built from kept builds what they are when built from nothing?

They are compared file by file, as the artifact store names them: by content.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline import kept
from pipeline.intake import Request
from pipeline.lists.config import ListTree
from pipeline.model import InputError, Step
from pipeline.running import RunRequest
from pipeline.settings import Settings
from pipeline.store import JobRow, Store

#: The check that builds.
BUILD = "build"


@dataclass(frozen=True, slots=True)
class Compared:
    """How many files were compared on TARGETS, and those that DIFFER, as `s390 base vmlinux`."""

    files: int
    targets: tuple[str, ...]
    differ: tuple[str, ...]


def _kept(rows: Iterable[JobRow]) -> dict[tuple[str, Step, str], str]:
    return {
        (row.job.target, row.job.step, artifact.name): artifact.ref
        for row in rows
        if row.job.check == BUILD and row.result and row.result.observation
        for artifact in row.result.observation.artifacts
    }


def compare(before: Iterable[JobRow], anew: Iterable[JobRow]) -> Compared:
    """The builds of two runs; a file that only one of them has differs."""
    ours, theirs = _kept(before), _kept(anew)
    names = sorted({*ours, *theirs})
    return Compared(
        files=len(names),
        targets=tuple(dict.fromkeys(target for target, _, _ in names)),
        differ=tuple(" ".join(name) for name in names if ours.get(name) != theirs.get(name)),
    )


def rechecking(run: str, settings: Settings, store: Store) -> RunRequest:
    """The request that builds RUN's series and base again, from nothing.

    Raises InputError for a run that is not there, or whose series is not there any more.
    """
    record = store.run(run)
    series = settings.runs_dir / run / "series.mbox"
    if record is None or not series.exists():
        raise InputError(f"The series of run {run} is not there any more: run it anew.")
    return RunRequest(
        what=Request(
            series=(str(series),),
            trees=(ListTree(Path(record.case.base.tree), ""),),
            base=record.case.base.commit,
            targets=tuple(planned.target.name for planned in record.plan.targets),
            checks=(BUILD,),
        ),
        runtime=record.options.runtime,
        jobs=None,
        use_cache=False,
        cache_bytes=0,
        json_file=None,
        reply_file=None,
    )


def forget(targets: Iterable[str], settings: Settings, store: Store) -> None:
    """Remove the builds that are kept for TARGETS, what compilers made, and all that was seen of
    bases.
    """
    kept.Kept(settings.compile_cache_dir).drop()
    for target in targets:
        for entry in kept.entries([settings.warm_dir / target]):
            kept.Kept(entry.place).drop()
    store.forget_observations()
