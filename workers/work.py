# SPDX-License-Identifier: GPL-2.0-or-later
"""One attempt of a job, with all that it works with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.artifacts import ArtifactStore, open_artifacts
from pipeline.codec import loads
from pipeline.model import Artifact, InfraError, Job, JobResult, Observation, Step, Target
from pipeline.settings import Settings
from pipeline.store import RunRecord, Store
from pipeline.trees.exchange import source_trees
from pipeline.trees.fetch import fetch
from workers.lease import Lease
from workers.sandbox import open_sandbox
from workers.sandbox.contract import Sandbox
from workers.toolchain import compilers, emulator
from workers.workspace import Sources


@dataclass(frozen=True)
class Work:
    """One attempt of a job, with all that it works with."""

    settings: Settings
    store: Store
    record: RunRecord
    job: Job
    cores: int
    lease: Lease

    @property
    def artifacts(self) -> ArtifactStore:
        """Where files are kept."""
        return open_artifacts(self.settings)

    def keep_log(self, log: Path) -> Artifact | None:
        """Keep LOG as the job's; None if nothing was ever written to it."""
        name = f"{self.job.id.replace('/', '-')}.log"
        return self.artifacts.keep(name, log) if log.exists() else None

    @property
    def sources(self) -> Sources:
        """The source trees; a run that uses nothing kept has its own, which go with it."""
        settings, uses = self.settings, self.record.options.use_cache
        own = settings.builds_dir / self.record.run / "checkouts"
        place = settings.sources_dir if uses else own
        return Sources(settings.git_dir, place, self.lease.progress)

    def bring_trees(self) -> None:
        """Have the run's source trees in the repository of this machine. Raises InfraError."""
        if self.settings.git_url:
            trees = source_trees(self.record.case.change)
            fetch(self.settings, self.record.run, trees, self.lease.progress)

    @property
    def target(self) -> Target:
        """What the job is for."""
        return self.record.plan.target(self.job.target)

    @cached_property
    def sandbox(self) -> Sandbox:
        """What the job's commands run in, one after another. Raises InfraError."""
        return open_sandbox(self.record.options.runtime, self.target.toolchain)

    @cached_property
    def compilers(self) -> tuple[str, ...]:
        """The versions of all that turns the target's sources into a kernel."""
        return self.sandbox.versions(compilers(self.target))

    @cached_property
    def emulator(self) -> tuple[str, ...]:
        """The versions of all that boots it."""
        return self.sandbox.versions(emulator(self.target))

    def result(self, check: str, step: Step) -> JobResult:
        """What a job came to before in this run; InfraError if it did not."""
        wanted = Job(self.job.target, check, step)
        if wanted not in self._results:
            raise InfraError(f"{wanted.id} has no result; run again.")
        return self._results[wanted]

    @cached_property
    def _results(self) -> dict[Job, JobResult]:
        """Of the jobs that were done when this one began: it needs no others."""
        rows = self.store.jobs(self.record.run)
        return {row.job: row.result for row in rows if row.result}

    def observation(self, check: str, side: Step) -> Observation:
        """What was seen before in this run; InfraError if it was not."""
        observation = self.result(check, side).observation
        if observation is None:
            raise InfraError(f"{self.job.target}/{check}/{side} has no observation; run again.")
        return observation

    def seen(self, check: str, kind: type[Any], side: Step) -> Any:
        """What CHECK saw on SIDE, of its KIND `Seen`."""
        payload = self.artifacts.path(self.observation(check, side).seen)
        return loads(kind, payload.read_bytes())

    def kept(self, checks: Iterable[str], side: Step) -> dict[str, Path]:
        """The files that CHECKS kept of SIDE, by name."""
        return {
            artifact.name: self.artifacts.path(artifact)
            for check in checks
            for artifact in self.observation(check, side).artifacts
        }
