# SPDX-License-Identifier: GPL-2.0-or-later
"""Series on toy trees, with the real git: bases, what applies, what is refused, what is left alone."""

import hashlib
import os
import stat
import subprocess
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from pipeline import settings as settings_module
from pipeline.lists.config import ListTree
from pipeline.model import Base, Change, InputError, Series
from pipeline.series.load import load
from pipeline.trees.checkout import checkout, checkout_from
from pipeline.trees.grep import grep_words
from pipeline.trees.prepare import prepare
from pipeline.trees.ranges import exporter

pytestmark = pytest.mark.integration

PLAIN = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
    "PATH": os.environ["PATH"],
}
LINES = [f"line {n}" for n in range(1, 41)]


def git(tree: Path, *arguments: str | Path) -> str:
    """As the user would run it."""
    return subprocess.run(
        ["git", "-C", tree, *arguments], env=PLAIN, check=True, capture_output=True, text=True
    ).stdout.strip()


def write(tree: Path, path: str, text: str) -> None:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)


def commit(tree: Path, message: str, **files: str) -> str:
    for path, text in files.items():
        write(tree, path.replace("__", "/") + ".c", text)
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", message)
    return git(tree, "rev-parse", "HEAD")


def source(replaced: dict[int, str] | None = None) -> str:
    return "".join(f"{(replaced or {}).get(n, line)}\n" for n, line in enumerate(LINES, start=1))


def lay_kernel(tree: Path) -> None:
    write(tree, "Makefile", "VERSION = 7\n")
    write(tree, "Kconfig", "config TOY\n")
    for arch in ("toya", "toyb"):
        write(tree, f"arch/{arch}/Makefile", "")
    write(tree, "mm/demo.c", source())
    write(tree, "mm/other.c", "int other;\n")
    (tree / "mm" / "link.c").symlink_to("other.c")
    write(tree, "script.sh", "#!/bin/sh\n")
    (tree / "script.sh").chmod(0o755)


@pytest.fixture
def toy(tmp_path):
    tree = tmp_path / "linux"
    tree.mkdir()
    git(tree, "init", "-q", "-b", "master")
    lay_kernel(tree)
    commit(tree, "base")
    return tree


@pytest.fixture
def ours(tmp_path):
    return settings_module.load({"HOME": str(tmp_path / "home")})


def at(*trees: Path) -> list[ListTree]:
    return [ListTree(tree, "") for tree in trees]


def two_patches(tree: Path) -> None:
    commit(
        tree, "demo: one\n\nFrom here on it is better.\n>From there.", mm__demo=source({5: "FIVE"})
    )
    write(tree, "arch/toya/new.c", "int new;\n")
    commit(tree, "demo: two", mm__demo=source({5: "FIVE", 30: "THIRTY"}))


def series_of(what: str | Path, tree: Path, ours, version: int | None = None) -> Series:
    export = exporter([tree], ours, lambda _: None)
    return load([str(what)], export=export, version=version, stdin=BytesIO())


def exported(tree: Path, *options: str) -> bytes:
    """What the user mails, and then takes out of the tree again."""
    patches = subprocess.run(
        ["git", "-C", tree, "format-patch", "--stdout", *options], env=PLAIN, check=True,
        capture_output=True,
    ).stdout  # fmt: skip
    git(tree, "reset", "-q", "--hard", options[-1])
    return patches


def from_mails(mails: bytes, tree: Path, ours) -> Series:
    (tree.parent / "series.mbox").write_bytes(mails)
    return series_of(tree.parent / "series.mbox", tree, ours)


def prepared(series: Series, tree: Path, ours, base: str = "") -> tuple[Base, Change]:
    found, change, arches = prepare(series, at(tree), base, ours)
    assert arches == ("toya", "toyb")
    return found, change


def refusal(series: Series, tree: Path, ours, base: str = "") -> str:
    with pytest.raises(InputError) as refused:
        prepare(series, at(tree), base, ours)
    return str(refused.value)


def diff_mail(diff: str, subject: str = "demo: by hand") -> bytes:
    head = f"From: Ann <ann@example.org>\nDate: Mon, 9 Nov 2026 10:00:00 +0000\nSubject: [PATCH] {subject}\n\nWhy.\n---\n"
    return head.encode() + diff.encode()


