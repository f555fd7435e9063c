# SPDX-License-Identifier: GPL-2.0-or-later
"""What all tests share: a missing service is an error in CI, and a skip elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import hypothesis
import jsonschema
import pytest

from tests import postgres

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "pipeline" / "report" / "schema.json").read_text())

# A kernel may be built beside the tests: how long an example takes says nothing. (Where CI is
# set, hypothesis takes such a profile by itself.)
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
if not os.environ.get("CI"):
    hypothesis.settings.load_profile("busy")


def validate(verdict: dict) -> None:
    """VERDICT is as the schema says."""
    jsonschema.validate(verdict, SCHEMA, cls=jsonschema.Draft202012Validator)


def missing(what: str) -> None:
    """WHAT is needed and is not here."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and must be here in CI")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session")
def _postgres():
    """The one server of this session."""
    programs = postgres.binaries()
    if programs is None:
        missing("PostgreSQL's server (Debian's package postgresql)")
    with postgres.running(programs) as server:
        yield server


@pytest.fixture
def server(_postgres) -> postgres.Server:
    """A PostgreSQL server that runs; a test may stop it."""
    yield _postgres
    if not _postgres.runs():
        _postgres.start()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def url(request, tmp_path) -> str:
    """The address of a database that is not there yet, or has no tables, of each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/c.db"
    return request.getfixturevalue("server").new_database()


@pytest.fixture(scope="session")
def linux() -> Path:
    """An unpacked Linux source tree; never written to."""
    tree = Path(os.environ.get("CROSSCHECK_TEST_TREE", "/nonexistent"))
    if not (tree / "Kbuild").exists():
        missing("an unpacked Linux source (CROSSCHECK_TEST_TREE)")
    return tree


#: It lies beside the project where it is developed.
ZERO_PAGE = ROOT.parent / "shared" / "series" / "zero-page-v2.mbox"


@pytest.fixture(scope="session")
def zero_page_mbox() -> Path:
    """The zero-page series."""
    if not ZERO_PAGE.exists():
        pytest.skip(f"{ZERO_PAGE.name} is not here")
    return ZERO_PAGE
