# SPDX-License-Identifier: GPL-2.0-or-later
"""Mboxes: what separates mails, and `From ` at the start of lines."""

from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from pipeline.series.mbox import is_separator, quote, split

LORE = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"
FORMAT_PATCH = b"From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\n"


def mails(raw: bytes, *, quoted: bool | None = None) -> list[bytes]:
    return [b"".join(mail) for mail in split(BytesIO(raw), quoted=quoted)]


def test_separators_take_an_mbox_apart():
    assert mails(LORE + b"Subject: a\n\nA\n\n" + LORE + b"Subject: b\n\nB\n") == [
        b"Subject: a\n\nA\n\n",
        b"Subject: b\n\nB\n",
    ]


def test_a_single_mail_is_left_alone():
    raw = b"Subject: a\n\n>From here\nFrom there on\n"
    assert mails(raw) == [raw]


def test_prose_that_starts_with_from_is_no_separator():
    raw = LORE + b"Subject: a\n\nFrom time to time.\n"
    assert mails(raw) == [b"Subject: a\n\nFrom time to time.\n"]


def test_a_separator_is_what_git_mailsplit_takes_for_one():
    for line in (
        b"From a@b Tue Jan  2 10:00:00 2024\n",
        b"From - Tue Jan  2 10:00:00 2024 +0100\r\n",
    ):
        assert is_separator(line)
    for line in (b"From Monday 10:00 of 2024 too\n", b"From x 10:00:00 1\n", b"From :\n", b"From "):
        assert not is_separator(line)
    assert not is_separator(b"From x" + b"00:00" * 100_000 + b"\n")  # and soon


def test_quoting_is_undone():
    assert mails(LORE + b"\n>From a\n>>From b\n> From c\n") == [b"\nFrom a\n>From b\n> From c\n"]


def test_format_patch_quotes_nothing():
    assert mails(FORMAT_PATCH + b"\n>From a\n") == [b"\n>From a\n"]
    assert mails(FORMAT_PATCH + b"\n>From a\n", quoted=True) == [b"\nFrom a\n"]


def test_nothing_holds_no_mail():
    assert mails(b"") == mails(b"\n\n") == []


_LINES = st.sampled_from(
    [b"From a\n", b">From a\n", b">>From b\n", b"+From c\n", b" x\n", b"\n", LORE, FORMAT_PATCH]
)


@given(st.lists(_LINES, max_size=12).map(b"".join))
def test_what_is_quoted_comes_back(body):
    raw = b"Subject: a\n\n" + body
    assert mails(quote(raw)) == [raw]


@given(st.lists(st.lists(_LINES, max_size=5).map(b"".join), min_size=1, max_size=4))
def test_mails_that_are_put_together_come_apart(bodies):
    raws = [b"Subject: a\n\n" + body for body in bodies]
    assert mails(b"".join(map(quote, raws))) == raws
