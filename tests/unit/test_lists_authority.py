# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose commands are heeded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.lists.authority import Heeded, Ignored, Refused, Thread, author_of, decide
from pipeline.lists.commands import Rerun, Stop, given
from pipeline.lists.config import MailList, Mode
from pipeline.lists.dkim import proof
from pipeline.lists.vouched import Proof
from pipeline.report.answer import Done, to_answer
from pipeline.series.mail import parse
from tests.unit.builders import letter, series
from tests.unit.signing import MAIL, Dns, signed

LIST = MailList(
    name="mm",
    address="linux-mm@kvack.org",
    sources=(),
    trees=(),
    targets=(),
    checks=(),
    mode=Mode.ALL,
    answers=frozenset(),
    allow=("op@example.org",),
    start_for=(),
    quiet=None,
    wait_s=0.0,
    author_hourly=4,
    list_hourly=20,
)
THREAD = Thread("Mike Rapoport <RPPT@kernel.org>", frozenset({"akpm@linux-foundation.org"}))
COMMANDS = (Rerun(), Stop())


def proved(address):
    return Proof(address, address.partition("@")[2])


@pytest.mark.parametrize(
    "address", ["rppt@kernel.org", "akpm@linux-foundation.org", "op@example.org"]
)
def test_author_maintainers_and_who_is_allowed_may_command(address):
    assert decide(proved(address), COMMANDS, THREAD, LIST) == Heeded(COMMANDS, address)


@pytest.mark.parametrize(
    "address", ["eve@example.org", "rppt@example.org", "rppt@kernel.org.evil.example"]
)
def test_others_may_not(address):
    decision = decide(proved(address), COMMANDS, THREAD, LIST)
    assert isinstance(decision, Refused)
    assert decision.by == address
    assert decision.reason.endswith(f"{address} is none of them.")


def test_a_mail_that_anybody_may_have_sent_is_refused_and_says_why():
    unproved = Proof("rppt@kernel.org", reason="has no DKIM signature of kernel.org")
    assert decide(unproved, COMMANDS, THREAD, LIST) == Refused(
        "Commands are heeded from who proves to be their sender; this mail has no DKIM signature"
        " of kernel.org.",
        "rppt@kernel.org",
    )


def test_a_refusal_is_said_once_to_each_in_a_thread():
    told = replace(THREAD, refused=frozenset({"eve@example.org"}))
    assert isinstance(decide(proved("eve@example.org"), COMMANDS, told, LIST), Ignored)
    assert isinstance(decide(proved("mal@example.org"), COMMANDS, told, LIST), Refused)
    told = replace(THREAD, refused=frozenset({"rppt@kernel.org"}))  # now signed
    assert isinstance(decide(proved("rppt@kernel.org"), COMMANDS, told, LIST), Heeded)


def test_what_commands_nothing_or_is_nobodys_is_ignored():
    assert isinstance(decide(proved("rppt@kernel.org"), (), THREAD, LIST), Ignored)
    assert isinstance(decide(Proof(""), COMMANDS, THREAD, LIST), Ignored)
    nameless = Thread("")
    assert isinstance(decide(Proof("", "x.org"), COMMANDS, nameless, LIST), Ignored)


def test_the_author_is_who_sent_the_series():
    passed_on = series(3, author="Somebody Else <else@example.org>")
    assert author_of(passed_on) == "Mike Rapoport <rppt@kernel.org>"
    alone = series(cover=None)
    assert author_of(alone) == letter().author


def test_from_a_signed_mail_to_its_answer():
    raw = signed()
    mail = parse(raw, "mail")
    thread = Thread("Ann Thor <ann@example.org>")
    decision = decide(proof(raw, (), Dns()), given(mail.text), thread, LIST)
    assert decision == Heeded((Rerun(),), "ann@example.org")
    done = [Done(command) for command in decision.commands]
    answer = to_answer(mail.letter, done, series(3), sender="c <c@example.net>", now=0.0).message
    assert b"\nIn-Reply-To: <reply@example.org>\n" in answer
    assert given(parse(answer, "answer").text) == ()
    unproved = decide(proof(MAIL, (), Dns()), given(mail.text), thread, LIST)
    assert isinstance(unproved, Refused)
    assert "has no DKIM signature of example.org." in unproved.reason