class TestBases:
    def test_a_range_stands_on_its_own_parent(self, toy, ours):
        before = git(toy, "rev-parse", "HEAD")
        two_patches(toy)
        series = series_of("HEAD~2..", toy, ours)
        assert [p.subject for p in series.patches] == ["demo: one", "demo: two"]
        base, change = prepared(series, toy, ours)
        assert (base.commit, base.reason) == (before, "the commit before HEAD~2..")
        assert change.patched_tree == git(toy, "rev-parse", "HEAD^{tree}")
        assert change.base_tree == git(toy, "rev-parse", f"{before}^{{tree}}")

    def test_a_revision_is_that_commit_alone(self, toy, ours):
        two_patches(toy)
        series = series_of("HEAD", toy, ours)
        assert [p.subject for p in series.patches] == ["demo: two"]
        assert prepared(series, toy, ours)[0].commit == git(toy, "rev-parse", "HEAD~1")

    def test_index_lines_find_head(self, toy, ours):
        two_patches(toy)
        series = from_mails(exported(toy, "HEAD~2"), toy, ours)
        base, _ = prepared(series, toy, ours)
        assert base.commit == git(toy, "rev-parse", "HEAD")
        assert base.reason == "HEAD has the files that the index lines name"

    def test_index_lines_find_an_older_commit_on_another_branch(self, toy, ours):
        git(toy, "checkout", "-q", "-b", "topic")
        wanted = commit(toy, "topic", mm__demo=source({10: "TEN"}))
        commit(toy, "demo: change", mm__demo=source({10: "TEN", 11: "ELEVEN"}))
        series = from_mails(exported(toy, "HEAD~1"), toy, ours)
        commit(toy, "later", mm__demo=source({10: "TEN", 12: "TWELVE"}))
        git(toy, "checkout", "-q", "master")
        base, _ = prepared(series, toy, ours)
        assert base.commit == wanted
        assert base.reason == "the newest commit with the files that the index lines name"

    def test_a_trailer_that_the_tree_has_goes_before_index_lines(self, toy, ours):
        before = git(toy, "rev-parse", "HEAD")
        commit(toy, "demo: change", mm__demo=source({10: "TEN"}))
        mails = exported(toy, f"--base={before}", "HEAD~1")
        commit(toy, "elsewhere", mm__other="int more;\n")
        base, _ = prepared(from_mails(mails, toy, ours), toy, ours)
        assert (base.commit, base.reason) == (before, "the base-commit trailer of the series")

    def test_prerequisites_that_the_tree_has_go_before_the_trailer(self, toy, ours):
        """Without them the series may not build, and would be blamed for it."""
        before = git(toy, "rev-parse", "HEAD")
        needed = commit(toy, "needed", mm__other="int more;\n")
        commit(toy, "demo: change", mm__demo=source({10: "TEN"}))
        mails = exported(toy, f"--base={before}", "HEAD~1")
        commit(toy, "later", mm__later="int later;\n")
        base, _ = prepared(from_mails(mails, toy, ours), toy, ours)
        assert (base.commit, base.others) == (needed, False)
        assert base.reason == "the newest of the commits that are the series' prerequisite patches"

    def test_a_trailer_that_the_tree_lacks_is_noted(self, toy, ours):
        commit(toy, "demo: change", mm__demo=source({10: "TEN"}))
        mails = exported(toy, "HEAD~1") + b"\nbase-commit: " + b"0" * 39 + b"1\n"
        base, _ = prepared(from_mails(mails, toy, ours), toy, ours)
        assert base.reason == "HEAD has the files that the index lines name"
        assert base.notes == (
            f"The series names base-commit 000000000000, which {toy} does not have.",
        )

    def test_base_goes_before_everything(self, toy, ours):
        first = git(toy, "rev-parse", "HEAD")
        commit(toy, "elsewhere", mm__other="int more;\n")
        commit(toy, "demo: change", mm__demo=source({10: "TEN"}))
        base, _ = prepared(series_of("HEAD", toy, ours), toy, ours, base=first[:10])
        assert (base.commit, base.reason) == (first, f"--base {first[:10]}")

    def test_an_unknown_base_is_refused(self, toy, ours):
        commit(toy, "demo: change", mm__demo=source({10: "TEN"}))
        series = series_of("HEAD", toy, ours)
        assert refusal(series, toy, ours, base="v9.9") == (
            f"There is no revision v9.9 in {toy}: fetch it first."
        )
        assert "There is no revision --help" in refusal(series, toy, ours, base="--help")

    def test_head_is_what_is_left(self, toy, ours):
        series = from_mails(
            diff_mail("--- a/mm/other.c\n+++ b/mm/other.c\n@@ -1 +1 @@\n-int other;\n+int o;\n"),
            toy,
            ours,
        )
        base, _ = prepared(series, toy, ours)
        assert base.reason == f"HEAD of {toy}; no commit has the files that the series names"


