# SPDX-License-Identifier: GPL-2.0-or-later
"""A mailing list as it is: git send-email, a mail server, an archive, and a mail reader."""

from __future__ import annotations

import fcntl
import gzip
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest
import requests

from pipeline.series.mbox import split
from tests import toy
from tests.conftest import missing
from tests.integration.archives import archive
from tests.integration.mail_servers import MailServer
from tests.integration.watching import LIST, Watched, cover, message_id
from tests.toy import adding

pytestmark = pytest.mark.integration

UNUSED = "\nvoid noise(void)\n{\n\tint unused;\n}\n"


class MailingList(threading.Thread):
    """What a list does: all that its server takes goes into its archive."""

    def __init__(self, server, kept):
        super().__init__(daemon=True)
        self.server, self.kept, self.over = server, kept, threading.Event()

    def run(self):
        seen = set()
        while not self.over.wait(0.2):
            for each in self.server.deliveries():
                raw = each.message.replace(b"\r\n", b"\n")
                if message_id(raw) not in seen:
                    seen.add(message_id(raw))
                    got = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
                    self.kept.deliver("toy", f"Received: by x; {got}\n".encode() + raw)


@pytest.fixture
def posted_to(installation, tmp_path):
    if shutil.which("mutt") is None:
        missing("mutt")
    if subprocess.run(["git", "send-email", "-h"], capture_output=True, check=False).returncode > 1:
        missing("git send-email (Debian's package git-email)")
    server = MailServer(tmp_path / "sent")
    server.start()
    kept = archive(tmp_path / "archive")
    kept.create("toy")
    kept.start()
    watched = Watched(installation, server, tmp_path / "maildir", url=kept.nntp_url("toy"))
    goes_on = MailingList(server, kept)
    goes_on.start()
    yield watched, kept
    watched.stop()
    goes_on.over.set()
    goes_on.join()
    kept.stop()
    server.stop()
    installation.nothing_is_left()


def send(watched, directory):
    """`git send-email`, as whoever wrote the patches."""
    words = (
        *("git", "send-email", "--quiet", "--confirm=never", "--suppress-cc=all", f"--to={LIST}"),
        *("--from=A. Developer <dev@crosscheck.invalid>", "--smtp-server=127.0.0.1"),
        *(f"--smtp-server-port={watched.server.port}", "--no-thread", str(directory)),
    )
    done = subprocess.run(
        words, cwd=watched.at.tree, check=False, capture_output=True, text=True, timeout=60,
        env=os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null", "HOME": str(watched.at.home)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def shown_by_mutt(mbox, home):
    """What mutt shows of MBOX, by threads, as lines."""
    pid, screen = pty.fork()
    if not pid:
        os.environ |= {"TERM": "vt100", "HOME": str(home)}
        setup = f"set sort=threads; set ascii_chars; set index_format='%C %s'; set folder={home}"
        os.execlp("mutt", "mutt", "-n", "-R", "-F", "/dev/null", "-e", setup, "-f", str(mbox))
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 150, 0, 0))
    said, until = b"", time.monotonic() + 30
    while (b"Msgs:4" not in said or b"4   `->" not in said) and time.monotonic() < until:
        if select.select([screen], [], [], 0.2)[0]:
            said += os.read(screen, 65536)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(screen)
    text = re.sub(rb"\x1b\[[0-9;]*[HB]", b"\n", said)  # a line begins
    text = re.sub(rb"\x1b[()\[][?0-9;]*[A-Za-z]|[\x0e\x0f\r]", b"", text)
    return [line.strip() for line in text.decode("ascii", "replace").split("\n") if line.strip()]


def test_what_is_sent_to_the_list_is_answered_under_the_patch_that_it_is_about(posted_to, tmp_path):
    watched, kept = posted_to
    tree = watched.at.tree
    toy.commit(tree, "mm: harmless", {"mm/memory.c": adding("\n/* One. */\n")})
    toy.commit(tree, "blue: a warning", {"arch/blue/mm/init.c": adding(UNUSED)})
    series = tmp_path / "series"
    words = ("format-patch", "-2", "--cover-letter", "--thread=shallow", "-o", str(series))
    toy.git(tree, *words)
    toy.git(tree, "reset", "-q", "--hard", "HEAD~2")
    for file in series.iterdir():
        file.write_bytes(cover(file.read_bytes()))
    watched.start()
    deadline = time.monotonic() + 60
    while not watched.store.sources():  # it begins with what comes now
        assert time.monotonic() < deadline
        time.sleep(0.1)
    send(watched, series)
    answers = []
    while not answers:
        assert time.monotonic() < deadline + 60, watched.said()
        time.sleep(0.5)
        answers = [m for m in watched.sent() if "bot.example" in str(m["From"])]
    (answer,) = answers
    guilty = next(m for m in watched.sent() if "2/2" in str(m["Subject"]))
    assert answer["In-Reply-To"] == guilty["Message-ID"]
    assert answer["Subject"] == f"Re: {guilty['Subject']}"

    mid = str(guilty["Message-ID"]).strip("<>")
    mine = str(answer["Message-ID"]).strip("<>")
    while True:  # the archive has it, in the same thread
        page = requests.get(f"{kept.url('toy')}{mid}/t.mbox.gz", timeout=10)
        mbox = gzip.decompress(page.content) if page.ok else b""
        if mine.encode() in mbox:
            break
        assert time.monotonic() < deadline + 90
        time.sleep(0.5)
    assert len(list(split(mbox.splitlines(keepends=True)))) == 4
    nested = requests.get(f"{kept.url('toy')}{mid}/t/", timeout=10).text
    assert re.search(r"2/2.*\n.*` .*crosscheck", nested), nested

    thread = tmp_path / "thread.mbox"
    thread.write_bytes(mbox)
    lines = shown_by_mutt(thread, tmp_path)
    first = next(n for n, line in enumerate(lines) if line.startswith("1 "))
    assert lines[first : first + 4] == [
        "1 [PATCH 0/2] toy: two changes",
        "2 |->[PATCH 1/2] mm: harmless",
        "3 `->[PATCH 2/2] blue: a warning",
        "4   `->",  # with the same subject
    ]
