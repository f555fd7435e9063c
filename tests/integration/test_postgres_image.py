# SPDX-License-Identifier: GPL-2.0-or-later
"""The database of compose.yaml takes the password that its secret has now."""

from __future__ import annotations

import uuid
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException
from docker.types import Mount

from tests.conftest import missing
from tests.integration.sandboxes import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.commands]

IMAGE = "crosscheck/postgres:latest"
ENTRY = Path(__file__).parents[2] / "dockerfiles" / "postgres-entry"


@pytest.fixture
def engine():
    try:
        client = docker.from_env()
        client.images.get(IMAGE)
    except DockerException as error:
        missing(f"a Docker engine with the image {IMAGE} ({error})")
    return client


@pytest.fixture
def volume(engine):
    made = engine.volumes.create(f"test-{uuid.uuid4().hex}")
    yield made.name
    engine.volumes.get(made.name).remove(force=True)


def let_in(engine, volume: str, directory: Path, secret: str, passwords: list[str]) -> list[bool]:
    """Which of PASSWORDS a database of VOLUME takes, started with SECRET."""
    file = directory / "database-password"
    file.write_text(f"{secret}\n")
    file.chmod(0o644)
    container = engine.containers.run(
        IMAGE,
        detach=True,
        network_mode="none",
        cap_drop=["ALL"],
        environment={"POSTGRES_PASSWORD_FILE": "/secret"},
        mounts=[
            Mount("/data", volume),
            Mount("/secret", str(file), type="bind", read_only=True),
            Mount("/usr/local/bin/postgres-entry", str(ENTRY), type="bind", read_only=True),
        ],
    )
    try:
        ready = "pg_isready --host 127.0.0.1 --username crosscheck"
        assert wait_until(lambda: container.exec_run(ready).exit_code == 0, 60), container.logs()
        ask = ["psql", "--host", "/tmp", "--username", "crosscheck", "--command", "select 1"]
        return [
            container.exec_run([*ask, "crosscheck"], environment={"PGPASSWORD": one}).exit_code == 0
            for one in passwords
        ]
    finally:
        assert secret not in container.logs().decode()
        container.remove(v=True, force=True)  # as a machine does that loses its power


def test_new_secrets_are_taken_by_a_database_that_is_there(engine, volume, tmp_path) -> None:
    first, second = "the-first-one", "the 'second' \\one"
    assert let_in(engine, volume, tmp_path, first, [first, second]) == [True, False]
    assert let_in(engine, volume, tmp_path, second, [first, second]) == [False, True]
