# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers go out to a real server once, or are kept, whatever goes wrong where."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from email import message_from_bytes, policy
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import pytest

from pipeline.lists.config import Mode, QuietHours
from pipeline.model import InputError, Patch
from pipeline.outbox import deliver as delivering
from pipeline.outbox.compose import compose
from pipeline.outbox.deliver import deliver
from pipeline.outbox.smtp import server as server_of
from pipeline.outbox.when import HOUR_S
from pipeline.settings import load
from pipeline.store import MailState, Store
from pipeline.store.outbox import LEASE_S
from tests.integration.mail_servers import (
    DROP,
    PASSWORD,
    USER,
    MailServer,
    certificate,
)
from tests.unit.builders import letter, mail_list, row, series, verdict

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS"),
]

SENDER = "crosscheck <crosscheck@example.org>"
EVERYONE = ("rppt@kernel.org", "akpm@linux-foundation.org", "linux-mm@kvack.org")


class Post:
    """An installation with a store, a list, and a clock that a test turns."""

    def __init__(self, home, server):
        self.server = server
        self.environ = {
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "CROSSCHECK_SENDER": SENDER,
            "CROSSCHECK_SMTP_URL": server.url(),
        }
        self.store = Store(self.settings.database_url)
        self.list = mail_list(author_hourly=100, list_hourly=100)
        self.said = []
        self.later_s = 0.0

    @property
    def settings(self):
        return load(self.environ)

    def clock(self):
        return self.store.clock()() + self.later_s

    def compose(self, run="r1", **changes):
        one = letter(**({"cc": ("linux-mm@kvack.org",)} | changes))
        of = series(patches=(Patch(1, "s", one.author, one),), cover=None)
        return compose(verdict(row("arm64"), series=of, run=run), self.list, SENDER, self.clock())

    def post(self, run="r1", **changes):
        mail = self.compose(run, **changes)
        assert self.store.post(mail)
        return mail.message_id

    def deliver(self):
        return deliver(self.settings, self.store, [self.list], self.clock, self.said.append)

    def mail(self, run="r1"):
        return self.store.out_mail(f"crosscheck.{run}@example.org")

    def state(self, run="r1"):
        return self.mail(run).state


@pytest.fixture
def server(tmp_path):
    made = MailServer(tmp_path / "mail")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def post(tmp_path, server):
    return Post(tmp_path, server)


def wrong(at, what, times=1):
    """A server that does WHAT at the stage AT so many TIMES."""
    left = [what] * times

    def wrongly(stage, _argument):
        return left.pop() if stage == at and left else ""

    return wrongly


# --- what arrives ---------------------------------------------------------------------------


def test_it_arrives_as_it_was_written_at_everyone_and_once(post, server):
    name = "Jörg Müller-Lüdenscheidt (mm)"
    post.post(author=f'"{name}" <rppt@kernel.org>', references=("x" * 200 + "@y",))
    assert post.deliver() == 1
    assert post.deliver() == 0
    (came,) = server.deliveries()
    assert (came.sender, came.recipients) == ("crosscheck@example.org", EVERYONE)
    assert came.message.replace(b"\r\n", b"\n") == post.mail().message
    assert b"\r\r\n" not in came.message
    read = message_from_bytes(came.message, policy=policy.default)
    assert read["To"].addresses[0].display_name == name
    assert read["References"].split()[0] == f"<{'x' * 200}@y>"
    assert post.state() == "sent"
    assert "250 2.0.0 taken" in post.mail().said


def test_lines_that_begin_with_a_dot_or_from_arrive(post, server):
    mail = replace(post.compose(), message=b"Subject: x\n\n.\n..a\nFrom b\nend\xc3\xa4\n")
    post.store.post(mail)
    assert post.deliver() == 1
    assert [" BODY=8BITMIME" in said for stage, said in server.commands if stage == "mail"] == [
        True
    ]
    assert server.deliveries()[0].message == (
        b"Subject: x\r\n\r\n.\r\n..a\r\nFrom b\r\nend\xc3\xa4\r\n"
    )


def test_a_mail_is_posted_once(post):
    assert post.store.post(post.compose())
    post.deliver()
    assert not post.store.post(replace(post.compose(), message=b"another"))
    assert post.state() == "sent"


# --- a server that goes wrong ---------------------------------------------------------------


@pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data"])
def test_a_connection_lost_before_the_end_of_the_text_is_tried_again(post, server, stage):
    server.wrong = wrong(stage, DROP)
    post.post()
    assert post.deliver() == 0
    mail = post.mail()
    assert (mail.state, mail.recipients) == ("ready", EVERYONE)
    assert post.deliver() == 0  # it is not due
    post.later_s = 301
    assert post.deliver() == 1
    assert len(server.deliveries()) == 1
    assert post.state() == "sent"


def test_a_connection_lost_in_the_middle_of_the_text_is_tried_again(post, server):
    server.wrong = wrong("text", DROP)
    post.store.post(replace(post.compose(), message=b"Subject: x\n\n" + b"line\n" * 4_000_000))
    assert post.deliver() == 0
    assert post.state() == "ready"


@pytest.mark.parametrize("stage", ["text", "dot", "taken"])
def test_a_mail_that_was_perhaps_taken_is_parked(post, server, stage):
    server.wrong = wrong(stage, DROP)
    post.post()
    assert post.deliver() == 0
    assert post.state() == "parked"
    assert "may have been sent" in post.mail().said
    post.later_s = 10 * 24 * HOUR_S
    assert post.deliver() == 0
    assert len(server.deliveries()) == (stage == "taken")


@pytest.mark.parametrize("stage", ["mail", "data", "dot", "taken"])
@pytest.mark.parametrize("code", [421, 451])
def test_what_is_refused_for_now_is_tried_again(post, server, stage, code):
    server.wrong = wrong(stage, f"{code} 4.3.0 not now")
    post.post()
    assert post.deliver() == 0
    mail = post.mail()
    assert (mail.state, mail.recipients) == ("ready", EVERYONE)
    assert "not now" in mail.said
    post.later_s = 301
    server.wrong = wrong("", "")
    assert post.deliver() == 1


@pytest.mark.parametrize("stage", ["mail", "data", "dot", "taken"])
def test_what_is_refused_for_good_is_parked(post, server, stage):
    server.wrong = wrong(stage, "554 5.7.1 we take no robots")
    post.post()
    assert post.deliver() == 0
    assert post.state() == "parked"
    assert "554 5.7.1 we take no robots" in post.mail().said


def test_an_answer_that_is_none_parks(post, server):
    server.wrong = wrong("taken", "what?")
    post.post()
    post.deliver()
    assert post.state() == "parked"
    assert "may have been sent" in post.mail().said


def refusing(**answers):
    """A server that gives ANSWERS (by the name before the @) to recipients."""

    def wrongly(stage, argument):
        name = re.sub(r".*<|@.*", "", argument)
        return answers.get(name, "") if stage == "rcpt" else ""

    return wrongly


def test_who_is_refused_for_good_is_named_and_the_others_get_it(post, server):
    server.wrong = refusing(akpm="550 5.1.1 unknown")
    post.post()
    assert post.deliver() == 1
    assert server.deliveries()[0].recipients == (EVERYONE[0], EVERYONE[2])
    assert post.state() == "sent"
    assert "akpm@linux-foundation.org: 550 5.1.1 unknown" in post.mail().said


def test_who_is_refused_for_now_gets_it_later_and_nobody_else_again(post, server):
    server.wrong = refusing(akpm="450 4.2.1 greylisted", rppt="550 unknown")
    post.post()
    assert post.deliver() == 1
    assert (post.state(), post.mail().recipients) == ("ready", (EVERYONE[1],))
    server.wrong = wrong("", "")
    post.later_s = 301
    assert post.deliver() == 1
    assert sorted(each.recipients for each in server.deliveries()) == [EVERYONE[1:2], EVERYONE[2:]]
    assert post.state() == "sent"
    assert "rppt@kernel.org: 550 unknown" in post.mail().said


@pytest.mark.parametrize(
    ("code", "state", "left"),
    [(550, "parked", EVERYONE), (450, "ready", EVERYONE), (421, "ready", EVERYONE)],
)
def test_who_are_all_refused(post, server, code, state, left):
    server.wrong = refusing(**dict.fromkeys(("rppt", "akpm", "linux-mm"), f"{code} no"))
    post.post()
    assert post.deliver() == 0
    assert (post.state(), post.mail().recipients) == (state, left)
    assert f"{code} no" in post.mail().said


def test_it_is_tried_for_days_less_and_less_often_and_then_parked(post, server):
    server.wrong = lambda stage, _: "451 never" if stage == "mail" else ""
    post.post()
    began, tries = post.clock(), []
    while post.state() == "ready" and len(tries) < 100:
        post.deliver()
        tries.append(post.clock() - began)
        post.later_s += max(0, post.mail().due_at - post.clock()) + 1
    waited = [after - before for before, after in pairwise(tries)]
    assert 300 <= waited[0] < 310
    assert max(waited) <= 4 * HOUR_S + 10
    assert 30 < len(tries) < 45
    assert 5 * 24 * HOUR_S < tries[-1] < 5.5 * 24 * HOUR_S
    assert post.state() == "parked"
    assert "5 days: 451 never" in post.mail().said


