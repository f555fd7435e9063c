# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of several trees takes a series, with what it is based on; with the real git."""

from pathlib import Path

import pytest

from pipeline.dependencies import known_by
from pipeline.lists.config import ListTree
from pipeline.model import Base, InfraError, InputError, Series
from pipeline.trees.prepare import prepare
from tests.command_line import call
from tests.integration import test_trees
from tests.integration.test_trees import (
    at,
    commit,
    diff_mail,
    exported,
    from_mails,
    git,
    lay_kernel,
    source,
)

pytestmark = pytest.mark.integration

toy, ours = test_trees.toy, test_trees.ours


@pytest.fixture
def other(tmp_path):
    """Another kernel, with nothing in common."""
    tree = tmp_path / "other"
    tree.mkdir()
    git(tree, "init", "-q", "-b", "master")
    lay_kernel(tree)
    (tree / "mm" / "demo.c").write_text(source({n: f"other {n}" for n in range(1, 20)}))
    commit(tree, "other base", mm__only="int only;\n")
    return tree


def series_on(tree: Path, ours, **files: str) -> Series:
    """A series that changes FILES, which the tree then does not have any more."""
    commit(tree, "demo: change", **files)
    return from_mails(exported(tree, "HEAD~1"), tree, ours)


def base_of(series: Series, trees: list[ListTree], ours, **more) -> Base:
    return prepare(series, trees, more.pop("base", ""), ours, **more)[0]


def refusal(series: Series, trees: list[ListTree], ours, **more) -> str:
    with pytest.raises(InputError) as refused:
        base_of(series, trees, ours, **more)
    return str(refused.value)


