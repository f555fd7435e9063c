# SPDX-License-Identifier: GPL-2.0-or-later
"""What the store remembers of commands, and of findings that are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.store import CommandLine, KnownLine, Store
from pipeline.store.records import SEEN_ON_BASE

SAID = KnownLine(
    fingerprint="f" * 16,
    source="int a;",
    target="arm64",
    check="boot",
    summary="WARNING in f()",
    link="https://example.org/1",
    said_by="ann@example.org",
    made_at=10.0,
    expires_at=100.0,
)
SEEN = replace(SAID, link="run-1", said_by=SEEN_ON_BASE, made_at=20.0, expires_at=120.0)


@pytest.fixture
def store(url):
    return Store(url)


def test_what_is_known_is_known_until_it_expires(store):
    store.remember([SAID], 10.0)
    assert store.known(99.0) == (SAID,)
    assert store.known(100.0) == ()


def test_a_base_that_has_it_renews_what_somebody_said(store):
    store.remember([SAID], 10.0)
    store.remember([SEEN], 20.0)
    assert store.known(20.0) == (replace(SAID, expires_at=120.0),)
    store.remember([replace(SEEN, expires_at=50.0)], 20.0)
    assert store.known(20.0) == (replace(SAID, expires_at=120.0),)


def test_what_somebody_says_outranks_what_was_seen(store):
    store.remember([SEEN], 20.0)
    store.remember([SAID], 21.0)
    assert store.known(21.0) == (SAID,)


def test_a_base_that_has_it_again_renews_it(store):
    store.remember([SEEN], 20.0)
    store.remember([replace(SEEN, link="run-2", made_at=30.0, expires_at=130.0)], 30.0)
    assert store.known(30.0) == (replace(SEEN, expires_at=130.0),)


def test_what_expired_says_nothing_about_what_is_seen_later(store):
    store.remember([SAID], 10.0)
    later = replace(SEEN, made_at=200.0, expires_at=300.0)
    store.remember([later], 200.0)
    assert store.known(200.0) == (later,)


def test_the_same_words_about_another_line_are_another_finding(store):
    other = replace(SAID, source="int b;", made_at=11.0)
    store.remember([SAID, other], 10.0)
    assert store.known(11.0) == (other, SAID)
    assert store.forget_known("e" * 16) == 0
    assert store.forget_known("f" * 16) == 2
    assert store.known(11.0) == ()


def test_strangers_texts_are_stored(store):
    store.remember([replace(SAID, summary="a\0b\ud800", source="\0")], 10.0)
    (line,) = store.known(10.0)
    assert line.summary == "ab?"
    assert line.source == ""


COMMAND = CommandLine("m@x", "s@x", "eve@x", "stop", "No.", refused=True, created_at=1.0)


def test_a_mail_is_dealt_with_once(store):
    assert store.note_commands(COMMAND)
    assert not store.note_commands(replace(COMMAND, answer="Yes.", refused=False))
    assert store.refused("s@x") == {"eve@x"}
    assert store.note_commands(replace(COMMAND, message_id="n@x", given_by="ann@x", refused=False))
    assert store.refused("s@x") == {"eve@x"}
    assert store.refused("t@x") == frozenset()
