# SPDX-License-Identifier: GPL-2.0-or-later
"""A git range or revision as a series: which commits it is, and their mails. Effects: runs git.

The commits are looked up in the user's repository; the mails are written by our own, in
which no format.* or diff.* setting of the user's is seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import InputError
from pipeline.settings import Settings
from pipeline.trees.git import attempt, git
from pipeline.trees.repository import history_of, open_tree

MAX_COMMITS = 500


@dataclass(frozen=True, slots=True)
class Range:
    """A line of COMMITS, oldest first; PARENT is the one before the first."""

    parent: str
    commits: tuple[str, ...]


def exporter(
    trees: Sequence[Path], settings: Settings, progress: Callable[[str], None]
) -> Callable[[str], tuple[bytes, str] | None]:
    """A function that gives for a range or revision its mails and its parent, of the first of
    TREES that has it.

    The mails are an mboxrd. It returns None for what is no range or revision, and raises
    InputError for a range without a commit, with merges, or in trees without history.
    """

    def export(argument: str) -> tuple[bytes, str] | None:
        refusal: InputError | None = None
        for tree in trees:
            try:
                exported = _export(tree, argument, settings, progress)
            except InputError as error:
                refusal = refusal or error
            else:
                if exported is not None:
                    return exported
        if refusal is not None:
            raise refusal
        return None

    return export


def _export(
    tree: Path, argument: str, settings: Settings, progress: Callable[[str], None]
) -> tuple[bytes, str] | None:
    history = history_of(tree) if tree.is_dir() else None
    if history is None:
        if ".." in argument and "/" not in argument:
            what = "not a git repository"
            if tree.is_dir() and os.access(tree, os.R_OK) and not any(tree.iterdir()):
                what = "an empty directory"  # as Docker mounts a path that is not there
            raise InputError(
                f"{argument} is a git range, but {tree} is {what}: name the"
                " repository with --tree, or give the patches as files."
            )
        return None
    found = find(history, argument)
    if found is None:
        return None
    opened = open_tree(tree, settings, progress)
    return _mails(opened.git_dir, history, found), found.parent


def find(history: Path, argument: str) -> Range | None:
    """The commits that ARGUMENT names in HISTORY: a range, or the one commit of a revision."""
    if not argument or argument.startswith("-"):
        return None
    if ".." not in argument:
        one = attempt(
            history,
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            f"{argument}^{{commit}}",
        )
        if one.code:
            return None
        return _line(history, argument, ("--no-walk", one.out.decode().strip()))
    if "..." in argument:
        raise InputError(f"{argument} has two ends: give a range A..B.")
    ends = [end or "HEAD" for end in argument.split("..", 1)]
    for end in ends:
        known = attempt(
            history, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{end}^{{commit}}"
        )
        if known.code:
            if "/" in argument:  # rather a path that is not there
                return None
            raise InputError(f"There is no revision {end} in {history}{_shallow(history)}.")
    return _line(history, argument, ("--end-of-options", f"{ends[0]}..{ends[1]}"))


def _shallow(history: Path) -> str:
    """What to say, after the name of HISTORY, about a part of it that may be missing."""
    if git(history, "rev-parse", "--is-shallow-repository").strip() != b"true":
        return ""
    return ", which is a shallow clone (git fetch --unshallow completes it)"


def _line(history: Path, argument: str, revisions: tuple[str, ...]) -> Range:
    listed = git(
        history, "rev-list", "--parents", "--topo-order", f"-n{MAX_COMMITS + 1}", *revisions
    )
    commits = [line.split() for line in listed.decode().splitlines()]
    if not commits:
        raise InputError(f"{argument} is an empty range: there is no commit in it.")
    merge = next((commit for commit, *parents in commits if len(parents) > 1), None)
    if merge:
        raise InputError(
            f"{argument} contains the merge {merge[:12]}: give a range of plain commits."
        )
    if len(commits) > MAX_COMMITS:
        raise InputError(f"{argument} has more than {MAX_COMMITS} commits: give a shorter range.")
    if len(commits[-1]) < 2:
        raise InputError(
            f"{argument} reaches {commits[-1][0][:12]}, where the history of {history} starts:"
            " there is no commit before it to compare with."
        )
    found = Range(commits[-1][1], tuple(commit for commit, _ in reversed(commits)))
    _refuse_empty(history, argument, found)
    return found


def _refuse_empty(history: Path, argument: str, found: Range) -> None:
    """Raise InputError if a commit of FOUND changes nothing: it would be no patch."""
    names = "".join(f"{commit}^{{tree}}\n" for commit in (found.parent, *found.commits))
    listed = git(history, "cat-file", "--batch-check=%(objectname)", stdin=names.encode())
    trees = listed.decode().split()
    for commit, before, after in zip(found.commits, trees, trees[1:], strict=False):
        if before == after:
            raise InputError(
                f"{argument} contains {commit[:12]}, which changes no file: leave that commit out."
            )


def _mails(git_dir: Path, history: Path, found: Range) -> bytes:
    shallow = git(history, "rev-parse", "--path-format=absolute", "--git-path", "shallow")
    return git(
        git_dir, "format-patch", "--stdout", "--pretty=mboxrd", "--full-index", "--binary", "-M",
        "--no-signature", "--no-thread", "--no-attach", "--no-cover-letter", "--no-notes",
        "--no-ext-diff", "--no-textconv", f"{found.parent}..{found.commits[-1]}",
        env={"GIT_SHALLOW_FILE": os.fsdecode(shallow).removesuffix("\n")},
    )  # fmt: skip
