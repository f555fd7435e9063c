# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers for a list: to whom, in which state, and that nobody can write headers of theirs."""

from __future__ import annotations

import email
from dataclasses import replace
from email.errors import ObsoleteHeaderDefect
from email.policy import SMTP, default

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.lists.commands import Unknown
from pipeline.lists.config import Mode
from pipeline.lists.guards import why_not
from pipeline.model import Letter, Patch
from pipeline.outbox.compose import audience, compose, out_mail
from pipeline.report.answer import Done, to_answer
from pipeline.report.mailing import TEXT_BYTES
from tests.unit.builders import cell, finding, letter, mail_list, row, series, verdict

SENDER = "crosscheck <crosscheck@example.org>"
NOW = 1770725220.0


def answering(one, mode=Mode.ALL, of=None, **changes):
    of = of or series(patches=(Patch(1, "s", one.author, one),), cover=None)
    return compose(verdict(row("arm64"), series=of), mail_list(mode=mode, **changes), SENDER, NOW)


def parsed(mail):
    return email.message_from_bytes(mail.message, policy=default)


@pytest.mark.parametrize(
    ("mode", "state"),
    [("folder", "ready"), ("moderate", "held"), ("author", "ready"), ("all", "ready")],
)
def test_the_mode_says_whether_somebody_sees_it_first(mode, state):
    mail = answering(letter(), Mode(mode))
    assert (mail.state, mail.mode, mail.list_name) == (state, mode, "mm")
    assert mail.message_id == "crosscheck.20260210-120000-a1b2@example.org"
    assert mail.author == "rppt@kernel.org"
    assert mail.subject == "Re: [PATCH v2] mm: change number 1"


@pytest.mark.parametrize("mode", ["all", "moderate", "folder"])
def test_everyone_who_got_it_gets_the_answer(mode):
    mail = answering(letter(cc=("linux-mm@kvack.org", "Crosscheck <crosscheck@example.org>")), mode)
    assert mail.recipients == ("rppt@kernel.org", "akpm@linux-foundation.org", "linux-mm@kvack.org")


@pytest.mark.parametrize(
    "reply_to", [(), ("linux-mm@kvack.org",), ("l@x.org",), ("rppt@kernel.org", "b@x.org")]
)
def test_the_author_alone_is_alone(reply_to):
    mail = answering(letter(reply_to=reply_to, to=("l@x.org",)), Mode.AUTHOR)
    assert mail.recipients == ("rppt@kernel.org",)
    assert parsed(mail)["Cc"] is None


def test_an_author_who_is_relayed_gets_it_where_they_ask_for_it():
    one = letter(author="A via B4 Relay <devnull+a.x.org@kernel.org>", reply_to=("a@x.org",))
    assert answering(one, Mode.AUTHOR).recipients == ("a@x.org",)


def test_the_list_gets_it_if_it_got_another_mail_of_the_series():
    whole = series(2)
    lone = replace(whole.patches[0].letter, to=("a@x.org",), cc=())
    patches = (replace(whole.patches[0], letter=lone), whole.patches[1])
    of = replace(whole, patches=patches)
    blamed = verdict(row("arm64", cell("build", findings=[finding(patch=1)])), series=of)
    mail = compose(blamed, mail_list(), SENDER, NOW)
    assert mail.recipients == ("rppt@kernel.org", "a@x.org", "linux-mm@kvack.org")
    mail = compose(blamed, mail_list(address="other@x.org"), SENDER, NOW)
    assert mail.recipients == ("rppt@kernel.org", "a@x.org")


def test_a_series_for_half_the_world_is_answered_to_its_author_and_list():
    many = tuple(f"a{n}@x.org" for n in range(100))
    assert len(answering(letter(cc=many[:98])).recipients) == 100
    mail = answering(letter(cc=(*many, "MM <linux-mm@kvack.org>")))
    assert mail.recipients == ("rppt@kernel.org", "linux-mm@kvack.org")


def test_a_mail_for_nobody_is_parked_and_says_so():
    mail = answering(letter(author="nobody", to=(), cc=()), of=None)
    assert mail.recipients == ("rppt@kernel.org",)  # the series' author, as in a git range
    of = series(author="nobody", patches=(Patch(1, "s", "n", letter(author="n", to=(), cc=())),))
    mail = compose(verdict(row("arm64"), series=of), mail_list(), SENDER, NOW)
    assert (mail.state, mail.recipients) == ("parked", ())
    assert "nobody" in mail.said


def test_a_name_does_not_spoil_the_addresses_after_it():
    names = '"¡¡¡𐀀= ?utf-8?q?=0ABcc:_e@x.org?=" <a@x.org>', "b@x.org"
    mail = answering(letter(reply_to=names))
    assert mail.recipients[:2] == ("a@x.org", "b@x.org")
    assert [each.addr_spec for each in parsed(mail)["To"].addresses] == ["a@x.org", "b@x.org"]


