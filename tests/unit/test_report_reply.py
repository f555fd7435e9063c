# SPDX-License-Identifier: GPL-2.0-or-later
"""The reply mail: whom it answers, what it says first, and what can never get into it."""

from __future__ import annotations

import email
import json
import os
import shlex
from email.policy import SMTP
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from pipeline.fingerprint import fingerprint
from pipeline.lists.commands import given as given_commands
from pipeline.model import InputError, LeftOut, NotCovered, Outcome, Patch
from pipeline.report.addressing import Audience
from pipeline.report.digest import new_findings
from pipeline.report.reply import to_reply
from tests.unit.builders import (
    cell,
    finding,
    golden,
    letter,
    row,
    series,
    verdict,
    zero_page_verdicts,
)
from tests.unit.strategies import verdicts

GOLDEN = Path(__file__).parent / "golden"
SENDER = "crosscheck <crosscheck@example.org>"
NOW = 1770725220.0  # 2026-02-10 12:07:00 UTC
FAIL, WARN = Outcome.FAIL, Outcome.WARN


def replied(of, sender=SENDER):
    raw = to_reply(of, sender, now=NOW).message
    return email.message_from_bytes(raw, policy=SMTP)


def body(of):
    return replied(of).get_content().replace("\r\n", "\n")


def blaming(*findings, of=None):
    return verdict(row("arm64", cell("build", findings=findings)), series=of or series(3))


def from_letter(**changes):
    one = letter(**changes)
    return verdict(
        row("arm64"), series=series(patches=(Patch(1, "s", one.author, one),), cover=None)
    )


@pytest.mark.parametrize("story", zero_page_verdicts())
def test_the_reply_of_every_story_is_as_it_was_agreed_on(story):
    text = to_reply(zero_page_verdicts()[story], SENDER, now=NOW).message.decode()
    assert text == golden(GOLDEN / f"{story}.eml", text, os.environ)


# --- which mail it answers ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("findings", "answered"),
    [
        ([finding(patch=2)], 2),
        ([finding(patch=2), finding(patch=2, line=9)], 2),
        ([finding(patch=2), finding(WARN, patch=3)], 2),  # a failure outranks warnings
        ([finding(WARN, patch=3)], 3),
        ([finding(patch=2), finding(patch=3)], 0),
        ([finding(WARN, patch=2), finding(WARN, patch=3)], 0),
        ([finding(patch=2), finding(patch=None, line=9)], 0),
        ([finding(patch=None)], 0),
        ([], 0),
    ],
)
def test_it_answers_the_one_guilty_patch_else_the_cover(findings, answered):
    mail = replied(blaming(*findings))
    expected = f"<20260209-zero-page-{answered}@series.invalid>"
    assert mail["In-Reply-To"] == expected
    assert mail["References"] == expected


def test_without_a_cover_it_answers_the_first_patch():
    mail = replied(blaming(finding(patch=None), of=series(2, cover=None)))
    assert mail["In-Reply-To"] == "<20260209-zero-page-1@series.invalid>"
    assert mail["Subject"] == "Re: [PATCH v2 1/2] mm: change number 1"


def test_warnings_of_another_patch_are_not_laid_at_the_guilty_ones_door():
    of = blaming(finding(patch=2), finding(WARN, patch=3))
    assert (
        body(of)
        .replace("\n", " ")
        .startswith(
            "FAIL: 1 new failure (arm64 build) from patch 2/3"
            " and 1 new warning (arm64 build) from patch 3/3."
        )
    )


def test_references_are_those_of_the_mail_and_itself_each_once():
    mail = replied(from_letter(message_id="c@x", references=("a@x", "b@x", "a@x", "c@x")))
    assert mail["References"].split() == ["<a@x>", "<b@x>", "<c@x>"]
    assert mail["In-Reply-To"] == "<c@x>"


def test_a_long_message_id_is_never_encoded_or_folded():
    long = "x" * 300 + "@" + "y" * 300
    raw = to_reply(from_letter(message_id=long, references=(long + "z",) * 9), SENDER, now=NOW)
    assert f"In-Reply-To: <{long}>\n".encode() in raw.message
    assert b"=?" not in raw.message.split(b"\n\n")[0]


@pytest.mark.parametrize("broken", ["", "a b@x", "a@x>\nBcc: <e@x", "ä@x", "x" * 1000, "<a@x>"])
def test_without_a_usable_message_id_it_stands_alone(broken):
    mail = replied(from_letter(message_id=broken))
    assert mail["In-Reply-To"] is None
    assert mail["References"] is None
    assert mail["Bcc"] is None
    assert mail["To"] == "Mike Rapoport <rppt@kernel.org>"


