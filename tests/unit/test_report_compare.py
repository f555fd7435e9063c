# SPDX-License-Identifier: GPL-2.0-or-later
"""v3 against v2: nothing is fixed that was not looked for, nothing new that nobody looked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings

from pipeline.model import Outcome
from pipeline.report.compare import Fate, compare, sentences
from pipeline.report.reply import to_reply
from pipeline.report.terminal import render_verdict
from tests.unit.builders import cell, finding, golden, row, series, verdict, zero_page_verdicts
from tests.unit.strategies import verdicts

GOLDEN = Path(__file__).parent / "golden"
SENDER = "crosscheck <crosscheck@example.org>"
NOW = 1770725220.0
WARN, FAIL, ERROR, SKIP = Outcome.WARN, Outcome.FAIL, Outcome.ERROR, Outcome.SKIP
OLD = finding(WARN, summary="old")
NEW = finding(WARN, summary="new")


def of(*rows, version=2, **changes):
    return verdict(*rows, series=series(version=version), **changes)


def building(*findings, outcome=None, **changes):
    return of(row("arm64", cell("build", outcome, findings=findings, **changes)), version=3)


def fates(earlier, later):
    return {fate: [t.finding.summary for t in told] for fate, told in compare(earlier, later).fates}


BEFORE = of(row("arm64", cell("build", findings=[OLD])))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (building(), {Fate.FIXED: ["old"]}),
        (building(finding(WARN, summary="old", line=99, patch=3)), {Fate.REMAINING: ["old"]}),
        (building(OLD, NEW), {Fate.REMAINING: ["old"], Fate.NEW: ["new"]}),
        (building(NEW), {Fate.FIXED: ["old"], Fate.NEW: ["new"]}),
        (building(outcome=ERROR, reason="disk full"), {Fate.NOT_TESTED: ["old"]}),
        (building(outcome=SKIP, reason="not asked for"), {Fate.NOT_TESTED: ["old"]}),
        (of(row("mips"), version=3), {Fate.NOT_TESTED: ["old"]}),
        (of(version=3), {Fate.NOT_TESTED: ["old"]}),
        (building(inherited=(OLD,)), {Fate.IN_BASE: ["old"]}),
        # It does not build any more: nobody saw what else it warns of.
        (building(finding(summary="broken")), {Fate.HIDDEN: ["old"], Fate.NEW: ["broken"]}),
    ],
)
def test_what_has_become_of_a_finding(now, expected):
    assert fates(BEFORE, now) == expected


def test_an_old_failure_that_remains_hides_nothing_that_it_did_not_hide_before():
    broken = finding(summary="broken")
    before = of(row("arm64", cell("build", findings=[broken, OLD])))
    assert fates(before, building(broken)) == {Fate.FIXED: ["old"], Fate.REMAINING: ["broken"]}


@pytest.mark.parametrize("was", [ERROR, SKIP])
def test_what_could_not_be_seen_before_is_not_called_new(was):
    before = of(row("arm64", cell("build", was, "why")))
    assert fates(before, building(NEW)) == {Fate.FIRST_TESTED: ["new"]}
    assert fates(of(row("mips")), building(NEW)) == {Fate.FIRST_TESTED: ["new"]}


def test_targets_are_named_together_only_where_the_same_became_of_it():
    before = of(*(row(n, cell("build", findings=[OLD])) for n in ("arm64", "mips", "s390")))
    now = of(row("arm64"), row("mips"), row("s390", cell("build", findings=[OLD])), version=3)
    assert sentences(compare(before, now)) == (
        "fixed: build on arm64, mips: mm/mm_init.c: old",
        "remaining: build on s390: mm/mm_init.c: old",
    )


def test_many_are_counted():
    before = of(
        row("arm64", cell("build", findings=[finding(summary="x" * n) for n in range(1, 12)]))
    )
    lines = sentences(compare(before, building()))
    assert len(lines) == 9
    assert lines[-1] == "fixed: 3 others"


def test_the_earlier_one_is_named_by_version_or_else_by_run():
    assert compare(BEFORE, building()).since == "v2"
    assert compare(BEFORE, of(row("arm64"), run="b")).since == "run 20260210-120000-a1b2"


@settings(max_examples=30)
@given(verdicts, verdicts)
def test_every_finding_has_one_fate_and_its_own_verdict_leaves_all_as_they_are(one, other):
    told = compare(one, one)
    assert {fate for fate, _ in told.fates} <= {Fate.REMAINING}
    both = compare(one, other)
    ours = [fate for fate, _ in both.fates]
    assert ours == [fate for fate in Fate if fate in ours]
    assert all("\n" not in line for line in sentences(both))
    to_reply(other, SENDER, now=NOW, earlier=one)


# --- in words -------------------------------------------------------------------------------


def v3():
    """The `fail` story of v2, as its author answers it."""
    stories = zero_page_verdicts()
    export = stories["fail"].targets[0].checks[1].findings[0]
    hang = stories["hang"].targets[0].checks[2].findings[0]
    lost = "patched: its worker was lost 3 times"
    return verdict(
        row("arm64"),
        row("mips", cell("build", ERROR, lost)),
        row("s390", cell("boot", findings=[hang])),
        row("sparc64", cell("symbols", findings=[export])),
        series=series(3, version=3),
        run="20260212-090000-c3d4",
    )


def test_the_reply_to_v3_is_as_it_was_agreed_on():
    mail = to_reply(v3(), SENDER, now=NOW, earlier=zero_page_verdicts()["fail"])
    text = mail.message.decode().partition("\n\n")[2]
    assert text == golden(GOLDEN / "since-mail.txt", text, os.environ)


def test_the_terminal_shows_the_same():
    text = render_verdict(v3(), zero_page_verdicts()["fail"])
    assert text == golden(GOLDEN / "since.txt", text, os.environ)


def test_without_an_earlier_one_or_any_finding_nothing_is_said():
    clean = of(row("arm64"))
    assert "Since" not in render_verdict(clean)
    assert "Since" not in render_verdict(clean, of(row("arm64"), version=1))
    assert b"Since" not in to_reply(clean, SENDER, now=NOW, earlier=clean).message
