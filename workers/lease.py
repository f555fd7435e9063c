# SPDX-License-Identifier: GPL-2.0-or-later
"""A job's lease: says in the database that the job goes on, and hears when it shall not."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from pipeline.coordinator import LEASE_S, RENEW_S
from pipeline.model import InfraError, Job
from pipeline.store import Store


@dataclass
class Lease:
    """Renewed by a thread while the job runs; carries what the job is doing just now."""

    store: Store
    run: str
    job: Job
    attempt: int
    _doing: str = "starting"
    _over: threading.Event = field(default_factory=threading.Event)
    _lost: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def progress(self, doing: str) -> None:
        """DOING is shown to whoever watches the run."""
        self._doing = doing

    def lost(self) -> bool:
        """Whether the job was taken back: nobody waits for its result any more."""
        return self._lost.is_set()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _renew(self) -> None:
        said = ""
        renewed = time.monotonic()
        while not self._over.wait(0.5):
            if self._doing == said and time.monotonic() - renewed < RENEW_S:
                continue
            said, renewed = self._doing, time.monotonic()
            try:
                kept = self.store.renew(
                    self.run,
                    self.job,
                    self.attempt,
                    doing=said,
                    lease_until=time.time() + LEASE_S,
                )
            except InfraError:
                continue  # it was waited for; if it comes back, the coordinator waits for us
            # Not kept means taken back: renewing twice, when the database went away, is as once.
            if not kept:
                self._lost.set()
                return
            self._over.wait(0.5)
