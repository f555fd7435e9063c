# SPDX-License-Identifier: GPL-2.0-or-later
"""What a patch may not do: leave its tree."""

import pytest

from pipeline.model import InputError
from pipeline.trees.base import preimages
from pipeline.trees.diff import parse
from pipeline.trees.extract import PatchFile
from pipeline.trees.links import leads_out as followed_out
from pipeline.trees.paths import leads_out, refuse_escapes
from pipeline.trees.refusal import explain


def patch(diff: str, n: int = 1) -> PatchFile:
    return PatchFile(n, 2, "demo", b"", diff.encode(), parse(diff))


def modified(path: str, blobs: str = "1111111..2222222") -> str:
    return (
        f"diff --git a/{path} b/{path}\nindex {blobs} 100644\n--- a/{path}\n+++ b/{path}\n"
        "@@ -1 +1 @@\n-x\n+y\n"
    )


def link(path: str, target: str) -> str:
    return (
        f"diff --git a/{path} b/{path}\nnew file mode 120000\nindex 0000000..2222222\n"
        f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{target}\n\\ No newline at end of file\n"
    )


def refusal(*diffs: str) -> str:
    with pytest.raises(InputError) as refused:
        refuse_escapes([patch(diff, n) for n, diff in enumerate(diffs, start=1)])
    return str(refused.value)


class TestNames:
    @pytest.mark.parametrize(
        "path", ["mm/a.c", ".gitignore", "a..b", "x.git/y", "...", ".github/x"]
    )
    def test_these_are_in_the_tree(self, path):
        refuse_escapes([patch(modified(path))])

    @pytest.mark.parametrize("path", ["../x", "a/../../x", "a/.."])
    def test_upwards(self, path):
        assert refusal(modified(path)).startswith('Patch 1/2 "demo" leaves its tree: it names a/')

    def test_absolute(self):
        absolute = "--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-x\n+y\n"
        assert refusal(absolute) == 'Patch 1/2 "demo" leaves its tree: it names /etc/passwd.'

    @pytest.mark.parametrize(
        "path", [".git/config", "a/.GIT/hooks/x", ".git", "git~1/x", ".git. /x", ".g\u200cit/x"]
    )
    def test_git_s_own(self, path):
        assert refusal(modified(path)).endswith("which is git's own.")

    @pytest.mark.parametrize("path", ["mm/" + "n" * 256, "d/" * 600 + "x"])
    def test_too_long_for_a_file(self, path):
        assert refusal(modified(path)).endswith("…, which is too long for a file.")

    def test_modes_that_no_file_has(self):
        directory = link("mm/x", "y").replace("120000", "040000")
        assert refusal(directory).endswith("mm/x has mode 040000, as no file has.")

    def test_renames(self):
        moved = "diff --git a/a b/b\nsimilarity index 100%\nrename from a\nrename to ../b\n"
        assert "it names ../b" in refusal(moved)

    def test_control_characters(self):
        quoted = modified("x").replace("a/x", '"a/x\\ny"').replace("b/x", '"b/x\\ny"')
        assert "has control characters" in refusal(quoted)

    def test_a_submodule(self):
        text = link("sub", "x").replace("120000", "160000")
        assert "makes sub a git submodule" in refusal(text)


class TestLinks:
    @pytest.mark.parametrize(
        ("path", "target", "out"),
        [
            ("a/b/l", "../c", False),
            ("a/b/l", "../../c", False),
            ("a/b/l", "../../../c", True),
            ("l", "..", True),
            ("l", "/etc/passwd", True),
            ("a/l", "../.git/config", True),
            ("l", "a/../../b", True),
        ],
    )
    def test_where_links_lead(self, path, target, out):
        assert leads_out(path, target) is out

    def test_a_link_out_of_the_tree(self):
        assert refusal(link("a/l", "../../etc")).endswith(
            "its symbolic link a/l points to ../../etc."
        )

    def test_writing_through_a_link_of_the_same_series(self):
        assert refusal(link("l", "mm"), modified("l/x")) == (
            'Patch 2/2 "demo" leaves its tree: it writes l/x through the symbolic link l.'
        )

    def test_a_link_that_is_a_file_again_is_none(self):
        gone = (
            "diff --git a/l b/l\ndeleted file mode 120000\nindex 2222222..0000000\n--- a/l\n"
            "+++ /dev/null\n@@ -1 +0,0 @@\n-mm\n\\ No newline at end of file\n"
        )
        refuse_escapes([patch(link("l", "mm")), patch(gone, 2), patch(modified("l/x"), 2)])


