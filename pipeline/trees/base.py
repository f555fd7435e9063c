# SPDX-License-Identifier: GPL-2.0-or-later
"""Which commit a series is applied to, and why that one. Effects: asks git, changes nothing.

The cascade: --base; the commit before a git range; a `base-commit:` trailer that the tree
has; the commit whose files are those that the patches' `index` lines name; HEAD.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import InputError, Series
from pipeline.trees import ranges
from pipeline.trees.extract import PatchFile
from pipeline.trees.git import attempt, environment, git
from pipeline.trees.repository import Tree

MAX_CANDIDATES = 2000
SEARCH_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Chosen:
    """A full commit id, why this one, and what else is to be said about it.

    COMMITS are those of the series itself, if it was given as a git range on this base.
    """

    commit: str
    reason: str
    notes: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()


def choose(
    tree: Tree,
    series: Series,
    explicit: str,
    patches: Iterable[PatchFile],
    progress: Callable[[str], None],
) -> Chosen:
    """The base of SERIES in TREE; EXPLICIT is what the user gave as --base, or "".

    Raises InputError if TREE does not have EXPLICIT.
    """
    if explicit:
        return _explicit(tree, explicit)
    named, notes = _named(tree, series)
    if named:
        return named
    wanted = preimages(patches)
    if wanted and _matches(tree.git_dir, tree.head, wanted):
        what = "HEAD" if tree.history else "the source tree"
        return Chosen(tree.head, f"{what} has the files that the index lines name", notes)
    if wanted and tree.history:
        progress("looking for the commit that the patches were made on")
        for commit in _candidates(tree.history, [path for path, _ in wanted]):
            if _matches(tree.git_dir, commit, wanted):
                reason = "the newest commit with the files that the index lines name"
                return Chosen(commit, reason, notes)
    what = f"HEAD of {tree.named}" if tree.history else "the source tree as it is"
    return Chosen(tree.head, f"{what}; no commit has the files that the series names", notes)


def preimages(patches: Iterable[PatchFile]) -> tuple[tuple[str, str], ...]:
    """The paths that PATCHES find in their base, with the blob they expect, abbreviated.

    What an earlier patch of the series has touched says nothing about the base.
    """
    touched: set[str] = set()
    wanted: list[tuple[str, str]] = []
    for patch in patches:
        for file in patch.files:
            old = file.change.old_path
            if old and old not in touched and len(file.old_blob) >= 7 and file.old_blob.strip("0"):
                wanted.append((old, file.old_blob))
        touched |= patch.paths
    return tuple(dict.fromkeys(wanted))


def _explicit(tree: Tree, revision: str) -> Chosen:
    if tree.history is None:
        if revision == tree.head:  # what a reply says that its run was based on
            return Chosen(tree.head, f"--base {revision[:12]}, the source tree as it is")
        raise InputError(
            f"--base {revision} means nothing in {tree.named}, which is not a git repository"
            " and not the tree that this name was given to: leave it out."
        )
    commit = _resolve(tree, revision)
    if commit is None:
        raise InputError(f"There is no revision {revision} in {tree.named}: fetch it first.")
    return Chosen(commit, f"--base {revision}")


def _named(tree: Tree, series: Series) -> tuple[Chosen | None, tuple[str, ...]]:
    """What the series itself says about its base, and a note if that is of no use."""
    if not series.base_commit:
        return None, ()
    commit = _resolve(tree, series.base_commit)
    if commit is None or tree.history is None:
        short = series.base_commit[:12]
        return None, (f"The series names base-commit {short}, which {tree.named} does not have.",)
    given = _given_to_git(series)
    before = ranges.find(tree.history, given) if given else None
    if before and before.parent == commit:
        return Chosen(commit, f"the commit before {given}", commits=before.commits), ()
    return Chosen(commit, "the base-commit trailer of the series"), ()


def _given_to_git(series: Series) -> str:
    """The git range or revision that SERIES was read from; "" if it was files."""
    words = shlex.split(series.source)
    return words[0] if len(words) == 1 and words[0] != "-" and not Path(words[0]).exists() else ""


def _resolve(tree: Tree, revision: str) -> str | None:
    if tree.history is None:
        return None
    found = attempt(
        tree.history, "rev-parse", "--verify", "--quiet", "--end-of-options",
        f"{revision}^{{commit}}",
    )  # fmt: skip
    return None if found.code else found.out.decode().strip()


def _matches(git_dir: Path, commit: str, wanted: Iterable[tuple[str, str]]) -> bool:
    """Whether COMMIT has every path of WANTED with the blob that goes with it."""
    pairs = tuple(wanted)
    asked = "".join(f"{commit}:{path}\n" for path, _ in pairs)
    answers = git(
        git_dir, "cat-file", "--batch-check=%(objectname)", stdin=asked.encode("utf-8", "replace")
    )
    blobs = answers.decode("utf-8", "replace").splitlines()
    return len(blobs) == len(pairs) and all(
        blob.startswith(expected) for blob, (_, expected) in zip(blobs, pairs, strict=True)
    )


def _candidates(history: Path, paths: list[str]) -> Iterator[str]:
    """Commits on any branch or tag that touch PATHS, newest first: bounded in number and time."""
    stop = time.monotonic() + SEARCH_LIMIT_S
    with subprocess.Popen(
        ["git", "-C", history, "rev-list", "--branches", "--tags", f"-n{MAX_CANDIDATES}",
         "HEAD", "--", *paths],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(),
    ) as walk:  # fmt: skip
        assert walk.stdout is not None  # noqa: S101 (asked for)
        try:
            for line in walk.stdout:
                yield line.decode().strip()
                if time.monotonic() > stop:
                    return
        finally:
            walk.kill()
