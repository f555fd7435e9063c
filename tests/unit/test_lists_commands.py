# SPDX-License-Identifier: GPL-2.0-or-later
"""What in a reply is a command, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from pipeline.lists.commands import (
    LINE_CHARS,
    MOST,
    Help,
    OnBase,
    PassedOver,
    Rerun,
    Retest,
    Stop,
    Unknown,
    Unrelated,
    given,
)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("#crosscheck test", Retest()),
        ("#crosscheck test arm64 s390", Retest(("arm64", "s390"))),
        ("#crosscheck test arm64, S390,arm64", Retest(("arm64", "s390"))),
        ("#crosscheck rerun", Rerun()),
        ("#crosscheck\trerun  ", Rerun()),
        ("#crosscheck rerun\r", Rerun()),
        ("#CrossCheck ReRun", Rerun()),
        ("#crosscheck base mm mm-unstable", OnBase("mm", "mm-unstable")),
        ("#crosscheck base mm v7.1-rc3~2", OnBase("mm", "v7.1-rc3~2")),
        ("#crosscheck stop", Stop()),
        ("#crosscheck unrelated 3FA9c1", Unrelated("3fa9c1")),
        ("#crosscheck help", Help()),
        ("#crosscheck", Help()),
        ("#crosscheck  ", Help()),
        ("#crosscheck dance  now", Unknown("dance now")),
        ("#crosscheck stop that nonsense", Unknown("stop that nonsense")),
        ("#crosscheck base mm", Unknown("base mm")),
        ("#crosscheck base mm --upload-pack=x", Unknown("base mm --upload-pack=x")),
        ("#crosscheck base mm a..b", Unknown("base mm a..b")),
        ("#crosscheck base /etc x", Unknown("base /etc x")),
        ("#crosscheck test ../x", Unknown("test ../x")),
        ("#crosscheck unrelated 3fa9c", Unknown("unrelated 3fa9c")),
        ("#crosscheck unrelated zzzzzz", Unknown("unrelated zzzzzz")),
    ],
)
def test_a_line_is_a_command(line, command):
    assert given(f"Hello,\n\n{line}\n\nThanks\n") == (command,)


@pytest.mark.parametrize(
    "line",
    [
        "> #crosscheck stop",
        ">#crosscheck stop",
        " #crosscheck stop",
        "\t#crosscheck stop",
        "Say #crosscheck stop",
        "#crosschecker stop",
        "#crosscheck: stop",
        "# crosscheck stop",
        "+#crosscheck stop",
        "> quoted\r#crosscheck stop",
        "> quoted\u2028#crosscheck stop",
        "> quoted\x0b#crosscheck stop",
    ],
)
def test_a_line_is_none(line):
    assert given(f"{line}\n") == ()


@pytest.mark.parametrize(
    "end",
    [
        "-- ",
        "--",
        "diff --git a/a.c b/a.c",
        "--- a/a.c",
        "---",
        "@@ -1 +1 @@",
        "-----Original Message-----",
        "---------- Forwarded message ---------",
        "-----Urspr\u00fcngliche Nachricht-----",
        "-- >8 --",
        "--- 8< ---",
        "________________________________",
        "Begin forwarded message:",
        "From: Ann <ann@example.org>",
    ],
)
def test_nothing_counts_after(end):
    assert given(f"#crosscheck rerun\n{end}\n#crosscheck stop\n") == (Rerun(),)


@pytest.mark.parametrize("line", ["- a list", "-", "* From: me", "a -- b", "----", "---- "])
def test_other_lines_end_nothing(line):
    assert given(f"{line}\n#crosscheck stop\n") == (Stop(),)


def test_several_are_in_their_order():
    text = "#crosscheck unrelated 3fa9c1\n> #crosscheck stop\n#crosscheck test s390\n"
    assert given(text) == (Unrelated("3fa9c1"), Retest(("s390",)))


def test_a_mail_gives_so_many_and_no_more():
    assert given("#crosscheck rerun\n" * MOST) == (Rerun(),) * MOST
    assert given("#crosscheck rerun\n" * (MOST + 3)) == (*(Rerun(),) * MOST, PassedOver(3))


def test_a_line_that_is_too_long_is_no_command():
    (command,) = given("#crosscheck test " + "arm64 " * 1000)
    assert isinstance(command, Unknown)
    assert len(command.text) == LINE_CHARS


_LINES = st.sampled_from(
    ["#crosscheck stop", "#crosscheck", "#crosscheck test a b", "-- ", "> x", "diff --git a/a b/a",
     "--- a", "text", "", "\r", "\x0b#crosscheck stop", "#CROSSCHECK base a b\x00", "\ud800"]
)  # fmt: skip


@for_all(st.text() | st.lists(_LINES | st.text(max_size=9)).map("\n".join))
def test_no_text_is_too_much(text):
    assert len(given(text)) <= MOST + 1


@for_all(st.lists(_LINES | st.text(max_size=9)).map("\n".join))
def test_what_is_quoted_is_not_given(text):
    quoted = "\n".join(f"> {line}" for line in text.split("\n"))
    assert given(f"Ann wrote:\n{quoted}\n") == ()
    assert given(f"Ann wrote:\n{quoted}\n#crosscheck rerun\n") == (Rerun(),)
    assert given("\n".join(f">{line}" for line in quoted.split("\n"))) == ()
