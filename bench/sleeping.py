# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers whose jobs only sleep: `celery -A sleeping worker`, for `bench/fleet`.

All around the job is as it is: the claim, the lease, the result, the bell.
"""

from __future__ import annotations

import os
import time

from pipeline.model import Artifact, JobResult, Observation, Outcome, Step
from workers import tasks
from workers.work import Work

app = tasks.app

_SLEEP_S = float(os.environ["SLEEP_S"])


def _sleep(work: Work, _attempt: int) -> JobResult:
    time.sleep(_SLEEP_S)
    job = work.job
    if job.step is Step.JUDGE:
        return JobResult(job, Outcome.PASS)
    seen = Observation(job.check, job.step, Artifact("seen", "sha256:0", 0))
    return JobResult(job, Outcome.PASS, observation=seen)


tasks._DO.update(dict.fromkeys(Step, _sleep))  # noqa: SLF001
