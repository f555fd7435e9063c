# SPDX-License-Identifier: GPL-2.0-or-later
"""What a single mail is taken for."""

import base64
import inspect
import quopri
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import InputError
from pipeline.series.mail import parse
from pipeline.series.written import date, write

DIFF = "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-old \N{EURO SIGN}\n+new\n"


def mail(body: str | bytes, *headers: str) -> bytes:
    head = "\n".join(("From: Ann <ann@example.org>", "Subject: [PATCH] demo", *headers))
    return head.encode() + b"\n\n" + (body.encode() if isinstance(body, str) else body)


def parsed(raw: bytes):
    return parse(raw, "mail")


class TestDiffs:
    def test_plain(self):
        assert parsed(mail("Why.\n---\n" + DIFF)).has_diff

    def test_quoted_is_none(self):
        quoted = "".join(f"> {line}\n" for line in DIFF.splitlines())
        assert not parsed(mail(quoted)).has_diff

    @pytest.mark.parametrize(
        ("encoding", "body"),
        [
            ("base64", base64.encodebytes(DIFF.encode())),
            ("quoted-printable", quopri.encodestring(DIFF.encode())),
            ("8bit", DIFF.encode()),
        ],
    )
    def test_encoded(self, encoding, body):
        raw = mail(
            body,
            "Content-Type: text/plain; charset=utf-8",
            f"Content-Transfer-Encoding: {encoding}",
        )
        assert parsed(raw).text == DIFF

    def test_attached(self):
        raw = mail(
            '--x\nContent-Type: text/plain\n\nSee there.\n--x\nContent-Type: text/x-patch; name="a"\n'
            f"\n{DIFF}\n--x--\n",
            'Content-Type: multipart/mixed; boundary="x"',
        )
        assert parsed(raw).has_diff

    def test_an_unknown_charset_is_read_as_utf_8(self):
        assert parsed(mail(DIFF, 'Content-Type: text/plain; charset="yes"')).text == DIFF

    def test_crlf_is_lf(self):
        found = parsed(mail(DIFF).replace(b"\n", b"\r\n"))
        assert found.text == DIFF
        assert b"\r" not in write(found)


class TestLetters:
    def test_headers_are_unfolded_and_decoded(self):
        letter = parsed(
            b"From: =?utf-8?q?Zo=C3=AB?= <zoe@example.org>\n"
            b"Subject: [PATCH 1/2] demo:\n a long subject\n"
            b'To: "Doe, Jane" <jane@example.org>,\n list@example.org\n'
            b"Message-ID: <m@x>\nReferences: <a@x>\n <b@x>\nIn-Reply-To: <b@x>\n\n"
        ).letter
        assert letter.author == "Zo\N{LATIN SMALL LETTER E WITH DIAERESIS} <zoe@example.org>"
        assert letter.subject == "[PATCH 1/2] demo: a long subject"
        assert letter.to == ('"Doe, Jane" <jane@example.org>', "list@example.org")
        assert letter.message_id == "m@x"
        assert letter.references == ("a@x", "b@x")

    def test_raw_utf_8_in_headers_is_read(self):
        raw = "From: Zo\N{LATIN SMALL LETTER E WITH DIAERESIS} <z@x>\nSubject: s\n\n".encode()
        assert parsed(raw).letter.author.startswith("Zo\N{LATIN SMALL LETTER E WITH DIAERESIS} ")

    def test_a_parent_is_named_once_and_last(self):
        raw = b"Message-ID: <m@x>\nReferences: <b@x> <a@x>\nIn-Reply-To: <b@x>\n\n"
        assert parsed(raw).letter.references == ("a@x", "b@x")


class TestDates:
    @pytest.mark.parametrize("said", ["", "soon", "Mon, 99 Nov 2026 10:00:00 +0000"])
    def test_one_that_git_cannot_read_is_replaced(self, said):
        assert date(said) == "Thu, 1 Jan 1970 00:00:00 +0000"

    def test_a_good_one_stays(self):
        assert date("Mon, 9 Nov 2026 10:00:00 +0200") == "Mon, 09 Nov 2026 10:00:00 +0200"


