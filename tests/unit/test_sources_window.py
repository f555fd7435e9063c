# SPDX-License-Identifier: GPL-2.0-or-later
"""A window remembers what was read, says so in a position, and stays small."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.window import MOST, SLACK_S, Window

TIMES = st.integers(0, 5000)


@given(st.lists(st.tuples(st.text(max_size=3), TIMES), max_size=40), TIMES)
def test_what_was_seen_is_not_new_and_what_is_not_done_is(mails, floor):
    window = Window(floor)
    for name, at in mails:
        window = Window.decode(window.after(name, at, done=at).encode())
        assert not window.is_new(name, at)
    latest = max((at for _, at in mails), default=0)
    assert window.is_new("a late one", max(floor, latest - SLACK_S))


def test_the_floor_never_sinks():
    assert Window(1000).after("a", 5, done=5).floor == 1000


def test_what_is_not_done_holds_the_floor_down():
    window = Window(0)
    for n in range(MOST + 500):
        window = window.after(str(n), 10_000 + n, done=10_000)
    assert window.floor <= 10_000
    assert all(not window.is_new(str(n), 10_000 + n) for n in range(MOST + 500))


def test_it_stays_small_however_many_come_at_once():
    window = Window(0)
    for n in range(MOST + 500):
        window = window.after(str(n), 10_000 + n // 10, done=10_000 + n // 10)
    assert len(window.seen) <= MOST + 10
    assert all(not window.is_new(str(n), 10_000 + n // 10) for n in range(MOST + 500))


def test_a_mail_whose_time_changes_is_known_for_a_while():
    window = Window(0).after("old", 100, done=100).after("new", 10_000, done=10_000)
    assert window.floor > 100
    assert not window.is_new("old", 10_050)
