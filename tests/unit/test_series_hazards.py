# SPDX-License-Identifier: GPL-2.0-or-later
"""What mailers, archives and hands do to patches, and the sentence for each."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import InputError
from pipeline.series.hazards import find_damage, refuse_damage
from pipeline.series.mail import parse

GOOD = """\
Why.
---
 a.c | 2 +-

diff --git a/a.c b/a.c
index 1111111..2222222 100644
--- a/a.c
+++ b/a.c
@@ -1,4 +1,4 @@ int main(void)
 {
-\told();
+\tnew();
\x20
 }
@@ -20,2 +20,1 @@
 x
-- y
--\x20
2.51.0

"""
FIRST = "the hunk @@ -1,4 +1,4 @@ of a.c"


def refusal(body: str, headers: str = "") -> str:
    raw = f"From: Ann <ann@example.org>\nSubject: [PATCH] demo\n{headers}\n{body}".encode()
    with pytest.raises(InputError) as refused:
        refuse_damage(parse(raw, "demo.mbox"))
    return str(refused.value)


def test_an_intact_patch_is_none():
    assert find_damage(GOOD) == ""


def test_a_blank_context_line_may_have_lost_its_blank():
    assert find_damage(GOOD.replace("\n \n", "\n\n")) == ""


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        (GOOD.replace("\n }", "\n}"), "whitespace was destroyed or lines were wrapped ('}')"),
        (GOOD.replace("\told();", "\told(\n);"), "whitespace was destroyed or lines were wrapped (');')"),
        (GOOD.replace(" }\n", ""), "lines are missing"),
        (GOOD.replace(" }\n", " }\n+more\n"), "there are more lines than it says"),
        (GOOD.replace(" \n", "-a\n-b\n-c\n"), "the lines are not as many as it says"),
        (GOOD[: GOOD.index(" }\n")].rstrip(), "lines are missing"),
    ],
)  # fmt: skip
def test_a_broken_hunk_is_named(what, damage):
    assert find_damage(what) == f"{damage} in {FIRST}"


def test_a_signature_in_place_of_lines_is_missing_lines():
    cut = GOOD.replace(" x\n-- y\n", "")
    assert find_damage(cut) == "lines are missing in the hunk @@ -20,2 +20,1 @@ of a.c"


def test_prose_that_looks_like_a_hunk_is_none():
    assert find_damage("@@ -1,3 +1,3 @@\nis how a hunk starts\n") == ""


class TestSentences:
    def test_damage_says_how_to_get_it_whole(self):
        assert refusal(GOOD.replace("\n }", "\n}")) == (
            "demo.mbox is damaged: whitespace was destroyed or lines were wrapped ('}') in"
            f" {FIRST}; save the raw mail (mbox) and give that."
        )

    def test_format_flowed_is_named_where_it_did_damage(self):
        flowed = "Content-Type: text/plain; format=flowed\n"
        assert "(it was sent with format=flowed)" in refusal(GOOD.replace("\n }", "\n}"), flowed)
        stuffed = GOOD.replace("\n ", "\n  ")  # its empty line now looks like one that goes on
        assert "(it was sent with format=flowed)" in refusal(stuffed, flowed)

    def test_format_flowed_that_only_the_header_says_did_none(self):
        headers = "From: a@x\nSubject: x\nContent-Type: text/plain; format=flowed\n\n"
        mail = parse((headers + GOOD).encode(), "demo.mbox")
        refuse_damage(mail)
        assert mail.text == GOOD

    def test_format_flowed_that_is_stuffed_as_it_should_be_did_none(self):
        headers = "From: a@x\nSubject: x\nContent-Type: text/plain; format=flowed\n\n"
        stuffed = GOOD.replace("\n ", "\n  ").replace("\n  \n", "\n\n")
        refuse_damage(parse((headers + stuffed).encode(), "demo.mbox"))

    def test_names_do_not_steer_the_terminal(self):
        assert "\x1b" not in refusal(GOOD.replace("\n }", "\n}").replace("/a.c", "/a\x1b[2J"))

    def test_html(self):
        assert refusal("<pre>diff</pre>", "Content-Type: text/html\n") == (
            "demo.mbox holds no patch: it is an HTML mail; ask for the patch as plain text."
        )

    def test_a_quoted_patch(self):
        assert refusal("> diff --git a/a b/a\n") == "demo.mbox holds no patch: it only quotes one."

    def test_no_patch(self):
        assert refusal("Hello.\n") == "demo.mbox holds no patch."

    def test_a_bare_diff(self):
        with pytest.raises(
            InputError, match=r"without the header of a mail \(no From\): commit it"
        ):
            refuse_damage(parse(GOOD.encode(), "demo.diff"))


_SOURCE = st.lists(st.sampled_from(["", "-", "+", "--", "-- ", "\ta", "}", "++ b/x"]), max_size=12)


@given(_SOURCE, _SOURCE, st.integers(0, 3))
def test_what_a_diff_program_writes_is_intact(old, new, context):
    lines = difflib.unified_diff(old, new, "a/a.c", "b/a.c", n=context, lineterm="")
    text = "diff --git a/a.c b/a.c\n" + "\n".join(lines) + "\ndiff --git a/b.c b/b.c\n"
    assert find_damage(text) == ""
