# SPDX-License-Identifier: GPL-2.0-or-later
"""Driving a run: hung workers are ended, a Redis that is away is waited for, orphans are known."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time

import pytest

from pipeline import engine
from pipeline.app import RedisAwayError
from pipeline.fleet import Losses
from pipeline.model import Case, InfraError, JobResult, Outcome, Step
from pipeline.owner import _started, is_dead, owner
from pipeline.settings import load
from pipeline.signals import SignalledError, heeding_signals
from pipeline.store import Options, RunRecord, Store
from tests.unit.builders import base, change, plan, seen, series


class FakeFleet:
    is_private = True

    def __init__(self):
        self.ended = []

    def tend(self):
        return Losses((), queue=False)

    def end(self, name):
        self.ended.append(name)


@pytest.fixture
def store(tmp_path):
    return Store(f"sqlite:///{tmp_path}/c.db")


def created(store, owner=""):
    case = Case("r", series(), base(), change())
    record = RunRecord("r", time.time(), Options(), plan("arm64"), case, owner)
    store.create_run(record)
    return record


def passes(store, job, attempt):
    observation = None if job.step is Step.JUDGE else seen(job.check, job.step)
    store.claim("r", job, attempt, worker="h:2", now=time.time(), lease_s=30)
    store.finish("r", attempt, JobResult(job, Outcome.PASS, observation=observation))


def test_a_worker_that_hangs_is_ended_and_its_job_done_by_another(store, monkeypatch):
    record = created(store)
    sent = []

    def send(_app, _queue, *, run, job, attempt, cores):
        sent.append((job, attempt))
        (row,) = [r for r in store.jobs(run) if r.job.id == job]
        if job.endswith("build/base") and attempt == 1:  # its worker hangs, and renews no lease
            store.claim(run, row.job, 1, worker="h:1", now=time.time(), lease_s=-1)
        else:
            passes(store, row.job, attempt)

    monkeypatch.setattr(engine, "send", send)
    fleet = FakeFleet()
    verdict = engine.drive(store, record, None, fleet, lambda _rows: None, wait=time.sleep)
    assert verdict.outcome is Outcome.PASS
    assert fleet.ended == ["h:1"]
    assert {("arm64/build/base", 1), ("arm64/build/base", 2)} < set(sent)


def test_a_message_that_could_not_be_sent_is_sent_again(store, monkeypatch):
    record = created(store)
    failures = [RedisAwayError("Redis does not answer")] * 3

    def send(_app, _queue, *, run, job, attempt, cores):
        if failures:
            raise failures.pop()
        (row,) = [r for r in store.jobs(run) if r.job.id == job]
        passes(store, row.job, attempt)

    monkeypatch.setattr(engine, "send", send)
    monkeypatch.setattr(engine.time, "sleep", lambda _s: None)
    verdict = engine.drive(store, record, None, FakeFleet(), lambda _rows: None, wait=time.sleep)
    assert verdict.outcome is Outcome.PASS


def test_a_database_that_cannot_be_written_ends_the_run(store, monkeypatch):
    record = created(store)

    def full(*_):
        raise InfraError("the disk is full")

    monkeypatch.setattr(store, "mark_sent", full)
    with pytest.raises(InfraError, match="full"):
        engine.drive(store, record, None, FakeFleet(), lambda _rows: None, wait=time.sleep)


def test_a_process_is_known_by_more_than_its_number():
    me = owner()
    assert not is_dead(me)
    host, pid, started = me.split()
    boot, ticks = started.split(":")
    assert is_dead(f"{host} {pid} {boot}:{int(ticks) - 1}")  # its number was used again
    assert is_dead(f"{host} {pid} 0{boot[1:-1]}z:{ticks}")  # and after a reboot
    assert not is_dead(f"elsewhere.invalid {pid} {started}")


def test_a_process_that_nobody_has_waited_for_is_dead():
    with subprocess.Popen(["sleep", "9"]) as process:
        name = f"{socket.gethostname()} {process.pid} {_started(process.pid)}"
        assert not is_dead(name)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(name)
    assert is_dead(name)


def test_only_what_ended_runs_left_is_swept(store, tmp_path):
    settings = load({"XDG_CACHE_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)})
    created(store, owner=owner())
    for run in ("r", "of-another-database"):
        (settings.builds_dir / run / "job-1").mkdir(parents=True)
    assert engine.clean_up(settings, store) == ()
    assert (settings.builds_dir / "r").exists()
    engine.conclude(store, store.run("r"))
    engine.clean_up(settings, store)
    assert [left.name for left in settings.builds_dir.iterdir()] == ["of-another-database"]


def test_a_run_whose_command_is_gone_is_concluded_once(store, tmp_path):
    settings = load({"XDG_CACHE_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)})
    created(store, owner=f"{socket.gethostname()} 1 long:ago")
    assert engine.clean_up(settings, store) == ("r",)
    assert engine.clean_up(settings, store) == ()
    assert store.verdict("r").outcome is Outcome.ERROR


def test_a_run_elsewhere_is_concluded_when_its_coordinator_is_not_seen_any_more(store, tmp_path):
    settings = load({"XDG_CACHE_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)})
    created(store, owner="elsewhere.invalid 1 long:ago")
    assert engine.clean_up(settings, store) == ()  # it may be about to begin
    store.see_run("r", time.time() - 100)
    assert engine.clean_up(settings, store) == ()
    store.see_run("r", time.time() - 400)
    assert engine.clean_up(settings, store) == ("r",)
    assert store.verdict("r").outcome is Outcome.ERROR


def test_a_coordinator_that_lives_here_need_not_be_seen(store, tmp_path):
    settings = load({"XDG_CACHE_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)})
    created(store, owner=owner())
    store.see_run("r", time.time() - 4000)  # it was stopped, or slept
    assert engine.clean_up(settings, store) == ()


def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with heeding_signals():
            signal.raise_signal(signal.SIGHUP)
            with pytest.raises(SignalledError, match="SIGTERM"):
                signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
