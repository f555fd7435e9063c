# SPDX-License-Identifier: GPL-2.0-or-later
"""A PostgreSQL server that goes away in the middle of a run, and comes back, or does not."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext

import pytest
import sqlalchemy as sa

from pipeline import engine
from pipeline.fleet import Losses
from pipeline.model import Case, InfraError, Job, JobResult, Outcome, Step
from pipeline.running import _break_off
from pipeline.settings import load
from pipeline.signals import SignalledError
from pipeline.store import AwayError, MailState, Options, OutMail, RunRecord, Store
from tests.unit.builders import base, change, plan, seen, series
from workers.lease import Lease

pytestmark = pytest.mark.integration

JOB = Job("arm64", "build", Step.BASE)
PASSED = JobResult(JOB, Outcome.PASS, observation=seen())


class NoFleet:
    is_private = True

    def tend(self):
        return Losses((), queue=False)

    def end(self, name):
        raise AssertionError(f"{name} does not hang")


@pytest.fixture
def url(server):
    return server.new_database()


@pytest.fixture
def store(url):
    """With a run whose command is gone."""
    store = Store(url)
    owner = f"{socket.gethostname()} 1 long:ago"
    case = Case("r", series(), base(), change())
    store.create_run(RunRecord("r", time.time(), Options(), plan("arm64"), case, owner))
    return store


def row(store, job=JOB):
    return next(r for r in store.jobs("r") if r.job == job)


def unheard(store, *, committed):
    """The connection dies with the next commit, before or after the server has done it."""
    dead = []

    def die(connection):
        if not dead:
            dead.append(connection)
            driver = connection.connection.dbapi_connection
            if committed:
                driver.commit()
            driver.close()

    sa.event.listen(store._engine, "commit", die)


def ready(store, *steps):
    """The job, as STEPS leave it."""
    if "queued" in steps:
        assert store.mark_sent("r", row(store), 1.0)
    if "running" in steps:
        assert store.claim("r", JOB, 1, worker="h:1", now=2.0, lease_s=30)
    return row(store)


CHANGES = {
    "mark_sent": ((), lambda store, row: store.mark_sent("r", row, 1.0)),
    "claim": (
        ("queued",),
        lambda store, _: store.claim("r", JOB, 1, worker="h:1", now=2.0, lease_s=30),
    ),
    "renew": (
        ("queued", "running"),
        lambda store, _: store.renew("r", JOB, 1, doing="CC", lease_until=40.0),
    ),
    "finish": (("queued", "running"), lambda store, _: store.finish("r", 1, PASSED)),
    "settle": (("queued", "running"), lambda store, row: store.settle("r", row, PASSED)),
    "take_back": (("queued", "running"), lambda store, row: store.take_back("r", row)),
}


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_whose_commit_was_not_heard_of_is_made_once_and_known_for_ours(
    store, name, committed
):
    steps, make = CHANGES[name]
    before = ready(store, *steps)
    unheard(store, committed=committed)
    with store.patient(print):
        assert make(store, before)
    after = row(store)
    assert after != before
    assert after.attempt == before.attempt + (name == "take_back")


def test_a_change_of_somebody_elses_is_not_known_for_ours(store, url):
    ready(store, "queued")
    unheard(store, committed=False)
    other = Store(url)
    with store.patient(lambda _: other.claim("r", JOB, 1, worker="h:2", now=2.0, lease_s=30)):
        assert not store.claim("r", JOB, 1, worker="h:1", now=2.0, lease_s=30)
    assert row(store).worker == "h:2"


def a_mail(store, *steps):
    """A mail of ours, as STEPS leave it."""
    store.post(MAIL)
    if "claimed" in steps or "handing" in steps:
        store.claim_mail(store.out_mail("m"), "h:1", 2.0)
    if "handing" in steps:
        store.hand_over(store.out_mail("m"), 3.0)
    if "parked" in steps:
        store.give_up(store.out_mail("m"), 4.0)
    if "held" in steps:
        store.hold_mail(store.out_mail("m"), "why")
    return store.out_mail("m")


MAIL = OutMail("m", "r", "mm", "all", "a@x", "s", ("a@x",), b"text", MailState.READY, 1.0, 1.0)
MAIL_CHANGES = {
    "claim": ((), lambda store, mail: store.claim_mail(mail, "h:1", 2.0)),
    "hand over": (("claimed",), lambda store, mail: store.hand_over(mail, 3.0)),
    "sent": (("handing",), lambda store, mail: store.settle_mail(mail, MailState.SENT, 4.0)),
    "later": (
        ("claimed",),
        lambda store, mail: store.settle_mail(mail, MailState.READY, 4.0, said="451", due_at=9.0),
    ),
    "give up a claim": (("claimed",), lambda store, mail: store.give_up(mail, 4.0) == "ready"),
    "give up a mail": (("handing",), lambda store, mail: store.give_up(mail, 4.0) == "parked"),
    "hold": ((), lambda store, mail: store.hold_mail(mail, "why")),
    "approve": (("held",), lambda store, mail: store.approve_mail(mail, "moderate", 4.0)),
    "drop": (("held",), lambda store, mail: store.drop_mail(mail, 4.0)),
    "retry": (("handing", "parked"), lambda store, mail: store.retry_mail(mail, 5.0)),
}


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("name", MAIL_CHANGES)
def test_a_change_of_a_mail_whose_commit_was_not_heard_of_is_made_once(store, name, committed):
    steps, make = MAIL_CHANGES[name]
    before = a_mail(store, *steps)
    unheard(store, committed=committed)
    with store.patient(print):
        assert make(store, before)
    after = store.out_mail("m")
    assert after != before
    assert after.tries == before.tries + (name == "claim")
    assert not make(store, before)


@pytest.mark.parametrize("committed", [True, False])
def test_a_mail_whose_commit_was_not_heard_of_is_posted_once(store, committed):
    unheard(store, committed=committed)
    with store.patient(print):
        assert store.post(MAIL)
    assert store.out_mail("m") == MAIL


def test_a_mail_that_somebody_else_took_is_not_known_for_ours(store, url):
    before = a_mail(store)
    unheard(store, committed=False)
    other = Store(url)
    with store.patient(lambda _: other.claim_mail(before, "h:2", 2.0)):
        assert store.claim_mail(before, "h:1", 2.0) is None
    assert store.out_mail("m").claimed_by == "h:2"


def test_a_restart_between_two_looks_goes_unnoticed(store, server):
    ready(store)
    server.restart(away_s=0)
    assert ready(store).state == "waiting"


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT])
def test_who_is_patient_waits_and_who_is_not_is_told_at_once(store, server, how):
    server.stop(how)
    began = time.monotonic()
    with pytest.raises(AwayError, match="does not answer"):
        store.runs()
    assert time.monotonic() - began < 2
    said = []
    with ThreadPoolExecutor() as pool, store.patient(said.append):
        runs = pool.submit(store.runs)
        time.sleep(1)
        server.start()
        assert runs.result(timeout=30)
    assert len(said) == 2
    assert "does not answer" in said[0]
    assert "waiting for it, 120 s at most" in said[0]
    assert said[1] == "the database is back"


@pytest.mark.parametrize("ran_out", [False, True])
def test_a_run_goes_on_where_it_was_when_the_server_restarts(
    store, url, server, monkeypatch, ran_out
):
    """Both sides wait; whoever had a job keeps it, and stores its result, if a little later.

    RAN_OUT: the database was away for longer than leases last, and the worker is back last.
    """
    record = store.run("r")
    lease_s = 3 if ran_out else 60
    began, away, back = threading.Event(), threading.Event(), threading.Event()

    def work(job, attempt):
        theirs = Store(url)
        with theirs.patient(print):
            assert theirs.claim("r", job, attempt, worker="h:1", now=time.time(), lease_s=lease_s)
            began.set()
            with nullcontext() if ran_out else Lease(theirs, "r", job, attempt, theirs.clock()):
                away.wait(30)  # the result comes when nobody can take it
            if ran_out and job == JOB:
                back.wait(60)
                time.sleep(3)
            observation = None if job.step is Step.JUDGE else seen(job.check, job.step)
            result = JobResult(job, Outcome.PASS, observation=observation)
            assert theirs.finish("r", attempt, result)

    def send(_app, _queue, *, run, job, attempt, cores):
        (row,) = [r for r in store.jobs(run) if r.job.id == job]
        working.append(pool.submit(work, row.job, attempt))

    monkeypatch.setattr(engine, "send", send)
    working, said = [], []
    with ThreadPoolExecutor() as pool, store.patient(said.append):
        verdict = pool.submit(
            engine.drive, store, record, None, NoFleet(), lambda _rows: None, wait=time.sleep
        )
        assert began.wait(30)
        server.stop()
        away.set()
        time.sleep(10 if ran_out else 1)
        server.start()
        back.set()
        assert verdict.result(timeout=60).outcome is Outcome.PASS
    for worker in working:
        worker.result()
    assert [row.attempt for row in store.jobs("r")] == [1] * len(record.plan.jobs)
    assert "waiting for it" in said[0]


def test_a_server_that_stays_away_ends_the_run_honestly_and_the_next_command_concludes_it(
    store, server, tmp_path, monkeypatch
):
    record = store.run("r")
    monkeypatch.setattr(engine, "send", lambda *_, **__: server.stop() if server.runs() else None)
    with pytest.raises(AwayError) as away, store.patient(print, limit_s=2):
        engine.drive(store, record, None, NoFleet(), lambda _rows: None, wait=time.sleep)
    began = time.monotonic()
    with pytest.raises(InfraError, match=r"does not answer .* Run r has no verdict yet"):
        _break_off(store, record, away.value)
    assert time.monotonic() - began < 2
    server.start()
    settings = load({"XDG_CACHE_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)})
    assert engine.clean_up(settings, store) == ("r",)
    assert store.verdict("r").outcome is Outcome.ERROR


def test_a_signal_in_the_middle_of_a_query_leaves_a_store_that_works(store, caplog):
    def stop(_number, _frame):
        raise SignalledError("interrupted by SIGUSR1")

    def look():
        end = time.monotonic() + 1  # python ignores what is raised while it frees something
        while time.monotonic() < end:
            store.jobs("r")

    before = signal.signal(signal.SIGUSR1, stop)
    stopped = 0
    try:
        for n in range(60):
            timer = threading.Timer(0.001 + n / 5000, os.kill, (os.getpid(), signal.SIGUSR1))
            try:
                timer.start()
                look()
            except SignalledError:
                stopped += 1
            timer.join()
            assert row(store).state == "waiting"
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert stopped > 50
    assert not caplog.records


def test_a_signal_that_sqlalchemy_takes_for_a_fault_of_a_statement_is_a_signal(store, monkeypatch):
    def stop(*_, **__):
        raise SignalledError("interrupted by SIGINT")

    monkeypatch.setattr(store._engine.dialect.execution_ctx_cls, "_init_compiled", stop)
    with pytest.raises(SignalledError):
        store.jobs("r")


def test_a_server_that_does_not_even_refuse_is_away(server):
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(InfraError, match="timeout"):
            Store(f"postgresql://me@127.0.0.1:{port}/d?connect_timeout=2")
