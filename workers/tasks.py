# SPDX-License-Identifier: GPL-2.0-or-later
"""The Celery task: claim a job, run its check, store the result.

A job takes effect once: it is claimed in the database before anything is done, and its
result is stored only while the claim holds. This is the one place where what went wrong is
turned into a result, and nothing that goes wrong here accuses the series.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import time
import traceback
from dataclasses import replace
from functools import cache

from celery.signals import celeryd_after_setup

from pipeline.app import RUN_JOB, Bell, make_app
from pipeline.codec import dumps
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
    worst,
)
from pipeline.settings import Settings, load
from pipeline.store import RunRecord, Store
from pipeline.temporary import use_temporary_dir
from workers import registry, reuse
from workers.bench import open_bench
from workers.check import Bench, Check
from workers.lease import Lease
from workers.trace import trace
from workers.work import Work
from workers.workspace import build_directory

app = make_app(load().redis_url)
_BELL = Bell(app)
use_temporary_dir(load())
os.umask(0o022)  # commands may run as another user
_LOG = logging.getLogger(__name__)


@celeryd_after_setup.connect  # type: ignore[untyped-decorator]  # Celery has no types
def _take_at_once(**_: object) -> None:
    """Messages are taken for good. Celery would confirm one when its job is done: of a worker that
    is killed, Redis would have it an hour later for somebody else, when nobody needs it.
    """
    for queue in app.amqp.queues.consume_from.values():
        queue.no_ack = True


@cache
def _store(url: str) -> Store:
    return Store(url)


@app.task(name=RUN_JOB)  # type: ignore[untyped-decorator]  # Celery has no types
def run_job(run: str, job_id: str, attempt: int, cores: int) -> None:
    """Run one attempt of a job, unless somebody else does or did."""
    settings = load()
    store = _store(settings.database_url)
    target, check, step = job_id.split("/")
    with store.patient(_LOG.warning):  # a server that restarts costs no result
        job = Job(target, check, Step(step))
        _attempt(settings, store, run, job, attempt=attempt, cores=cores)


def _attempt(
    settings: Settings, store: Store, run: str, job: Job, *, attempt: int, cores: int
) -> None:
    me = worker_name(os.getpid())
    # A claim that took effect while the database went away is known for ours: its time is.
    clock = store.clock()
    if not store.claim(run, job, attempt, worker=me, now=clock(), lease_s=LEASE_S):
        return
    started = time.monotonic()
    with Lease(store, run, job, attempt, clock) as lease:
        try:
            record = _record(store, run)
            work = Work(settings, store, record, job, cores or settings.worker_cores, lease)
            result = _DO[job.step](work, attempt)
        except CrosscheckError as error:
            reason = _here(settings, str(error))
            result = JobResult(job=job, outcome=Outcome.ERROR, reason=reason)
        except Exception as error:  # noqa: BLE001 (a fault of ours must come back as ERROR)
            _LOG.exception("job %s of run %s", job.id, run)
            result = JobResult(
                job=job,
                outcome=Outcome.ERROR,
                reason=_here(settings, _reason(error, settings)),
                facts=(("traceback", traceback.format_exc()),),
            )
    # Refused, the job is somebody else's now. Were it our own result, stored while the database
    # went away, nothing would be left to do either.
    store.finish(run, attempt, replace(result, seconds=time.monotonic() - started))
    _BELL.ring(run)


def _record(store: Store, run: str) -> RunRecord:
    record = store.run(run)
    if record is None:
        raise InfraError(f"The run {run} is not in the database any more.")
    return record


def _here(settings: Settings, said: str) -> str:
    """SAID of this machine, which it names where somebody must find it among several."""
    return f"{socket.gethostname()}: {said}" if settings.serves_others else said


def _reason(error: Exception, settings: Settings) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return (
            f"{error.strerror}: make room for {settings.cache_dir} and {settings.state_dir},"
            " and run again"
        )
    return f"internal error: {type(error).__name__}: {error}"


def _judge(work: Work, _attempt: int) -> JobResult:
    check = registry.check(work.job.check)
    base, patched = (work.seen(check.name, check.seen, side) for side in (Step.BASE, Step.PATCHED))
    judged = check.judge(work.record.case, work.target, base, patched)
    outcome = judged.outcome or worst((f.severity for f in judged.findings), Outcome.PASS)
    return JobResult(
        job=work.job,
        outcome=outcome,
        reason=judged.reason,
        findings=judged.findings,
        inherited=judged.inherited,
        base_only=judged.base_only,
        facts=judged.facts,
        uncovered=judged.uncovered,
    )


def _probe(work: Work, attempt: int) -> JobResult:
    check = registry.check(work.job.check)
    kept = reuse.warm(work, check)
    seen_before = reuse.remembered(work, check)
    if seen_before is not None and (kept is None or kept.kept):
        return JobResult(job=work.job, outcome=Outcome.PASS, observation=seen_before)
    work.bring_trees()
    start = reuse.start(work, check)
    change = work.record.case.change
    sources = work.sources
    if work.job.step is Step.PATCHED:
        source, leave = sources.changed(change.patched_tree, change.base_tree), None
    elif start is None:
        source, leave = sources.whole(change.base_tree), kept
    else:
        source, leave = sources.changed(change.base_tree, start.warm.tree), kept
    with (
        source as tree,
        build_directory(work.settings, work.record.run, work.job.id, attempt) as directory,
    ):
        needed = work.kept(work.record.plan.check(check.name).needs, work.job.step)
        bench = open_bench(work, check, tree, directory, needed, side=work.job.step)
        bench = replace(bench, start=start, leave=leave, compiled=reuse.compile_cache(work))
        result = _observe(work, check, bench)
    if result.observation:
        reuse.remember(work, check, result.observation)
    if check.keeps_build:
        reuse.make_room(work)
    return result


def _observe(work: Work, check: Check, bench: Bench) -> JobResult:
    def kept_log() -> JobResult:
        """A result that has nothing but the log so far."""
        return JobResult(job=work.job, outcome=Outcome.ERROR, log=work.keep_log(bench.log))

    try:
        seen = check.probe(bench)
    except InfraError as error:
        return replace(kept_log(), reason=_here(work.settings, str(error)))
    if seen.skip:
        return replace(kept_log(), outcome=Outcome.SKIP, reason=seen.skip)
    payload = work.artifacts.keep_text(f"{check.name}-{work.job.step}.json", dumps(seen.seen))
    observation = Observation(
        check=check.name,
        side=work.job.step,
        seen=payload,
        artifacts=seen.artifacts,
        blocks=seen.blocks,
    )
    return replace(kept_log(), outcome=Outcome.PASS, observation=observation)


_DO = {Step.BASE: _probe, Step.PATCHED: _probe, Step.JUDGE: _judge, Step.TRACE: trace}
