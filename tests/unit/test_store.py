# SPDX-License-Identifier: GPL-2.0-or-later
"""The database of runs: whoever comes late changes nothing, and its faults are one sentence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from pipeline.model import Case, InfraError, InputError, Job, JobResult, Outcome, Step
from pipeline.store import Options, RunRecord, Store
from tests.unit.builders import base, change, plan, seen, series

JOB = Job("arm64", "build", Step.BASE)
PASSED = JobResult(JOB, Outcome.PASS, observation=seen())
LOST = JobResult(JOB, Outcome.ERROR, reason="lost")


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/state/c.db"


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


def test_many_may_open_a_new_database_at_once(url):
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: Store(url), range(8)))
    assert all(store.jobs("r") == () for store in stores)


def test_a_full_disk_is_one_sentence(store):
    def small(connection, _record):
        connection.execute("pragma max_page_count = 1")

    store._engine.dispose()
    sa.event.listen(store._engine, "connect", small)
    with pytest.raises(InfraError, match=r"disk is full\): see .* room\.$") as raised:
        store.cache("k" * 10**6, seen(), 1.0)
    assert "\n" not in str(raised.value)


def test_a_database_that_is_none_is_one_sentence(tmp_path):
    (tmp_path / "c.db").write_text("no database " * 99)
    for url in (f"sqlite:///{tmp_path}/c.db", "mysql+none://me:secret@h/d", "what?"):
        with pytest.raises(InfraError, match="CROSSCHECK_DATABASE_URL") as raised:
            Store(url)
        assert "\n" not in str(raised.value)
        assert "secret" not in str(raised.value)


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