def test_a_server_that_is_away_is_asked_once_a_round(post, server):
    for run in ("r1", "r2", "r3"):
        post.post(run)
    server.stop()
    assert post.deliver() == 0
    assert [post.mail(run).tries for run in ("r1", "r2", "r3")] == [1, 0, 0]
    assert "takes nothing from us" in post.mail().said
    server.start()
    post.later_s = 301
    assert post.deliver() == 3


def test_a_server_without_8bitmime_gets_only_ascii(tmp_path):
    server = MailServer(tmp_path / "mail", eight_bit=False)
    server.start()
    try:
        post = Post(tmp_path, server)
        post.post("r1")
        of = replace(post.compose("r2"), message=b"Subject: x\n\n\xc3\xa4\n")
        post.store.post(of)
        assert post.deliver() == 1
        assert (post.state("r1"), post.state("r2")) == ("sent", "parked")
        assert "8BITMIME" in post.mail("r2").said
    finally:
        server.stop()


# --- passwords ------------------------------------------------------------------------------


@pytest.fixture
def safe(tmp_path, monkeypatch):
    """A server at an address that is not near, which wants STARTTLS and a password."""
    chain = certificate(tmp_path, "127.0.0.2")
    made = MailServer(tmp_path / "mail", address="127.0.0.2", certificate=chain, login=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain[0]))
    return made


@pytest.mark.parametrize("tls", [False, True])
def test_a_password_goes_over_tls(tmp_path, safe, tls):
    safe.tls = tls
    safe.start()
    try:
        post = Post(tmp_path, safe)
        secret = tmp_path / "secret"
        secret.write_text(safe.url(quote(PASSWORD, safe="")) + "\n")
        post.environ["CROSSCHECK_SMTP_URL_FILE"] = str(secret)
        post.post()
        assert post.deliver() == 1, post.mail().said
        (came,) = safe.deliveries()
        assert (came.user, came.tls) == (USER, True)
    finally:
        safe.stop()


@pytest.mark.parametrize("fault", ["no starttls", "nobody vouches", "wrong password", "auth lost"])
def test_a_password_that_cannot_be_given_safely_or_is_wrong_costs_no_mail(
    tmp_path, safe, monkeypatch, fault
):
    if fault == "no starttls":
        safe.certificate = None
    if fault == "nobody vouches":
        monkeypatch.delenv("SSL_CERT_FILE")
    if fault == "auth lost":
        safe.wrong = wrong("auth", DROP)
    safe.start()
    try:
        post = Post(tmp_path, safe)
        given = "wrong-7391" if fault == "wrong password" else PASSWORD
        post.environ["CROSSCHECK_SMTP_URL"] = safe.url(quote(given, safe=""))
        post.post()
        assert post.deliver() == 0
        assert post.state() == "ready"
        told = " ".join([*post.said, post.mail().said])
        assert "takes nothing from us" in told
        assert given not in told
        assert quote(given, safe="") not in told
        asked = [stage for stage, _ in safe.commands]
        assert ("auth" in asked) == (fault in ("wrong password", "auth lost"))
        assert not safe.deliveries()
    finally:
        safe.stop()


@pytest.mark.parametrize(
    "url",
    [
        "smtp://me:s3same@",
        "http://me:s3same@host",
        "smtp://me:s3same@host:port",
        "smtp://me:s3/same@host",
        "smtp://me:12/s3same@host",
        "smtp://host/s3same",
        "smtp://host?s3same",
        "smtp://:s3same@host",
        "s3same",
        "smtp://[s3same",
    ],
)
def test_an_address_that_is_none_is_one_sentence_without_the_password(url):
    with pytest.raises(InputError, match="CROSSCHECK_SMTP_URL") as raised:
        server_of(url)
    assert "s3same" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert "s3same" not in repr(server_of("smtp://me:s3same@h"))


# --- when, and which way --------------------------------------------------------------------


