# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck show` and `logs` of runs that have not ended, or were cut off."""

from __future__ import annotations

import time

import pytest

from pipeline.model import Case, InputError
from pipeline.owner import owner
from pipeline.settings import load
from pipeline.store import Options, RunRecord, Store
from tests.command_line import call
from tests.unit.builders import base, change, plan, series


@pytest.fixture
def crosscheck(tmp_path, monkeypatch):
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.delenv("CROSSCHECK_DATABASE_URL", raising=False)
    case = Case("run-1", series(), base(), change())
    record = RunRecord("run-1", time.time(), Options(), plan("arm64"), case, owner())
    Store(load().database_url).create_run(record)

    return call


def test_people_are_told_how_far_a_run_is(crosscheck):
    assert crosscheck("show").startswith("Run run-1 is still going: 0 of ")


@pytest.mark.parametrize("words", [("--json",), ("--junit",), ("--kcidb",), ("--since", "run-1")])
def test_programs_are_not_given_a_sentence_for_a_form(crosscheck, words):
    with pytest.raises(InputError, match="Run run-1 is still going: 0 of "):
        crosscheck("show", *words)


def test_what_was_cut_off_has_no_log_and_will_have_none(crosscheck):
    assert "(no log yet: waiting)" in crosscheck("logs", "run-1", "arm64", "build")
    Store(load().database_url).abandon("run-1")
    said = crosscheck("logs", "run-1", "arm64", "build")
    assert "(no log: the run ended before it had one)" in said
    assert "yet" not in said
