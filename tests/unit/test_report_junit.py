# SPDX-License-Identifier: GPL-2.0-or-later
"""JUnit XML: what each outcome becomes, names that stay, and text that cannot break it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import junitparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model import Outcome
from pipeline.report.junit import to_junit
from tests.unit.builders import cell, finding, row, verdict, zero_page_verdicts
from tests.unit.strategies import verdicts

WARN, FAIL, ERROR, SKIP = Outcome.WARN, Outcome.FAIL, Outcome.ERROR, Outcome.SKIP

#: Jenkins' junit-10.xsd: what each element may hold, its attributes, and those it must have.
SCHEMA = {
    "testsuites": ({"testsuite"}, {"name", "time", "tests", "failures", "skipped", "errors"}, set()),
    "testsuite": (
        {"testcase", "properties", "system-out", "system-err"},
        {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"},
        {"name", "tests"},
    ),
    "testcase": (
        {"skipped", "error", "failure", "system-out", "system-err"},
        {"name", "assertions", "time", "classname", "status"},
        {"name"},
    ),
    "properties": ({"property"}, set(), set()),
    "property": (set(), {"name", "value"}, {"name", "value"}),
    "failure": (set(), {"message", "type"}, set()),
    "error": (set(), {"message", "type"}, set()),
    "skipped": (set(), {"message", "type"}, set()),
    "system-out": (set(), set(), set()),
}  # fmt: skip
NUMBER = re.compile(r"\d+(\.\d+)?")


def validate(node):
    children, attributes, required = SCHEMA[node.tag]
    assert {child.tag for child in node} <= children
    assert required <= set(node.keys()) <= attributes
    for name in ("time", "tests", "failures", "errors", "skipped"):
        assert NUMBER.fullmatch(node.get(name, "0"))
    for child in node:
        validate(child)


def document(of):
    root = ET.fromstring(to_junit(of).encode())
    assert root.tag == "testsuites"
    validate(root)
    return root


def case(of, target="arm64", check="build"):
    return document(of).find(f"testsuite[@name='{target}']/testcase[@name='{check}']")


def building(outcome=None, reason="", *findings):
    return verdict(row("arm64", cell("build", outcome, reason, findings)))


@pytest.mark.parametrize("story", zero_page_verdicts())
def test_every_story_is_read_by_a_parser_of_others(story):
    of = zero_page_verdicts()[story]
    document(of)
    suites = junitparser.JUnitXml.fromstring(to_junit(of).encode())
    assert [suite.name for suite in suites] == ["run", *(row.target for row in of.targets)]
    cells = [cell.outcome for row in of.targets for cell in row.checks]
    extra = len(of.skipped) * len(of.targets)
    assert suites.tests == len(cells) + extra + 1
    assert suites.failures == cells.count(FAIL)
    assert suites.errors == cells.count(ERROR) + bool(of.error)
    assert suites.skipped == cells.count(SKIP) + extra


def test_a_pass_says_nothing():
    assert list(case(building())) == []


def test_a_failure_says_what_where_and_by_which_patch():
    found = (finding(WARN, summary="a warning"), finding(detail="mm/mm_init.c:60: error"))
    (failure,) = case(building(None, "", *found))
    assert failure.tag == "failure"
    assert failure.get("type") == "new-error"
    assert failure.get("message") == "'zero_page_mask' undeclared"
    assert failure.text == (
        "WARN: mm/mm_init.c:60: a warning (this patch)\n\n"
        "FAIL: mm/mm_init.c:60: 'zero_page_mask' undeclared (this patch)\nmm/mm_init.c:60: error"
    )


def test_several_failures_of_a_check_are_one_and_counted():
    (failure,) = case(building(None, "", finding(), finding(summary="b"), finding(summary="c")))
    assert failure.get("message") == "'zero_page_mask' undeclared (and 2 others)"


def test_an_error_of_ours_is_no_failure():
    (error,) = case(building(ERROR, "its worker was lost"))
    assert (error.tag, error.get("message")) == ("error", "its worker was lost")


def test_a_skip_says_why():
    (skipped,) = case(building(SKIP, "the patched kernel does not build"))
    assert (skipped.tag, skipped.get("message")) == ("skipped", "the patched kernel does not build")


def test_a_warning_passes_and_is_told():
    (out,) = case(building(None, "", finding(WARN, summary="unused")))
    assert (out.tag, out.text) == ("system-out", "WARN: mm/mm_init.c:60: unused (this patch)")


def test_a_check_that_is_skipped_everywhere_is_shown_on_each_target():
    of = verdict(row("arm64"), row("mips"), skipped=(("perf", "not asked for"),))
    assert case(of, "mips", "perf").find("skipped").get("message") == "not asked for"


def test_a_run_that_could_not_be_finished_is_an_error_and_an_empty_one_is_not():
    of = verdict(error="interrupted by SIGTERM")
    assert case(of, "run", "run").find("error").get("message") == "interrupted by SIGTERM"
    assert case(verdict(), "run", "run").find("error") is None


def names(of):
    return [(c.get("classname"), c.get("name")) for c in document(of).iter("testcase")]


def test_names_stay_whatever_comes_out():
    good = verdict(row("arm64"), run="a")
    bad = verdict(row("arm64", cell("build", findings=[finding()])), run="b", error="x")
    assert names(good) == names(bad)
    assert names(good) == [
        ("crosscheck", "run"),
        *(("crosscheck.arm64", check) for check in ("build", "symbols", "boot")),
    ]


@settings(max_examples=40)
@given(verdicts)
def test_every_verdict_is_well_formed_and_valid(of):
    document(of)


@given(st.text(st.characters(), max_size=30))
def test_no_text_can_break_it(text):
    of = building(None, "", finding(summary=text, file=text, detail=text))
    root = document(of)
    assert len(list(root.iter("testcase"))) == 4
    document(building(ERROR, text))


@pytest.mark.parametrize("nasty", ["\0", "\x1b[2J", "\ufffe", "\uffff", "\udc80", "]]>", "<a>&'\""])
def test_what_xml_cannot_hold_is_replaced(nasty):
    (failure,) = case(building(None, "", finding(summary=f"a{nasty}b", detail=f"c{nasty}d")))
    assert re.fullmatch(r"a.*b", failure.get("message"))
    assert re.search(r"\nc.*d$", failure.text)
