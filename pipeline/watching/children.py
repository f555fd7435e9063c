# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that each run one submission: begun, watched, stopped when nobody wants it any more.

A run in a process of its own cannot take the others with it, whatever becomes of it.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

_END_S = 30.0

#: The Message-ID of a submission, and its run.
Key = tuple[str, str]


@dataclass
class Children:
    """At most LIMIT runs side by side; what they say goes to files in LOGS."""

    limit: int
    logs: Path
    _running: dict[Key, subprocess.Popen[bytes]] = field(default_factory=dict)

    def free(self) -> int:
        """How many more may be begun."""
        return self.limit - len(self._running)

    def runs(self) -> frozenset[Key]:
        """What runs."""
        return frozenset(self._running)

    def log(self, run: str) -> Path:
        """Where RUN's process says what it does."""
        return self.logs / f"{run}.log"

    def start(self, message_id: str, run: str) -> None:
        """Begin."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with self.log(run).open("ab") as log:
            self._running[message_id, run] = subprocess.Popen(
                [sys.executable, "-m", "pipeline.watching.child", message_id, run],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def ended(self) -> frozenset[Key]:
        """What is over; each is told once."""
        over = {key for key, child in self._running.items() if child.poll() is not None}
        for key in over:
            del self._running[key]
        return frozenset(over)

    def stop(self, message_id: str, run: str) -> None:
        """Ask it to end; it gives its run an honest verdict first."""
        if child := self._running.get((message_id, run)):
            child.send_signal(signal.SIGTERM)

    def stop_all(self) -> None:
        """Ask all, and wait for them a while."""
        for key in self._running:
            self.stop(*key)
        until = time.monotonic() + _END_S
        for child in self._running.values():
            try:
                child.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._running.clear()
