# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that a patched kernel takes: beyond the limits a finding, never by noise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model import Case, Limit, Outcome
from tests.unit import builders
from tests.unit.test_boot_judge import GOOD
from workers.checks import boot
from workers.checks.boot import Seen
from workers.guest.memory import facts, memory
from workers.parsers.memory_line import Memory

LIMIT = Limit("boot", "memory", 1.0, 256)
TARGET = builders.target("s390")


def boots(*available, total=262144):
    return tuple(replace(GOOD, memory=kib and Memory(kib, total)) for kib in available)


def case(*limits, patches=1):
    return Case("r", builders.series(patches), builders.base(), builders.change(), (), limits)


def found(base, patched, *limits):
    return memory(case(*(limits or (LIMIT,))), TARGET, base, patched).findings


@pytest.mark.parametrize(
    ("base", "patched", "accused"),
    [
        (boots(250_000), boots(250_000), False),
        (boots(250_000), boots(249_744), False),  # 256 KiB, and not more
        (boots(250_000), boots(249_743), True),
        (boots(250_000), boots(251_000), False),  # an improvement
        (boots(200_000), boots(199_500), False),  # less than one percent of what is taken
        (boots(250_000, 249_000), boots(249_000), False),  # base takes as much, sometimes
        (boots(250_000), boots(249_000, 250_000), False),  # not in every boot
        (boots(250_000), boots(249_000, 249_100), True),
        (boots(250_000), boots(249_000, total=261_144), True),  # gone from the machine as well
        (boots(250_000, None), boots(None, 249_000), True),
        (boots(250_000), boots(None), False),  # it did not say
        (boots(None), boots(249_000), False),
        ((), boots(249_000), False),
    ],
)
def test_only_what_every_boot_takes_more_is_a_finding(base, patched, accused):
    assert bool(found(base, patched)) is accused


def test_the_finding_has_both_figures():
    (finding,) = found(boots(250_000), boots(249_000))

    assert (finding.kind, finding.symbol, finding.patch) == ("memory", "memory", 1)
    assert finding.severity is Outcome.WARN
    assert finding.summary == (
        "1000 KiB less memory is available at boot, the kernel takes 13144 instead of 12144 KiB:"
        " +8.2 %, the limit is 1 %"
    )


def test_without_a_limit_there_is_none():
    assert found(boots(250_000), boots(100_000), Limit("size", "*", 1)) == ()
    assert found(boots(250_000), boots(100_000), replace(LIMIT, targets=("mips",))) == ()


def test_the_fact_is_what_the_last_boots_said():
    told = dict(facts(boots(250_000, 250_100), boots(249_000, None)))

    assert told == {
        "memory": {
            "base": {"available_kib": 250_100, "total_kib": 262_144},
            "patched": {"available_kib": 249_000, "total_kib": 262_144},
        }
    }
    assert facts(boots(250_000), boots(None)) == ()


def test_the_check_tells_it():
    told = boot.judge(case(LIMIT), TARGET, Seen(boots(250_000)), Seen(boots(249_000)))

    assert [finding.kind for finding in told.findings] == ["memory"]
    assert dict(told.facts)["memory"]["patched"]["available_kib"] == 249_000
