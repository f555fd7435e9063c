# SPDX-License-Identifier: GPL-2.0-or-later
"""What a console says was measured: whole lines, and nothing that is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.parsers.console import clean
from workers.parsers.measures import Measurement, Report, parse

LINE = "measured getpid operations=512 ns=178176,178180,178176 rounds=3"
GETPID = Measurement("getpid", 512, (178176, 178180, 178176))
PIPE = "measured pipe operations=8 ns=1000 rounds=1"

names = st.from_regex(r"[a-z][a-z0-9_]{0,15}", fullmatch=True)
measurements = st.builds(
    Measurement,
    names,
    st.integers(1, 10**6),
    st.lists(st.integers(0, 10**12), min_size=1, max_size=16).map(tuple),
)
#: What may run into a line: printk's lines, with and without a time stamp.
intruders = st.sampled_from(
    (
        "[    1.234567] random: crng init done",
        "random: crng init done",
        "sched: RT throttling",
        "<6>x",
    )
)


def written(measurement):
    rounds = ",".join(map(str, measurement.rounds_ns))
    return (
        f"measured {measurement.name} operations={measurement.operations} ns={rounds}"
        f" rounds={len(measurement.rounds_ns)}"
    )


def test_measurements_amid_other_lines():
    lines = (
        "[    0.1] Linux version 7.2.13",
        "# running getpid",
        LINE,
        "unmeasured boot no counter that starts at reset",
        "# crosscheck-init: end",
    )
    assert parse(lines) == Report((GETPID,), (("boot", "no counter that starts at reset"),))


def test_a_line_that_came_twice_counts_once_and_two_that_differ_count_for_nothing():
    assert parse((LINE, LINE)) == Report((GETPID,), ())
    assert parse((LINE, LINE.replace("178176", "178175"), PIPE)).measured == (
        Measurement("pipe", 8, (1000,)),
    )
    assert parse((LINE, "unmeasured getpid no such call")) == Report((), ())


@given(st.lists(measurements, unique_by=lambda m: m.name))
def test_what_is_written_is_read(expected):
    assert parse(map(written, expected)) == Report(tuple(expected), ())


@given(measurements, intruders, st.data())
def test_what_other_messages_run_into_is_not_believed(measurement, intruder, data):
    line = written(measurement)
    at = data.draw(st.integers(0, len(line)))
    torn = (line[:at] + intruder, line[at:])
    assert set(parse(torn).measured) <= {measurement}


@given(measurements, st.data())
def test_without_its_beginning_a_line_says_nothing(measurement, data):
    line = written(measurement)
    assert parse((line[data.draw(st.integers(1, len(line))) :],)) == Report((), ())


@given(measurements, st.data())
def test_without_its_end_a_line_says_nothing(measurement, data):
    line = written(measurement)
    assert parse((line[: data.draw(st.integers(0, len(line) - 1))],)) == Report((), ())


@pytest.mark.parametrize("end", ["", " rounds=2", " rounds=30", " rounds=03", " rounds=3 "])
def test_a_line_must_have_as_many_rounds_as_it_says(end):
    assert parse((LINE.removesuffix(" rounds=3") + end,)) == Report((), ())


@given(st.lists(st.text() | st.sampled_from((LINE, PIPE, LINE[:-3], LINE + "0" * 30))))
def test_any_console_can_be_read(lines):
    report = parse(map(clean, lines))
    assert {m.name for m in report.measured} <= {"getpid", "pipe"}
