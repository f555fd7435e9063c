# SPDX-License-Identifier: GPL-2.0-or-later
"""Which worker processes live, as they say themselves."""

from __future__ import annotations

import json
from dataclasses import asdict

import sqlalchemy as sa

from pipeline.store.database import Database
from pipeline.store.records import WorkerLine
from pipeline.store.tables import WORKERS


class Workers(Database):
    """The part of the store that knows workers."""

    def see_worker(self, line: WorkerLine, now: float) -> None:
        """A worker says that it lives."""
        values = asdict(line) | {"queues": json.dumps(line.queues), "seen_at": now}
        self._put(WORKERS, **values)

    def workers(self, since: float) -> tuple[WorkerLine, ...]:
        """Those that were seen at SINCE or later, by name."""
        rows = self._rows(sa.select(WORKERS).where(WORKERS.c.seen_at >= since))
        lines = (
            WorkerLine(**{**row._mapping, "queues": tuple(json.loads(row.queues))})  # noqa: SLF001
            for row in rows
        )
        return tuple(sorted(lines, key=lambda line: line.worker))

    def forget_worker(self, worker: str) -> None:
        """A worker ends."""
        self._write(WORKERS.delete().where(WORKERS.c.worker == worker))
