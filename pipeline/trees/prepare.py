# SPDX-License-Identifier: GPL-2.0-or-later
"""A series and source trees to base and change: the one front of this package.

Effects, all under our cache; the user's trees are only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pipeline.lists.config import ListTree
from pipeline.model import Base, Change, InputError, Series
from pipeline.settings import Settings
from pipeline.trees.apply import apply
from pipeline.trees.base import Candidate, candidates
from pipeline.trees.changes import build_change, list_arches
from pipeline.trees.extract import PatchFile, extract
from pipeline.trees.foreign import refuse_foreign
from pipeline.trees.links import refuse_bad_links
from pipeline.trees.needed import Known, Made, Needed, add_needed, collect, nothing_known
from pipeline.trees.paths import refuse_escapes
from pipeline.trees.refusal import REMEDY
from pipeline.trees.repository import (
    Tree,
    open_tree,
    refuse_missing_files,
    refuse_no_kernel,
    uncommitted,
)


@dataclass(frozen=True, slots=True)
class _Taken:
    """The CANDIDATE that took the series as COMMITS, on the base MADE of it."""

    candidate: Candidate
    made: Made
    commits: tuple[str, ...]


def prepare(
    series: Series,
    trees: Sequence[ListTree],
    base: str,
    settings: Settings,
    progress: Callable[[str], None] = lambda _: None,
    *,
    known: Known = nothing_known,
) -> tuple[Base, Change, tuple[str, ...]]:
    """SERIES applied in the first of TREES that takes it: its base, what it changes, and the
    tree's architectures.

    BASE is a revision, or "" to have one found. PROGRESS is told in a few words what is being
    done. KNOWN gives what the series says it is based on. The change lacks symbols and mentions.
    Raises InputError for trees that are none, a series that leaves its tree, is of another
    project or does not apply, and InfraError for what is ours.
    """
    patches = extract(series)
    refuse_escapes(patches)
    opened, failed = _open(trees, settings, progress)
    needed = collect(series, known)
    tried = candidates(opened, series, base, (needed.patches, patches), progress)
    taken = _Trial(opened, needed, patches, settings, progress).take(tried, failed)
    tree, made = taken.candidate.tree, taken.made
    change = build_change(tree.git_dir, made.commit, taken.commits)
    refuse_bad_links(tree.git_dir, change.base_tree, change.patched_tree)
    reason = taken.candidate.reason
    if made.added:
        reason += f", with {' and '.join(made.added)}"
    found = Base(
        tree=tree.named,
        commit=made.commit,
        reason=reason,
        notes=(
            *tree.notes,
            *uncommitted(tree),
            *taken.candidate.notes,
            *made.notes,
            *(f"{name} does not take it: {why}." for name, why in failed.items()),
        ),
        others=bool(made.added) or taken.candidate.made,
    )
    return found, change, list_arches(tree.git_dir, made.commit)


def _open(
    trees: Sequence[ListTree], settings: Settings, progress: Callable[[str], None]
) -> tuple[tuple[Tree, ...], dict[str, str]]:
    """TREES, and of those that cannot be opened why; InputError if that is all of them."""
    opened: list[Tree] = []
    failed: dict[str, str] = {}
    for tree in trees:
        try:
            opened.append(open_tree(tree.path, settings, progress, branch=tree.branch))
        except InputError as error:
            if len(trees) == 1:
                raise
            failed[str(tree.path)] = _clause(error)
    if not opened:
        raise _nobody(failed)
    return tuple(opened), failed


@dataclass(frozen=True, slots=True)
class _Trial:
    """What it takes to try a candidate."""

    opened: tuple[Tree, ...]
    needed: Needed
    patches: Sequence[PatchFile]
    settings: Settings
    progress: Callable[[str], None]

    def take(self, tried: Iterable[Candidate], failed: dict[str, str]) -> _Taken:
        """The first of TRIED that takes the patches; trees that do not are put into FAILED."""
        seen: set[tuple[str, str]] = set()
        first: InputError | None = None
        for candidate in tried:
            name = candidate.tree.label
            if not candidate.firm and not seen:
                refuse_foreign(self.opened, (*self.needed.patches, *self.patches))
            if (name, candidate.commit) in seen:
                continue
            seen.add((name, candidate.commit))
            try:
                taken = self._try(candidate)
            except InputError as error:
                if candidate.firm:
                    raise
                first = first or error
                failed.setdefault(name, _clause(error))
            else:
                failed.pop(name, None)
                return taken
        if first is not None and len(failed) == 1:
            raise first
        raise _nobody(failed)

    def _try(self, candidate: Candidate) -> _Taken:
        tree, commit = candidate.tree, candidate.commit
        refuse_no_kernel(tree.git_dir, commit, tree.named)
        refuse_missing_files(tree.history, commit, tree.named)
        if candidate.commits:
            return _Taken(candidate, Made(commit), candidate.commits)
        made = add_needed(commit, self.needed, self.settings, self.progress)
        commits = apply(made.commit, self.patches, self.settings, self.progress)
        return _Taken(candidate, made, commits)


def _clause(error: InputError) -> str:
    """ERROR without its end, and what can be done."""
    return str(error).removesuffix(REMEDY).removesuffix(".")


def _nobody(failed: dict[str, str]) -> InputError:
    each = "; ".join(f"{name}: {why}" for name, why in failed.items())
    return InputError(f"No tree takes the series. {each}.{REMEDY}")
