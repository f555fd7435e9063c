# SPDX-License-Identifier: GPL-2.0-or-later
"""What is answered to commands."""

from __future__ import annotations

import email
from dataclasses import replace
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lists import commands
from pipeline.lists.commands import (
    Help,
    OnBase,
    PassedOver,
    Rerun,
    Retest,
    Stop,
    Unknown,
    Unrelated,
)
from pipeline.report.answer import HELP, Done, to_answer, to_refusal
from tests.unit.builders import letter, series
from tests.unit.strategies import letters, texts

SENDER = "crosscheck <crosscheck@example.org>"
NOW = 1770725220.0  # 2026-02-10 12:07:00 UTC
COMMAND = letter(
    message_id="reply@example.org",
    subject="Re: [PATCH v2 0/3] mm: all the changes",
    author="Ann Thor <ann@example.org>",
    to=("crosscheck <crosscheck@example.org>",),
    references=("20260209-zero-page-0@series.invalid",),
)


def read(reply):
    return email.message_from_bytes(reply.message, policy=SMTP)


def text(mail):
    return mail.get_content().replace("\r\n", "\n")


def answered(*done, of=None):
    return text(read(to_answer(COMMAND, done, of or series(3), sender=SENDER, now=NOW)))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (Retest(("arm64", "s390")), "Testing arm64 and s390 of v2 again; the result comes as another mail in\nthis thread.\n"),
        (Retest(), "Testing v2 again; the result comes as another mail in this thread.\n"),
        (Rerun(), "Doing the last run of v2 again; the result comes as another mail in this\nthread.\n"),
        (OnBase("mm", "v7.1"), "Testing v2 on v7.1 of mm; the result comes as another mail in this\nthread.\n"),
        (Stop(), "Stopped: nothing more is tested or said of v2, unless it is asked for.\n"),
        (PassedOver(1), "1 more command passed over: 10 are heeded in one mail.\n"),
        (Help(), HELP),
        (Unknown("dance"), f"There is no command `dance`.\n\n{HELP}"),
    ],
)  # fmt: skip
def test_a_command_is_answered_in_a_line(command, said):
    assert answered(Done(command)) == said


def test_a_finding_is_named():
    said = answered(Done(Unrelated("3fa9c1"), about="WARNING in f()"))
    assert said.startswith("Finding 3fa9c1 (WARNING in f()) is known from now on")


def test_several_are_answered_in_their_order_and_troubles_are_said():
    said = answered(
        Done(Unrelated("000000"), trouble="There is no finding '000000' in run r."),
        Done(Unknown("x")),
        Done(Rerun()),
        Done(Help()),
        of=series(cover=None),
    )
    assert said == (
        "There is no finding '000000' in run r.\n\nThere is no command `x`.\n\n"
        "Doing the last run of v2 again; the result comes as another mail in this\nthread.\n\n"
        + HELP
    )


def test_an_answer_goes_to_all_and_a_refusal_to_one():
    mail = read(to_answer(COMMAND, [Done(Rerun())], series(), sender=SENDER, now=NOW))
    assert mail["To"] == "Ann Thor <ann@example.org>"
    assert mail["Cc"] == "linux-mm@kvack.org, linux-kernel@vger.kernel.org"
    assert mail["Subject"] == "Re: [PATCH v2 0/3] mm: all the changes"
    assert mail["In-Reply-To"] == "<reply@example.org>"
    assert mail["References"].split() == [
        "<20260209-zero-page-0@series.invalid>",
        "<reply@example.org>",
    ]
    assert mail["Auto-Submitted"] == "auto-replied"
    no = read(to_refusal(COMMAND, "eve is none of them.", sender=SENDER, now=NOW))
    assert (no["To"], no["Cc"]) == ("Ann Thor <ann@example.org>", None)
    assert text(no) == "Nothing was done. eve is none of them.\n"
    assert no["Message-ID"] == mail["Message-ID"]


def test_a_refusal_does_not_go_where_its_sender_wants_it():
    of = replace(COMMAND, reply_to=("list@example.org",))
    assert read(to_refusal(of, "No.", sender=SENDER, now=NOW))["To"] == "Ann Thor <ann@example.org>"


def test_its_name_follows_from_the_mail_that_it_answers():
    def name(of, now):
        return read(to_refusal(of, "No.", sender=SENDER, now=now))["Message-ID"]

    assert name(COMMAND, NOW) == name(COMMAND, NOW + 9)
    assert name(COMMAND, NOW) != name(letter(message_id="other@x"), NOW)


given_commands = st.one_of(
    st.builds(Retest, st.lists(texts, max_size=2).map(tuple)),
    st.builds(OnBase, texts, texts),
    st.builds(Unrelated, texts),
    st.builds(Unknown, texts),
    st.just(Help()),
)


@given(letters, st.lists(st.builds(Done, given_commands, trouble=texts, about=texts), max_size=3))
def test_every_answer_is_a_mail_that_gives_no_command(of, done):
    raw = to_answer(of, done, series(), sender=SENDER, now=NOW).message
    assert max(map(len, raw.split(b"\n"))) <= 998
    mail = email.message_from_bytes(raw, policy=SMTP)
    assert not mail.defects
    assert mail["Bcc"] is None
    assert commands.given(text(mail)) == ()
    assert max(map(len, HELP.splitlines())) <= 75
