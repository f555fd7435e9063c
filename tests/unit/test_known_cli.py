# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck known`: what it lists, adds and drops."""

from __future__ import annotations

import time
from functools import partial

import pytest

from pipeline.fingerprint import fingerprint
from pipeline.model import Case, InputError
from pipeline.settings import load
from pipeline.store import Options, RunRecord, Store
from tests.command_line import call
from tests.unit.builders import base, cell, change, finding, plan, row, series, verdict

SPLAT = finding(kind="boot-warning", summary="WARNING in f()", symbol="f")
ID = fingerprint("arm64", "boot", SPLAT)
LINK = ("--link", "https://example.org/1")


@pytest.fixture
def crosscheck(tmp_path, monkeypatch):
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("CROSSCHECK_DATABASE_URL", raising=False)
    store = Store(load().database_url)
    for run in ("run-1", "run-2"):
        case = Case(run, series(), base(), change())
        store.create_run(RunRecord(run, time.time(), Options(), plan("arm64"), case, ""))
    store.finish_run(verdict(row("arm64", cell("boot", findings=[SPLAT])), run="run-1"))

    return partial(call, "known")


def test_a_finding_is_known_from_then_on_until_it_is_dropped(crosscheck):
    assert crosscheck() == "No finding is known.\n"
    assert crosscheck("add", "run-1", ID[:6], *LINK) == (
        f"{ID} is known: boot on arm64: WARNING in f()\n"
    )
    heads, line = crosscheck().splitlines()
    assert heads.split() == ["id", "target", "check", "for", "by", "link", "finding"]
    words = line.split()
    assert words[:5] == [ID[:6], "arm64", "boot", "30", "days"]
    assert words[6:] == ["https://example.org/1", "WARNING", "in", "f()"]
    assert crosscheck("drop", ID[:6]) == f"{ID} counts again.\n"
    assert crosscheck() == "No finding is known.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "run-1", "000000", *LINK), "There is no finding '000000' in run run-1."),
        (("add", "run-2", ID, *LINK), "Run run-2 has no verdict yet."),
        (("add", "run", ID, *LINK), "'run' is the beginning of 2 runs"),
        (("add", "other", ID, *LINK), "There is no run 'other'"),
        (("drop", ID), f"No known finding begins with '{ID}'"),
        (("drop", ""), "No known finding begins with ''"),
    ],
)
def test_what_is_wrong_is_one_sentence(crosscheck, words, said):
    with pytest.raises(InputError, match=said):
        crosscheck(*words)


def test_a_link_is_a_url(crosscheck):
    with pytest.raises(Exception, match="'because' is no URL"):
        crosscheck("add", "run-1", ID, "--link", "because")