class TestSeveralTrees:
    def test_the_first_that_has_the_files_is_taken(self, toy, other, ours):
        series = series_on(toy, ours, mm__demo=source({10: "TEN"}))
        base = base_of(series, at(other, toy), ours)
        assert (base.tree, base.commit) == (str(toy), git(toy, "rev-parse", "HEAD"))
        assert base.reason == "HEAD has the files that the index lines name"

    def test_a_base_commit_in_any_of_them_goes_first(self, toy, other, ours):
        named = git(toy, "rev-parse", "HEAD")
        commit(toy, "demo: change", mm__other="int more;\n")
        mails = exported(toy, f"--base={named}", "HEAD~1")
        base = base_of(from_mails(mails, toy, ours), at(other, toy), ours)
        assert (base.tree, base.commit) == (str(toy), named)

    def test_those_that_do_not_take_it_are_named(self, toy, other, ours):
        diff = (
            "--- a/mm/demo.c\n+++ b/mm/demo.c\n@@ -4,3 +4,3 @@\n line 4\n-line 5\n+FIVE\n line 6\n"
        )
        series = from_mails(diff_mail(diff), toy, ours)
        base = base_of(series, at(other, toy), ours)
        assert base.tree == str(toy)
        (note,) = base.notes
        assert note.startswith(
            f'{other} does not take it: Patch 1/1 "demo: by hand" does not apply'
        )
        assert note.endswith("mm/demo.c, hunk 1 of 1 (@@ -4,3 +4,3 @@).")

    def test_each_is_named_where_none_takes_it(self, toy, other, ours):
        diff = "--- a/mm/demo.c\n+++ b/mm/demo.c\n@@ -4,3 +4,3 @@\n no 4\n-no 5\n+FIVE\n no 6\n"
        series = from_mails(diff_mail(diff), toy, ours)
        text = refusal(series, at(other, toy), ours)
        assert text.startswith(f"No tree takes the series. {other}: Patch 1/1")
        assert f"; {toy}: Patch 1/1" in text
        assert text.endswith(". Name the commit that it was made for with --base.")
        assert text.count("Name the commit") == 1

    def test_a_branch_is_what_it_says(self, toy, ours):
        git(toy, "checkout", "-q", "-b", "next")
        head = commit(toy, "only there", mm__demo=source({2: "two"}))
        git(toy, "checkout", "-q", "master")
        diff = "--- a/mm/demo.c\n+++ b/mm/demo.c\n@@ -2,3 +2,3 @@\n two\n-line 3\n+THREE\n line 4\n"
        series = from_mails(diff_mail(diff), toy, ours)
        base = base_of(series, [ListTree(toy, ""), ListTree(toy, "next")], ours)
        assert (base.tree, base.commit) == (str(toy), head)
        assert base.reason.startswith(f"next of {toy};")
        assert refusal(series, [ListTree(toy, "gone")], ours) == (
            f"There is no branch gone in {toy}: fetch it first."
        )

    def test_a_tree_that_is_not_there_does_not_keep_others_from_taking_it(
        self, toy, ours, tmp_path
    ):
        series = series_on(toy, ours, mm__demo=source({10: "TEN"}))
        base = base_of(series, at(tmp_path / "gone", toy), ours)
        assert base.tree == str(toy)
        assert base.notes[0].startswith(f"{tmp_path}/gone does not take it: There is no directory")

    def test_base_is_looked_for_in_all(self, toy, other, ours):
        series = series_on(toy, ours, mm__demo=source({10: "TEN"}))
        head = git(toy, "rev-parse", "HEAD")
        assert base_of(series, at(other, toy), ours, base=head).tree == str(toy)
        assert refusal(series, at(other, toy), ours, base="v9") == (
            f"There is no revision v9 in {other} or {toy}: fetch it first."
        )

    def test_a_range_is_of_the_tree_that_has_it(self, toy, other, ours):
        series_commit = commit(toy, "demo: change", mm__demo=source({10: "TEN"}))
        export = test_trees.exporter([other, toy], ours, lambda _: None)
        series = test_trees.load([series_commit], export=export)
        base = base_of(series, at(other, toy), ours)
        assert (base.tree, base.commit) == (str(toy), git(toy, "rev-parse", "HEAD~1"))

    def test_the_command_line_takes_several(self, toy, other, ours, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        series_on(toy, ours, mm__demo=source({10: "TEN"}))
        mbox = str(toy.parent / "series.mbox")
        checks = ("--check", "build", "--check", "boot,size")
        said = call("plan", mbox, "--tree", str(other), "--tree", str(toy), *checks)
        assert f"base {git(toy, 'rev-parse', 'HEAD')[:12]} (HEAD has the files" in said
        assert "not asked for: --check build,boot,size" in said


class TestFiles:
    def test_its_own_branch_goes_before_newer_ones(self, toy, ours):
        """A stable branch may have the very file that a patch names, and nothing else of it."""
        wanted = git(toy, "rev-parse", "HEAD")
        series = series_on(toy, ours, mm__demo=source({10: "TEN"}))
        git(toy, "checkout", "-q", "--orphan", "stable")
        commit(toy, "stable", mm__strange="int strange;\n")
        git(toy, "checkout", "-q", "master")
        commit(toy, "later", mm__demo=source({10: "ten"}))
        base = base_of(series, at(toy), ours)
        assert base.commit == wanted
        assert base.notes == ()

    def test_several_other_branches_are_told(self, toy, ours):
        series = series_on(toy, ours, mm__demo=source({10: "TEN"}))
        for name in ("one", "two"):
            git(toy, "checkout", "-q", "--orphan", name)
            commit(toy, name, mm__demo=source(), mm__strange=f"int {name};\n")
        git(toy, "checkout", "-q", "--orphan", "now")
        commit(toy, "now", mm__demo=source({10: "ten"}))
        git(toy, "branch", "-q", "-D", "master")
        base = base_of(series, at(toy), ours)
        assert base.commit in {git(toy, "rev-parse", "one"), git(toy, "rev-parse", "two")}
        (note,) = base.notes
        assert note.startswith("2 commits on other branches have the files that the index lines")
        assert note.endswith("; the newest is taken: name another with --base.")

    def test_a_file_that_the_series_makes_must_not_be_there(self, toy, ours):
        before = git(toy, "rev-parse", "HEAD")
        series = series_on(toy, ours, mm__demo=source({10: "TEN"}), mm__new="int new;\n")
        commit(toy, "made by somebody else", mm__new="int other;\n")
        # The commit before is not among those that touch the files: it is their first.
        assert base_of(series, at(toy), ours).commit == before


class TestOtherProjects:
    @pytest.mark.parametrize(
        ("paths", "shown"),
        [
            (("builtin/am.c", "mm/git-am.adoc"), "builtin/am.c"),
            (("src/b4/mbox.py",), "src/b4/mbox.py"),
            (("hw/arm/virt.c", "hw/a.c", "hw/b.c", "hw/c.c"),
             "hw/arm/virt.c, hw/a.c, hw/b.c and 1 more"),
        ],
    )  # fmt: skip
    def test_are_named_by_their_files(self, toy, ours, paths, shown):
        diff = "".join(f"--- a/{p}\n+++ b/{p}\n@@ -1 +1 @@\n-a\n+b\n" for p in paths)
        assert refusal(from_mails(diff_mail(diff), toy, ours), at(toy), ours) == (
            "The series is not for the Linux kernel: not even the directories of"
            f" {shown} are in {toy}."
        )

    def test_a_file_that_is_there_makes_it_ours(self, toy, ours):
        diff = (
            "--- a/mm/demo.c\n+++ b/mm/demo.c\n@@ -4,3 +4,3 @@\n line 4\n-line 5\n+FIVE\n line 6\n"
            "--- /dev/null\n+++ b/rust/new.rs\n@@ -0,0 +1 @@\n+new\n"
        )
        assert base_of(from_mails(diff_mail(diff), toy, ours), at(toy), ours).tree == str(toy)

    def test_a_file_of_an_older_tree_is_no_sign(self, toy, ours):
        diff = "--- a/mm/gone.c\n+++ b/mm/gone.c\n@@ -1 +1 @@\n-a\n+b\n"
        text = refusal(from_mails(diff_mail(diff), toy, ours), at(toy), ours)
        assert "mm/gone.c is not there" in text


class TestBasedOn:
    """One series adds a line, the next changes it."""

    @pytest.fixture
    def needed(self, toy, ours):
        first = source({10: "TEN"})
        commit(toy, "demo: first", mm__demo=first)
        mails = exported(toy, "HEAD~1").replace(b"Subject:", b"Message-ID: <first@x>\nSubject:")
        return from_mails(mails, toy, ours), first

    def second(self, toy: Path, ours, first: str, *trailers: str) -> Series:
        """On FIRST, which the tree then does not have."""
        commit(toy, "demo: first", mm__demo=first)
        commit(toy, "demo: second", mm__demo=first.replace("TEN", "ten ten"))
        mails = exported(toy, "HEAD~1")
        git(toy, "reset", "-q", "--hard", "HEAD~1")
        said = "".join(f"{trailer}\n" for trailer in trailers)
        return from_mails(mails.replace(b"\n---\n", f"\n{said}---\n".encode(), 1), toy, ours)

    def test_what_it_is_based_on_is_applied_first(self, toy, ours, needed):
        first, text = needed
        series = self.second(toy, ours, text, "Depends-on: <first@x>")
        head = git(toy, "rev-parse", "HEAD")
        base, change, _ = prepare(series, at(toy), "", ours, known={"first@x": first}.get)
        name = '"demo: first" by Ann <ann@example.org> (first@x)'
        assert base.commit != head
        assert base.others
        assert base.reason == f"HEAD has the files that the index lines name, with {name}"
        assert base.notes == (
            f"The base has 1 patch that no tree has, on which the series is based: {name}.",
        )
        assert [len(patch.files) for patch in change.patches] == [1]
        assert change.files[0].hunks[0].removed == ("TEN",)

    def test_it_is_the_same_base_each_time_and_can_be_named(self, toy, ours, needed):
        first, text = needed
        series = self.second(toy, ours, text, "Based-on: https://lore.kernel.org/all/first@x/")
        known = {"first@x": first}.get
        base = base_of(series, at(toy), ours, known=known)
        assert base_of(series, at(toy), ours, known=known) == base
        again = base_of(series, at(toy), ours, base=base.commit)
        assert (again.commit, again.others) == (base.commit, True)

    def test_what_the_tree_has_by_now_is_left_out(self, toy, ours, needed):
        first, text = needed
        series = self.second(toy, ours, text, "Depends-on: <first@x>")
        head = commit(toy, "demo: first, applied", mm__demo=text)
        base = base_of(series, at(toy), ours, known={"first@x": first}.get)
        assert (base.commit, base.others) == (head, False)
        assert "(first@x) is in the base already." in base.notes[0]

    def test_what_is_not_to_be_had_is_said(self, toy, ours, needed):
        _, text = needed
        series = self.second(toy, ours, text, "Depends-on: <first@x>")
        assert "does not apply" in refusal(series, at(toy), ours)
        commit(toy, "demo: first, applied", mm__demo=text)
        assert base_of(series, at(toy), ours).notes == (
            "The series is based on first@x, which is not to be had.",
        )

    def test_what_does_not_apply_is_named(self, toy, ours, needed):
        _, text = needed
        diff = "--- a/mm/demo.c\n+++ b/mm/demo.c\n@@ -4,3 +4,3 @@\n no 4\n-no 5\n+FIVE\n no 6\n"
        bad = from_mails(diff_mail(diff), toy, ours)
        series = self.second(toy, ours, text, "Depends-on: <first@x>")
        text = refusal(series, at(toy), ours, known={"first@x": bad}.get)
        assert text.startswith('The series is based on "demo: by hand" by Ann <ann@example.org>')
        assert ", of which patch 1/1" in text

    def test_who_is_based_on_himself_is_not_asked_for_ever(self, toy, ours, needed):
        _, text = needed
        series = self.second(toy, ours, text, "Depends-on: <a@x>")
        asked = []

        def known(message_id: str) -> Series:
            asked.append(message_id)
            return from_mails(
                diff_mail("--- /dev/null\n+++ b/mm/x.c\n@@ -0,0 +1 @@\n+x\n")
                .replace(b"Why.", b"Depends-on: <b@x>\n\nDepends-on: <a@x>\n\nWhy.")
                .replace(b"Subject", f"Message-ID: <{message_id}>\nSubject".encode()),
                toy, ours,
            )  # fmt: skip

        refusal(series, at(toy), ours, known=known)
        assert asked == ["a@x", "b@x"]

    def test_it_may_not_leave_its_tree(self, toy, ours, needed):
        _, text = needed
        bad = from_mails(diff_mail("--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n"), toy, ours)
        series = self.second(toy, ours, text, "Depends-on: <first@x>")
        assert "leaves its tree" in refusal(series, at(toy), ours, known={"first@x": bad}.get)


class TestKnown:
    def test_the_posting_of_the_mail_is_taken_of_its_thread(self, toy, ours):
        thread = (Path(__file__).parent.parent / "cases/latest-version/thread.mbox").read_bytes()
        known = known_by(lambda message_id: (thread, message_id))
        assert known("v2-1@x").version == 2
        assert known("v1-0@x").version == 1
        assert known("gone@x") is None

    def test_an_archive_that_does_not_answer_is_as_none(self):
        def fetch(_message_id: str) -> tuple[bytes, str]:
            raise InfraError("It does not answer.")

        assert known_by(fetch)("a@x") is None
