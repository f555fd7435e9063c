# SPDX-License-Identifier: GPL-2.0-or-later
"""One attempt of a job, with all that it works with."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.artifacts import ArtifactStore
from pipeline.model import InfraError, Job, Observation, Step, Target
from pipeline.settings import Settings
from pipeline.store import RunRecord, Store
from workers.lease import Lease


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
        return ArtifactStore(self.settings.artifacts_dir)

    @property
    def target(self) -> Target:
        """What the job is for."""
        return self.record.plan.target(self.job.target)

    def observation(self, check: str, side: Step) -> Observation:
        """What was seen before in this run; InfraError if it was not."""
        wanted = Job(self.job.target, check, side)
        for row in self.store.jobs(self.record.run):
            if row.job == wanted and row.result and row.result.observation:
                return row.result.observation
        raise InfraError(f"{wanted.id} has no observation; run again.")
