# SPDX-License-Identifier: GPL-2.0-or-later
"""What a verdict says of costs: read from facts of whatever shape, told once, and bounded."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fingerprint import fingerprint
from pipeline.known import said_unrelated
from pipeline.model import Outcome
from pipeline.report.cost_digest import GAP_NAMES_MOST, GAPS_MOST, ROWS_MOST, digest_costs
from pipeline.report.cost_table import costs_view
from pipeline.report.costs import Cost, Size, Unmeasured, costs_of
from pipeline.report.digest import new_findings
from pipeline.report.headline import headline
from pipeline.report.patchwork import to_checks
from pipeline.report.reply import to_reply
from pipeline.report.terminal import plain, render_verdict
from pipeline.report.wording import figure, percent
from tests.unit.builders import cell, finding, perf, row, size, verdict

WARN = Outcome.WARN
GOOD = {
    "base": 781.0,
    "patched": 1042.0,
    "base_spread_percent": 0.0,
    "patched_spread_percent": 0.1,
    "change_percent": 33.4,
    "differs": True,
}


def slower(name="zero-page", said="zero-page: 781 → 1042 instructions, +33.4 %", **changes):
    return finding(
        WARN, kind="slower", summary=said, symbol=name, file="", line=None, patch=1, **changes
    )


def facts(*pairs, check="perf"):
    return costs_of(verdict(row("arm64", cell(check, facts=pairs))))


# --- facts ----------------------------------------------------------------------------------


def test_a_case_has_its_figures_and_the_severity_of_its_finding():
    of = verdict(
        row("arm64", perf({"getpid": (95, 95)})),
        row("s390", perf({"zero-page": (781, 1042)}, spread=0.5, findings=[slower()])),
    )
    change = 100 * 261 / 781
    assert costs_of(of).cases == (
        Cost("arm64", "getpid", 95, 95, 0.01, 0.01, 0, differs=False),
        Cost("s390", "zero-page", 781, 1042, 0.5, 0.5, change, differs=True, found=WARN),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"base": 0},
        {"base": -781},
        {"base": math.nan},
        {"patched": math.inf},
        {"patched": None},  # what the store makes of both
        {"patched": -1},
        {"patched": 10**400},
        {"patched": 1e300},
        {"patched": "1042"},
        {"patched": True},
        {"patched": [1042]},
        {"base_spread_percent": -0.1},
        {"patched_spread_percent": None},
        {"change_percent": math.inf},
    ],
)
def test_what_is_no_figure_was_not_measured(changes):
    of = facts(("cases", {"zero-page": GOOD | changes}))
    assert of.cases == ()
    why = "what was measured is no figure that can be compared"
    assert of.unmeasured == (Unmeasured("arm64", "zero-page", why),)


@pytest.mark.parametrize(
    "odd", [None, 3, "x", [], [3], {}, {"a": None}, {"a": []}, {"a": {"b": 1}}]
)
@pytest.mark.parametrize(
    ("check", "name"),
    [
        ("perf", "cases"),
        ("perf", "unmeasured"),
        ("perf", "boots"),
        ("size", "sections"),
        ("size", "symbols"),
        ("boot", "memory"),
    ],
)
def test_facts_of_another_shape_are_no_figures_and_no_trouble(check, name, odd):
    of = verdict(row("arm64", cell(check, facts=((name, odd),))))
    assert costs_of(of).cases == costs_of(of).sizes == ()
    assert render_verdict(of)
    assert plain(costs_view(of, costs_of(of)))


def test_names_from_a_console_are_one_clean_line_and_short():
    hostile = "\x1b[2Jzero\npage\u202e" + "x" * 99
    (case,) = facts(("cases", {hostile: GOOD})).cases
    assert case.case.startswith("zero page")
    assert case.case.isprintable()
    assert len(case.case) == 48
    (gap,) = facts(("unmeasured", {"\x1b[2J": "\x1b[31mno\npage\x07"})).unmeasured
    assert gap == Unmeasured("arm64", "(no name)", "no page")


@pytest.mark.parametrize("outcome", [Outcome.SKIP, Outcome.ERROR])
def test_a_target_that_could_not_be_measured_says_why(outcome):
    of = verdict(row("arm64", cell("perf", outcome, "its worker\nwas lost")))
    assert costs_of(of).unmeasured == (Unmeasured("arm64", "", "its worker was lost"),)


def test_sizes_are_of_sections_and_of_the_memory_that_the_kernel_keeps():
    memory = {
        "base": {"available_kib": 240_000, "total_kib": 262_144},
        "patched": {"available_kib": 239_996, "total_kib": 262_144},
    }
    of = verdict(row("arm64", cell("boot", facts=(("memory", memory),)), size({"text": (5, 4)})))
    text, kept = costs_of(of).sizes
    assert (text.what, text.change, text.percent, text.unit) == ("text", -1, -20.0, "bytes")
    assert kept == Size("arm64", "memory in use", 22_144, 22_148, "KiB")
    assert Size("arm64", "bss", 0, 8).percent is None


def test_memory_that_a_kernel_hides_from_its_total_is_in_use_as_well():
    memory = {
        "base": {"available_kib": 240_000, "total_kib": 262_144},
        "patched": {"available_kib": 235_904, "total_kib": 258_048},
    }
    of = verdict(row("arm64", cell("boot", facts=(("memory", memory),))))
    (kept,) = costs_of(of).sizes
    assert kept.change == 4096


def test_symbols_are_in_order_of_their_change_and_missing_ones_take_no_room():
    of = verdict(row("arm64", size({}, [("a", 8, 16), ("gone", 99, None), ("new", None, 50)])))
    assert [(s.what, s.change) for s in costs_of(of).symbols] == [
        ("gone", -99), ("new", 50), ("a", 8)
    ]  # fmt: skip


def test_cases_are_chosen_by_wildcards_and_what_was_not_measured_at_all_stays():
    of = costs_of(
        verdict(
            row("arm64", perf({"getpid": (95, 95), "zero-page": (1, 2)}, {"zero-fork": "no"})),
            row("mips", cell("perf", Outcome.ERROR, "lost")),
        )
    )
    assert of.of_case("zero*").case_names == ("zero-page", "zero-fork")
    assert of.of_case("ZERO*").case_names == ()
    assert [gap.target for gap in of.of_case("nothing").unmeasured] == ["mips"]


# --- what is told ---------------------------------------------------------------------------


def told(cases, **rest):
    return digest_costs(verdict(row("arm64", perf(cases, **rest))))


@pytest.mark.parametrize(
    ("figures", "findings", "is_told"),
    [
        ((1000, 1005), [], True),
        ((1000, 1004), [], False),  # less than half a percent
        ((1000, 1100, False), [], False),  # boots of one kernel differ as much
        ((1000, 995), [], True),  # for the better
        ((1000, 1001, False), [slower("a")], True),
        ((1000, 1001, False), [slower("b")], False),
    ],
)
def test_told_is_what_differs_enough_or_was_found(figures, findings, is_told):
    assert bool(told({"a": figures}, findings=findings).cases) is is_told


def test_one_case_on_five_targets_is_one_paragraph():
    names = ("arm64", "mips", "s390", "sparc64", "x86_64")
    of = digest_costs(
        verdict(*(row(n, perf({"zero-page": (1000 - i, 1300)})) for i, n in enumerate(names)))
    )
    ((heading, lines),) = of.cases
    assert heading == "zero-page: 30.0 to 30.5 % more instructions"
    assert lines[0] == "arm64    1,000 -> 1,300  +30.0 %"
    assert lines[3] == "sparc64    997 -> 1,300  +30.4 %"
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("changes", "heading"),
    [
        ([(1000, 1030)], "3.0 % more instructions"),
        ([(1000, 970)], "3.0 % fewer instructions"),
        ([(1000, 970), (1000, 990)], "1.0 to 3.0 % fewer instructions"),
        ([(1000, 970), (1000, 1010)], "from 3.0 % fewer to 1.0 % more instructions"),
    ],
)
def test_the_heading_says_how_much_it_is(changes, heading):
    rows = [row(n, perf({"a": c})) for n, c in zip(("arm64", "mips"), changes, strict=False)]
    assert digest_costs(verdict(*rows)).cases[0][0] == f"a: {heading}"


def test_findings_come_first_then_what_changed_most():
    of = told({"a": (100, 110), "b": (100, 80), "c": (1000, 1011)}, findings=[slower("c")])
    assert [heading[0] for heading, _ in of.cases] == ["c", "b", "a"]


def test_what_is_told_is_bounded_and_says_what_is_not():
    many = {f"case-{n}": (100, 200) for n in range(ROWS_MOST + 7)}
    of = verdict(*(row(name, perf(many)) for name in ("arm64", "mips")))
    found = digest_costs(of)
    assert sum(len(lines) for _, lines in found.cases) == ROWS_MOST
    assert found.more == ROWS_MOST + 14
    assert f"  ... and {ROWS_MOST + 14} others\n" in render_verdict(of)
    assert f"  ... and {ROWS_MOST + 14} others.\n" in to_reply(of, now=0.0).message.decode()


LATE = "patched: nothing legible"


def test_what_one_kernel_alone_did_not_get_through_is_told():
    gaps = {"getpid": LATE, "pipe": LATE, "exec": "base: no ELF; patched: no exec", "x": "no x"}
    of = verdict(
        *(row(name, perf({"a": (5, 5)}, gaps)) for name in ("mips", "s390")),
        row("arm64", perf({"a": (5, 5)}, {"futex": "base: no futex"})),
    )
    assert digest_costs(of).gaps == (
        "not measured on the patched kernel: getpid, pipe on mips, s390 (nothing legible)",
        "not measured on the base kernel: futex on arm64 (no futex)",
    )
    reply = to_reply(of, now=0.0).message.decode()
    assert "  not measured on the patched kernel: getpid, pipe on mips, s390" in reply
    assert "  not measured on the base kernel: futex on arm64 (no futex)" in render_verdict(of)
    assert "no x" not in reply + render_verdict(of)


def test_what_is_told_of_gaps_is_bounded():
    many = {f"case-{n}": f"{LATE} {n} {'x' * 900}" for n in range(GAPS_MOST + 3)}
    of = verdict(row("mips", perf({"a": (5, 5)}, many)))
    found = digest_costs(of)
    assert (len(found.gaps), found.gaps_more) == (GAPS_MOST, 3)
    assert max(map(len, found.gaps)) < 240
    assert "  ... and 3 other lines like it\n" in render_verdict(of)
    assert "  ... and 3 other lines like it.\n" in to_reply(of, now=0.0).message.decode()
    alike = {f"case-{n}": LATE for n in range(GAP_NAMES_MOST + 5)}
    (line,) = digest_costs(verdict(row("mips", perf({}, alike)))).gaps
    assert "case-7 and 5 others on mips (" in line


def test_nothing_is_said_in_a_sentence_on_the_terminal_only_and_only_where_perf_ran():
    of = verdict(row("arm64", perf({"a": (1000, 1001), "b": (5, 5)}, spread=0.031)))
    said = "no case differs by 0.5 % or more between base and patched (2 cases on 1 target;"
    assert digest_costs(of).nothing.startswith(said)
    assert digest_costs(of).nothing.endswith("boots of one kernel differ by 0.03 % at most)")
    assert said in render_verdict(of)
    assert "Cost" not in to_reply(of, now=0.0).message.decode()
    assert "Cost" not in render_verdict(verdict(row("arm64")))


@given(
    st.dictionaries(
        st.text(max_size=9),
        st.fixed_dictionaries(
            {key: st.floats() | st.none() | st.integers() for key in GOOD}
            | {"differs": st.booleans()}
        ),
        max_size=4,
    )
)
def test_whatever_was_measured_can_be_told(cases):
    of = verdict(row("arm64", cell("perf", facts=(("cases", cases),))))
    assert render_verdict(of)
    assert to_reply(of, now=0.0).message
    assert plain(costs_view(of, costs_of(of)))
    measured = costs_of(of)
    assert len(measured.cases) + len(measured.unmeasured) == len(cases)


# --- findings with figures ------------------------------------------------------------------


def found_on_two():
    other = slower(said="zero-page: 1200 → 1300 instructions, +8.3 %", detail="boot by boot")
    return verdict(
        row("arm64", perf({"zero-page": (1200, 1300)}, findings=[other])),
        row("s390", perf({"zero-page": (781, 1042)}, findings=[slower(detail="others")])),
    )


def test_the_same_case_on_several_targets_is_one_finding():
    (told_once,) = new_findings(found_on_two())
    assert told_once.targets == ("arm64", "s390")
    assert told_once.summary == "zero-page: 1200 → 1300 instructions, +8.3 % (on arm64)"
    assert headline(found_on_two()).startswith("WARN: 1 new warning (arm64 perf, s390 perf)")
    (check,) = to_checks(found_on_two())
    assert "others" not in check.description


def test_other_cases_and_other_kinds_with_figures_stay_apart():
    of = verdict(
        row("arm64", perf({}, findings=[slower(), slower("pipe", "pipe: 1 → 2")])),
        row("mips", cell("build", findings=[finding(summary="frame of 1040 bytes")])),
        row("s390", cell("build", findings=[finding(summary="frame of 1080 bytes")])),
    )
    assert len(new_findings(of)) == 4


def test_who_says_that_it_is_unrelated_means_all_targets_that_it_was_told_of():
    of = found_on_two()
    named = fingerprint("arm64", "perf", new_findings(of)[0].finding)
    known = said_unrelated(of, named, link="https://example.org", by="a", now=0.0)
    assert {line.target for line in known} == {"arm64", "s390"}


# --- words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0.0"),
        (95.25, "95.2"),
        (99.99, "100.0"),
        (100, "100"),
        (1042.4, "1,042"),
        (2e6, "2,000,000"),
    ],
)
def test_a_figure_has_as_many_digits_as_say_something(number, words):
    assert figure(number) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (33.42, "+33.4 %"), (-1.26, "-1.3 %"), (0.124, "+0.12 %"), (0, "0.00 %"), (-0.001, "0.00 %"),
        (1234.5, "+1,234.5 %"),
    ],
)  # fmt: skip
def test_a_share_is_in_percent(number, words):
    assert percent(number) == words
