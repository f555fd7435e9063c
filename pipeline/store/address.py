# SPDX-License-Identifier: GPL-2.0-or-later
"""Where is the database, and how is it connected to? SQLite by its file, PostgreSQL by its URL."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from pipeline.model import InputError

#: libpq's, unless the address says otherwise: a machine that vanished is noticed, in about 30 s.
_LIBPQ: dict[str, int] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}


def _pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("busy_timeout=20000", "journal_mode=WAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def parsed(text: str) -> sa.URL:
    """TEXT as an address; raises InputError, which does not quote it: it may hold a password."""
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError):
        url = None
    # After an @ in a password, the rest of it is taken for the host, which everybody shows.
    if url is None or (url.host and "@" in f"{url.host}/{url.database}"):
        raise InputError(
            "CROSSCHECK_DATABASE_URL is no address of a database: write it as"
            " postgresql://USER:PASSWORD@HOST/NAME, with %40 for an @ in the password."
        )
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise InputError(
            f"CROSSCHECK_DATABASE_URL names {url.drivername}: use a postgresql:// or sqlite:///"
            " address."
        )
    return url


def shown(url: sa.URL) -> str:
    """URL for a message: without what is asked of the driver, where a password may stand too."""
    return url.set(query={}).render_as_string(hide_password=True)


def engine_of(url: sa.URL) -> sa.Engine:
    """What talks to the database at URL; does not connect yet."""
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url)
        sa.event.listen(engine, "connect", _pragmas)
        return engine
    libpq = {name: value for name, value in _LIBPQ.items() if name not in url.query}
    return sa.create_engine(url, connect_args=libpq)


@contextmanager
def one_opener(url: sa.URL) -> Iterator[None]:
    """SQLite does not wait for others when it turns a new database to WAL: one does so at once."""
    if url.get_backend_name() != "sqlite" or not url.database:
        yield
        return
    place = Path(url.database)
    place.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{place}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
