# SPDX-License-Identifier: GPL-2.0-or-later
"""Git epochs give all mails in order, however they are written anew, and whoever is killed."""

import mailbox
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.sources import epochs, open_source

pytestmark = pytest.mark.integration


class Inbox:
    """A repository as public-inbox writes it: one mail a commit."""

    def __init__(self, path):
        self.path, self.sent = path, 0
        self.epoch = -1
        self.rotate()

    def rotate(self):
        self.epoch += 1
        self.git = self.path / "git" / f"{self.epoch}.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "master", self.git], check=True)
        self.count = 0

    def deliver(self, *mails):
        self._import([("m", mail) for mail in mails or [self.next()]])

    def next(self):
        self.sent += 1
        return raw(self.sent - 1)

    def delete(self):
        self._import([("d", raw(0))])

    def _import(self, files, *, anew=False):
        lines = ["reset refs/heads/master\n"] if anew else []
        for n, (name, mail) in enumerate(files):
            start = "from refs/heads/master^0\n" if n == 0 and self.count and not anew else ""
            lines.append(
                f"commit refs/heads/master\ncommitter a <a@x> {int(time.time())} +0000\n"
                f"data 0\n{start}deleteall\nM 100644 inline {name}\ndata {len(mail)}\n{mail.decode()}\n"
            )
        self.count += len(files)
        subprocess.run(
            ["git", "-C", self.git, "fast-import", "--quiet", "--force"],
            input="".join(lines).encode(),
            check=True,
        )

    def write_anew(self, *mails):
        """The epoch holds these alone; what it held before is gone."""
        self.count = 0
        self._import([("m", mail) for mail in mails], anew=True)
        for command in (["reflog", "expire", "--expire=now", "--all"], ["gc", "-q", "--prune=now"]):
            subprocess.run(["git", "-C", self.git, *command], check=True)

    def read(self, position=""):
        got = list(open_source(f"inbox:{self.path}").read(position))
        return [a.raw for a in got if a.raw], got[-1].position if got else position


def raw(n) -> bytes:
    return f"Message-ID: <{n}@x>\n\ntext\n".encode()


@pytest.fixture
def inbox(tmp_path):
    return Inbox(tmp_path / "inbox")


@given(st.lists(st.sampled_from(["deliver", "read", "crash", "rotate", "delete"]), max_size=12))
@settings(max_examples=15)
def test_any_deliveries_restarts_and_epochs_give_all_mails_in_order(steps):
    with tempfile.TemporaryDirectory() as top:
        inbox = Inbox(Path(top) / "inbox")
        kept, position = inbox.read()
        for step in steps:
            if step == "read":
                mails, position = inbox.read(position)
                kept += mails
            elif step == "crash":
                for arrival in open_source(f"inbox:{inbox.path}").read(position):
                    kept += [arrival.raw] if arrival.raw else []
                    position = arrival.position
                    break
            else:
                getattr(inbox, step)()
        assert kept + inbox.read(position)[0] == [raw(n) for n in range(inbox.sent)]


def test_a_bare_epoch_alone(inbox):
    inbox.deliver()
    got = [a.raw for a in open_source(f"inbox:{inbox.git}").read("")]
    assert got == [b"", raw(0)]


def test_a_purge_loses_nothing(inbox):
    inbox.deliver(*(raw(n) for n in range(6)))
    _, position = inbox.read()
    inbox.write_anew(*(raw(n) for n in (0, 1, 4, 5, 6, 7)))
    got, position = inbox.read(position)
    assert {raw(6), raw(7)} <= set(got)
    inbox.deliver(raw(8))
    assert inbox.read(position)[0] == [raw(8)]


def test_of_a_long_history_that_was_written_anew_only_the_end_is_read_again(inbox, monkeypatch):
    monkeypatch.setattr(epochs, "LOOK_BACK", 5)
    inbox.deliver(*(raw(n) for n in range(30)))
    _, position = inbox.read()
    inbox.write_anew(*(raw(n) for n in range(33) if n != 3))
    assert inbox.read(position)[0] == [raw(n) for n in range(26, 33)]


def test_the_first_call_looks_back_a_little(inbox, monkeypatch):
    monkeypatch.setattr(epochs, "LOOK_BACK", 5)
    inbox.deliver(*(raw(n) for n in range(30)))
    assert inbox.read()[0] == [raw(n) for n in range(25, 30)]


def test_a_call_is_bounded(inbox, monkeypatch):
    _, position = inbox.read()
    monkeypatch.setattr(epochs, "BATCH", 10)
    inbox.deliver(*(raw(n) for n in range(15)))
    inbox.rotate()
    inbox.deliver(*(raw(n) for n in range(15, 25)))
    kept = []
    for expected in (10, 10, 5, 0):
        got, position = inbox.read(position)
        assert len(got) == expected
        kept += got
    assert kept == [raw(n) for n in range(25)]


def test_an_inbox_that_was_begun_anew(inbox):
    inbox.deliver(raw(0))
    inbox.rotate()
    inbox.deliver(raw(1))
    _, position = inbox.read()
    (inbox.path / "git" / "1.git").rename(inbox.path / "git" / "old")
    assert inbox.read(position)[0] == [raw(0)]


READER = textwrap.dedent("""
    import os, sys, time
    from pathlib import Path
    from pipeline.sources import open_source
    url, kept = sys.argv[1], Path(sys.argv[2])
    mark = kept / "position"
    source = open_source(url)
    while True:
        for arrival in source.read(mark.read_text() if mark.exists() else ""):
            if arrival.raw:
                number = arrival.raw.split(b"<")[1].split(b"@")[0].decode()
                with (kept / "mails").open("a") as mails:
                    mails.write(number + "\\n")
            (kept / "next").write_text(arrival.position)
            os.replace(kept / "next", mark)
        source.wait(0.01)
""")


@pytest.mark.parametrize("kind", ["inbox", "maildir"])
def test_whoever_reads_may_be_killed_at_any_moment(tmp_path, kind):
    inbox = Inbox(tmp_path / "inbox") if kind == "inbox" else mailbox.Maildir(tmp_path / "inbox")
    deliver = inbox.deliver if kind == "inbox" else inbox.add
    kept = tmp_path / "kept"
    kept.mkdir()
    command = [sys.executable, "-W", "ignore", "-c", READER, f"{kind}:{tmp_path / 'inbox'}", kept]
    dice = random.Random(5)
    sent = 0

    def there():
        return (kept / "mails").read_text().split() if (kept / "mails").exists() else []

    for last in (False,) * 6 + (True,):
        reader = subprocess.Popen(command, cwd=Path(__file__).parents[2])
        try:
            for _ in range(10):
                deliver(raw(sent))
                sent += 1
            before, deadline = len(there()), time.monotonic() + 60
            while len(there()) == before and not last:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            if not last:
                time.sleep(dice.random() / 20)
            while last and len(set(there())) < sent:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            os.kill(reader.pid, signal.SIGKILL)
            reader.wait()
    numbers = [int(n) for n in there()]
    assert set(numbers) == set(range(sent))
    if kind == "inbox":
        assert list(dict.fromkeys(numbers)) == list(range(sent))
    assert len(numbers) <= sent + 7  # one mail twice for each kill
