# SPDX-License-Identifier: GPL-2.0-or-later
"""The Celery task: claim a job, run its check, store the result.

A job takes effect once: it is claimed in the database before anything is done, and its
result is stored only while the claim holds. This is the one place where what went wrong is
turned into a result, and nothing that goes wrong here accuses the series.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from pipeline.app import RUN_JOB, make_app
from pipeline.artifacts import ArtifactStore
from pipeline.codec import dumps, loads
from pipeline.coordinator import LEASE_S
from pipeline.fleet import worker_name
from pipeline.model import (
    CrosscheckError,
    InfraError,
    Job,
    JobResult,
    Observation,
    Outcome,
    Step,
    Target,
    worst,
)
from pipeline.settings import Settings, load, use_temporary_dir
from pipeline.store import RunRecord, Store
from workers import registry, toolchain
from workers.check import Bench, Check
from workers.lease import Lease
from workers.sandbox import open_sandbox
from workers.warm import Warm
from workers.workspace import build_directory, source

app = make_app(load().redis_url)
use_temporary_dir(load())
_LOG = logging.getLogger(__name__)


@cache
def _store(url: str) -> Store:
    return Store(url)


@dataclass(frozen=True)
class _Work:
    """One attempt of a job, with all that it works with."""

    settings: Settings
    store: Store
    record: RunRecord
    job: Job
    cores: int
    lease: Lease

    @property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(self.settings.artifacts_dir)

    @property
    def target(self) -> Target:
        return self.record.plan.target(self.job.target)

    def observation(self, check: str, side: Step) -> Observation:
        """What was seen before in this run; InfraError if it was not."""
        wanted = Job(self.job.target, check, side)
        for row in self.store.jobs(self.record.run):
            if row.job == wanted and row.result and row.result.observation:
                return row.result.observation
        raise InfraError(f"{wanted.id} has no observation; run again.")


@app.task(name=RUN_JOB)  # type: ignore[untyped-decorator]  # Celery has no types
def run_job(run: str, job_id: str, attempt: int, cores: int) -> None:
    """Run one attempt of a job, unless somebody else does or did."""
    settings = load()
    store = _store(settings.database_url)
    target, check, step = job_id.split("/")
    job = Job(target, check, Step(step))
    me = worker_name(os.getpid())
    if not store.claim(run, job, attempt, worker=me, now=time.time(), lease_s=LEASE_S):
        return
    started = time.monotonic()
    with Lease(store, run, job, attempt) as lease:
        try:
            record = _record(store, run)
            work = _Work(settings, store, record, job, cores, lease)
            result = _judge(work) if job.step is Step.JUDGE else _probe(work, attempt)
        except CrosscheckError as error:
            result = JobResult(job=job, outcome=Outcome.ERROR, reason=str(error))
        except Exception as error:  # noqa: BLE001 (a fault of ours must come back as ERROR)
            _LOG.exception("job %s of run %s", job_id, run)
            result = JobResult(
                job=job,
                outcome=Outcome.ERROR,
                reason=_reason(error, settings),
                facts=(("traceback", traceback.format_exc()),),
            )
    store.finish(run, attempt, replace(result, seconds=time.monotonic() - started))


def _record(store: Store, run: str) -> RunRecord:
    record = store.run(run)
    if record is None:
        raise InfraError(f"The run {run} is not in the database any more.")
    return record


def _reason(error: Exception, settings: Settings) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return (
            f"{error.strerror}: make room for {settings.cache_dir} and {settings.state_dir},"
            " and run again"
        )
    return f"internal error: {type(error).__name__}: {error}"


def _judge(work: _Work) -> JobResult:
    check = registry.check(work.job.check)
    base, patched = (
        loads(check.seen, work.artifacts.path(seen).read_bytes())
        for seen in (
            work.observation(check.name, Step.BASE).seen,
            work.observation(check.name, Step.PATCHED).seen,
        )
    )
    judged = check.judge(work.record.case, work.target, base, patched)
    outcome = judged.outcome or worst((f.severity for f in judged.findings), Outcome.PASS)
    return JobResult(
        job=work.job,
        outcome=outcome,
        reason=judged.reason,
        findings=judged.findings,
        inherited=judged.inherited,
        facts=judged.facts,
        uncovered=judged.uncovered,
    )


def _cache_key(work: _Work, check: Check) -> str:
    """Names a base observation: the tree, and all that turns it into what is seen."""
    return _digest(work.record.case.change.base_tree, _way(work, check))


def _way(work: _Work, check: Check) -> str:
    """Names all that turns a source tree into what is seen, but for the tree."""
    needed = {name: registry.check(name).version for name in _needs(work, check.name)}
    return _digest(
        dumps(work.target),
        work.record.options.runtime,
        check.name,
        check.version,
        needed,
        toolchain.identity(work.target),
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _warm(work: _Work, check: Check) -> Warm | None:
    """Where the build of the base is kept; None if it is not to be."""
    if not (check.keeps_build and work.record.options.use_cache):
        return None
    directory = work.settings.warm_dir / work.target.name / _way(work, check)[:32]
    return Warm(directory, work.record.case.change.base_tree)


def _needs(work: _Work, name: str) -> tuple[str, ...]:
    """The checks that NAME builds upon, directly or not."""
    direct = work.record.plan.check(name).needs
    return tuple(n for need in direct for n in (*_needs(work, need), need))


def _remembered(work: _Work, key: str) -> Observation | None:
    """A cached observation whose files are all still there."""
    observation = work.store.cached(key)
    if observation is None:
        return None
    kept = (observation.seen, *observation.artifacts)
    if not all(work.artifacts.has(artifact) for artifact in kept):
        return None
    return replace(observation, cached=True)


def _probe(work: _Work, attempt: int) -> JobResult:
    check = registry.check(work.job.check)
    cacheable = work.job.step is Step.BASE
    key = _cache_key(work, check) if cacheable else ""
    if cacheable and work.record.options.use_cache:
        observation = _remembered(work, key)
        warm = _warm(work, check)
        if observation is not None and (warm is None or warm.kept):
            return JobResult(job=work.job, outcome=Outcome.PASS, observation=observation)
    with (
        source(work.settings, work.record.case.change, work.job.step, work.lease.progress) as tree,
        build_directory(work.settings, work.record.run, work.job.id, attempt) as directory,
    ):
        result = _observe(work, check, tree, directory)
    if cacheable and result.observation and not result.observation.blocks:
        with suppress(InfraError):  # what was seen holds, remembered or not
            work.store.cache(key, result.observation, time.time())
    return result


def _observe(work: _Work, check: Check, tree: Path, directory: Path) -> JobResult:
    sandbox = open_sandbox(work.record.options.runtime)
    sandbox.adopt(directory / "build")
    log = directory / "log"
    name = f"{work.job.id.replace('/', '-')}.log"
    needed = {
        artifact.name: work.artifacts.path(artifact)
        for need in work.record.plan.check(check.name).needs
        for artifact in work.observation(need, work.job.step).artifacts
    }
    bench = Bench(
        case=work.record.case,
        target=work.target,
        side=work.job.step,
        source=tree,
        build=directory / "build",
        needed=needed,
        cores=work.cores,
        sandbox=sandbox,
        log=log,
        derived=work.settings.cache_dir / "derived",
        progress=work.lease.progress,
        keep=work.artifacts.keep,
        cancelled=work.lease.lost,
        warm=_warm(work, check),
    )

    def kept_log() -> JobResult:
        """A result that has nothing but the log so far."""
        artifact = work.artifacts.keep(name, log) if log.exists() else None
        return JobResult(job=work.job, outcome=Outcome.ERROR, log=artifact)

    try:
        seen = check.probe(bench)
    except InfraError as error:
        return replace(kept_log(), reason=str(error))
    payload = work.artifacts.keep_text(f"{check.name}-{work.job.step}.json", dumps(seen.seen))
    observation = Observation(
        check=check.name,
        side=work.job.step,
        seen=payload,
        artifacts=seen.artifacts,
        blocks=seen.blocks,
    )
    return replace(kept_log(), outcome=Outcome.PASS, observation=observation)
