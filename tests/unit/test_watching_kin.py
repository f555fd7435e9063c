# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that lost their thread come to their series, and to no other of their author's."""

from __future__ import annotations

from itertools import permutations

import pytest

from pipeline.series.mail import parse
from pipeline.series.threads import State, postings_in
from pipeline.store import Incoming, Store
from pipeline.watching.kin import kin


@pytest.fixture
def store(tmp_path):
    return Store(f"sqlite:///{tmp_path}/db")


def mail(name: str, subject: str, at: str, above: str = "") -> Incoming:
    answers = f"In-Reply-To: <{above}>\n" if above else ""
    diff = f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+b\n"
    body = "Why.\n" if " 0/" in subject else diff
    raw = (
        f"From: Ann <ann@x>\nSubject: {subject}\nMessage-ID: <{name}>\n"
        f"Date: Mon, 2 Nov 2026 {at}:00 +0000\n{answers}\n{body}"
    ).encode()
    return Incoming(name, (above,) if above else (), "l", parse(raw, name).sender, raw)


def wholes(store: Store, thread: str) -> set[tuple[str, ...]]:
    """The Message-IDs of each complete series of THREAD, cover first."""
    found = postings_in(each.mail for each in kin(store, thread))
    return {
        (one.message_id, *(p.letter.message_id for p in one.series.patches))
        for one in found
        if one.state is State.COMPLETE and one.series
    }


FOO = (mail("foo1", "[PATCH 1/2] foo: a", "10:00"), mail("foo2", "[PATCH 2/2] foo: b", "10:00"))


def test_what_lost_its_thread_is_found(store):
    store.take_in("s", "1", FOO[:1], 0.0)
    assert wholes(store, "foo1") == set()
    store.take_in("s", "2", FOO[1:], 60.0)
    for thread in ("foo1", "foo2"):
        assert wholes(store, thread) == {("foo1", "foo1", "foo2")}


@pytest.mark.parametrize("order", [*permutations(range(2))])
def test_a_series_without_cover_takes_no_other_ones(store, order):
    plain = (
        mail("x1", "[PATCH 1/2] x: a", "10:00"),
        mail("x2", "[PATCH 2/2] x: b", "10:00", "x1"),
    )
    covered = (
        mail("y0", "[PATCH 0/2] y", "10:10"),
        mail("y1", "[PATCH 1/2] y: a", "10:10", "y0"),
        mail("y2", "[PATCH 2/2] y: b", "10:10", "y0"),
    )
    for n in order:
        store.take_in("s", str(n), (plain, covered)[n], 0.0)
    assert wholes(store, "x1") == {("x1", "x1", "x2")}
    assert wholes(store, "y0") == {("y0", "y1", "y2")}


@pytest.mark.parametrize("at", ["10:10", "15:10"])
@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_two_that_lost_their_threads_are_not_mixed(store, at, order):
    """Also where a source brings at once what was sent over hours."""
    bar = (mail("bar1", "[PATCH 1/2] bar: a", at), mail("bar2", "[PATCH 2/2] bar: b", at))
    heap = (*FOO, *bar)
    store.take_in("s", "1", [heap[n] for n in order], 0.0)
    mine = {"foo1": ("foo1", "foo1", "foo2"), "bar1": ("bar1", "bar1", "bar2")}
    for thread, whole in mine.items():
        found = wholes(store, thread)
        assert whole in found
        assert found <= set(mine.values())


def test_what_was_sent_at_once_and_may_be_either_is_left_alone(store):
    bar = (
        mail("bar1", "[PATCH 1/2] bar: a", "10:00"),
        mail("bar2", "[PATCH 2/2] bar: b", "10:00"),
    )
    store.take_in("s", "1", (*FOO, *bar), 0.0)
    assert wholes(store, "foo1") == wholes(store, "bar2") == set()
