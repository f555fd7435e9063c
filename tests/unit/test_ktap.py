# SPDX-License-Identifier: GPL-2.0-or-later
"""KTAP as the kernel's documents have it, and what consoles make of it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from workers.parsers.ktap import Status, Test, parse

HEAD = ("KTAP version 1", "1..2")


def statuses(*lines):
    return [(test.name, test.status) for test in parse((*HEAD, *lines)).tests]


def test_results_with_their_directives():
    assert statuses(
        "ok 1 first",
        "not ok 2 second",
        "ok 3 third # SKIP no hardware",
        "not ok 4 fourth # TODO known",
        "ok 5 - dashed",
        "ok 6",
    ) == [
        ("first", Status.OK),
        ("second", Status.NOT_OK),
        ("third", Status.SKIP),
        ("fourth", Status.TODO),
        ("dashed", Status.OK),
        ("6", Status.OK),
    ]


def test_diagnostics_belong_to_the_result_after_them_and_reasons_count():
    (test,) = parse((*HEAD, "# at page 7", "ok 1 pages # SKIP no pagemap")).tests
    assert test == Test("pages", Status.SKIP, ("at page 7", "no pagemap"))


def test_subtests_are_named_after_their_parents():
    report = parse(
        (
            *("KTAP version 1", "1..1"),
            *("  KTAP version 1", "  1..2"),
            *("    KTAP version 1", "    1..1", "    not ok 1 leaf", "  not ok 1 branch"),
            *("  ok 2 other", "not ok 1 root"),
        )
    )
    assert [test.name for test in report.tests] == [
        "root/branch/leaf",
        "root/branch",
        "root/other",
        "root",
    ]
    assert report.complete


def test_a_report_that_was_cut_short_is_incomplete_and_keeps_what_it_has():
    report = parse(("KTAP version 1", "1..2", "ok 1 a", "  KTAP version 1", "  ok 1 inner"))
    assert [test.name for test in report.tests] == ["a", "inner"]
    assert not report.complete


def test_without_a_plan_nothing_is_complete_and_without_a_version_nothing_is_a_test():
    assert not parse(("KTAP version 1", "ok 1 a")).complete
    assert parse(("1..1", "ok 1 a")).tests == ()


def test_kernel_messages_between_the_lines_are_passed_over():
    report = parse(
        (
            *("[    0.1] KTAP version 1", "[    0.1] 1..2"),
            *("[    0.2][    T1] ok 1 a", "random: crng init done", "ok 2 b", "reboot: Power down"),
        )
    )
    assert report.complete
    assert [test.name for test in report.tests] == ["a", "b"]


def test_a_result_that_a_message_ran_into_is_not_counted_as_another():
    report = parse((*HEAD, "ok 1 a", "ok[    1.0] random: crng init done", " 2 b"))
    assert not report.complete


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
TESTS = st.lists(st.tuples(NAMES, st.sampled_from(Status)), max_size=8)
NOISE = st.lists(
    st.sampled_from(["", "[    1.5] usb 1-1: new device", "Booting…", "# note"]), max_size=3
)


def printed(number, name, status):
    word = "not ok" if status in (Status.NOT_OK, Status.TODO) else "ok"
    directive = {Status.SKIP: " # SKIP", Status.TODO: " # TODO"}.get(status, "")
    return f"{word} {number} {name}{directive}"


@settings(max_examples=40)
@given(TESTS, NOISE)
def test_what_is_printed_is_read_back_amid_any_noise(tests, noise):
    lines = ["KTAP version 1", f"1..{len(tests)}"]
    for number, (name, status) in enumerate(tests, 1):
        lines += [*noise, printed(number, name, status)]
    report = parse(lines)
    assert [(test.name, test.status) for test in report.tests] == tests
    assert report.complete


@settings(max_examples=40)
@given(TESTS.filter(bool), st.data())
def test_whatever_is_cut_off_is_missed(tests, data):
    lines = ["KTAP version 1", f"1..{len(tests)}"]
    lines += [printed(n, name, status) for n, (name, status) in enumerate(tests, 1)]
    kept = data.draw(st.integers(0, len(lines) - 1))
    assert not parse(lines[:kept]).complete


@given(st.lists(st.text(max_size=40), max_size=30))
def test_no_text_is_too_strange(lines):
    parse(("KTAP version 1", *lines))
