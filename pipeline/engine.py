# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives a run to its one verdict: carries out what the reconciler decides, on a clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import suppress

from celery import Celery

from pipeline.app import RedisAwayError, send
from pipeline.artifacts import ArtifactStore
from pipeline.coordinator import (
    ALIVE_S,
    ORPHANED_S,
    RENEW_S,
    SEEN_S,
    Action,
    Send,
    TakeBack,
    finished,
    next_actions,
)
from pipeline.fleet import Fleet
from pipeline.known import blocked, seen_on_base, set_aside
from pipeline.model import InfraError, Verdict
from pipeline.owner import is_alive, is_dead
from pipeline.queues import explained, queue_near, queue_of
from pipeline.removal import remove
from pipeline.settings import Settings
from pipeline.store import JobRow, RunLine, RunRecord, Store, WorkerLine
from pipeline.temporary import sweep_temporary
from pipeline.trees.publish import left_published, withdraw
from pipeline.verdict import decide
from pipeline.verdict_files import leave

#: How often it is looked whether a worker died or a job is overdue; a job that is done is heard.
_TICK_S = 0.5
_DISCARD_TRIES = 12


def conclude(store: Store, record: RunRecord, error: str = "") -> Verdict:
    """Give the run its one verdict, from the results that there are; the one it has if any.

    ERROR says, if not empty, why it was not brought to its end.
    """
    store.abandon(record.run)
    results = [row.result for row in store.jobs(record.run) if row.result is not None]
    decided = decide(
        run=record.run,
        series=record.case.series,
        base=record.case.base,
        plan=record.plan,
        results=results,
        change=record.case.change,
        seconds=time.time() - record.created_at,
        error=error,
    )
    now = store.clock()()
    verdict = set_aside(
        decided, store.known(now), change=record.case.change, blocks=blocked(results)
    )
    if not record.case.base.others:
        store.remember(seen_on_base(record.run, record.plan, results, now), now)
    if store.finish_run(verdict):
        return verdict
    # Somebody gave it one before, or we did when the database went away: there is one only.
    stored = store.verdict(record.run)
    if stored is None:
        raise InfraError(f"The run {record.run} is not in the database any more.")
    return stored


def clean_up(settings: Settings, store: Store) -> tuple[str, ...]:
    """Conclude runs whose coordinator was killed; their names."""
    concluded = []
    unfinished = store.unfinished()
    now = store.clock()() if unfinished else 0.0
    for line in unfinished:
        if not _is_orphaned(line, now):
            continue
        try:
            record = store.run(line.run)
        except InfraError:
            continue  # another version wrote it
        if record is not None:
            killed = "crosscheck was killed before the run was finished"
            verdict = conclude(store, record, error=killed)
            with suppress(InfraError):  # it can be shown all the same
                leave(settings, verdict)
            concluded.append(line.run)
        discard(settings, line.run)
    sweep(settings, store)
    withdraw(settings, *{*concluded, *left_published(settings)})
    return tuple(concluded)


def _is_orphaned(line: RunLine, now: float) -> bool:
    """Whether the coordinator of a run without a verdict is gone, here or on another machine."""
    if is_dead(line.owner):
        return True
    gone = line.seen_at is not None and now - line.seen_at > ORPHANED_S
    return gone and not is_alive(line.owner)


def sweep(settings: Settings, store: Store) -> None:
    """Remove what processes that were killed left on this machine of runs that have their verdict,
    and what is kept for too long.
    """
    sweep_temporary(settings)
    ArtifactStore(settings.artifacts_dir).sweep(settings.keep_days)
    if settings.builds_dir.is_dir():
        for run in store.over(directory.name for directory in settings.builds_dir.iterdir()):
            discard(settings, run)


def discard(settings: Settings, run: str) -> None:
    """Remove what only a run in progress needs."""
    (settings.runs_dir / run / "redis.sock").unlink(missing_ok=True)
    builds = settings.builds_dir / run
    for _ in range(_DISCARD_TRIES):
        remove(builds)
        if not builds.exists():
            return
        time.sleep(_TICK_S / 2)  # compilers die after their worker, and may still write


def _apply(
    store: Store, app: Celery, fleet: Fleet, record: RunRecord, action: Action, *, now: float
) -> None:
    """Carry out ACTION; one that the database does not take, since all moved on, is nothing.

    What it took just before it went away counts as taken (`Store` can tell): the message is sent,
    the worker that hangs is ended.
    """
    if isinstance(action, Send):
        row = action.row
        if store.mark_sent(record.run, row, now):
            queue = queue_of(record, row.job)
            send(
                app,
                queue_near(queue, action.near) if action.near else queue,
                run=record.run,
                job=row.job.id,
                attempt=row.attempt,
                cores=action.cores if fleet.is_private else 0,
            )
        return
    if isinstance(action, TakeBack):
        changed = store.take_back(record.run, action.row)
    else:
        changed = store.settle(record.run, action.row, action.result)
    if changed and action.row.state == "running":
        fleet.end(action.row.worker)  # it hangs, or is stopped: it would take no other job


def drive(
    store: Store,
    record: RunRecord,
    app: Celery,
    fleet: Fleet,
    show: Callable[[tuple[JobRow, ...]], None],
    *,
    wait: Callable[[float], None],
) -> Verdict:
    """Bring the run to its verdict; SHOW is called with where the jobs stand.

    WAIT lasts as many seconds as it is given, or until a job is done. How long the database may
    be away is the STORE's patience.

    Raises InfraError when the fleet cannot be kept alive or the database is lost.
    """
    options = record.options
    before = {} if fleet.is_private else store.workers_of_bases(record.plan)
    clock = store.clock()
    ticked = time.time()
    rows: tuple[JobRow, ...] = ()
    others = _Others(store)
    seen_at = -math.inf
    while True:
        lost = fleet.tend()
        for worker in lost.workers:
            store.expire_worker(worker)
        if lost.queue:
            store.expect_lost(record.run)
        if time.time() - ticked > 3 * RENEW_S:
            time.sleep(2 * RENEW_S)  # this machine slept: let its workers renew their leases
        ticked = time.time()
        now = clock()
        if now - seen_at >= SEEN_S:
            seen_at = now
            store.see_run(record.run, now)
        rows = store.jobs(record.run, rows)
        workers = () if fleet.is_private else others.alive(now)
        show(rows if fleet.is_private else explained(record, rows, workers, now))
        if finished(rows):
            return conclude(store, record)
        window = options.jobs or max(1, len(workers))
        actions = next_actions(
            record.plan, rows, now, window=window, cores=options.cores, before=before
        )
        try:
            for action in actions:
                _apply(store, app, fleet, record, action, now=now)
        except RedisAwayError:
            store.expect_lost(record.run)  # `tend` starts a private one again
            time.sleep(2 * _TICK_S)
        if all(isinstance(action, Send) for action in actions):
            wait(_TICK_S)  # else more may be ready at once


class _Others:
    """Workers that are not of this run alone; asked for now and then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked_at = -math.inf
        self._alive: tuple[WorkerLine, ...] = ()

    def alive(self, now: float) -> tuple[WorkerLine, ...]:
        """Those that lived a moment ago."""
        if now - self._asked_at >= SEEN_S:
            self._asked_at = now
            self._alive = self._store.workers(since=now - ALIVE_S)
        return self._alive
