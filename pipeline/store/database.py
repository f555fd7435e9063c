# SPDX-License-Identifier: GPL-2.0-or-later
"""One database: opens it, does one transaction at a time, and says its faults in one sentence.

A PostgreSQL server may restart at any time. A transaction that loses its connection before the
commit has no effect, and is tried on a new one at once. A run is `patient` besides: what fails
because the database is away is done again until it is back. Only what was lost while it was
committed may then have taken effect already; so everything here comes to the same when it is done
twice, or can tell (`in_doubt`).
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from pipeline.model import CrosscheckError, InfraError
from pipeline.store.address import engine_of, one_opener, parsed, shown
from pipeline.store.schema import bring_up_to_date

T = TypeVar("T")

#: How long a run waits for a database that is away: a server may restart, or another take over.
PATIENCE_S = 120.0
_POLL_S = 0.5

#: In seconds since the epoch; that was on Julian day 2440587.5.
_TIME = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
}


class AwayError(InfraError):
    """The database does not answer now, and may do so later.

    IN_DOUBT: it went away during a commit, so that nobody knows whether that took effect.
    STALE: the connection was lost before that; a new one may be had at once.
    """

    def __init__(self, said: str, *, in_doubt: bool, stale: bool) -> None:
        super().__init__(said)
        self.in_doubt = in_doubt
        self.stale = stale


def _said(error: Exception) -> str:
    """What the database itself said, in one line."""
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    return said.strip().partition("\n")[0].removesuffix(".")


def _is_away(error: SQLAlchemyError) -> bool:
    """Whether the database may do later what it did not do now."""
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:  # of its extended ones, the last byte is the kind
        return bool(code & 0xFF == sqlite3.SQLITE_BUSY)
    if error.connection_invalidated:
        return True
    # No SQLSTATE: there was no server to say one. 08 is about connections, 57P about a server
    # that starts or stops (PostgreSQL's documentation, appendix A).
    state = getattr(error.orig, "sqlstate", None) or "08"
    return isinstance(error, OperationalError) and state.startswith(("08", "57P"))


def storable(value: object) -> object:
    """VALUE as every database takes it: a text of strangers without NUL and lone surrogates."""
    if not isinstance(value, str):
        return value
    return value.replace("\0", "").encode("utf-8", "replace").decode()


@contextmanager
def _dropped_if_interrupted(connection: sa.Connection) -> Iterator[None]:
    """After a signal in the middle of a query the connection still waits for its answer."""
    try:
        yield
    except DBAPIError:
        raise
    except BaseException:
        connection.invalidate()
        raise


def _either(
    work: Callable[[sa.Connection], T], in_doubt: Callable[[sa.Connection], T]
) -> Callable[[sa.Connection], T]:
    return lambda connection: work(connection) or in_doubt(connection)


class Database:
    """The database at URL, which is made, or brought up to date, when it is opened."""

    def __init__(self, url: str) -> None:
        address = parsed(url)
        self._shown = shown(address)
        self._patience_s = 0.0
        self._say: Callable[[str], None] = lambda _line: None
        try:
            self._engine = engine_of(address)
            with one_opener(address):
                bring_up_to_date(self._engine)
        except ModuleNotFoundError as error:
            raise InfraError(
                f"CROSSCHECK_DATABASE_URL needs {error.name}, which is not installed: install"
                " crosscheck[postgresql]."
            ) from error
        except (SQLAlchemyError, OSError) as error:
            raise InfraError(
                f"Cannot open the database ({_said(error)}): check CROSSCHECK_DATABASE_URL, or"
                " XDG_STATE_HOME, where it is by default."
            ) from error

    @contextmanager
    def patient(self, say: Callable[[str], None], limit_s: float = PATIENCE_S) -> Iterator[None]:
        """Within, a database that is away is waited for, LIMIT_S at most; SAY hears of it.

        For what would lose hours of work. Whoever waits at a terminal is told at once.
        """
        before = self._patience_s, self._say
        self._patience_s, self._say = limit_s, say
        try:
            yield
        finally:
            self._patience_s, self._say = before

    def _do(
        self,
        work: Callable[[sa.Connection], T],
        in_doubt: Callable[[sa.Connection], T] | None = None,
    ) -> T:
        """What WORK returns, in one transaction; it is done again if the database was away.

        IN_DOUBT answers instead if WORK says no after it may have taken effect before.
        """
        began = time.monotonic()
        tries = 0
        waits = False
        while True:
            try:
                done = self._once(work)
            except AwayError as error:
                tries += 1
                if error.in_doubt and in_doubt is not None:
                    work, in_doubt = _either(work, in_doubt), None
                if error.stale and tries == 1:
                    continue
                if time.monotonic() - began >= self._patience_s:
                    raise
                if not waits:
                    limit = self._patience_s
                    most = f", {limit:.0f} s at most" if math.isfinite(limit) else ""
                    self._say(f"{str(error).rpartition(': ')[0]}; waiting for it{most}")
                    waits = True
                time.sleep(_POLL_S)
            else:
                if waits:
                    self._say("the database is back")
                return done

    def _once(self, work: Callable[[sa.Connection], T]) -> T:
        commits = False
        try:
            with self._engine.connect() as connection, _dropped_if_interrupted(connection):
                done = work(connection)
                commits = True
                connection.commit()
        except SQLAlchemyError as error:
            interruption = getattr(error, "orig", None)
            if isinstance(interruption, CrosscheckError):
                raise interruption from None  # by a signal; SQLAlchemy took it for its own
            said = f"The database {self._shown}"
            lost = isinstance(error, DBAPIError) and error.connection_invalidated
            if _is_away(error):
                raise AwayError(
                    f"{said} does not answer ({_said(error)}): see that it runs and can be"
                    " reached, and try again.",
                    in_doubt=commits,
                    stale=lost and not commits,
                ) from error
            raise InfraError(
                f"{said} fails ({_said(error)}): see that it may be written to and that its disk"
                " has room."
            ) from error
        return done

    def clock(self) -> Callable[[], float]:
        """A clock that shows the database's time, in seconds since the epoch.

        What is written here by one machine is compared with the time by others, whose own clocks
        may be wrong, or set. It goes on while a machine sleeps (clock_gettime(2)).
        """

        def running() -> float:
            return time.clock_gettime(time.CLOCK_BOOTTIME)

        asked = running()
        query = sa.text(_TIME[self._engine.dialect.name])
        said = float(self._do(lambda connection: connection.execute(query).scalar_one()))
        began = said - (asked + running()) / 2
        return lambda: began + running()

    def _rows(self, query: sa.Select[*tuple[Any, ...]]) -> tuple[sa.Row[*tuple[Any, ...]], ...]:
        return self._do(lambda connection: tuple(connection.execute(query)))

    def _one(self, query: sa.Select[*tuple[Any, ...]]) -> sa.Row[*tuple[Any, ...]] | None:
        return next(iter(self._rows(query)), None)

    def _write(self, statement: sa.Executable) -> int:
        """How many rows STATEMENT, which comes to the same when it is done twice, changed."""
        return self._do(lambda connection: connection.execute(statement).rowcount)

    def _add(
        self, table: sa.Table, values: dict[str, object], *mine: sa.ColumnElement[bool]
    ) -> bool:
        """Make a row of VALUES; False if there is one of that key, which stays as it is.

        By MINE a row is known for ours, if it was not heard that it was made.
        """
        columns = ", ".join(f'"{name}"' for name in values)
        given = ", ".join(f":{name}" for name in values)
        # SQLAlchemy has a construct of each engine for this, but both know the same words.
        insert = sa.text(
            f"INSERT INTO {table.name} ({columns}) VALUES ({given}) ON CONFLICT DO NOTHING"  # noqa: S608
        ).bindparams(**values)
        made = sa.select(*table.primary_key.columns).where(*mine)
        return self._do(
            lambda connection: bool(connection.execute(insert).rowcount),
            in_doubt=lambda connection: connection.execute(made).first() is not None,
        )

    def _put(self, table: sa.Table, **values: object) -> None:
        """Make the row of that key VALUES, whether it is there or not."""
        key = ", ".join(column.name for column in table.primary_key)
        given = ", ".join(f":{name}" for name in values)
        new = ", ".join(f"{name} = excluded.{name}" for name in values)
        # SQLAlchemy has a construct of each engine for this, but both know the same words.
        text = (
            f"INSERT INTO {table.name} ({', '.join(values)}) VALUES ({given})"  # noqa: S608
            f" ON CONFLICT ({key}) DO UPDATE SET {new}"
        )
        self._write(sa.text(text).bindparams(**values))
