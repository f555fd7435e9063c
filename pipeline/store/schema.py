# SPDX-License-Identifier: GPL-2.0-or-later
"""Does a database have the tables that this code knows? If not, it is migrated.

Looking is cheap and is done at each opening; alembic is imported by whoever has to migrate.
That happens in one transaction, while all others wait: whoever is killed leaves nothing behind.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from pipeline.model import InfraError

MIGRATIONS = Path(__file__).parent / "migrations"

#: Where alembic keeps the revision of a database.
_VERSION = sa.table("alembic_version", sa.column("version_num"))

#: Begins a transaction in which nobody else migrates, by engine. SQLite would begin its own only
#: before the first INSERT; the number, ours alone in the database, is arbitrary.
_ALONE = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(7240291455126038)",
}


def revisions() -> tuple[str, ...]:
    """All that this code knows, the latest last."""
    return tuple(sorted(file.name[:4] for file in (MIGRATIONS / "versions").glob("[0-9]*.py")))


def _is_current(connection: sa.Connection) -> bool:
    """Whether nothing is to be migrated. Raises InfraError for what a newer version made."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return False
    revision = connection.execute(sa.select(_VERSION)).scalar_one_or_none()
    known = revisions()
    if revision and revision not in known:
        raise InfraError(
            "The database was made by a newer version of crosscheck: use the same version"
            " everywhere, also for workers."
        )
    return bool(revision == known[-1])


def bring_up_to_date(engine: sa.Engine) -> None:
    """Migrate the database of ENGINE, new or old, to the latest revision."""
    with engine.connect() as connection:
        if _is_current(connection):
            return
    with engine.begin() as connection:
        connection.exec_driver_sql(_ALONE[engine.dialect.name])
        if not _is_current(connection):
            _migrate(connection)


def _migrate(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415 (costs more than all else that opening does)
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")
