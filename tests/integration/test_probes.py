# SPDX-License-Identifier: GPL-2.0-or-later
"""The program that measures, built with the real compiler and run where it cannot be exact."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.test_boot import bench, native
from workers.guest import program
from workers.guest.watch import Patience, Watch
from workers.sandbox.contract import Limits

pytestmark = pytest.mark.integration

CASES = Path(__file__).parents[2] / "workers" / "probes" / "perf" / "cases"
MEASURED = re.compile(
    r"measured (\w+) operations=[1-9]\d* ns=\d+(?:(?:,\d+){11} rounds=12| rounds=1)"
)
UNMEASURED = re.compile(r"unmeasured (\w+) \S.*")


def test_every_case_says_what_it_costs_or_why_not(tmp_path, linux):
    strict = native(init_cflags=("-Wall", "-Wextra", "-Werror"))
    here = bench(tmp_path, linux, strict)
    built = program.build(here, "perf")
    assert isinstance(built, bytes)
    assert built.startswith(b"\x7fELF")

    watch = Watch(Patience(60))
    ended = here.run(("/build/init",), limits=Limits(seconds=60), watch=watch)
    measured = {found[1] for line in watch.lines if (found := MEASURED.fullmatch(line))}
    unmeasured = {found[1] for line in watch.lines if (found := UNMEASURED.fullmatch(line))}
    assert (ended.exit_code, ended.stopped) == (0, "")
    assert watch.finished  # and it mounted nothing and powered nothing off: it was not PID 1
    assert not measured & unmeasured
    assert measured | unmeasured == {case.stem for case in CASES.glob("*.c")}
    # The sandbox lets nobody be a real-time process.
    assert unmeasured <= {"sched_yield"}
