# SPDX-License-Identifier: GPL-2.0-or-later
"""The processes of a run: kept alive while that makes sense, and gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time

import psutil
import pytest

from pipeline import fleet as fleets
from pipeline.fleet import Fleet, PrivateRedis
from pipeline.model import InfraError
from tests.conftest import missing


def fleet(directory, count=1):
    environ = {"PATH": os.environ["PATH"]}
    return Fleet(count, directory, ("build",), environ, redis_url="redis://nowhere.invalid")


def test_workers_that_never_start_are_an_error_that_names_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")

    def tend():
        with fleet(tmp_path) as tended:
            for _ in range(500):
                tended.tend()
                time.sleep(0.02)

    with pytest.raises(InfraError, match=r"workers\.log"):
        tend()


def test_workers_that_die_young_are_replaced_while_another_lives(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with fleet(tmp_path) as tended, subprocess.Popen(["sleep", "99"]) as old:
        tended._workers.append(fleets._Worker(old, time.monotonic() - 60))
        lost = []
        deadline = time.monotonic() + 20
        while len(lost) < 8 and time.monotonic() < deadline:
            lost += tended.tend().workers
            time.sleep(0.02)
        assert len(lost) >= 8
        tended.end(fleets.worker_name(old.pid))
        assert old.wait(timeout=5)


def test_what_cannot_be_started_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfraError, match=r"Cannot start .*setpriv"), fleet(tmp_path / "f"):
        pass
    with pytest.raises(InfraError, match="doctor"):
        PrivateRedis(tmp_path).start()
    (tmp_path / "file").write_text("")
    with pytest.raises(InfraError, match="Cannot make"), fleet(tmp_path / "file" / "f"):
        pass


def test_a_redis_whose_socket_is_gone_is_replaced(tmp_path_factory):
    if shutil.which("redis-server") is None:
        missing("redis-server")
    directory = tmp_path_factory.mktemp("r")
    redis = PrivateRedis(directory)
    redis.start()
    first = psutil.Process(redis._process.pid)
    try:
        assert redis.alive()
        (directory / "redis.sock").unlink()
        assert not redis.alive()
        redis.start()
        assert redis.alive()
        assert not first.is_running()
    finally:
        redis.stop()
    assert not redis.alive()
