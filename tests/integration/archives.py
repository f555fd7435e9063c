# SPDX-License-Identifier: GPL-2.0-or-later
"""A real mail archive: public-inbox, with its web, news and mail servers on loopback."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from tests.conftest import missing
from tests.integration.object_servers import free_port

#: Takes mails, each in a file, into the inbox named first, in one process and in their order.
_DELIVER = """
use PublicInbox::Config; use PublicInbox::InboxWritable; use PublicInbox::Eml;
my $inbox = PublicInbox::Config->new->lookup_name(shift) or die "no inbox";
my $into = PublicInbox::InboxWritable->new($inbox)->importer(0);
for my $file (@ARGV) {
    open my $in, '<', $file or die;
    $into->add(PublicInbox::Eml->new(do { local $/; <$in> }));
}
$into->done;
"""


def mail(
    n: int | str,
    *,
    subject: str = "",
    body: str = "text\n",
    at: float | None = None,
    headers: str = "",
) -> bytes:
    """A mail `<N@x>` that its list got at AT (now)."""
    date = formatdate(time.time() if at is None else at)
    return (
        f"Received: from x by y; {date}\nFrom: Ann <ann@example.org>\nTo: list@example.org\n"
        f"Subject: {subject or f'mail {n}'}\nMessage-ID: <{n}@x>\nDate: {date}\n{headers}\n{body}"
    ).encode()


def ids(mails: list[bytes]) -> list[str]:
    """The N of each."""
    return [re.search(rb"Message-ID: <(.*)@x>", raw)[1].decode() for raw in mails]


@dataclass
class Archive:
    """The inboxes below ROOT, and the servers of them all."""

    root: Path
    http_port: int = field(default_factory=free_port)
    nntp_port: int = field(default_factory=free_port)
    imap_port: int = field(default_factory=free_port)
    _servers: subprocess.Popen | None = None
    _delivered: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """What public-inbox's commands need to find it."""
        return os.environ | {"HOME": str(self.root), "PI_CONFIG": str(self.root / "config")}

    def run(self, *command: str | Path, cwd: Path | None = None) -> str:
        """What a command of public-inbox wrote."""
        ended = subprocess.run(
            command,
            env=self.environment,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def create(self, name: str, *more: str) -> None:
        """A new inbox, before `start`; MORE are options of public-inbox-init."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.run(
            *("public-inbox-init", "-V2", "-L", "full", "--ng", self.group(name), *more),
            *(name, self.inbox(name), self.url(name), f"{name}@example.org"),
        )

    def inbox(self, name: str) -> Path:
        """Its repository."""
        return self.root / "inboxes" / name

    def url(self, name: str) -> str:
        """Its address on the web."""
        return f"http://127.0.0.1:{self.http_port}/{name}/"

    def group(self, name: str) -> str:
        """Its news group; its folder has `.0` appended."""
        return f"org.example.{name}"

    def nntp_url(self, name: str) -> str:
        """Its address on the news server."""
        return f"nntp://127.0.0.1:{self.nntp_port}/{self.group(name)}"

    def imap_url(self, name: str) -> str:
        """Its address on the mail server."""
        return f"imap://127.0.0.1:{self.imap_port}/{self.group(name)}.0"

    def deliver(self, name: str, *mails: bytes) -> None:
        """MAILS arrive in this order."""
        files = []
        for raw in mails:
            self._delivered += 1
            files.append(self.root / f"mail-{self._delivered}")
            files[-1].write_bytes(raw)
        self.run("perl", "-e", _DELIVER, name, *files)
        for file in files:
            file.unlink()

    def delete(self, raw: bytes) -> None:
        """The mail RAW is removed from all inboxes; history keeps it."""
        self._remove("public-inbox-learn", "rm", raw=raw)

    def purge(self, name: str, raw: bytes) -> None:
        """The mail RAW is removed for good: history is written anew."""
        self._remove("public-inbox-purge", self.inbox(name), raw=raw)

    def _remove(self, *command: str | Path, raw: bytes) -> None:
        ended = subprocess.run(
            command, env=self.environment, input=raw, capture_output=True, check=False, timeout=120
        )
        assert ended.returncode == 0, ended.stderr

    def start(self) -> None:
        """Start the servers and wait until they answer."""
        ports = {"http": self.http_port, "nntp": self.nntp_port, "imap": self.imap_port}
        listen = [w for s, port in ports.items() for w in ("-l", f"{s}://127.0.0.1:{port}")]
        with (self.root / "servers.log").open("ab") as log:
            self._servers = subprocess.Popen(
                ["public-inbox-netd", "-W0", *listen],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        for port in ports.values():
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)

    def stop(self) -> None:
        """End the servers; the mails stay."""
        if self._servers is not None:
            self._servers.kill()
            self._servers.wait()
            self._servers = None


def archive(root: Path) -> Archive:
    """One without inboxes, whose servers do not run; whoever wants it stops it."""
    for program in ("public-inbox-init", "public-inbox-netd"):
        if not shutil.which(program):
            missing("a mail archive (Debian's package public-inbox)")
    return Archive(root)