class TestApplying:
    def test_the_change_is_what_the_patches_say(self, toy, ours):
        two_patches(toy)
        series = from_mails(exported(toy, "HEAD~2"), toy, ours)
        _, change = prepared(series, toy, ours)
        assert [(f.status, f.path) for f in change.files] == [
            ("A", "arch/toya/new.c"),
            ("M", "mm/demo.c"),
        ]
        assert [h.old_start for f in change.files if f.status == "M" for h in f.hunks] == [5, 30]
        assert [[(f.path, len(f.hunks)) for f in p.files] for p in change.patches] == [
            [("mm/demo.c", 1)],
            [("arch/toya/new.c", 1), ("mm/demo.c", 1)],
        ]

    def test_the_same_series_becomes_the_same_commits(self, toy, ours, tmp_path):
        two_patches(toy)
        series = from_mails(exported(toy, "HEAD~2"), toy, ours)
        other = settings_module.load({"HOME": str(tmp_path / "elsewhere")})
        assert prepare(series, at(toy), "", ours) == prepare(series, at(toy), "", other)

    def test_lines_that_start_with_from_arrive_as_they_were(self, toy, ours):
        two_patches(toy)
        git(toy, "commit", "-q", "--amend", "-m", "demo: two\n\nFrom here.\n>From there.")
        write(toy, "mm/from.c", "From x\n>From y\n>>From z\n")
        commit(toy, "demo: From")
        tree = git(toy, "rev-parse", "HEAD^{tree}")
        _, change = prepared(series_of("HEAD~2..", toy, ours), toy, ours)
        assert change.patched_tree == tree
        message = subprocess.run(
            ["git", "-C", ours.git_dir, "log", "-1", "--format=%B", f"{change.patched_commit}~1"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        assert message.strip() == "demo: two\n\nFrom here.\n>From there."

    def test_a_base64_mail_applies_from_its_raw_bytes(self, toy, ours):
        import base64

        diff = (
            "--- a/mm/other.c\n+++ b/mm/other.c\n@@ -1 +1 @@\n-int other;\n+int o; /* \u20ac */\n"
        )
        head = b"From: Ann <a@x>\nSubject: [PATCH] demo\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
        series = from_mails(head + base64.encodebytes(b"Why.\n---\n" + diff.encode()), toy, ours)
        _, change = prepared(series, toy, ours)
        assert change.files[0].hunks[0].added == ("int o; /* \u20ac */",)

    def test_renames_modes_binaries_and_links(self, toy, ours):
        git(toy, "mv", "mm/demo.c", "mm/moved.c")
        (toy / "blob.bin").write_bytes(bytes(range(256)))
        (toy / "mm" / "other.c").chmod(0o755)
        (toy / "script.sh").unlink()
        (toy / "script.sh").symlink_to("mm/other.c")
        git(toy, "rm", "-q", "mm/link.c")
        commit(toy, "all kinds")
        tree = git(toy, "rev-parse", "HEAD^{tree}")
        _, change = prepared(series_of("HEAD", toy, ours), toy, ours)
        assert change.patched_tree == tree
        assert {(f.status, f.path, f.old_path, f.binary) for f in change.files} == {
            ("A", "blob.bin", "", True),
            ("D", "mm/link.c", "mm/link.c", False),
            ("R", "mm/moved.c", "mm/demo.c", False),
            ("M", "mm/other.c", "mm/other.c", False),
            ("T", "script.sh", "script.sh", False),
        }

    def test_a_moved_context_is_merged_three_ways(self, toy, ours):
        commit(toy, "demo: change", mm__demo=source({10: "TEN"}))
        series = from_mails(exported(toy, "HEAD~1"), toy, ours)
        head = commit(toy, "near", mm__demo=source({8: "EIGHT"}))
        _, change = prepared(series, toy, ours, base=head)
        assert change.files[0].hunks[0].added == ("TEN",)

    def test_attributes_of_tree_and_patch_change_no_byte(self, toy, ours):
        write(
            toy,
            ".gitattributes",
            "*.c text eol=crlf ident filter=evil\n*.txt working-tree-encoding=UTF-16\n",
        )
        write(toy, "mm/id.c", "$Id$\n")
        git(toy, "-c", "filter.evil.clean=cat", "add", "-A")
        commit(toy, "attributes", mm__demo=source({3: "THREE"}))
        tree = git(toy, "rev-parse", "HEAD^{tree}")
        _, change = prepared(series_of("HEAD", toy, ours), toy, ours)
        assert change.patched_tree == tree
        place = ours.sources_dir / "x"
        checkout(ours.git_dir, tree, place)
        assert (place / "mm/id.c").read_bytes() == b"$Id$\n"


class TestRefusals:
    def test_patch_file_and_hunk_are_named(self, toy, ours):
        two_patches(toy)
        series = from_mails(exported(toy, "HEAD~2"), toy, ours)
        head = commit(toy, "conflict", mm__demo=source({30: "DREISSIG"}))
        assert refusal(series, toy, ours, base="HEAD") == (
            f'Patch 2/2 "demo: two" does not apply to {head[:12]}: mm/demo.c, hunk 1 of 1'
            " (@@ -27,7 +27,7 @@ line 26). Name the commit that it was made for with --base."
        )

    def test_a_file_that_is_not_there(self, toy, ours):
        diff = "--- a/mm/gone.c\n+++ b/mm/gone.c\n@@ -1 +1 @@\n-a\n+b\n"
        assert ": mm/gone.c is not there." in refusal(
            from_mails(diff_mail(diff), toy, ours), toy, ours
        )

    def test_a_file_that_is_there_already(self, toy, ours):
        diff = "diff --git a/Kconfig b/Kconfig\nnew file mode 100644\n--- /dev/null\n+++ b/Kconfig\n@@ -0,0 +1 @@\n+b\n"
        assert ": Kconfig exists already." in refusal(
            from_mails(diff_mail(diff), toy, ours), toy, ours
        )

    def test_a_series_that_is_already_in_the_base(self, toy, ours):
        two_patches(toy)
        series = series_of("HEAD~2..", toy, ours)
        head = git(toy, "rev-parse", "HEAD")
        assert refusal(series, toy, ours, base="HEAD") == (
            f'Patch 1/2 "demo: one" is already in the base {head[:12]}: give the commit before it'
            " with --base, or leave the patch out."
        )

    def test_writing_through_a_link_of_the_tree(self, toy, ours):
        (toy / "include").symlink_to("mm")
        commit(toy, "link")
        diff = "diff --git a/include/x.h b/include/x.h\nnew file mode 100644\n--- /dev/null\n+++ b/include/x.h\n@@ -0,0 +1 @@\n+b\n"
        assert "include/x.h is behind a symbolic link" in refusal(
            from_mails(diff_mail(diff), toy, ours), toy, ours
        )

    def test_a_link_out_of_the_tree_hidden_in_a_binary_diff(self, toy, ours):
        (toy / "mm" / "out").symlink_to("../../etc")
        commit(toy, "link")
        mails = exported(toy, "--binary", "HEAD~1")
        assert "points to ../../etc" in refusal(from_mails(mails, toy, ours), toy, ours)

    def test_a_link_out_of_the_tree_through_another_link(self, toy, ours):
        (toy / "mm" / "top").symlink_to("..")
        (toy / "mm" / "out").symlink_to("top/..")
        commit(toy, "links")
        mails = exported(toy, "HEAD~1")
        assert "its symbolic link mm/out points to top/.." in refusal(
            from_mails(mails, toy, ours), toy, ours
        )

    def test_nothing_is_written_outside_by_an_escape(self, toy, ours):
        diff = "--- /dev/null\n+++ b/../../escaped\n@@ -0,0 +1 @@\n+x\n"
        assert "leaves its tree" in refusal(from_mails(diff_mail(diff), toy, ours), toy, ours)
        assert not list(toy.parent.rglob("escaped"))

    def test_a_damaged_header(self, toy, ours):
        diff = "--- a/mm/other.c\n+++ b/mm/other.c\n@@ -1 +1 @@\n-int other;\n+int o;\n"
        mail = diff_mail(diff).replace(b"From: Ann <ann@example.org>", b"From: nobody")
        assert refusal(from_mails(mail, toy, ours), toy, ours)


class TestRanges:
    def test_merges_are_refused(self, toy, ours):
        git(toy, "checkout", "-q", "-b", "side")
        commit(toy, "side", mm__side="int side;\n")
        git(toy, "checkout", "-q", "master")
        commit(toy, "main", mm__main="int main;\n")
        git(toy, "merge", "-q", "--no-edit", "side")
        merge = git(toy, "rev-parse", "--short=12", "HEAD")
        with pytest.raises(InputError, match=f"^HEAD~1.. contains the merge {merge}: give a range"):
            series_of("HEAD~1..", toy, ours)

    @pytest.mark.parametrize(
        ("what", "why"),
        [
            ("HEAD..HEAD", "HEAD..HEAD is an empty range: there is no commit in it."),
            ("HEAD", "HEAD reaches [0-9a-f]{12}, where the history of .* starts"),
            ("nope..HEAD", "There is no revision nope in "),
            ("HEAD...HEAD", "give a range A..B"),
            ("--output=x", "There is no file, directory, git range or revision --output=x"),
            ("../nope", "There is no file, directory, git range or revision ../nope"),
        ],
    )
    def test_what_is_no_range(self, toy, ours, what, why):
        with pytest.raises(InputError, match=why):
            series_of(what, toy, ours)

    def test_a_commit_that_changes_nothing_is_refused(self, toy, ours):
        git(toy, "commit", "-q", "--allow-empty", "-m", "nothing")
        empty = git(toy, "rev-parse", "--short=12", "HEAD")
        with pytest.raises(InputError, match=f"contains {empty}, which changes no file"):
            series_of("HEAD", toy, ours)

    def test_its_commits_are_taken_as_they_are(self, toy, ours):
        (toy / "mm" / "crlf.c").write_bytes(b"a\r\nb\r\n")
        commit(toy, "crlf")
        (toy / "mm" / "crlf.c").write_bytes(b"a\r\nB\r\n")
        head = commit(toy, "demo\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
        _, change = prepared(series_of("HEAD", toy, ours), toy, ours)
        assert change.patched_commit == head
        assert change.files[0].hunks[0].added == ("B\r",)

    def test_settings_of_the_user_s_repository_do_not_matter(self, toy, ours):
        two_patches(toy)
        expected = series_of("HEAD~2..", toy, ours).mails
        for key, value in (
            ("format.subjectPrefix", "BAD"), ("format.coverLetter", "true"), ("format.attach", "x"),
            ("format.thread", "deep"), ("diff.noprefix", "true"), ("diff.context", "0"),
            ("diff.external", "/bin/false"), ("core.abbrev", "5"), ("format.signature", "x"),
        ):  # fmt: skip
            git(toy, "config", key, value)
        assert series_of("HEAD~2..", toy, ours).mails == expected


class TestKindsOfTrees:
    def test_a_directory_in_a_repository_means_the_repository(self, toy, ours):
        commit(toy, "demo: change", mm__demo=source({10: "TEN"}))
        base, _ = prepared(series_of("HEAD", toy / "mm", ours), toy / "mm", ours)
        assert base.commit == git(toy, "rev-parse", "HEAD~1")

    def test_worktrees_bare_and_shallow_clones(self, toy, ours, tmp_path):
        commit(toy, "more", mm__other="int more;\n")
        commit(toy, "demo: change", mm__demo=source({10: "TEN"}))
        git(toy, "worktree", "add", "-q", "--detach", tmp_path / "worktree")
        git(tmp_path, "clone", "-q", "--bare", toy, "bare")
        git(tmp_path, "clone", "-q", "--depth=2", f"file://{toy}", "shallow")
        expected = prepare(series_of("HEAD", toy, ours), at(toy), "", ours)[1]
        for name in ("worktree", "bare", "shallow"):
            tree = tmp_path / name
            own = settings_module.load({"HOME": str(tmp_path / f"home-{name}")})
            assert prepare(series_of("HEAD", tree, own), at(tree), "", own)[1] == expected, name
        with pytest.raises(InputError, match=r"where the history of .* starts"):
            series_of("HEAD~1", tmp_path / "shallow", ours)
        with pytest.raises(InputError, match=r"no revision HEAD~2 in .*, which is a shallow clone"):
            series_of("HEAD~2..", tmp_path / "shallow", ours)

    def test_sha256_and_partial_clones_are_refused(self, toy, ours, tmp_path):
        two_patches(toy)
        series = series_of("HEAD", toy, ours)
        new = tmp_path / "new"
        new.mkdir()
        git(new, "init", "-q", "--object-format=sha256")
        lay_kernel(new)
        commit(new, "base")
        assert "has sha256 object names" in refusal(series, new, ours) or "with sha256" in refusal(
            series, new, ours
        )
        git(toy, "config", "uploadpack.allowFilter", "true")
        git(
            tmp_path,
            "clone",
            "-q",
            "--filter=blob:none",
            "--no-checkout",
            f"file://{toy}",
            "partial",
        )
        assert "is a partial clone" in refusal(series, tmp_path / "partial", ours)

    def test_what_is_no_kernel_is_refused(self, toy, ours, tmp_path):
        two_patches(toy)
        series = series_of("HEAD", toy, ours)
        (tmp_path / "plain").mkdir()
        assert refusal(series, tmp_path / "plain", ours) == (
            f"{tmp_path / 'plain'} is not a kernel source tree: it has no Makefile at its top."
        )
        assert "There is no directory" in refusal(series, tmp_path / "nope", ours)
        git(toy, "rm", "-q", "Kconfig")
        commit(toy, "no kernel any more")
        assert "has no Kconfig." in refusal(series, toy, ours)
        (tmp_path / "empty").mkdir()
        git(tmp_path / "empty", "init", "-q")
        assert "has no commit yet" in refusal(series, tmp_path / "empty", ours)


class TestUnpackedSources:
    @pytest.fixture
    def plain(self, tmp_path):
        tree = tmp_path / "plain"
        tree.mkdir()
        lay_kernel(tree)
        write(tree, ".gitignore", "/*\n")  # as Debian's linux-source has it
        return tree

    @pytest.fixture
    def series(self, toy, ours):
        commit(toy, "demo: change", mm__demo=source({10: "TEN"}))
        return from_mails(exported(toy, "HEAD~1"), toy, ours)

    def test_all_sources_are_imported_and_build_products_are_not(self, plain, series, ours):
        for product in (
            "mm/a.o", "mm/.a.o.cmd", ".config", "vmlinux", "include/generated/x.h",
            "include/config/auto.conf", "arch/toya/include/generated/y.h", "Module.symvers",
        ):  # fmt: skip
            write(plain, product, "x")
        for kept in ("mm/vmlinux.c", "arch/toya/vmlinux.scr", "mm/.hidden", "mm/vmlinux/x.c"):
            write(plain, kept, "x")
        base, change = prepared(series, plain, ours)
        listed = subprocess.run(
            ["git", "-C", ours.git_dir, "ls-tree", "-r", "--name-only", change.base_tree],
            check=True, capture_output=True, text=True,
        ).stdout.split()  # fmt: skip
        assert listed == [
            ".gitignore", "Kconfig", "Makefile", "arch/toya/Makefile", "arch/toya/vmlinux.scr",
            "arch/toyb/Makefile", "mm/.hidden", "mm/demo.c", "mm/link.c", "mm/other.c",
            "mm/vmlinux.c", "mm/vmlinux/x.c", "script.sh",
        ]  # fmt: skip
        assert base.reason == "the source tree has the files that the index lines name"
        assert base.notes == (f"{plain} was built in: its 8 build products are left out.",)

    def test_what_changed_since_is_seen(self, plain, series, ours):
        first = prepared(series, plain, ours)[1]
        assert prepared(series, plain, ours)[1] == first
        write(plain, "mm/other.c", "int OTHER;\n")  # of the same size
        (plain / "script.sh").unlink()
        write(plain, "script.sh/now-a-directory", "x")
        second = prepared(series, plain, ours)[1]
        place = ours.sources_dir / "second"
        checkout(ours.git_dir, second.base_tree, place)
        assert (place / "mm/other.c").read_text() == "int OTHER;\n"
        assert (place / "script.sh" / "now-a-directory").exists()

    def test_one_that_lies_in_an_unrelated_repository(self, series, ours, tmp_path):
        outer = tmp_path / "outer"
        outer.mkdir()
        git(outer, "init", "-q")
        write(outer, "README", "x")
        commit(outer, "unrelated")
        (outer / "linux").mkdir()
        lay_kernel(outer / "linux")
        base, _ = prepared(series, outer / "linux", ours)
        assert base.reason == "the source tree has the files that the index lines name"

    def test_it_has_no_revisions(self, plain, series, ours):
        assert "--base HEAD means nothing in" in refusal(series, plain, ours, base="HEAD")
        with pytest.raises(InputError, match=r"is a git range, but .* is not a git repository"):
            series_of("HEAD~1..", plain, ours)

    def test_an_empty_one_is_said_to_be_empty(self, ours, tmp_path):
        with pytest.raises(InputError, match=r"is a git range, but .* is an empty directory"):
            series_of("HEAD~1..", tmp_path, ours)


def picture(tree: Path) -> dict[str, tuple[object, ...]]:
    """Everything about every file under TREE that a writer would change."""
    seen: dict[str, tuple[object, ...]] = {}
    for path in sorted([tree, *tree.rglob("*")]):
        info = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(info.st_mode) else b""
        digest = hashlib.sha256(content).hexdigest()
        seen[str(path)] = (info.st_mode, info.st_mtime_ns, info.st_ctime_ns, info.st_ino, digest)
    return seen


class TestTheUsersTree:
    def test_it_is_never_written_to(self, toy, ours):
        two_patches(toy)
        series = series_of("HEAD~2..", toy, ours)
        os.utime(toy / "mm" / "demo.c", (1, 1))  # git status would like to refresh the index
        write(toy, "mm/other.c", "int uncommitted;\n")
        write(toy, ".git/hooks/post-applypatch", f"#!/bin/sh\ntouch {toy}/hooked\n")
        (toy / ".git/hooks/post-applypatch").chmod(0o755)
        before = picture(toy)
        base, _ = prepared(series, toy, ours)
        refusal(series, toy, ours, base="HEAD")
        assert picture(toy) == before
        assert base.notes == (f"1 file has uncommitted changes in {toy}; they are ignored.",)

    def test_no_program_that_it_names_is_run(self, toy, ours, tmp_path):
        two_patches(toy)
        ran = tmp_path / "ran"
        program = f"touch {ran}; cat"
        for key in (
            "filter.a=b.clean", "filter.a=b.process", "filter.a=b.smudge", "core.fsmonitor",
            "diff.external", "diff.d.textconv", "diff.d.command", "merge.d.driver", "core.sshCommand",
        ):  # fmt: skip
            git(toy, "config", key, program)
        git(toy, "config", "filter.a=b.required", "true")
        git(toy, "config", "core.hooksPath", str(tmp_path / "hooks"))
        for hook in ("post-applypatch", "post-index-change", "reference-transaction"):
            write(tmp_path, f"hooks/{hook}", f"#!/bin/sh\n{program}\n")
            (tmp_path / "hooks" / hook).chmod(0o755)
        write(toy, ".git/info/attributes", "* filter=a=b diff=d merge=d\n")
        write(toy, "mm/other.c", "int OTHER;\n")
        before = picture(toy)
        base, _ = prepared(series_of("HEAD~2..", toy, ours), toy, ours)
        assert base.notes == (f"1 file has uncommitted changes in {toy}; they are ignored.",)
        assert picture(toy) == before
        assert not ran.exists()

    def test_objects_that_are_there_keep_their_times(self, toy, ours):
        two_patches(toy)
        series = from_mails(exported(toy, "HEAD~2"), toy, ours)  # its objects stay in the tree
        before = picture(toy)
        prepared(series, toy, ours)
        assert picture(toy) == before

    def test_a_broken_index_is_said(self, toy, ours):
        two_patches(toy)
        write(toy, ".git/index", "junk")
        base, _ = prepared(series_of("HEAD~2..", toy, ours), toy, ours)
        assert base.notes[0].startswith(f"git cannot tell whether {toy} has uncommitted changes: ")

    def test_what_git_is_told_by_the_environment_is_not_heard(
        self, toy, ours, monkeypatch, tmp_path
    ):
        two_patches(toy)
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
            monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
        prepared(series_of("HEAD~2..", toy, ours), toy, ours)
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_it_may_belong_to_somebody_else(self, toy, ours):
        two_patches(toy)
        for path in [toy, *toy.rglob("*")]:
            os.chown(path, 1234, 1234, follow_symlinks=False)
        prepared(series_of("HEAD~2..", toy, ours), toy, ours)


def prepare_once(arguments):
    series, tree, ours = arguments
    return prepare(series, at(tree), "", ours)


def test_processes_share_a_cache(toy, ours, tmp_path):
    two_patches(toy)
    series = series_of("HEAD~2..", toy, settings_module.load({"HOME": str(tmp_path / "other")}))
    plain = tmp_path / "plain"
    plain.mkdir()
    lay_kernel(plain)
    work = [(series, toy, ours), (series, plain, ours)] * 4
    with ProcessPoolExecutor(4) as pool:
        results = list(pool.map(prepare_once, work))
    assert all(result == results[n % 2] for n, result in enumerate(results))


class TestCheckouts:
    @pytest.fixture
    def change(self, toy, ours):
        two_patches(toy)
        (toy / "mm" / "link.c").unlink()
        write(toy, "mm/link.c/deep/a.c", "a file became a directory\n")
        git(toy, "rm", "-q", "-r", "arch/toyb")
        write(toy, "arch/toyb", "a directory became a file\n")
        commit(toy, "shapes")
        return prepare(series_of("HEAD~3..", toy, ours), at(toy), "", ours)[1]

    def test_links_to_another_checkout_give_the_same_files(self, change, ours):
        whole, base, linked = (ours.sources_dir / name for name in ("whole", "base", "linked"))
        checkout(ours.git_dir, change.patched_tree, whole)
        checkout(ours.git_dir, change.base_tree, base)
        before = picture(base)
        checkout_from(ours.git_dir, change.patched_tree, change.base_tree, base, linked)
        compared = subprocess.run(
            ["diff", "-r", "--no-dereference", whole, linked], capture_output=True, check=False
        )
        assert compared.stdout == b""
        assert {k: v[4] for k, v in picture(base).items()} == {k: v[4] for k, v in before.items()}
        assert (linked / "mm/other.c").samefile(base / "mm/other.c")
        assert not (linked / "mm/demo.c").samefile(base / "mm/demo.c")

    def test_modes_do_not_depend_on_the_umask(self, change, ours):
        place = ours.sources_dir / "base"
        old = os.umask(0o077)
        try:
            checkout(ours.git_dir, change.base_tree, place)
        finally:
            os.umask(old)
        assert stat.S_IMODE((place / "mm/other.c").stat().st_mode) == 0o644
        assert stat.S_IMODE((place / "script.sh").stat().st_mode) == 0o755
        assert stat.S_IMODE((place / "mm").stat().st_mode) == 0o755
        assert stat.S_IMODE(place.stat().st_mode) == 0o755

    def test_words_are_found_whole(self, change, ours):
        found = grep_words(ours.git_dir, change.patched_tree, ["THIRTY", "ne", "other"])
        assert found == (("mm/demo.c", 30, "THIRTY"), ("mm/other.c", 1, "int other;"))
        assert grep_words(ours.git_dir, change.patched_tree, []) == ()
        assert grep_words(ours.git_dir, change.patched_tree, ["nowhere"]) == ()
