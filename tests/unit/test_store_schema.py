# SPDX-License-Identifier: GPL-2.0-or-later
"""A database comes to the latest revision, from wherever it is, and whoever dies on the way."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import time

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from pipeline.model import InfraError
from pipeline.store import Store
from pipeline.store.schema import MIGRATIONS, revisions
from pipeline.store.tables import METADATA
from tests.postgres import sql

#: What was made before there were revisions, and a line in each table.
BEFORE = """
CREATE TABLE runs (
    run VARCHAR NOT NULL, created_at FLOAT NOT NULL, subject VARCHAR NOT NULL,
    options TEXT NOT NULL, plan TEXT NOT NULL, "case" TEXT NOT NULL, owner VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL, verdict TEXT NOT NULL, PRIMARY KEY (run));
CREATE TABLE jobs (
    run VARCHAR NOT NULL, job VARCHAR NOT NULL, position INTEGER NOT NULL,
    target VARCHAR NOT NULL, "check" VARCHAR NOT NULL, step VARCHAR NOT NULL,
    state VARCHAR NOT NULL, attempt INTEGER NOT NULL, sends INTEGER NOT NULL, queued_at FLOAT,
    sent_at FLOAT, started_at FLOAT, lease_until FLOAT, worker VARCHAR NOT NULL,
    doing VARCHAR NOT NULL, result TEXT NOT NULL, PRIMARY KEY (run, job),
    FOREIGN KEY(run) REFERENCES runs (run));
CREATE TABLE observations (
    key VARCHAR NOT NULL, observation TEXT NOT NULL, made_at FLOAT NOT NULL, PRIMARY KEY (key));
INSERT INTO runs VALUES ('r', 1.5, 'mm: a subject', '{}', '{}', '{}', 'h 1 b:2', 'PASS', '');
INSERT INTO jobs VALUES (
    'r', 'arm64/build/base', 0, 'arm64', 'build', 'base', 'done', 2, 1, 1.0, 1.0, 1.0, 31.0,
    'h:1', '', '');
INSERT INTO observations VALUES ('k', '{}', 1.0)
"""

OPEN = "import sys; from pipeline.store import Store; Store(sys.argv[1])"
START = """
import alembic.command, sys
from pipeline.store import Store
print("ready", flush=True)
sys.stdin.readline()
"""
DIE = """
import os, signal, sqlalchemy
@sqlalchemy.event.listens_for(sqlalchemy.Engine, "after_cursor_execute")
def die(_connection, _cursor, statement, *_rest):
    if "CREATE TABLE workers" in statement:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def opener(url, before=""):
    """A process that opens the database at URL."""
    return subprocess.Popen(
        [sys.executable, "-c", before + OPEN, url], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def differences(url):
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), METADATA)


def tables(url):
    return set(sa.inspect(sa.create_engine(url, poolclass=sa.NullPool)).get_table_names())


def test_migrations_make_what_the_code_reads_and_writes(url):
    Store(url)
    assert differences(url) == []
    assert sql(url, "select version_num from alembic_version") == [(revisions()[-1],)]


def test_revisions_are_one_line_and_their_files_begin_with_them():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in scripts.walk_revisions())[::-1] == revisions()


def test_a_database_from_before_there_were_revisions_is_kept(url):
    Store(url)  # makes its directory
    for table in (*reversed(METADATA.sorted_tables), "alembic_version"):
        sql(url, f"drop table {table}")
    for statement in BEFORE.split(";"):
        sql(url, statement)
    kept = {name: sql(url, f"select * from {name}") for name in ("runs", "jobs", "observations")}
    (line,) = Store(url).runs()
    assert (line.subject, line.created_at, line.outcome) == ("mm: a subject", 1.5, "PASS")
    for name, rows in kept.items():  # with more columns, perhaps
        now = sql(url, f"select * from {name}")
        assert [row[: len(old)] for row, old in zip(now, rows, strict=True)] == rows
    assert differences(url) == []


def test_what_was_cut_off_before_there_were_revisions_is_made_whole(url):
    Store(url)
    for table in (*reversed(METADATA.sorted_tables), "alembic_version"):
        sql(url, f"drop table {table}")
    sql(url, BEFORE.partition(";")[0])
    Store(url)
    assert differences(url) == []


def test_a_newer_versions_database_is_left_alone(url):
    Store(url)
    sql(url, "update alembic_version set version_num = '9999'")
    with pytest.raises(InfraError, match=r"newer version of crosscheck: use the same version"):
        Store(url)
    assert sql(url, "select version_num from alembic_version") == [("9999",)]


def test_many_processes_may_open_a_new_database_at_once(url):
    openers = [opener(url, before=START) for _ in range(8)]
    assert [process.stdout.readline() for process in openers] == ["ready\n"] * 8
    began = time.monotonic()
    for process in openers:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=100)[0] for process in openers]
    assert [process.returncode for process in openers] == [0] * 8, said
    assert not any(said)
    assert time.monotonic() - began < 19  # SQLite gives up a lock that others want after 20
    assert differences(url) == []


def test_an_sqlite_database_is_opened_by_one_process_at_a_time(tmp_path):
    with (tmp_path / "c.db.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = opener(f"sqlite:///{tmp_path}/c.db", before=START)
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        assert not (tmp_path / "c.db").exists()
    assert process.wait(30) == 0


def test_whoever_is_killed_while_it_migrates_leaves_nothing_and_the_next_one_migrates(url):
    killed = opener(url, before=DIE)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert tables(url) == set()
    others = [opener(url) for _ in range(2)]
    assert [process.wait(60) for process in others] == [0, 0]
    assert differences(url) == []


def test_opening_what_is_up_to_date_costs_no_alembic(url):
    Store(url)
    process = opener(url, before="import atexit, sys\n"
                     "atexit.register(lambda: print(*(m for m in sys.modules if 'alembic' in m)))\n")  # fmt: skip
    assert process.communicate(timeout=60)[0].strip() == ""
