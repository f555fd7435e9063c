# SPDX-License-Identifier: GPL-2.0-or-later
"""Which commits a series may be applied to, the most likely first, and why each. Effects: asks
git, changes nothing.

The cascade, over all trees at each step: --base; the commit that has the prerequisite patches
which the series names; the commit before a git range; a `base-commit:` trailer that a tree has; the
commit whose files are those that the patches' `index` lines name; each tree's branch as it is.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import InputError, Series
from pipeline.trees import ranges
from pipeline.trees.extract import PatchFile
from pipeline.trees.git import COMMITTER, attempt, git
from pipeline.trees.history import newest_with
from pipeline.trees.repository import Tree, history_of
from pipeline.trees.walks import commits_on

_COMMIT = re.compile(r"[0-9a-f]{40}")
_COMMITS_AT_ONCE = 50  # whose files are asked for


@dataclass(frozen=True, slots=True)
class Candidate:
    """A full commit id in TREE, why this one, and what else is to be said about it.

    COMMITS are those of the series itself, if it was given as a git range on this base. If it
    is FIRM, somebody named it: no other is tried.
    """

    tree: Tree
    commit: str
    reason: str
    notes: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    firm: bool = False
    made: bool = False  # it is in our repository alone: an earlier run made it


def candidates(
    trees: Sequence[Tree],
    series: Series,
    explicit: str,
    patches: tuple[Sequence[PatchFile], Sequence[PatchFile]],
    progress: Callable[[str], None],
) -> Iterator[Candidate]:
    """The bases that SERIES may have; EXPLICIT is what the user gave as --base, or "".

    PATCHES are those that it is based on, which a base may have or not, and its own.

    Raises InputError if no tree has EXPLICIT.
    """
    if explicit:
        yield _explicit(trees, explicit)
        return
    notes: tuple[str, ...] = ()
    if series.prerequisites:
        yield from _with_prerequisites(trees, series, progress)
    if series.base_commit:
        named = next((found for tree in trees if (found := _named(tree, series))), None)
        if named:
            yield named
            return
        notes = (_not_there(trees, series),)
    needed, own = patches
    tried = False
    for wanted in dict.fromkeys((preimages(own), preimages((*needed, *own)))):
        for candidate in _with_files(trees, wanted, notes, progress) if wanted else ():
            tried = True
            yield candidate
    why = "a commit" if tried else "no commit"
    for tree in trees:
        what = f"{tree.tip} of {tree.named}" if tree.history else "the source tree as it is"
        reason = f"{what}; {why} has the files that the series names"
        reason += ", but does not take it" if tried else ""
        yield Candidate(tree, tree.head, reason, notes)


def preimages(patches: Iterable[PatchFile]) -> tuple[tuple[str, str], ...]:
    """The paths that PATCHES find in their base, with the blob they expect, abbreviated; it is
    "" for a path that they make.

    What an earlier patch of the series has touched says nothing about the base. There are none
    if the series only makes files.
    """
    touched: set[str] = set()
    wanted: list[tuple[str, str]] = []
    for patch in patches:
        for file in patch.files:
            old, new = file.change.old_path, file.change.path
            if old and old not in touched and len(file.old_blob) >= 7 and file.old_blob.strip("0"):
                wanted.append((old, file.old_blob))
            elif not old and file.change.status == "A" and new not in touched:
                wanted.append((new, ""))
        touched |= patch.paths
    return tuple(dict.fromkeys(wanted)) if any(blob for _, blob in wanted) else ()


def _explicit(trees: Sequence[Tree], revision: str) -> Candidate:
    for tree in trees:
        if tree.history is None and revision == tree.head:  # as a reply says
            reason = f"--base {revision[:12]}, the source tree as it is"
            return Candidate(tree, tree.head, reason, firm=True)
        commit = _resolve(tree, revision)
        if commit:
            return Candidate(tree, commit, f"--base {revision}", firm=True)
    tree = trees[0]
    if _COMMIT.fullmatch(revision) and _is_ours(tree.git_dir, revision):
        reason = f"--base {revision[:12]}, which an earlier run made"
        return Candidate(tree, revision, reason, firm=True, made=True)
    names = " or ".join(tree.named for tree in trees)
    if not any(tree.history for tree in trees):
        raise InputError(
            f"--base {revision} means nothing in {names}, which is not a git repository"
            " and not the tree that this name was given to: leave it out."
        )
    raise InputError(f"There is no revision {revision} in {names}: fetch it first.")


def _is_ours(git_dir: Path, commit: str) -> bool:
    """Whether we made COMMIT: for a series that is based on others."""
    said = attempt(git_dir, "show", "--no-patch", "--format=%ce", commit)
    return said.out.decode("utf-8", "replace").strip() == COMMITTER["GIT_COMMITTER_EMAIL"]


def _named(tree: Tree, series: Series) -> Candidate | None:
    """What the series itself says about its base; None if TREE does not have it."""
    commit = _resolve(tree, series.base_commit)
    if commit is None or tree.history is None:
        return None
    given = _given_to_git(series)
    before = None
    if given:
        with suppress(InputError):  # another tree has it
            before = ranges.find(tree.history, given)
    if before and before.parent == commit:
        reason = f"the commit before {given}"
        return Candidate(tree, commit, reason, commits=before.commits, firm=True)
    return Candidate(tree, commit, "the base-commit trailer of the series", firm=True)


def _not_there(trees: Sequence[Tree], series: Series) -> str:
    names = " and ".join(tree.named for tree in trees)
    verb = "does" if len(trees) == 1 else "do"
    return f"The series names base-commit {series.base_commit[:12]}, which {names} {verb} not have."


def _given_to_git(series: Series) -> str:
    """The git range or revision that SERIES was read from; "" if it was files."""
    words = shlex.split(series.source)
    return words[0] if len(words) == 1 and words[0] != "-" and not Path(words[0]).exists() else ""


def _resolve(tree: Tree, revision: str) -> str | None:
    return None if tree.history is None else _commit_in(tree.history, revision)


def _commit_in(history: Path, revision: str) -> str | None:
    found = attempt(
        history, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
    )
    return None if found.code else found.out.decode().strip()


def is_revision(path: Path, revision: str, git_dir: Path) -> bool:
    """Whether `--base REVISION` means something with the tree at PATH; earlier runs made what is
    in GIT_DIR.
    """
    top = history_of(path)
    if top is not None and _commit_in(top, revision):
        return True
    return bool(_COMMIT.fullmatch(revision)) and _is_ours(git_dir, revision)


def _with_prerequisites(
    trees: Sequence[Tree], series: Series, progress: Callable[[str], None]
) -> Iterator[Candidate]:
    for tree in trees:
        if tree.history is None:
            continue
        progress("looking for the patches that the series needs")
        since = _resolve(tree, series.base_commit) if series.base_commit else None
        commit = newest_with(tree.history, tree.head, since or "", series.prerequisites)
        if commit:
            reason = "the newest of the commits that are the series' prerequisite patches"
            yield Candidate(tree, commit, reason)


def _with_files(
    trees: Sequence[Tree],
    wanted: tuple[tuple[str, str], ...],
    notes: tuple[str, ...],
    progress: Callable[[str], None],
) -> Iterator[Candidate]:
    for tree in trees:
        if next(_matching(tree.git_dir, [tree.head], wanted), None):
            what = tree.tip if tree.history else "the source tree"
            reason = f"{what} has the files that the index lines name"
            yield Candidate(tree, tree.head, reason, notes)
    paths = [path for path, _ in wanted]
    for tree in trees:
        if tree.history is None:
            continue
        progress("looking for the commit that the patches were made on")
        own = next(_matching(tree.history, commits_on(tree.history, tree.head, paths), wanted), "")
        if own:
            reason = "the newest commit with the files that the index lines name"
            yield Candidate(tree, own, reason, notes)
    for tree in trees:
        if tree.history is not None:
            yield from _elsewhere(tree, tree.history, wanted, notes)


def _elsewhere(
    tree: Tree, history: Path, wanted: tuple[tuple[str, str], ...], notes: tuple[str, ...]
) -> Iterator[Candidate]:
    """The newest commit with the files WANTED that is not on TREE's branch, but on another.

    Branches that have the same files may differ in all others.
    """
    paths = [path for path, _ in wanted]
    found = tuple(_matching(history, commits_on(history, "", paths, but=tree.head), wanted))
    if found:
        if len(found) > 1:
            note = (
                f"{len(found)} commits on other branches have the files that the index lines name"
            )
            notes += (f"{note}; the newest is taken: name another with --base.",)
        reason = "the newest commit with the files that the index lines name"
        yield Candidate(tree, found[0], reason, notes)


def _matching(
    git_dir: Path, commits: Iterable[str], wanted: tuple[tuple[str, str], ...]
) -> Iterator[str]:
    """Those of COMMITS that have every path of WANTED with the blob that goes with it."""
    some: list[str] = []
    for commit in commits:
        some.append(commit)
        if len(some) == _COMMITS_AT_ONCE:
            yield from _match(git_dir, some, wanted)
            some = []
    if some:
        yield from _match(git_dir, some, wanted)


def _match(
    git_dir: Path, commits: Sequence[str], wanted: tuple[tuple[str, str], ...]
) -> Iterator[str]:
    asked = "".join(f"{commit}:{path}\n" for commit in commits for path, _ in wanted)
    answers = git(
        git_dir, "cat-file", "--batch-check=%(objectname)", stdin=asked.encode("utf-8", "replace")
    )
    blobs = answers.decode("utf-8", "replace").splitlines()
    if len(blobs) != len(commits) * len(wanted):
        return
    for n, commit in enumerate(commits):
        own = blobs[n * len(wanted) : (n + 1) * len(wanted)]
        if all(
            blob.startswith(expected) if expected else blob.endswith(" missing")
            for blob, (_, expected) in zip(own, wanted, strict=True)
        ):
            yield commit
