# SPDX-License-Identifier: GPL-2.0-or-later
"""The program that measures, built with the real compiler and run where it cannot be exact."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.integration.benches import run_here
from tests.integration.test_boot import bench, native
from workers.guest import program
from workers.guest.watch import Patience, Watch
from workers.sandbox.contract import Limits

pytestmark = pytest.mark.integration

CASES = Path(__file__).parents[2] / "workers" / "probes" / "perf" / "cases"
MEASURED = re.compile(
    r"measured (\w+) operations=[1-9]\d* ns=\d+(?:(?:,\d+){11} rounds=12| rounds=1)"
)
UNMEASURED = re.compile(r"unmeasured (\w+) (\S.*)")

#: Runs a program for which a system call fails with ENOSYS: NUMBER ARGUMENT BITS PROGRAM. Of
#: those with this number, the ones that have all BITS in an argument.
WITHOUT = """
import ctypes, os, struct, sys
number, argument, bits = map(int, sys.argv[1:4])
rules = (
    (0x20, 0, 0, 0),                  # load the number
    (0x15, 0, 3, number),             # another: allow
    (0x20, 0, 0, 16 + 8 * argument),  # load the argument's low half
    (0x54, 0, 0, bits),
    (0x15, 1, 0, bits),
    (0x06, 0, 0, 0x7fff0000),         # allow
    (0x06, 0, 0, 0x50000 | 38),       # ENOSYS
)
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
filter = struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(code))
libc = ctypes.CDLL(None)
assert not libc.prctl(38, 1, 0, 0, 0)       # PR_SET_NO_NEW_PRIVS
assert not libc.prctl(22, 2, filter, 0, 0)  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
os.execv(sys.argv[4], sys.argv[4:])
"""


def said(lines):
    """The names that were measured, and why others were not."""
    measured = {found[1] for line in lines if (found := MEASURED.fullmatch(line))}
    return measured, dict(found.groups() for line in lines if (found := UNMEASURED.fullmatch(line)))


OWN = """
#include "../case.h"
static void fine(unsigned long operations) { for (operations = 1000; operations--;) getpid(); }
static void fails(unsigned long operations) { (void)operations; close(-1); }
static void leaves(unsigned long operations) { (void)operations; _exit(0); }
static void dies(unsigned long operations) { (void)operations; kill(getpid(), SIGKILL); }
PERF_CASE(.name = "NAME", .operations = 1, .run = NAME);
"""


def test_no_case_vanishes_without_a_word(tmp_path, linux, monkeypatch):
    probes = tmp_path / "probes"
    shutil.copytree(program.PROBES, probes, ignore=lambda where, names: (
        names if Path(where) == CASES else []
    ))  # fmt: skip
    for name in ("fine", "fails", "leaves", "dies"):
        (probes / "perf" / "cases" / f"{name}.c").write_text(OWN.replace("NAME", name))
    monkeypatch.setattr(program, "PROBES", probes)
    here = bench(tmp_path, linux, native())
    assert isinstance(program.build(here, "perf"), bytes)
    watch = Watch(Patience(60))
    here.run(("/build/init",), limits=Limits(seconds=60), watch=watch)
    assert said(watch.lines) == (
        {"fine"},
        {
            "fails": "a system call failed in a round, with error 9",
            "leaves": "its process said nothing",
            "dies": "its process died",
        },
    )


def test_every_case_says_what_it_costs_or_why_not(tmp_path, linux):
    strict = native(init_cflags=("-Wall", "-Wextra", "-Werror"))
    here = bench(tmp_path, linux, strict)
    measured, unmeasured = said(run_here(here, "perf"))
    assert not measured & set(unmeasured)
    assert measured | set(unmeasured) == {case.stem for case in CASES.glob("*.c")}
    # The sandbox lets nobody be a real-time process.
    assert set(unmeasured) <= {"sched_yield"}


FILES = "no file can be made below /tmp, or closed"
FRESH = "mmap() gives no fresh page"
FAILURES = {  # x86-64's number, an argument, and bits in it
    "read": (0, 0, 0),
    "close": (3, 0, 0),
    "lseek": (8, 0, 0),
    "mmap MAP_FIXED": (9, 3, 0x10),
    "munmap": (11, 0, 0),
    "sched_yield": (24, 0, 0),
    "getpid": (39, 0, 0),
    "kill": (62, 0, 0),
    "futex": (202, 0, 0),
}


@pytest.mark.parametrize(
    ("call", "reasons"),
    [
        (
            "read",
            {
                "page_cache_read": "lseek() or read() failed",
                "pipe_round_trip": "write() or read() of a pipe failed",
                "read_dev_zero": "/dev/zero cannot be read",
            },
        ),
        ("close", {"open_close": FILES}),
        ("lseek", {"page_cache_read": "lseek() or read() failed"}),
        (
            "mmap MAP_FIXED",
            dict.fromkeys(("zero_read_fault", "write_fault", "copy_on_write"), FRESH),
        ),
        ("munmap", {"mmap_munmap": "mmap() or munmap() failed"}),
        ("sched_yield", {"sched_yield": "sched_yield() failed"}),
        ("getpid", {"getpid": "getpid() failed", "signal_self": "no signal came"}),
        ("kill", {"signal_self": "no signal came"}),
        ("futex", dict.fromkeys(("futex_wake", "futex_round_trip"), "futex() failed")),
    ],
)
def test_a_case_whose_system_call_fails_is_not_measured(tmp_path, linux, call, reasons):
    here = bench(tmp_path, linux, native())
    assert isinstance(program.build(here, "perf"), bytes)
    watch = Watch(Patience(60))
    argv = ("python3", "-c", WITHOUT, *map(str, FAILURES[call]), "/build/init")
    here.run(argv, limits=Limits(seconds=60), watch=watch)
    measured, unmeasured = said(watch.lines)
    if unmeasured.get("sched_yield") == "sched_setscheduler() or pipe() failed":
        del unmeasured["sched_yield"]  # the sandbox lets nobody be a real-time process
    assert "fork_exit" in measured
    assert unmeasured == reasons
