# SPDX-License-Identifier: GPL-2.0-or-later
"""Which queue does a job wait in, and who takes from it? Pure.

A queue is for one kind of work (`queue` of a check in the matrix), one runtime and one target: a
worker takes from those that it has the tools for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pipeline.model import CheckSpec, Job
from pipeline.store import JobRow, RunRecord, WorkerLine

#: A message that was not taken for so long is looked into.
_PATIENCE_S = 15.0


def queue_of(record: RunRecord, job: Job) -> str:
    """Where JOB waits."""
    return f"{record.plan.makes(job).queue}.{record.options.runtime}.{job.target}"


def queues(checks: Iterable[CheckSpec], runtime: str, targets: Iterable[str]) -> tuple[str, ...]:
    """What a worker takes from that can do CHECKS of TARGETS with RUNTIME."""
    kinds = tuple(dict.fromkeys(check.queue for check in checks))
    return tuple(f"{kind}.{runtime}.{target}" for target in targets for kind in kinds)


def queue_near(queue: str, worker: str) -> str:
    """The queue of those jobs of QUEUE that are rather for the machine of WORKER."""
    return f"{queue}@{worker.rpartition(':')[0]}"


def abilities(names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """The targets that whoever takes from the queues NAMES can do, by runtime."""
    found: dict[str, dict[str, None]] = {}
    for name in names:
        _, runtime, target = name.split(".", 2)
        found.setdefault(runtime, {})[target] = None
    return {runtime: tuple(targets) for runtime, targets in found.items()}


def explained(
    record: RunRecord, rows: tuple[JobRow, ...], workers: Iterable[WorkerLine], now: float
) -> tuple[JobRow, ...]:
    """ROWS, in which jobs that none of WORKERS can take say what they wait for.

    NOW, as the times in ROWS, is in seconds since the epoch.
    """
    served = {name for worker in workers for name in worker.queues}

    def one(row: JobRow) -> JobRow:
        waits = row.state == "queued" and now - (row.queued_at or now) > _PATIENCE_S
        if not waits or queue_of(record, row.job) in served:
            return row
        return replace(
            row, doing=f"waits for a worker for {row.job.target} with {record.options.runtime}"
        )

    return tuple(one(row) for row in rows)
