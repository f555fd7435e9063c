# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings that are nobody's news: by somebody's word, or because bases were seen to have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import sqlalchemy as sa

from pipeline.store.database import Database, storable
from pipeline.store.records import SEEN_ON_BASE, KnownLine
from pipeline.store.tables import KNOWN


class Known(Database):
    """The part of the store that knows known findings."""

    def remember(self, lines: Iterable[KnownLine], now: float) -> None:
        """Add LINES. What somebody said keeps their link when a base has it too; it lasts longer.

        What has expired goes.
        """
        rows = [{name: storable(value) for name, value in asdict(line).items()} for line in lines]

        def write(connection: sa.Connection) -> None:
            connection.execute(KNOWN.delete().where(KNOWN.c.expires_at <= now))
            for row in rows:
                connection.execute(_UPSERT, row)

        self._do(write)

    def known(self, now: float) -> tuple[KnownLine, ...]:
        """What is known at NOW, the latest first."""
        query = (
            sa.select(KNOWN)
            .where(KNOWN.c.expires_at > now)
            .order_by(KNOWN.c.made_at.desc(), KNOWN.c.fingerprint, KNOWN.c.source)
        )
        return tuple(KnownLine(**row._mapping) for row in self._rows(query))  # noqa: SLF001

    def forget_known(self, fingerprint: str) -> int:
        """Know FINGERPRINT no more; how many entries went."""
        return self._write(KNOWN.delete().where(KNOWN.c.fingerprint == fingerprint))


def _upsert() -> sa.TextClause:
    names = [column.name for column in KNOWN.columns]
    kept = f"excluded.said_by = '{SEEN_ON_BASE}'"  # whatever is there says as much, or more
    new = [
        f'"{name}" = CASE WHEN {kept} THEN known."{name}" ELSE excluded."{name}" END'
        for name in ("summary", "link", "said_by", "made_at")
    ]
    longer = (
        f"expires_at = CASE WHEN {kept} AND known.expires_at > excluded.expires_at"
        " THEN known.expires_at ELSE excluded.expires_at END"
    )
    columns = ", ".join(f'"{name}"' for name in names)
    return sa.text(
        f"INSERT INTO known ({columns}) VALUES ({', '.join(f':{name}' for name in names)})"  # noqa: S608
        f" ON CONFLICT (fingerprint, source) DO UPDATE SET {', '.join([*new, longer])}"
    )


_UPSERT = _upsert()
