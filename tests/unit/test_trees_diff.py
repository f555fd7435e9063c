# SPDX-License-Identifier: GPL-2.0-or-later
"""Diffs as git writes them, and as mails hold them."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import FileChange, Hunk
from pipeline.trees.diff import parse, unquote


def one(text: str):
    (file,) = parse(text)
    return file


def change(text: str) -> FileChange:
    return one(text).change


class TestFiles:
    def test_modified(self):
        file = one(
            "diff --git a/mm/a.c b/mm/a.c\nindex 1234567..89abcde 100644\n--- a/mm/a.c\n+++ b/mm/a.c\n"
            "@@ -3 +3,2 @@ int f(void)\n-old\n+new\n+more\n"
        )
        assert file.change == FileChange(
            "mm/a.c", "mm/a.c", "M", (Hunk(3, 1, 3, 2, ("old",), ("new", "more")),)
        )
        assert (file.old_blob, file.new_blob) == ("1234567", "89abcde")
        assert file.headers == ("@@ -3 +3,2 @@ int f(void)",)

    def test_new(self):
        text = (
            "diff --git a/a.c b/a.c\nnew file mode 100644\nindex 0000000..89abcde\n--- /dev/null\n"
            "+++ b/a.c\n@@ -0,0 +1 @@\n+x\n"
        )
        assert change(text) == FileChange("a.c", "", "A", (Hunk(0, 0, 1, 1, (), ("x",)),))

    def test_deleted(self):
        text = (
            "diff --git a/a.c b/a.c\ndeleted file mode 100644\nindex 89abcde..0000000\n--- a/a.c\n"
            "+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        )
        assert change(text) == FileChange("a.c", "a.c", "D", (Hunk(1, 1, 0, 0, ("x",), ()),))

    def test_empty_and_new(self):
        text = "diff --git a/a.c b/a.c\nnew file mode 100644\nindex 0000000..e69de29\n"
        assert change(text) == FileChange("a.c", "", "A")

    def test_renamed_and_nothing_else(self):
        text = "diff --git a/a.c b/b.c\nsimilarity index 100%\nrename from a.c\nrename to b.c\n"
        assert change(text) == FileChange("b.c", "a.c", "R")

    def test_renamed_and_modified(self):
        text = (
            "diff --git a/x/a b.c b/b.c\nsimilarity index 90%\nrename from x/a b.c\nrename to b.c\n"
            "index 1234567..89abcde 100644\n--- a/x/a b.c\n+++ b/b.c\n@@ -1,0 +2 @@\n+x\n"
        )
        assert change(text) == FileChange("b.c", "x/a b.c", "R", (Hunk(1, 0, 2, 1, (), ("x",)),))

    def test_mode_only(self):
        file = one("diff --git a/s.sh b/s.sh\nold mode 100644\nnew mode 100755\n")
        assert file.change == FileChange("s.sh", "s.sh", "M")
        assert file.new_mode == "100755"

    def test_binary(self):
        text = (
            "diff --git a/l.bin b/l.bin\nindex 1234567..89abcde 100644\nBinary files a/l.bin and"
            " b/l.bin differ\ndiff --git a/a.c b/a.c\nold mode 100644\nnew mode 100755\n"
        )
        assert [(f.change.path, f.change.binary) for f in parse(text)] == [
            ("l.bin", True),
            ("a.c", False),
        ]

    def test_binary_with_its_contents(self):
        text = (
            "diff --git a/l.bin b/l.bin\nnew file mode 100644\nindex 0000000..89abcde\n"
            "GIT binary patch\nliteral 3\nKcmZ?\n\nliteral 0\nHcmV?d00001\n\n-- \n2.51.0\n"
        )
        assert change(text) == FileChange("l.bin", "", "A", binary=True)

    def test_a_file_that_becomes_a_symbolic_link(self):
        text = (
            "diff --git a/l b/l\ndeleted file mode 100644\nindex 1234567..0000000\n--- a/l\n"
            "+++ /dev/null\n@@ -1,2 +0,0 @@\n-x\n-y\n"
            "diff --git a/l b/l\nnew file mode 120000\nindex 0000000..89abcde\n--- /dev/null\n"
            "+++ b/l\n@@ -0,0 +1 @@\n+there\n\\ No newline at end of file\n"
        )
        file = one(text)
        hunk = Hunk(1, 2, 1, 1, ("x", "y"), ("there",))
        assert file.change == FileChange("l", "l", "T", (hunk,), plain=False)
        assert file.new_mode == "120000"

    def test_a_symbolic_link_is_no_plain_file_wherever_the_diff_says_so(self):
        edited = (
            "diff --git a/l b/l\nindex 1234567..89abcde {}\n--- a/l\n+++ b/l\n@@ -1 +1 @@\n-x\n+y\n"
        )
        gone = "diff --git a/l b/l\ndeleted file mode {}\nindex 1234567..0000000\n"
        for diff in (edited, gone):
            assert not one(diff.format("120000")).change.plain
            assert one(diff.format("100755")).change.plain

    def test_without_git_s_headers(self):
        text = "--- a/a.c\t2026-11-22\n+++ b/a.c\t2026-11-22\n@@ -1 +1 @@\n-x\n+y\n"
        assert change(text) == FileChange("a.c", "a.c", "M", (Hunk(1, 1, 1, 1, ("x",), ("y",)),))

    def test_prose_around_and_between_is_passed_over(self):
        text = (
            "Why.\n---\n a.c | 1 +\n\n--- not a header\n\ndiff --git a/a.c b/a.c\n--- a/a.c\n"
            "+++ b/a.c\n@@ -1 +1 @@\n-x\n+y\n-- \n2.51.0\n"
        )
        assert change(text).path == "a.c"


class TestNames:
    @pytest.mark.parametrize(
        ("written", "name"),
        [
            ("plain", "plain"),
            (r'"a\"b"', 'a"b'),
            (r'"tab\there"', "tab\there"),
            (r'"\303\266.c"', "\N{LATIN SMALL LETTER O WITH DIAERESIS}.c"),
            (r'"back\\slash"', "back\\slash"),
        ],
    )
    def test_quotes_are_taken_off(self, written, name):
        assert unquote(written) == name

    def test_a_quoted_name_in_the_headers(self):
        text = 'diff --git "a/\\303\\266.c" "b/\\303\\266.c"\nold mode 100644\nnew mode 100755\n'
        assert change(text).path == "\N{LATIN SMALL LETTER O WITH DIAERESIS}.c"

    def test_a_name_with_blanks(self):
        text = "diff --git a/b c b/b c\nold mode 100644\nnew mode 100755\n"
        assert change(text).path == "b c"

    def test_names_are_kept_as_written(self):
        assert one("--- /etc/passwd\n+++ b/../x\n@@ -1 +1 @@\n-x\n+y\n").names == (
            "/etc/passwd",
            "b/../x",
        )


class TestHunks:
    def test_context_is_taken_out(self):
        text = (
            "--- a/a.c\n+++ b/a.c\n@@ -10,6 +10,6 @@\n a\n-b\n+B\n c\n \n+d\n e\n-f\n"
            "\\ No newline at end of file\n"
        )
        assert change(text).hunks == (
            Hunk(11, 1, 11, 1, ("b",), ("B",)),
            Hunk(13, 0, 14, 1, (), ("d",)),
            Hunk(15, 1, 15, 0, ("f",), ()),
        )

    def test_lines_that_look_like_headers_are_lines(self):
        text = "--- a/a.c\n+++ b/a.c\n@@ -1,2 +1,2 @@\n--- a/x\n-- \n+++ b/x\n+@@ -1 +1 @@\n"
        assert change(text).hunks == (
            Hunk(1, 2, 1, 2, ("-- a/x", "- "), ("++ b/x", "@@ -1 +1 @@")),
        )

    def test_a_form_feed_is_no_line_end(self):
        text = "--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-x\x0cy\u2028z\n+y\n"
        assert change(text).hunks[0].removed == ("x\x0cy\u2028z",)


_SOURCE = st.lists(
    st.sampled_from(["", "-", "--", "-- a/x", "++ b/x", "\\ No", "@@ -1 +1 @@", "\ta", "}"]),
    max_size=12,
)


def rebuilt(old: list[str], hunks: tuple[Hunk, ...]) -> list[str]:
    new: list[str] = []
    at = 0
    for hunk in hunks:
        start = hunk.old_start - (hunk.old_count > 0)
        new += old[at:start]
        assert old[start : start + hunk.old_count] == list(hunk.removed)
        assert len(new) == hunk.new_start - (hunk.new_count > 0)
        new += hunk.added
        at = start + hunk.old_count
    return new + old[at:]


@given(_SOURCE, _SOURCE, st.integers(0, 3))
def test_hunks_lead_from_old_to_new(old, new, context):
    lines = list(difflib.unified_diff(old, new, "a/a.c", "b/a.c", n=context, lineterm=""))
    files = parse("\n".join(lines))
    hunks = files[0].change.hunks if files else ()
    assert rebuilt(old, hunks) == new


@given(st.text(alphabet='ad- +@b/\\\n\t"1,', max_size=200))
def test_any_text_is_parsed(text):
    parse("diff --git a/a b/a\n" + text)