class TestPreimages:
    def test_what_the_base_has_and_what_it_has_not(self):
        first = modified("a.c") + modified("b.c", "3333333..4444444")
        second = modified("a.c", "2222222..5555555") + modified("c.c", "6666666..7777777")
        new = link("n", "a.c") + modified("d.c", "0000000..1111111")
        assert preimages([patch(first), patch(second, 2), patch(new, 2)]) == (
            ("a.c", "1111111"),
            ("b.c", "3333333"),
            ("c.c", "6666666"),
            ("n", ""),
        )

    def test_a_rename_is_looked_for_under_its_old_name(self):
        moved = (
            "diff --git a/a b/b\nsimilarity index 90%\nrename from a\nrename to b\n"
            "index 1111111..2222222 100644\n--- a/a\n+++ b/b\n@@ -1 +1 @@\n-x\n+y\n"
        )
        again = modified("b", "2222222..3333333")
        assert preimages([patch(moved), patch(again, 2)]) == (("a", "1111111"),)


class TestRefusal:
    def explained(self, errors: str) -> str:
        diff = (
            modified("a.c").replace("@@ -1 +1 @@", "@@ -1 +1 @@ one") + "@@ -9 +9 @@ two\n-x\n+y\n"
        )
        return explain(patch(diff), "0123456789abcdef", errors)

    def test_the_hunk_is_named(self):
        assert self.explained("error: patch failed: a.c:9\nerror: a.c: patch does not apply\n") == (
            'Patch 1/2 "demo" does not apply to 0123456789ab: a.c, hunk 2 of 2 (@@ -9 +9 @@ two).'
            " Name the commit that it was made for with --base."
        )

    @pytest.mark.parametrize(
        ("error", "what"),
        [
            ("a.c: does not exist in index", "a.c is not there"),
            ("a.c: already exists in index", "a.c exists already"),
            ("affected file 'l/x' is beyond a symbolic link", "l/x is behind a symbolic link"),
            ("something new", "something new"),
        ],
    )
    def test_other_reasons(self, error, what):
        assert f"0123456789ab: {what}." in self.explained(f"error: {error}\n")


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("mm/in", False),
        ("mm/top", False),
        ("mm/lexically-in", True),
        ("mm/absolute", True),
        ("mm/git", True),
        ("mm/loop", False),
        ("mm/top/../x", True),
        ("mm/in/../x", False),
    ],
)
def test_links_are_followed_through_links(path, out):
    links = {
        "mm/in": "../arch/x",
        "mm/top": "..",
        "mm/lexically-in": "top/..",
        "mm/absolute": "in/../../mm/outright",
        "mm/outright": "/etc",
        "mm/git": "top/.git/config",
        "mm/loop": "loop",
    }
    assert followed_out(path, links) is out


@pytest.mark.parametrize(
    ("errors", "why"),
    [
        ("error: corrupt patch at line 6\n", "it is cut off or its lines were changed"),
        ("error: invalid path 'mm/./x'\n", "its file names do not fit together"),
        ("error: patch with only garbage at line 5\n", "or it changes nothing"),
    ],
)
def test_what_no_base_would_take_does_not_blame_the_base(errors, why):
    sentence = explain(patch(modified("a.c")), "f" * 40, errors)
    assert sentence.startswith('Patch 1/2 "demo" holds no valid diff: ')
    assert why in sentence
    assert "--base" not in sentence
