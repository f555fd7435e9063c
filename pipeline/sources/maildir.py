# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails of a maildir: `maildir:/path`. Effects: reads files; it moves and flags none.

Mails are known by the unique part of their file's name, which stays when a mail goes from new
to cur and its flags change. When a file appeared its ctime says: mtime may be what whoever
copied a mail wished. Format: https://cr.yp.to/proto/maildir.html
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import InfraError
from pipeline.series.sources import MAX_MAIL_BYTES
from pipeline.sources.contract import BATCH, LOOK_BACK, LOOK_BACK_S, Arrival, skipped
from pipeline.sources.window import Window

#: Files of one tick of the file system's clock may appear one after the other.
_TICK_S = 2
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str  # the unique part
    at: int  # ctime, seconds
    written_ns: int
    size_bytes: int

    @property
    def order(self) -> tuple[int, list[str | int]]:
        """By when it was written, then by its name, numbers in it as such."""
        parts = re.split(r"([0-9]+)", self.name)
        return self.written_ns, [int(p) if n % 2 else p for n, p in enumerate(parts)]


class Maildir:
    """A `MailSource`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        #: Files that were not new when they were looked at: nobody asks the file system for the
        #: times of thousands each time that one comes.
        self._old: set[str] = set()

    def read(self, position: str) -> Iterator[Arrival]:
        """As `MailSource` says; the very first call yields mails of the last day."""
        listed_at = int(time.time())
        files = self._files()
        window = Window.decode(position) if position else _beginning(files, listed_at)
        new = sorted((f for f in files if window.is_new(f.name, f.at)), key=lambda f: f.order)
        self._old.update({f.path.name for f in files}.difference(f.path.name for f in new))
        if not position:
            yield Arrival(b"", window.encode())
        for n, file in enumerate(new[:BATCH]):
            raw = self._content(file)
            if raw is None:
                continue
            done = min([listed_at - _TICK_S, *(later.at for later in new[n + 1 :])])
            window = window.after(file.name, file.at, done=done)
            yield Arrival(raw, window.encode())

    def wait(self, limit_s: float) -> None:
        """As `MailSource` says: until a file comes, goes or moves."""
        until = time.monotonic() + limit_s
        before = self._changed()
        while time.monotonic() < until and self._changed() == before:
            time.sleep(min(_LOOK_S, limit_s))

    def _changed(self) -> tuple[int, ...]:
        """When its directories changed; () if that cannot be told."""
        try:
            return tuple((self._path / part).stat().st_mtime_ns for part in ("new", "cur"))
        except OSError:
            return ()

    def close(self) -> None:
        """As `MailSource` says."""

    def _files(self) -> list[_File]:
        """Those that may be new."""
        found: dict[str, _File] = {}
        listed: set[str] = set()
        try:
            for part in ("new", "cur"):
                for entry in os.scandir(self._path / part):
                    listed.add(entry.name)
                    file = None if entry.name in self._old else _file(entry)
                    if file:
                        found[file.name] = file
        except OSError as error:
            raise InfraError(f"Cannot read the maildir {self._path}: {error.strerror}.") from error
        self._old &= listed
        return list(found.values())

    def _content(self, file: _File) -> bytes | None:
        """The mail; None if it went elsewhere meanwhile: if to cur, it is seen next time."""
        if file.size_bytes > MAX_MAIL_BYTES:
            return skipped(str(file.path), file.size_bytes)
        try:
            return file.path.read_bytes().replace(b"\r\n", b"\n")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InfraError(f"Cannot read {file.path}: {error.strerror}.") from error


def _file(entry: os.DirEntry[str]) -> _File | None:
    if entry.name.startswith("."):
        return None
    try:
        status = entry.stat()
        if not entry.is_file():
            return None
    except FileNotFoundError:
        return None
    name = entry.name.partition(":")[0]
    at = status.st_ctime_ns // 1_000_000_000
    return _File(Path(entry.path), name, at, status.st_mtime_ns, status.st_size)


def _beginning(files: list[_File], now: int) -> Window:
    latest = sorted(file.at for file in files)[-LOOK_BACK:]
    return Window(max([now - LOOK_BACK_S, *latest[:1]]))
