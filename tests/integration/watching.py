# SPDX-License-Identifier: GPL-2.0-or-later
"""A list that is watched: a maildir that mails arrive in, a mail server, `crosscheck watch`."""

from __future__ import annotations

import email
import email.policy
import itertools
import signal
import subprocess
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from pipeline.store import Store, Submission
from tests import toy
from tests.integration.conftest import Installation
from tests.integration.hosts import wait_until
from tests.integration.mail_servers import Delivery, MailServer

LIST = "toy@lists.example"
AUTHOR = "A. Developer <dev@crosscheck.invalid>"
_MAIL = itertools.count()


def mails(tree: Path, count: int, *options: str, to: str = LIST) -> list[bytes]:
    """The last COUNT commits of TREE as `git format-patch` mails them to the list."""
    directory = tree.parent / f"mails-{next(_MAIL)}"
    words = ("format-patch", f"-{count}", "--thread=shallow", f"--to={to}", "-o", str(directory))
    toy.git(tree, *words, *options)
    found = []
    for file in sorted(directory.iterdir()):
        lines = file.read_bytes().splitlines(keepends=True)[1:]  # without the mbox separator
        found.append(b"".join(lines))
    return found


def cover(raw: bytes) -> bytes:
    """RAW, a cover letter, as somebody fills it in."""
    raw = raw.replace(b"*** SUBJECT HERE ***", b"toy: two changes")
    return raw.replace(b"*** BLURB HERE ***", b"Two changes.")


def message_id(raw: bytes) -> str:
    return str(email.message_from_bytes(raw)["Message-ID"]).strip("<>")


def reply(raw: bytes, text: str, sender: str = AUTHOR, *headers: str) -> bytes:
    """What SENDER answers to RAW."""
    own = f"reply-{next(_MAIL)}@crosscheck.invalid"
    answered = email.message_from_bytes(raw)
    head = (
        *headers,
        f"From: {sender}",
        f"To: {LIST}",
        f"Subject: Re: {answered['Subject']}",
        f"Message-ID: <{own}>",
        f"In-Reply-To: <{message_id(raw)}>",
        f"References: <{message_id(raw)}>",
    )
    return ("\n".join(head) + f"\n\n{text}\n").encode()


@dataclass
class Watched:
    """A list, its archive in a maildir, and who watches it."""

    at: Installation
    server: MailServer
    maildir: Path
    answer: str = "all"
    more: str = ""  # lines of the list's entry
    url: str = ""  # where mails are read instead of the maildir
    process: subprocess.Popen | None = None
    logs: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        for part in ("cur", "new", "tmp"):
            (self.maildir / part).mkdir(parents=True)
        self.at.environ |= {
            "CROSSCHECK_LISTS": str(self.at.home / "lists.yaml"),
            "CROSSCHECK_SMTP_URL": self.server.url(),
            "CROSSCHECK_SENDER": "crosscheck <crosscheck@bot.example>",
            "CROSSCHECK_AUTHSERV_ID": "mx.example",
            "CROSSCHECK_DKIM": "off",
        }

    def write_lists(self) -> None:
        source = self.url or f"maildir:{self.maildir}"
        (self.at.home / "lists.yaml").write_text(
            f"lists:\n  toy:\n    address: {LIST}\n    sources: {source}\n"
            f"    trees: {self.at.tree}\n    answer: {self.answer}\n{self.more}"
        )

    def start(self) -> None:
        self.write_lists()
        log = self.at.home / f"watch-{len(self.logs)}.log"
        self.logs.append(log)
        with log.open("wb") as stream:
            command = [str(self.at.program()), "watch", "--runs", "2"]
            self.process = subprocess.Popen(
                command, env=self.at.environment(), cwd=self.at.home,
                stdin=subprocess.DEVNULL, stdout=stream, stderr=stream,
            )  # fmt: skip

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def said(self) -> str:
        return "".join(log.read_text() for log in self.logs)

    def deliver(self, *raws: bytes) -> None:
        for raw in raws:
            name = f"{time.time_ns()}.{next(_MAIL)}.h"
            part = self.maildir / "tmp" / name
            part.write_bytes(raw)
            part.rename(self.maildir / "new" / name)

    @property
    def store(self) -> Store:
        return Store(self.at.database)

    def submission(self, raw: bytes) -> Submission | None:
        return self.store.submission(message_id(raw))

    def await_state(self, raw: bytes, *states: str, limit_s: float = 60) -> Submission:
        """The submission of which RAW is the first mail, once it is in one of STATES."""

        def reached() -> bool:
            there = self.submission(raw)
            return there is not None and there.state in states

        try:
            wait_until(reached, limit_s, f"{' or '.join(states)}")
        except AssertionError:
            print(self.said())
            print(self.submission(raw))
            raise
        found = self.submission(raw)
        assert found
        return found

    def await_sent(self, count: int, limit_s: float = 60) -> list[EmailMessage]:
        """The COUNT mails that went out, once they did."""
        try:
            wait_until(lambda: len(self.server.deliveries()) >= count, limit_s, f"{count} mails")
        except AssertionError:
            print(self.said())
            raise
        return self.sent()

    def taken(self) -> list[tuple[Delivery, EmailMessage]]:
        return [
            (each, email.message_from_bytes(each.message, policy=email.policy.default))
            for each in self.server.deliveries()
        ]

    def sent(self) -> list[EmailMessage]:
        return sorted((mail for _, mail in self.taken()), key=lambda mail: mail["Date"].datetime)
