# SPDX-License-Identifier: GPL-2.0-or-later
"""What came in from lists, by thread, and how far each source was read.

A mail and the position after it are stored together: whoever is killed reads it again, or not.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import sqlalchemy as sa

from pipeline.store.database import Database
from pipeline.store.records import Incoming, SourceLine, StoredMail
from pipeline.store.tables import CURSORS, MAILS, NAMED, SUBMISSIONS

#: Of mail text, level 1 takes a tenth of the time of level 6, and makes a tenth more of it.
_LEVEL = 1
#: A mail that answers more is as well known by the last of them.
_NAMED_MOST = 200
#: Instead of a source: who watches, in POSITION.
_WATCH = "(watch)"


class Mails(Database):
    """The part of the store that knows mails."""

    def watch(self, owner: str, now: float, *, over: str = "") -> SourceLine | None:
        """OWNER watches the lists from now on, or still; else who does, and was seen when.

        OVER is who does no more, or was not seen for too long.
        """
        values = {"position": owner, "read_at": now, "error": ""}
        mine = CURSORS.c.source == _WATCH, CURSORS.c.position.in_((owner, over))

        def take(connection: sa.Connection) -> SourceLine | None:
            if connection.execute(CURSORS.update().where(*mine).values(values)).rowcount:
                return None
            row = connection.execute(sa.select(CURSORS).where(CURSORS.c.source == _WATCH)).first()
            if row is None:
                connection.execute(CURSORS.insert().values(source=_WATCH, **values))
            return SourceLine(*row) if row else None

        return self._do(take)

    def position(self, source: str) -> str:
        """How far SOURCE was read; "" if never."""
        row = self._one(sa.select(CURSORS.c.position).where(CURSORS.c.source == source))
        return row.position if row else ""

    def sources(self) -> tuple[SourceLine, ...]:
        """How far each source was read, and what is wrong with it."""
        query = sa.select(CURSORS).where(CURSORS.c.source != _WATCH)
        rows = self._rows(query.order_by(CURSORS.c.source))
        return tuple(SourceLine(*row) for row in rows)

    def blame_source(self, source: str, error: str, now: float) -> None:
        """SOURCE could not be read; it stands where it stood."""
        position = self.position(source)
        self._put(CURSORS, source=source, position=position, read_at=now, error=error)

    def take_in(
        self, source: str, position: str, mails: Iterable[Incoming], now: float
    ) -> frozenset[str]:
        """Store MAILS, which SOURCE gave until POSITION; the threads that have new ones."""
        mails = tuple(mails)

        def store(connection: sa.Connection) -> frozenset[str]:
            new = [mail for mail in mails if _add(connection, mail, now)]
            values = {"position": position, "read_at": now, "error": ""}
            there = CURSORS.update().where(CURSORS.c.source == source).values(values)
            if not connection.execute(there).rowcount:
                connection.execute(CURSORS.insert().values(source=source, **values))
            ids = [mail.message_id for mail in new]
            query = sa.select(MAILS.c.thread).where(MAILS.c.message_id.in_(ids)).distinct()
            return frozenset(row.thread for row in connection.execute(query))

        return self._do(store)

    def thread(self, name: str, limit: int = 2000) -> tuple[StoredMail, ...]:
        """The mails of a thread, in the order of their arrival; of a longer one the first."""
        query = sa.select(MAILS).where(MAILS.c.thread == name)
        rows = self._rows(query.order_by(MAILS.c.arrived_at, MAILS.c.message_id).limit(limit))
        return tuple(map(_read, rows))

    def mails_by(self, author: str, since: float, until: float) -> tuple[StoredMail, ...]:
        """What AUTHOR's mails were between two times."""
        query = sa.select(MAILS).where(
            MAILS.c.author == author, MAILS.c.arrived_at.between(since, until)
        )
        return tuple(map(_read, self._rows(query.order_by(MAILS.c.arrived_at).limit(500))))

    def threads_since(self, since: float) -> tuple[str, ...]:
        """The threads that have mails which arrived at SINCE or later."""
        query = sa.select(MAILS.c.thread).where(MAILS.c.arrived_at >= since).distinct()
        return tuple(row.thread for row in self._rows(query))

    def mail(self, message_id: str) -> StoredMail | None:
        """One mail."""
        row = self._one(sa.select(MAILS).where(MAILS.c.message_id == message_id))
        return _read(row) if row else None

    def forget_mails(self, before: float) -> int:
        """Remove what arrived earlier; how many they were."""
        self._write(NAMED.delete().where(NAMED.c.named_at < before))
        return self._write(MAILS.delete().where(MAILS.c.arrived_at < before))


def _read(row: sa.Row[tuple[object, ...]]) -> StoredMail:
    return StoredMail(
        message_id=row.message_id,
        thread=row.thread,
        list=row.list,
        arrived_at=row.arrived_at,
        raw=zlib.decompress(row.raw),
    )


def _add(connection: sa.Connection, mail: Incoming, now: float) -> bool:
    """Whether MAIL was not there; the threads that it names become one."""
    known = sa.select(MAILS.c.message_id).where(MAILS.c.message_id == mail.message_id)
    if connection.execute(known).first():
        return False
    top, near = mail.references[:1], mail.references[-_NAMED_MOST:]
    family = tuple(dict.fromkeys((*top, *near, mail.message_id)))
    query = sa.select(NAMED).where(NAMED.c.message_id.in_(family))
    there = {row.message_id: row.thread for row in connection.execute(query)}
    threads = sorted(set(there.values())) or [family[0]]
    for table in (NAMED, MAILS, SUBMISSIONS) if threads[1:] else ():
        joined = table.update().where(table.c.thread.in_(threads[1:])).values(thread=threads[0])
        connection.execute(joined)
    new = [each for each in family if each not in there]
    rows = [{"message_id": each, "thread": threads[0], "named_at": now} for each in new]
    if rows:
        connection.execute(NAMED.insert(), rows)
    connection.execute(
        MAILS.insert().values(
            message_id=mail.message_id,
            thread=threads[0],
            list=mail.list,
            author=mail.author,
            arrived_at=now,
            raw=zlib.compress(mail.raw, _LEVEL),
        )
    )
    return True