def test_it_says_how_to_hear_no_more():
    text = answering(letter()).message.decode()
    assert "linux-mm@kvack.org" in text.split("\n\n", 1)[1]
    assert "\n  #crosscheck stop\n  #crosscheck help\n\ncrosscheck-verdict: {" in text


def test_findings_without_end_are_cut_and_the_end_is_kept():
    many = [finding(line=n, summary=f"number {n} " + "x" * 200) for n in range(1000)]
    of = verdict(row("arm64", cell("build", findings=many)))
    mail = compose(of, mail_list(), SENDER, NOW)
    text = mail.message.partition(b"\n\n")[2].decode()
    assert TEXT_BYTES - 2000 < len(text.encode()) <= TEXT_BYTES + 200
    assert "more lines: too much for a mail]\n\nTo reproduce (run " in text
    assert "\n  #crosscheck stop\n" in text
    assert text.splitlines()[-1].startswith("crosscheck-verdict: {")


def test_a_note_answers_the_mail_it_is_about():
    asked = letter(message_id="c@x", author="B <b@x.org>", subject="Re: [PATCH] mm: x", cc=())
    done = [Done(Unknown("dance\x1b[2J"))]
    reply = to_answer(asked, done, series(), sender=SENDER, now=NOW, audience=audience(mail_list()))
    mail = out_mail(reply, mail_list(), author=asked.author, run="r", now=NOW)
    assert mail.message_id.startswith("crosscheck.command.")
    assert (mail.author, mail.run) == ("b@x.org", "r")
    assert parsed(mail)["In-Reply-To"] == "<c@x>"
    assert parsed(mail).get_content().startswith("There is no command `dance`.\n")


def test_we_do_not_answer_our_own_answers():
    assert why_not(answering(letter()).message, "someone <else@x.org>")


PIECES = (
    r"""
\r\n|\n|\r|\x00|\u2028|\u2029|\x85|\x0b|\x0c|\x1c|\ufeff|\ud800|"|'|<|>|,|;|:|@|(|)|[|]|=?|?=
|\nBcc: e@x.org|\r\n\r\nbody|=?utf-8?q?=0ABcc:_e@x.org?=|=?utf-8?b?CkJjYzogZUB4?=
|=?utf-8?q?=0D=0A=0D=0Abody?=|a@x.org|<a@x.org>|e@x.org, f@x.org| |\t|group: a@x;|\xe4|\u540d
|.|..|From |%0a|=?utf-8?q?=2C?=|?utf-8?q?=0A
""".replace("\n", "")
    .encode()
    .decode("unicode_escape")
    .split("|")
)
NASTY = st.lists(
    st.one_of(
        st.sampled_from(PIECES),
        st.text(max_size=6),
    ),
    max_size=8,
).map("".join)
HEADERS = st.lists(NASTY, max_size=3).map(tuple)
LETTERS = st.builds(
    Letter,
    message_id=NASTY,
    subject=NASTY,
    author=NASTY,
    to=HEADERS,
    cc=HEADERS,
    reply_to=HEADERS,
    references=HEADERS,
    date=NASTY,
)
ALLOWED = {
    *("From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References"),
    *("Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
}


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(LETTERS, NASTY, NASTY, st.sampled_from(Mode))
def test_nobody_can_write_headers_of_theirs(one, author, run, mode):
    of = series(author=author, patches=(Patch(1, author, author, one),), cover=one, subject=author)
    mail = compose(verdict(row("arm64"), series=of, run=run), mail_list(mode=mode), SENDER, NOW)
    assert b"\r" not in mail.message
    assert b"\0" not in mail.message
    for policy in (default, SMTP, email.policy.compat32):
        read = email.message_from_bytes(mail.message, policy=policy)
        names = [name for name, _ in read.items()]
        assert len(names) == len(set(names))
        assert set(names) <= ALLOWED
        assert not read.defects
    read = parsed(mail)
    for name in ALLOWED & set(read.keys()):
        assert "\n" not in str(read[name])
        # "J. B" beside a letter that is encoded: RFC 5322 4.1 has everyone read it.
        assert {type(defect) for defect in read[name].defects} <= {ObsoleteHeaderDefect}
    assert read["From"] == SENDER
    assert read["Auto-Submitted"] == "auto-replied"
    headers = [read[name] for name in ("To", "Cc") if name in read]
    shown = [address.addr_spec for header in headers for address in header.addresses]
    assert tuple(shown) == mail.recipients
    assert all(spec.isascii() and spec.isprintable() and " " not in spec for spec in shown)
    assert mail.message_id == read["Message-ID"].strip("<>")
    ids = (read["In-Reply-To"] or "").split() + (read["References"] or "").split()
    assert all(i.startswith("<") and i.endswith(">") and i.count("<") == 1 for i in ids)
    assert read.get_content().endswith("\n")
