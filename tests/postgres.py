# SPDX-License-Identifier: GPL-2.0-or-later
"""A real PostgreSQL server of the tests' own, as Debian's package `postgresql` brings it.

It listens on a Unix socket, and on an address if it is given one, wants a password, and is
stopped and started as a test likes.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa

PASSWORD = "sesame-7391"
_LIMIT_S = 30


def binaries() -> Path | None:
    """Where the server's programs are; of several versions, the newest's."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


def _unprivileged() -> tuple[pwd.struct_passwd, tuple[str, ...]]:
    """Who runs the server, which refuses root, and the words that make a command theirs."""
    if os.geteuid():
        return pwd.getpwuid(os.geteuid()), ()
    who = pwd.getpwnam("nobody")
    ids = f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--clear-groups"
    return who, ("setpriv", *ids)


class Server:
    """A server in DIRECTORY, whose path is short: it holds a socket.

    It also listens on ADDRESS, for clients in NETWORK; ENTER are the words that make a command
    run where that address is.
    """

    def __init__(
        self,
        programs: Path,
        directory: Path,
        *,
        address: str = "",
        network: str = "",
        enter: tuple[str, ...] = (),
    ) -> None:
        self._address, self._enter = address, enter
        self._programs = programs
        self._directory = directory
        self._process: subprocess.Popen | None = None
        self._names = (f"t{n}" for n in itertools.count())
        who, self._theirs = _unprivileged()
        if self._theirs:
            os.chown(directory, who.pw_uid, who.pw_gid)
        secret = directory / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run(
            *("initdb", "-D", "data", "-U", "crosscheck", "-E", "UTF8", "--locale=C"),
            *("--no-sync", "--auth=scram-sha-256", "--pwfile=password"),
        )
        if network:
            with (directory / "data/pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {network} scram-sha-256\n")

    def _run(self, program: str, *words: str) -> None:
        command = (*self._theirs, str(self._programs / program), *words)
        subprocess.run(command, cwd=self._directory, check=True, capture_output=True, timeout=120)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://crosscheck:{PASSWORD}@/{database}?host={self._directory}"

    def url_at(self, address: str, url: str) -> str:
        """URL as clients elsewhere use it."""
        return url.partition("?")[0].replace("@/", f"@{address}/")

    def new_database(self) -> str:
        """The URL of an empty one."""
        name = next(self._names)
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return self.url(name)

    def start(self) -> None:
        """Start it, and wait until it answers. It ends with the thread that started it."""
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                (
                    # Last of the identities: whoever changes them loses the death signal.
                    *(*self._enter, *self._theirs, "setpriv", "--pdeathsig=KILL", "--"),
                    *(str(self._programs / "postgres"), "-D", str(self._directory / "data"), "-k", str(self._directory)),
                    *("-c", f"listen_addresses={self._address}", "-c", "fsync=off"),
                ),
                cwd=self._directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + _LIMIT_S
        while True:
            try:
                psycopg.connect(self.url()).close()
            except psycopg.OperationalError:
                log = (self._directory / "log").read_text()
                assert self._process.poll() is None, log
                assert time.monotonic() < deadline, log
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it; without HOW, as `pg_ctl stop -m immediate` does: what it did is cut off."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_LIMIT_S)
            self._process = None

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def restart(self, away_s: float) -> None:
        """Stop it at once, and start it after AWAY_S."""
        self.stop()
        time.sleep(away_s)
        self.start()


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    """A server that runs, and then is gone with all that it kept."""
    directory = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    server = Server(programs, directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


def sql(url: str, statement: str) -> list[tuple]:
    """What the database at URL, of either engine, answers, or does."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        answer = connection.exec_driver_sql(statement)
        return [tuple(row) for row in answer] if answer.returns_rows else []
