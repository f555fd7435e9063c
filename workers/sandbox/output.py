# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of a command's output: bytes to the log, lines to the watcher.

Writes the log file; decides nothing but when the log is full.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Self

from pipeline.model import InfraError
from workers.sandbox.contract import Watcher

#: Longer lines come to the watcher in pieces; make and compilers stay far below.
LINE_BYTES = 64 << 10

#: What is kept of the output that came when the log was already full.
TAIL_BYTES = 16 << 10


class Output:
    """Appends to LOG at most LIMIT_BYTES, and what came last; hands lines to WATCH."""

    def __init__(self, log: Path, limit_bytes: int, watch: Watcher | None) -> None:
        self._log = log
        self._room = limit_bytes
        self._watch = watch
        self._partial = b""
        self._tail = b""
        self._left_out_bytes = 0
        self.last_line = ""
        try:
            self._stream: BinaryIO = log.open("ab", buffering=0)
        except OSError as error:
            raise InfraError(f"Cannot write the log {log}: {error.strerror}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._stream:
            if self._tail:
                note = f"\n[... the log is full: {self._left_out_bytes} bytes left out ...]\n"
                self._write((note if self._left_out_bytes else "").encode() + self._tail)

    def feed(self, data: bytes) -> str:
        """Take DATA; returns why the command must end now ("log" or the watcher's), or ""."""
        full = self.keep(data)
        return self._lines(data) or ("log" if full else "")

    def keep(self, data: bytes) -> bool:
        """Take DATA without telling the watcher; returns whether the log is full."""
        self._write(data[: self._room])
        over = data[self._room :]
        self._room -= len(data) - len(over)
        self._tail += over
        self._left_out_bytes += max(len(self._tail) - TAIL_BYTES, 0)
        self._tail = self._tail[-TAIL_BYTES:]
        return bool(over)

    def finish(self) -> str:
        """Hand over a last line that has no newline; returns the watcher's words, or ""."""
        rest, self._partial = self._partial, b""
        return self._line(rest) if rest else ""

    def tick(self) -> str:
        """Tell the watcher that time passes; returns its words, or ""."""
        return (self._watch(None) or "") if self._watch else ""

    def _lines(self, data: bytes) -> str:
        *whole, self._partial = (self._partial + data).split(b"\n")
        while len(self._partial) >= LINE_BYTES:
            whole.append(self._partial[:LINE_BYTES])
            self._partial = self._partial[LINE_BYTES:]
        words = ""
        for line in whole:
            for start in range(0, len(line) or 1, LINE_BYTES):
                words = words or self._line(line[start : start + LINE_BYTES])
        return words

    def _line(self, line: bytes) -> str:
        text = line.decode(errors="replace")
        self.last_line = text.strip() or self.last_line
        return (self._watch(text) or "") if self._watch else ""

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[self._stream.write(data) :]
        except OSError as error:
            raise InfraError(f"Cannot write the log {self._log}: {error.strerror}.") from error
