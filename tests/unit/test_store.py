# SPDX-License-Identifier: GPL-2.0-or-later
"""The database of runs: whoever comes late changes nothing, and its faults are one sentence."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from pipeline.model import (
    Case,
    CrosscheckError,
    InfraError,
    InputError,
    Job,
    JobResult,
    Outcome,
    Step,
)
from pipeline.store import Options, RunRecord, Store, WorkerLine
from tests.postgres import PASSWORD
from tests.unit.builders import base, change, plan, seen, series

JOB = Job("arm64", "build", Step.BASE)
PASSED = JobResult(JOB, Outcome.PASS, observation=seen())
LOST = JobResult(JOB, Outcome.ERROR, reason="lost")


def record(run="r"):
    return RunRecord(run, 1.0, Options(), plan("arm64"), Case(run, series(), base(), change()), "h")


@pytest.fixture
def store(url):
    store = Store(url)
    store.create_run(record())
    return store


def row(store):
    return next(r for r in store.jobs("r") if r.job == JOB)


def claim(store, attempt=1, worker="h:1"):
    return store.claim("r", JOB, attempt, worker=worker, now=2.0, lease_s=30)


@pytest.fixture
def claimed(store):
    assert store.mark_sent("r", row(store), 1.0)
    assert claim(store)
    return store


def test_a_message_that_comes_twice_is_heeded_once(claimed):
    assert not claim(claimed, worker="h:2")
    assert row(claimed).worker == "h:1"
    assert claimed.finish("r", 1, PASSED)
    assert not claim(claimed, worker="h:2")
    assert not claimed.finish("r", 1, LOST)
    assert row(claimed).result == PASSED


def test_a_job_that_a_worker_took_meanwhile_is_not_queued_again(store):
    before = row(store)
    assert store.mark_sent("r", before, 1.0)
    assert claim(store)
    assert not store.mark_sent("r", before, 2.0)
    assert row(store).state == "running"


def test_a_worker_that_was_lost_changes_nothing_when_it_comes_back(claimed):
    assert claimed.take_back("r", row(claimed))
    assert not claimed.renew("r", JOB, 1, doing="late", lease_until=99.0)
    assert not claimed.finish("r", 1, PASSED)
    assert not claim(claimed, attempt=1)
    assert (row(claimed).state, row(claimed).attempt, row(claimed).result) == ("waiting", 2, None)
    assert claimed.mark_sent("r", row(claimed), 3.0)
    assert claim(claimed, attempt=2, worker="h:2")
    assert not claimed.finish("r", 1, PASSED)
    assert row(claimed).state == "running"


def test_a_result_that_lands_first_is_neither_settled_nor_taken_back(claimed):
    before = row(claimed)
    assert claimed.finish("r", 1, PASSED)
    assert not claimed.settle("r", before, LOST)
    assert not claimed.take_back("r", before)
    assert row(claimed).result == PASSED


def test_nothing_lands_in_a_run_that_was_given_up(claimed):
    claimed.abandon("r")
    assert not claimed.renew("r", JOB, 1, doing="late", lease_until=99.0)
    assert not claimed.finish("r", 1, PASSED)
    assert row(claimed).result is None


def test_only_the_leases_of_the_dead_worker_end(claimed):
    claimed.expire_worker("h:11")
    assert row(claimed).lease_until == 32.0
    claimed.expire_worker("h:1")
    assert row(claimed).lease_until == 0.0


FULL = {
    "sqlite": ("pragma max_page_count = 1", r"disk is full"),
    "postgresql": ("set default_transaction_read_only = on", r"in a read-only transaction"),
}


def test_a_database_that_takes_no_more_is_one_sentence(store):
    statement, said = FULL[store._engine.dialect.name]

    def small(connection, _record):
        connection.execute(statement)
        connection.commit()

    store._engine.dispose()
    sa.event.listen(store._engine, "connect", small)
    with pytest.raises(InfraError, match=rf"{said}\): see .* room\.$") as raised:
        store.cache("k" * 10**6, seen(), 1.0)
    assert "\n" not in str(raised.value)


def test_a_database_that_is_none_is_one_sentence(tmp_path):
    (tmp_path / "c.db").write_text("no database " * 99)
    for url in (
        f"sqlite:///{tmp_path}/c.db",
        "postgresql://h/d?host=/nonexistent",
        "mysql+none://h/d",
        "mysql://h/d",
        "what?",
    ):
        with pytest.raises(CrosscheckError, match="CROSSCHECK_DATABASE_URL") as raised:
            Store(url)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@localhost:1/d",
        "postgresql://localhost:1/d?user=me&password=secret",
        "postgresql://me:secret",  # is taken for the port
        "postgresql://me:p@secret@localhost/d",  # for a part of the host
        "postgresql://me:p@secret/@localhost/d",
        "postgresql://me:p@localhost/secret@x/d",  # of the database
        "mysql+none://me:secret@h/d",
        "secret",
    ],
)
def test_a_password_is_never_shown(url):
    with pytest.raises(CrosscheckError) as raised:
        Store(url)
    assert "secret" not in str(raised.value)


@pytest.mark.integration
def test_a_password_is_not_shown_by_a_database_that_was_opened(server):
    url = server.new_database()
    store = Store(url)
    with store._engine.connect() as connection:
        connection.exec_driver_sql("drop table workers")
        connection.commit()
    with pytest.raises(InfraError, match=r"fails .*workers") as fails:
        store.workers(0.0)
    server.stop()
    with pytest.raises(InfraError, match="does not answer") as away:
        store.workers(0.0)
    server.start()
    with pytest.raises(InfraError, match="password authentication failed") as wrong:
        Store(url.replace(PASSWORD, f"no{PASSWORD}"))
    assert not [each for each in (fails, away, wrong) if PASSWORD in str(each.value)]


def test_a_name_that_is_no_text_is_the_inputs_fault(store):
    case = Case("s", series(), base(tree="/caf\udce9"), change())
    with pytest.raises(InputError, match="no UTF-8"):
        store.create_run(RunRecord("s", 1.0, Options(), plan("arm64"), case, "h"))


def test_what_another_version_stored_is_one_sentence_or_looked_at_anew(store):
    store.cache("k", seen(), 1.0)
    assert store.cached("k") == seen()
    with store._engine.begin() as connection:
        connection.execute(sa.text("update observations set observation = '{\"new\": 1}'"))
        connection.execute(sa.text("update runs set plan = '{}'"))
    assert store.cached("k") is None
    with pytest.raises(InfraError, match="another version"):
        store.run("r")


def test_who_looked_at_a_base_last_is_known_in_later_runs(claimed):
    assert claimed.workers_of_bases(plan("arm64")) == {}
    claimed.finish("r", 1, PASSED)
    assert claimed.workers_of_bases(plan("arm64")) == {JOB: "h:1"}
    assert claimed.workers_of_bases(plan("mips")) == {}
    claimed.create_run(record("s"))
    (later,) = [each for each in claimed.jobs("s") if each.job == JOB]
    claimed.mark_sent("s", later, 5.0)
    claimed.claim("s", JOB, 1, worker="h2:7", now=5.0, lease_s=30.0)
    claimed.finish("s", 1, PASSED)
    assert claimed.workers_of_bases(plan("arm64")) == {JOB: "h2:7"}


def test_who_worked_on_a_base_and_was_lost_did_not_do_it(claimed):
    claimed.take_back("r", row(claimed))
    claimed.mark_sent("r", row(claimed), 3.0)
    claim(claimed, attempt=2, worker="h:2")
    claimed.finish("r", 2, PASSED)
    claimed.create_run(record("s"))
    (later,) = [each for each in claimed.jobs("s") if each.job == JOB]
    claimed.mark_sent("s", later, 5.0)
    claimed.claim("s", JOB, 1, worker="h2:7", now=5.0, lease_s=30.0)
    (later,) = [each for each in claimed.jobs("s") if each.job == JOB]
    claimed.take_back("s", later)
    claimed.abandon("s")
    assert claimed.workers_of_bases(plan("arm64")) == {JOB: "h:2"}


def test_what_a_hostile_series_is_doing_is_no_reason_to_lose_its_lease(claimed):
    assert claimed.renew("r", JOB, 1, doing="CC a\0b.o", lease_until=99.0)
    assert row(claimed).doing == "CC ab.o"
    case = Case("s", series(subject="a\0b"), base(), change())
    claimed.create_run(RunRecord("s", 1.0, Options(), plan("arm64"), case, "h"))
    assert [line.subject for line in claimed.runs() if line.run == "s"] == ["ab"]


def test_workers_are_there_from_when_they_are_seen_until_they_end(store):
    def line(worker, queues=("build",)):
        return WorkerLine(worker, worker[0], queues, 1.0, 8, "docker", "0.1")

    store.see_worker(line("b:1"), now=10.0)
    store.see_worker(line("a:2"), now=20.0)
    assert [w.worker for w in store.workers(since=10.0)] == ["a:2", "b:1"]
    assert [w.worker for w in store.workers(since=10.5)] == ["a:2"]
    store.see_worker(line("b:1", queues=("boot", "build")), now=30.0)
    (seen_again,) = store.workers(since=30.0)
    assert (seen_again.queues, seen_again.started_at, seen_again.seen_at) == (
        ("boot", "build"),
        1.0,
        30.0,
    )
    store.forget_worker("b:1")
    store.forget_worker("b:1")
    assert [w.worker for w in store.workers(since=0.0)] == ["a:2"]
