# SPDX-License-Identifier: GPL-2.0-or-later
"""Temporary files go with their process, or after it."""

from __future__ import annotations

import os
import subprocess
import sys

from pipeline.settings import load
from pipeline.temporary import sweep_temporary
from tests.conftest import ROOT

WRITES = """
import os, sys, tempfile
from pipeline.settings import load
from pipeline.temporary import use_temporary_dir
use_temporary_dir(load())
tempfile.mkdtemp()
print(os.environ["TMPDIR"], flush=True)
sys.stdin.read()
"""


def writer(tmp_path):
    environ = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES],
        env=environ, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    place = process.stdout.readline().strip()
    assert " " not in place
    assert place.startswith(str(tmp_path))
    return process


def left(settings):
    return list(settings.temporary_dir.iterdir())


def test_what_a_killed_process_left_is_removed_and_what_lives_is_not(tmp_path) -> None:
    settings = load({"XDG_CACHE_HOME": str(tmp_path)})
    killed, lives = writer(tmp_path), writer(tmp_path)
    (settings.temporary_dir / "elsewhere+1+boot=1").mkdir()
    assert len(left(settings)) == 3
    killed.kill()
    killed.communicate()
    sweep_temporary(settings)
    assert len(left(settings)) == 2
    lives.communicate("")  # it ends, in good order
    assert [place.name for place in left(settings)] == ["elsewhere+1+boot=1"]


def test_the_next_process_removes_what_a_killed_one_left(tmp_path) -> None:
    settings = load({"XDG_CACHE_HOME": str(tmp_path)})
    killed = writer(tmp_path)
    killed.kill()
    killed.communicate()
    writer(tmp_path).communicate("")
    assert not left(settings)