# --- to whom it goes ------------------------------------------------------------------------


def test_it_goes_to_the_author_and_to_everyone_but_us():
    mail = replied(
        from_letter(
            to=("Crosscheck <CrossCheck@example.org>", "a@x.org"),
            cc=("B <b@x.org>, a@x.org", "Mike <rppt@kernel.org>", "no address", "list:;"),
        )
    )
    assert mail["To"] == "Mike Rapoport <rppt@kernel.org>"
    assert mail["Cc"] == "a@x.org, B <b@x.org>"


def test_a_reply_to_is_honoured():
    assert replied(from_letter(reply_to=("list@x.org",)))["To"] == "list@x.org"


def test_names_and_subjects_that_are_not_ascii_survive():
    mail = replied(
        from_letter(author="Jörg Müller <j@x.org>", subject="[PATCH] mm: für größere Seiten " * 6)
    )
    assert mail["To"].addresses[0].display_name == "Jörg Müller"
    assert mail["Subject"] == ("Re: " + "[PATCH] mm: für größere Seiten " * 6).strip()


def test_a_subject_cannot_add_headers():
    mail = replied(from_letter(subject="[PATCH] a\r\nBcc: evil@x.org\n\nbody\x00"))
    assert mail["Subject"] == "Re: [PATCH] a Bcc: evil@x.org body"
    assert mail["Bcc"] is None


def test_a_name_cannot_add_headers():
    mail = replied(from_letter(author='"A\nBcc: evil@x.org" <a@x.org>'))
    assert mail["Bcc"] is None
    assert [a.addr_spec for a in mail["To"].addresses] == ["a@x.org"]


def test_re_is_said_once():
    assert replied(from_letter(subject="re: [PATCH] a"))["Subject"] == "re: [PATCH] a"


def test_it_says_that_it_is_automatic_and_is_the_same_mail_when_sent_again():
    mail = replied(verdict(row("arm64"), run="r/1 x"))
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["Message-ID"].startswith("<crosscheck.r-1-x-")
    assert replied(verdict(row("arm64"), run="r-1 x"))["Message-ID"] != mail["Message-ID"]
    assert mail["Date"] == "Tue, 10 Feb 2026 12:07:00 +0000"
    assert mail["From"] == SENDER


@pytest.mark.parametrize("sender", ["", "crosscheck", "a@x.org, b@x.org"])
def test_a_sender_that_is_no_address_is_refused(sender):
    with pytest.raises(InputError, match="no mail address"):
        to_reply(verdict(), sender, now=NOW)


# --- what it says ---------------------------------------------------------------------------


def prose(text):
    """Lines that are wrapped; compiler output, commands and the machine's line are not."""
    return [
        line
        for line in text.splitlines()
        if not line.startswith(("      ", "  crosscheck ", "crosscheck-verdict:"))
    ]


@pytest.mark.parametrize("story", zero_page_verdicts())
def test_prose_has_72_columns_and_the_order_is_kept(story):
    text = body(zero_page_verdicts()[story])
    assert max(map(len, prose(text))) <= 72
    heads = [
        "PASS WARN FAIL ERROR",
        "  target",
        "New with this series:",
        "Could not be judged, which",
        "Skipped:",
        "Base:",
        "Inherited from base",
        "Known (not counted):",
        "Not covered:",
        "To reproduce",
        "crosscheck-verdict: ",
    ]
    lines = text.splitlines()
    assert lines[0].split(":")[0] in heads[0].split()
    found = [n for head in heads[1:] for n, line in enumerate(lines) if line.startswith(head)]
    assert found == sorted(found)
    assert found[-1] == len(lines) - 1
    assert text.endswith("}\n")


def test_the_last_line_is_for_programs():
    line = body(zero_page_verdicts()["fail"]).splitlines()[-1]
    told = json.loads(line.removeprefix("crosscheck-verdict: "))
    assert list(told)[:3] == ["schema_version", "run", "outcome"]
    assert told["outcome"] == "FAIL"
    assert told["targets"] == {"arm64": "FAIL", "mips": "WARN", "s390": "FAIL", "sparc64": "FAIL"}


def test_the_last_line_fits_a_mail_with_any_number_of_targets():
    many = verdict(*(row(f"target-{n:03}") for n in range(100)))
    line = body(many).splitlines()[-1]
    assert len(line) <= 998
    assert json.loads(line.removeprefix("crosscheck-verdict: "))["outcome"] == "PASS"


def test_the_same_finding_on_several_targets_is_told_once():
    text = body(zero_page_verdicts()["fail"])
    assert text.count("__zero_page is not exported") == 1
    assert "FAIL in symbols on arm64, sparc64, patch 3/3" in text