def test_quiet_hours_are_quiet_and_nothing_is_lost(post, server):
    minute = int(post.clock() // 60) % 1440
    post.list = replace(
        post.list, quiet=QuietHours((minute - 5) % 1440, (minute + 60) % 1440, "UTC")
    )
    post.post()
    assert post.deliver() == 0
    assert (post.state(), post.mail().tries) == ("ready", 0)
    post.later_s = 2 * HOUR_S
    assert post.deliver() == 1


def test_an_author_and_a_list_get_so_many_an_hour_and_the_rest_later(post, server):
    post.list = replace(post.list, author_hourly=2, list_hourly=3)
    for n in range(4):
        post.post(f"a{n}")
    for n in range(4):
        post.post(f"b{n}", author=f"b{n}@x.org")
    assert post.deliver() == 3
    assert [post.state(f"a{n}") for n in range(4)] == ["sent", "sent", "ready", "ready"]
    assert [post.state(f"b{n}") for n in range(4)] == ["sent", "ready", "ready", "ready"]
    assert post.deliver() == 0
    post.later_s = HOUR_S + 60
    assert post.deliver() == 3
    post.later_s = 2 * HOUR_S + 120
    assert post.deliver() == 2
    assert len({each.message for each in server.deliveries()}) == 8


def test_two_senders_do_not_exceed_a_limit_together(post, monkeypatch):
    post.list = replace(post.list, list_hourly=1)
    post.post("r1")
    post.post("r2")
    claim, other = post.store.claim_mail, post.mail("r2")

    def at_once(mail, who, now):
        claim(other, "elsewhere 1 b:1", now)
        return claim(mail, who, now)

    monkeypatch.setattr(post.store, "claim_mail", at_once)
    assert post.deliver() == 0
    assert (post.state("r1"), post.state("r2")) == ("ready", "claimed")


def test_a_folder_gets_each_mail_once_in_the_order_of_time(post, server):
    post.list = replace(post.list, mode=Mode.FOLDER, author_hourly=0)
    post.post("r1")
    post.later_s = 5
    post.post("r2")
    assert post.deliver() == 2
    files = sorted((post.settings.outbox_dir / "mm").iterdir())
    assert [file.name.partition("-crosscheck.")[2] for file in files] == [
        "r1@example.org.eml",
        "r2@example.org.eml",
    ]
    assert files[0].read_bytes() == post.mail("r1").message
    assert (post.state("r1"), post.mail("r1").said) == ("written", str(files[0]))
    assert post.deliver() == 0
    assert not server.commands


def test_a_folder_that_cannot_be_written_loses_nothing(post):
    post.list = replace(post.list, mode=Mode.FOLDER)
    post.post()
    post.settings.outbox_dir.write_text("no directory")
    assert post.deliver() == 0
    assert post.state() == "ready"
    assert "cannot write" in post.mail().said
    post.settings.outbox_dir.unlink()
    post.later_s = 301
    assert post.deliver() == 1


@pytest.mark.parametrize(
    ("made", "now", "state"),
    [
        ("folder", "all", "written"),
        ("all", "folder", "written"),
        ("all", "moderate", "held"),
        ("all", "author", "held"),
        ("author", "all", "held"),
        ("moderate", "folder", "held"),
    ],
)
def test_a_mode_that_was_changed_makes_no_noise(post, server, made, now, state):
    post.list = replace(post.list, mode=Mode(made))
    post.post()
    post.list = replace(post.list, mode=Mode(now))
    post.deliver()
    assert post.state() == state
    assert not server.commands


def test_what_is_held_goes_when_it_is_approved(post, server):
    post.list = replace(post.list, mode=Mode.MODERATE)
    post.post()
    assert post.deliver() == 0
    assert post.state() == "held"
    assert post.store.approve_mail(post.mail(), Mode.MODERATE, post.clock())
    assert post.deliver() == 1


def test_mails_of_a_list_that_is_gone_or_without_a_server_wait(post, server):
    post.post()
    del post.environ["CROSSCHECK_SMTP_URL"]
    assert post.deliver() == 0
    assert "set CROSSCHECK_SMTP_URL" in post.said[0]
    post.list = replace(post.list, name="other")
    post.environ["CROSSCHECK_SMTP_URL"] = server.url()
    assert post.deliver() == 0
    assert (post.state(), post.mail().tries) == ("ready", 0)


# --- senders that are lost ------------------------------------------------------------------


def lost(post, who, *, handing):
    post.post()
    mine = post.store.claim_mail(post.mail(), who, post.clock())
    if handing:
        assert post.store.hand_over(mine, post.clock())
    return mine


@pytest.mark.parametrize("handing", [False, True])
@pytest.mark.parametrize("where", ["here", "elsewhere", "self"])
def test_what_a_lost_sender_left(post, server, where, handing):
    who = {
        "here": f"{os.uname().nodename} 1 another-boot:1",
        "elsewhere": "elsewhere 1 b:1",
        "self": delivering.owner(),
    }[where]
    mine = lost(post, who, handing=handing)
    if where == "elsewhere":
        assert post.deliver() == 0
        assert post.state() == ("handing" if handing else "claimed")
        post.later_s = LEASE_S + 1
    assert post.deliver() == (0 if handing else 1)
    assert post.state() == ("parked" if handing else "sent")
    assert len(server.deliveries()) == (0 if handing else 1)
    # Whoever was lost, and comes back, does no harm.
    assert not post.store.hand_over(mine, post.clock())


def test_a_sender_that_was_only_slow_knows_best(post):
    mine = lost(post, "elsewhere 1 b:1", handing=True)
    post.later_s = LEASE_S + 1
    post.deliver()
    assert post.state() == "parked"
    assert post.store.settle_mail(mine, MailState.SENT, post.clock(), said="250 ok")
    assert post.state() == "sent"


def test_a_claim_that_was_given_up_is_not_sent(post, server, monkeypatch):
    post.post()
    real = delivering.give

    def slow(session, mail, sender, begin):
        assert post.store.give_up(mail, post.clock()) == "ready"
        return real(session, mail, sender, begin)

    monkeypatch.setattr(delivering, "give", slow)
    assert post.deliver() == 0
    assert post.state() == "ready"
    assert not server.deliveries()


# --- the command line -----------------------------------------------------------------------


@pytest.fixture
def command(post, tmp_path):
    """Runs `crosscheck outbox …`: its status, and what it said."""
    lists = tmp_path / "lists.yaml"
    lists.write_text(
        "lists:\n  mm:\n    address: linux-mm@kvack.org\n    sources: file:///mail\n"
        "    trees: /src/linux\n    answer: moderate\n"
    )
    program = Path(sys.executable).with_name("crosscheck")
    environ = os.environ | post.environ | {"CROSSCHECK_LISTS": str(lists)}
    environ["XDG_CACHE_HOME"] = str(tmp_path / "cache")

    def run(*words):
        done = subprocess.run(
            [program, "outbox", *words], env=environ, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        print(done.stdout)
        assert "Traceback" not in done.stdout
        return done.returncode, done.stdout

    return run


def test_people_see_approve_drop_and_retry(post, server, command):
    assert command() == (0, "Nothing waits to be sent.\n")
    post.list = replace(post.list, mode=Mode.MODERATE)
    for run in ("20260210-1", "20260210-2", "20260211-1"):
        post.post(run)
    status, said = command()
    assert status == 0
    assert re.search(r"20260210-1 +held +just now +mm +rppt@kernel.org and 2 others +Re: ", said)
    assert "waits for `crosscheck outbox approve`" in said
    status, said = command("show", "20260211")
    assert "held" in said.splitlines()[0]
    assert "\nMessage-ID: <crosscheck.20260211-1@example.org>\n" in said
    status, said = command("approve", "20260210")
    assert (status, said.count("is the beginning of 2 mails")) == (2, 1)
    status, said = command("approve", "nothing")
    assert (status, "There is no mail 'nothing'" in said) == (2, True)
    status, said = command("approve", "20260210-1", "20260210-2")
    assert status == 0
    assert "20260210-1 is approved, and goes to rppt@kernel.org, " in said
    assert command("approve", "20260210-1")[0] == 2
    assert command("drop", "<crosscheck.20260211-1@example.org>") == (
        0,
        "20260211-1 is dropped.\n",
    )
    server.wrong = wrong("dot", "554 no")
    status, said = command("send")
    assert (status, said.splitlines()[-1]) == (0, "1 sent or written.")
    status, said = command()
    assert said.count("parked") == 1
    assert "554 no" in said
    assert command("retry", "20260210-2")[0] == 2
    status, said = command("retry", "20260210-1")
    assert (status, "on your word; it was parked: 554 no" in said) == (0, True)
    assert "1 sent or written." in command("send")[1]
    assert len(server.deliveries()) == 2
    said = command("--all")[1]
    assert (said.count(" sent "), said.count(" dropped ")) == (2, 1)


def test_a_mail_that_is_shown_plays_no_tricks(post, command):
    post.store.post(replace(post.compose("r1"), message=b"Subject: x\n\n\x1b[2Jboo\n"))
    assert "\x1b" not in command("show", "r1")[1]
