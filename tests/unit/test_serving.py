# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck worker`: what it cleans up, what it waits for, and what it does not wait for."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest

from pipeline import engine, serving
from pipeline.fleet import Losses
from pipeline.model import Case, InfraError
from pipeline.owner import owner
from pipeline.settings import load
from pipeline.signals import SignalledError
from pipeline.store import Options, RunRecord, Store, WorkerLine
from tests.unit.builders import base, change, plan, series


@pytest.fixture
def store(tmp_path):
    return Store(f"sqlite:///{tmp_path}/c.db")


@pytest.fixture
def settings(tmp_path):
    where = {"XDG_CACHE_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    return load(where | {"CROSSCHECK_REDIS_URL": "redis://nowhere.invalid"})


class FakeFleet:
    """Workers that nobody starts; Ctrl-C comes after TICKS looks."""

    def __init__(self, ticks=1):
        self.ticks = ticks

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def tend(self):
        self.ticks -= 1
        if self.ticks < 0:
            raise SignalledError("interrupted by SIGINT")
        return Losses((), queue=False)

    def names(self):
        return ("here:1",)

    def stop(self):
        pass


def line(pid, host=""):
    host = host or socket.gethostname()
    return WorkerLine(f"{host}:{pid}", host, (), 1.0, 1, "bubblewrap", "1")


def test_workers_of_this_host_that_were_killed_are_forgotten_at_the_next_start(store) -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    for each in (line(gone.pid), line(gone.pid, "elsewhere.invalid"), line(os.getpid())):
        store.see_worker(each, 2.0)
    serving._forget_dead(store)
    left = {each.worker for each in store.workers(since=0)}
    assert left == {f"elsewhere.invalid:{gone.pid}", f"{socket.gethostname()}:{os.getpid()}"}


def test_what_killed_workers_left_of_runs_that_are_over_is_removed(store, settings) -> None:
    """On a host where no other command is ever run."""
    for name in ("over", "goes-on"):
        case = Case(name, series(), base(), change())
        record = RunRecord(name, time.time(), Options(), plan("arm64"), case, owner())
        store.create_run(record)
        (settings.builds_dir / name / "job-1").mkdir(parents=True)
    engine.conclude(store, store.run("over"))
    with pytest.raises(SignalledError):
        serving._tend(settings, FakeFleet(), store, (), cores=1)
    assert [place.name for place in settings.builds_dir.iterdir()] == ["goes-on"]


def test_a_database_that_is_away_is_waited_for_without_end_but_not_when_all_ends(
    store, settings, monkeypatch
) -> None:
    limits = []
    patient = store.patient

    @contextmanager
    def noted(say, limit_s):
        limits.append(limit_s)
        with patient(say, limit_s):
            yield

    def away(_name):
        raise InfraError("The database does not answer.")

    monkeypatch.setattr(store, "patient", noted)
    monkeypatch.setattr(store, "expire_worker", away)
    monkeypatch.setattr(serving, "Store", lambda _url: store)
    monkeypatch.setattr(serving, "services", lambda _settings: ())
    monkeypatch.setattr(serving, "_queues", lambda *_: ())
    monkeypatch.setattr(serving, "Fleet", lambda **_: FakeFleet())
    said = []
    serving.serve(settings, serving.Offer(1), said.append)
    assert limits == [math.inf, 0]
    assert said[-1] == "ended; what was being done is done by others"