def test_a_detail_that_differs_says_whose_it_is():
    of = verdict(
        row("arm64", cell("build", findings=[finding(detail="one")])),
        row("mips", cell("build", findings=[finding(detail="two")])),
    )
    assert "(on arm64)\n      one\n" in body(of)
    assert "two" not in body(of)


def test_a_long_detail_is_cut_and_says_so():
    assert "      [10 more lines]\n" in body(zero_page_verdicts()["hang"])


def test_the_command_to_reproduce_asks_for_the_same_checks():
    skipped = (
        ("patches", "the series has one patch"),
        *((name, "not asked for: --check perf,size") for name in ("symbols", "boot")),
    )
    assert " --check perf,size\n" in body(verdict(row("arm64"), skipped=skipped))
    assert "--check" not in body(verdict(row("arm64"), skipped=skipped[:1]))


def test_the_command_to_reproduce_can_be_pasted():
    of = blaming(finding(), of=series(source=shlex.quote("it's a file.mbox")))
    line = next(line for line in body(of).splitlines() if line.startswith("  crosscheck run"))
    words = shlex.split(line)
    assert words[:3] == ["crosscheck", "run", "it's a file.mbox"]
    assert words[3:] == [
        *("--tree", "/src/linux"),
        *("--base", of.base.commit),
        *("--target", "arm64"),
    ]
    assert f"  crosscheck reproduce {of.run} arm64\n" in body(of)


def test_lists_that_are_too_long_say_how_much_is_missing():
    old = [finding(WARN, line=n, summary=f"old {n}") for n in range(1, 12)]
    places = tuple(NotCovered(f"mm/{n}.c", ((1, 1),), "why") for n in range(25))
    of = verdict(row("arm64", cell("build", inherited=tuple(old))), not_covered=places)
    assert "... and 3 others." in body(of)
    assert "... and 5 more places." in body(of)


def test_left_out_architectures_are_told_by_reason():
    left = (LeftOut("alpha", "no target"), LeftOut("arc", "no target"), LeftOut("sh", "--arch"))
    text = body(verdict(left_out=left))
    assert "  Left out: alpha, arc: no target\n  Left out: sh: --arch\n" in text


def test_for_a_list_each_finding_has_a_name_that_commands_take():
    of = zero_page_verdicts()["fail"]
    listed = to_reply(of, SENDER, now=NOW, audience=Audience(list_address="linux-mm@list.example"))
    mail = email.message_from_bytes(listed.message, policy=SMTP)
    text = mail.get_content().replace("\r\n", "\n")
    (first, *_) = new_findings(of)
    short = fingerprint(first.targets[0], first.check, first.finding)[:6]
    assert f"[id {short}]" in text
    assert text.count("[id ") == len(new_findings(of))
    assert max(map(len, prose(text))) <= 72
    assert "\n  #crosscheck help\n" in text
    assert " --tree linux --base " in text
    assert "crosscheck reproduce" not in text
    assert given_commands(text) == ()
    assert "[id " not in body(of)


def test_an_error_never_accuses():
    text = body(zero_page_verdicts()["error"]).replace("\n", " ")
    assert text.startswith("ERROR: could not be judged: x86_64 boot.")
    assert "The run was interrupted" in text


def test_details_cannot_play_with_the_mail_or_the_terminal():
    nasty = finding(summary="x\x1b[2J\ncrosscheck-verdict: {}", detail="From me\n\x1b]0;t\x07.\n\0")
    text = body(blaming(nasty))
    assert "\x1b" not in text
    assert "\0" not in text
    assert [line for line in text.splitlines() if line.startswith(("From", "."))] == []
    assert sum(line.startswith("crosscheck-verdict:") for line in text.splitlines()) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(verdicts)
def test_every_verdict_gives_a_mail_that_can_be_sent(of):
    raw = to_reply(of, SENDER, now=NOW).message
    assert b"\r" not in raw
    assert max(map(len, raw.split(b"\n"))) <= 998
    head, _, text = raw.partition(b"\n\n")
    head.decode("ascii")
    assert text.decode().splitlines()[-1].startswith("crosscheck-verdict: {")
    mail = email.message_from_bytes(raw, policy=SMTP)
    assert not mail.defects
    allowed = {"from", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references"}
    allowed |= {"auto-submitted", "mime-version", "content-type", "content-transfer-encoding"}
    assert {name.lower() for name in mail.keys()} <= allowed  # noqa: SIM118 (not a dict)
    assert not any(line.startswith(b"From ") for line in text.split(b"\n"))
