# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole of crosscheck on the toy tree: real Redis, real workers, real sandbox, real gcc."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import psutil
import pytest
from sqlalchemy.exc import DBAPIError

from pipeline.settings import load
from tests import postgres, toy
from tests.conftest import missing


@pytest.fixture(scope="session", autouse=True)
def _own_temporary_dir():
    """What these tests do in their own process leaves /tmp to those who look at it.

    Its name is short: sockets are put there.
    """
    with (
        TemporaryDirectory(prefix="t", dir="/tmp") as directory,
        patch.object(tempfile, "tempdir", directory),
    ):
        Path(directory).chmod(0o1777)  # as /tmp: other users' commands are tried too
        yield


@dataclass
class Installation:
    """One user's crosscheck: its own cache and state, and what it leaves running."""

    home: Path
    tree: Path
    environ: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        return (
            os.environ
            | {
                "XDG_CACHE_HOME": str(self.home / "cache"),
                "XDG_STATE_HOME": str(self.home / "state"),
                "CROSSCHECK_MATRIX": str(toy.MATRIX),
            }
            | self.environ
        )

    def program(self) -> Path:
        return Path(sys.executable).with_name("crosscheck")

    def start(self, *words: str) -> subprocess.Popen:
        command = [str(self.program()), *words]
        return subprocess.Popen(
            command, env=self.environment(), cwd=self.tree, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def command(self, *words: str) -> tuple[int, str]:
        process = self.start(*words)
        output, _ = process.communicate(timeout=120)
        print(output)
        assert "Traceback" not in output
        return process.returncode, output

    def start_run(self, *words: str) -> subprocess.Popen:
        return self.start("run", "HEAD", "--json", str(self.home / "verdict.json"), *words)

    def run(self, *words: str) -> tuple[int, dict]:
        status, _ = self.command("run", "HEAD", "--json", str(self.home / "verdict.json"), *words)
        return status, self.verdict()

    def verdict(self) -> dict:
        return json.loads((self.home / "verdict.json").read_text())

    def sql(self, statement: str) -> list[tuple]:
        """What the database of runs answers, or does, behind everybody's back."""
        return postgres.sql(self.database, statement)

    def kernel(self, side: str) -> dict[str, str]:
        """What the latest run kept of blue's kernel of SIDE, by name."""
        ((text,),) = self.sql(
            f"select result from jobs join runs using (run) where job = 'blue/build/{side}'"
            " order by created_at desc limit 1"
        )
        artifacts = json.loads(text)["observation"]["artifacts"]
        return {artifact["name"]: artifact["ref"] for artifact in artifacts}

    @property
    def database(self) -> str:
        return load(self.environment()).database_url

    def await_row(self, condition: str, limit_s: float = 30) -> tuple:
        """The first job, as (job, attempt, worker), for which CONDITION holds."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            with suppress(DBAPIError):  # no tables yet
                query = f"select job, attempt, worker from jobs where {condition}"
                if found := self.sql(query):
                    return found[0]
            time.sleep(0.1)
        raise AssertionError(f"no job has {condition}")

    def start_redis(self) -> subprocess.Popen:
        """A redis-server that is not crosscheck's own, which crosscheck is told to use."""
        socket = self.home / "r.sock"
        self.environ["CROSSCHECK_REDIS_URL"] = f"redis+socket://{socket}?virtual_host=0"
        process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", ""],
            stdout=subprocess.DEVNULL, cwd=self.home,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while subprocess.run(
            ["redis-cli", "-s", socket, "ping"], check=False, capture_output=True
        ).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return process

    def processes(self, name: str = "") -> list[psutil.Process]:
        """What runs for this installation, also in its sandboxes; NAME is in its argv."""
        found = []
        # A sandbox has an environment of its own, but its mounts come from our directories.
        mounted = f"/{self.home.parent.name}/{self.home.name}/"
        here = Path("/proc/self/ns/mnt").readlink()
        for process in psutil.process_iter():
            try:
                words = " ".join(process.cmdline())
                if name not in words or not words or process.pid == os.getpid():
                    continue
                ours = (
                    str(self.home) in words
                    or process.environ().get("XDG_STATE_HOME") == str(self.home / "state")
                    or (
                        Path(f"/proc/{process.pid}/ns/mnt").readlink() != here
                        and mounted in Path(f"/proc/{process.pid}/mountinfo").read_text()
                    )
                )
            except (psutil.Error, OSError):
                continue
            if ours:
                found.append(process)
        return found

    def await_processes(self, name: str, limit_s: float = 30) -> list[psutil.Process]:
        """Those with NAME in their argv, once there are some."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if found := self.processes(name):
                return found
            time.sleep(0.2)
        raise AssertionError(f"no process {name} came up")

    def nothing_is_left(self, limit_s: float = 10) -> None:
        """Everything that this installation started is gone, soon."""
        deadline = time.monotonic() + limit_s
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not [p.cmdline() for p in self.processes()]


@pytest.fixture
def installation(tmp_path_factory) -> Installation:
    """Crosscheck with nothing cached, in a clone of the toy tree."""
    for tool in ("bwrap", "redis-server", "git", "make", "gcc"):
        if shutil.which(tool) is None:
            missing(tool)
    home = tmp_path_factory.mktemp("i")  # short: a socket's path is at most 107 bytes
    made = Installation(home=home, tree=toy.repository(home / "tree"))
    yield made
    for process in made.processes():
        with suppress(psutil.NoSuchProcess):
            process.kill()
