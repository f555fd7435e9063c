# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails and submissions in the database: each once, threads joined, positions never ahead."""

from __future__ import annotations

import tempfile
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.store import Asked, Incoming, Store, Submission


@pytest.fixture
def store(url):
    return Store(url)


def mail(name, *references, author="a@b", raw=b"From: a@b\n\nhello\n"):
    return Incoming(name, references, "mm", author, raw)


def test_a_mail_that_comes_through_two_sources_is_stored_once(store):
    assert store.take_in("imap", "1", [mail("a")], 1.0) == {"a"}
    assert store.take_in("nntp", "9", [mail("a"), mail("b", "a")], 2.0) == {"a"}
    assert [m.message_id for m in store.thread("a")] == ["a", "b"]
    assert store.thread("a")[0].arrived_at == 1.0
    assert (store.position("imap"), store.position("nntp")) == ("1", "9")


def test_bytes_come_back_as_they_were(store):
    raw = bytes(range(256)) * 50
    store.take_in("s", "1", [mail("a", raw=raw)], 1.0)
    assert store.mail("a").raw == raw


def test_a_source_that_fails_stands_where_it_stood(store):
    store.take_in("s", "7", [], 1.0)
    store.blame_source("s", "does not answer", 2.0)
    (line,) = store.sources()
    assert (line.position, line.error) == ("7", "does not answer")
    store.take_in("s", "8", [], 3.0)
    assert store.sources()[0].error == ""


def test_a_mail_that_names_two_threads_joins_them_and_what_was_posted_in_them(store):
    store.take_in("s", "1", [mail("a"), mail("b")], 1.0)
    assert store.submit(submission("b", thread="b"))
    store.take_in("s", "2", [mail("c", "a", "b")], 2.0)
    assert {m.message_id for m in store.thread("a")} == {"a", "b", "c"}
    assert [s.message_id for s in store.submissions_of("a")] == ["b"]


#: A thread: each mail answers an earlier one, and names it alone, or all above it.
THREADS = st.lists(st.tuples(st.integers(0, 100), st.booleans()), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(answers=THREADS, order=st.randoms())
def test_a_thread_is_one_in_whatever_order_its_mails_come(tmp_path, answers, order):
    above: list[tuple[int, ...]] = [()]
    for drawn, alone in answers:
        parent = drawn % len(above)
        above.append((parent,) if alone else (*above[parent], parent))
    mails = [mail(f"m{n}", *(f"m{p}" for p in ids)) for n, ids in enumerate(above)]
    order.shuffle(mails)
    store = Store(f"sqlite:///{tempfile.mkdtemp(dir=tmp_path)}/c.db")
    for position, each in enumerate(mails):
        store.take_in("s", str(position), [each], float(position))
    threads = {store.mail(each.message_id).thread for each in mails}
    assert len(threads) == 1
    assert {m.message_id for m in store.thread(*threads)} == {m.message_id for m in mails}


def submission(message_id="m", state="ready", thread="t"):
    return Submission(
        message_id=message_id,
        list="mm",
        thread=thread,
        subject="mm: a subject",
        author="a@b",
        version=2,
        state=state,
        due_at=5.0,
        created_at=1.0,
        asked=Asked(arch=("s390",)),
    )


def test_a_series_is_submitted_once_whoever_brings_it(store):
    assert store.submit(submission())
    assert not store.submit(submission(state="waiting"))
    assert store.submission("m") == submission()


def test_who_moves_late_moves_nothing(store):
    old = submission()
    store.submit(old)
    first = replace(old, state="running", run="r1", starts=1)
    assert store.move(old, first)
    assert not store.move(old, replace(old, state="running", run="r2", starts=1))
    assert store.submission("m") == first
    assert store.submissions(("ready",)) == ()
    assert store.submissions(("running",)) == (first,)


def test_the_first_mail_of_what_was_incomplete_may_become_another(store):
    old = submission("patch-2", "waiting")
    store.submit(old)
    new = replace(old, message_id="patch-1", state="ready")
    assert store.move(old, new)
    assert store.submission("patch-2") is None
    assert store.submission("patch-1") == new


def test_one_watches_and_another_may_when_it_is_over(store):
    assert store.watch("h 1 x", 1.0) is None
    assert store.watch("h 1 x", 2.0) is None
    there = store.watch("h 2 y", 3.0)
    assert (there.position, there.read_at) == ("h 1 x", 2.0)
    assert store.watch("h 2 y", 3.0, over="h 1 x") is None
    assert store.watch("h 1 x", 4.0).position == "h 2 y"
    assert store.sources() == ()


def test_old_mails_are_forgotten(store):
    store.take_in("s", "1", [mail("a")], 1.0)
    store.take_in("s", "2", [mail("b")], 5.0)
    assert store.threads_since(2.0) == ("b",)
    assert store.forget_mails(2.0) == 1
    assert store.mail("a") is None
    assert store.mails_by("a@b", 0, 9) == (store.mail("b"),)
