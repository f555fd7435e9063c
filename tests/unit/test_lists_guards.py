# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mails are answered: people's, whatever lists did to them; and no program's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lists.guards import why_not

SENDER = "crosscheck <crosscheck@example.org>"
PERSON = {
    "From": "Mike Rapoport <rppt@kernel.org>",
    "To": "linux-mm@kvack.org",
    "Subject": "[PATCH] mm: a change",
    "Message-ID": "<20260209-1@kernel.org>",
}


def said(headers=(), **changes):
    lines = PERSON | dict(headers) | {n.replace("_", "-"): v for n, v in changes.items()}
    head = "".join(f"{name}: {value}\n" for name, value in lines.items() if value is not None)
    return why_not(f"{head}\ntext\n".encode(), SENDER)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"From": "rppt@kernel.org"},
        {"From": "=?utf-8?q?J=C3=B6rg?= <j@x.org>"},
        {"From": "Daniel Talbot <dtalbot@x.org>"},
        {"From": "Anna Abbott <abbott@x.org>"},
        {"From": "Robert Roberts <robert.roberts@x.org>"},
        {"From": "Pieter Bot <pieter@x.nl>"},
        # As vger and mailman pass mails on
        {
            "Precedence": "bulk",
            "List-Id": "<linux-mm.kvack.org>",
            "Sender": "owner-linux-mm@kvack.org",
            "X-Loop": "owner-majordomo@kvack.org",
            "Return-Path": "<owner-linux-mm@kvack.org>",
        },
        {
            "Precedence": "list",
            "X-Mailing-List": "linux-kernel@vger.kernel.org",
            "Return-Path": "<linux-kernel+bounces-1-me=x.org@vger.kernel.org>",
        },
        {"Auto-Submitted": "no"},
        {"Auto-Submitted": "No (a person)"},
        {"In-Reply-To": "<crosscheck.r1@example.org>"},  # a person answers us
        {"Message-ID": "<1@example.org>"},  # a person whose domain is ours
        {"From": "Someone else <other@example.org>"},
        # b4's relay: the author is in Reply-To
        {"From": "A via B4 Relay <devnull+a.x.org@kernel.org>", "Reply-To": "a@x.org"},
    ],
)
def test_what_people_write_is_answered(headers):
    assert said(headers) == ""


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({"From": "crosscheck <CrossCheck@example.org>"}, "crosscheck itself"),
        ({"Sender": "crosscheck@example.org"}, "crosscheck itself"),
        ({"Message-ID": "<crosscheck.r1@example.org>"}, "crosscheck itself"),
        ({"Message-ID": "<crosscheck.r1@elsewhere.net>"}, "crosscheck itself"),
        ({"X-Loop": "crosscheck@example.org"}, "crosscheck itself"),
        ({"From": "kernel test robot <lkp@intel.com>"}, "lkp@intel.com"),
        ({"From": "kernel test robot <oliver.sang@intel.com>"}, "oliver.sang@intel.com"),
        ({"From": "kernel test robot <somebody.new@intel.com>"}, "somebody.new"),
        ({"From": "syzbot <syzbot+0a1b2c@syzkaller.appspotmail.com>"}, "syzbot+0a1b2c"),
        ({"From": "patchwork-bot+netdevbpf@kernel.org"}, "patchwork-bot+netdevbpf"),
        ({"From": "tip-bot2 for Jan <tip-bot2@linutronix.de>"}, "tip-bot2"),
        ({"From": '"KernelCI bot" <bot@kernelci.org>'}, "bot@kernelci.org"),
        ({"From": "buildbot@x.org"}, "buildbot@x.org"),
        ({"From": "our-robot@x.org"}, "our-robot"),
        ({"Precedence": "bulk"}, "Precedence"),
        ({"Precedence": "junk", "List-Id": "<l.x.org>"}, "Precedence"),
        ({"Precedence": "auto_reply"}, "Precedence"),
        ({"Auto-Submitted": "auto-replied"}, "Auto-Submitted"),
        ({"Auto-Submitted": "auto-generated; x=no"}, "Auto-Submitted"),
        ({"Auto-Submitted": "nothing"}, "Auto-Submitted"),
        ({"X-Auto-Response-Suppress": "DR, AutoReply"}, "X-Auto-Response-Suppress"),
        ({"X-Autoreply": "yes"}, "X-Autoreply"),
        ({"X-Failed-Recipients": "a@x.org"}, "X-Failed-Recipients"),
        ({"Return-Path": "<>"}, "about another mail"),
        ({"Content-Type": "multipart/report; boundary=x"}, "about another mail"),
        ({"From": "Mail Delivery <MAILER-DAEMON@x.org>"}, "mail server"),
        ({"From": "postmaster@x.org"}, "mail server"),
        ({"From": "linux-mm-bounces@kvack.org"}, "mail server"),
        ({"From": "l+bounces-12-a=b@vger.kernel.org"}, "mail server"),
        ({"From": "bounce+a@x.org"}, "mail server"),
        ({"From": "no-reply@x.org"}, "nobody reads"),
        ({"From": "jobs.noreply@x.org"}, "nobody reads"),
        ({"From": "donotreply@x.org"}, "nobody reads"),
        ({"From": "1+me@users.noreply.github.com"}, "nobody reads"),
        ({"From": "devnull+a.x.org@kernel.org"}, "nobody reads"),
        ({"Reply-To": "noreply@x.org"}, "nobody reads"),
        ({"From": None}, "from whom"),
        ({"From": "undisclosed"}, "from whom"),
    ],
)
def test_what_programs_write_is_not(headers, why):
    assert why in said(headers)


def test_an_encoded_name_hides_no_robot():
    assert "program" in said(From="=?utf-8?q?kernel_test_robot?= <k@x.org>")


def test_folded_headers_and_crlf_are_read():
    raw = b"From: A <a@x.org>\r\nAuto-Submitted:\r\n auto-replied\r\n\r\ntext\r\n"
    assert "Auto-Submitted" in why_not(raw, SENDER)


@given(st.binary(max_size=400))
def test_any_bytes_get_an_answer(raw):
    assert isinstance(why_not(raw, SENDER), str)


@given(st.sampled_from(sorted(PERSON)), st.binary(max_size=80))
def test_any_header_gets_an_answer(name, value):
    lines = {k: v.encode() for k, v in PERSON.items()} | {name: value}
    raw = b"".join(k.encode() + b": " + v + b"\n" for k, v in lines.items())
    assert isinstance(why_not(raw + b"\n", SENDER), str)