def test_nesting_without_end_is_refused():
    limit = sys.getrecursionlimit()
    raw = b"Content-Type: multipart/mixed; boundary=x\n\n" + b"".join(
        b"--%s\nContent-Type: multipart/mixed; boundary=%s\n\n" % (b"x" * n, b"x" * (n + 1))
        for n in range(1, 300)
    )
    sys.setrecursionlimit(len(inspect.stack()) + 150)
    try:
        with pytest.raises(InputError, match="cannot be read as a mail"):
            parsed(raw)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"References: " + b"<a@b> " * 30_000 + b"\n\n", "more than 128 KB of headers"),
        (b"Subject: [PATCH v99999999999999999999] x\n\n", "names a version above 9999"),
    ],
)
def test_what_nobody_writes_is_refused(raw, why):
    with pytest.raises(InputError, match=why):
        parsed(raw)


def test_control_characters_are_taken_out_of_headers():
    hidden = b"=?utf-8?q?=1b]0;x=07?="
    mail = parsed(
        b"From: \x1b[1mAnn " + hidden + b" <a@x>\nSubject: [PATCH] \x1b[2J" + hidden + b"\n\n"
    )
    assert mail.letter.subject.isprintable()
    assert mail.letter.author.isprintable()


SEPARATOR = b">From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\n"


@pytest.mark.parametrize(
    ("body", "title", "author"),
    [
        (SEPARATOR + b"From: Bob <b@x>\nSubject: [PATCH] inner\n\n", "inner", "Bob <b@x>"),
        (b"From: Bob <b@x>\n" + SEPARATOR + b"[PATCH] inner\n\n", "inner", "Bob <b@x>"),
        (b"[PATCH] inner\nFrom: Bob <b@x>\nSubject: last\n\n", "inner", "Bob <b@x>"),
        (b">From here on\nFrom: Bob <b@x>\n\n", "outer", "Ann <a@x>"),
    ],
)
def test_headers_in_the_text_are_those_that_git_takes(tmp_path, body, title, author):
    raw = b"From: Ann <a@x>\nSubject: [PATCH] outer\nMessage-ID: <1@x>\n\n" + body + DIFF.encode()
    read = parsed(raw)
    assert (read.title, read.author) == (title, author)
    said = subprocess.run(
        ["git", "mailinfo", tmp_path / "msg", tmp_path / "patch"],
        input=raw, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    assert f"Subject: {title}\n" in said
    assert f"Author: {author.partition(' <')[0]}\n" in said


def test_format_flowed_is_undone_as_git_does_it():
    raw = b"Content-Type: text/plain; format=flowed\n\n  context\n+a \n b\n-- \n2.5\n"
    assert parsed(raw).text == " context\n+a b\n-- \n2.5\n"


@given(st.binary(max_size=400))
def test_any_bytes_are_a_mail_or_refused(raw):
    with suppress(InputError):
        parsed(raw)


_TOKENS = st.sampled_from(
    [b"From:", b"To:", b"Subject:", b"Content-Type:", b"multipart/mixed; boundary=x", b"--x", b"\n",
     b"\n\n", b" ", b"=?utf-8?q?", b"?=", b"<a@b>", b'"', b"(", b"\xff", b"text/html", b"charset=",
     b"Content-Transfer-Encoding: base64", b"[PATCH 1/2]", b"Message-ID:", b",", b";", b"@"]
)  # fmt: skip


@given(st.lists(_TOKENS, max_size=40).map(b"".join))
def test_mangled_mails_are_mails_or_refused(raw):
    with suppress(InputError):
        parsed(raw)


def test_half_an_encoded_word_in_a_subject_is_text():
    raw = b"From: a@b\nSubject: [PATCH] =?utf-8?q?<a@b>\xff\n\nSubject: =?utf-8?q?<a@b>\xc3\xa9\n"
    read = parsed(raw)
    assert read.subject.is_patch
    assert "utf-8?q?<a@b>" in read.title


@pytest.mark.parametrize("depth", [21, 400, 480, 2000])
def test_comments_in_comments_are_read_alike_whoever_asks(depth):
    """The standard parser calls itself for each: what one caller can read kills another."""
    raw = f"From: A {'(' * depth}\nSubject: [PATCH] x\nMessage-ID: <a@x>\n\n".encode()
    encoded = f"From: =?utf-8?q?{'(' * depth}?=\nSubject: x\n\nFrom: {'(' * depth} a@b\n".encode()
    for each in (raw, encoded):
        read = parsed(each)
        assert "(" not in read.sender + read.letter.author + read.author


def test_a_comment_in_a_comment_is_a_name():
    raw = b"From: ann@example.org (Ann (of (old) York))\nSubject: x\n\n"
    assert parsed(raw).sender == "ann@example.org"
