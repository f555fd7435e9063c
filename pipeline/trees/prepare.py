# SPDX-License-Identifier: GPL-2.0-or-later
"""A series and a source tree to base and change: the one front of this package.

Effects, all under our cache; the user's tree is only read.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.model import Base, Change, Series
from pipeline.settings import Settings
from pipeline.trees.apply import apply
from pipeline.trees.base import choose
from pipeline.trees.changes import build_change, list_arches
from pipeline.trees.extract import extract
from pipeline.trees.links import refuse_bad_links
from pipeline.trees.paths import refuse_escapes
from pipeline.trees.repository import (
    open_tree,
    refuse_missing_files,
    refuse_no_kernel,
    uncommitted,
)


def prepare(
    series: Series,
    tree: Path,
    base: str,
    settings: Settings,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Base, Change, tuple[str, ...]]:
    """SERIES applied in TREE: its base, what it changes, and the tree's architectures.

    BASE is a revision, or "" to have one found. PROGRESS is told in a few words what is being
    done. The change lacks symbols and mentions. Raises InputError for a tree that is none, a
    series that leaves its tree or does not apply, and InfraError for what is ours.
    """
    patches = extract(series)
    refuse_escapes(patches)
    opened = open_tree(tree, settings, progress)
    chosen = choose(opened, series, base, patches, progress)
    refuse_no_kernel(opened.git_dir, chosen.commit, opened.named)
    refuse_missing_files(opened.history, chosen.commit, opened.named)
    commits = chosen.commits or apply(chosen.commit, patches, settings, progress)
    change = build_change(opened.git_dir, chosen.commit, commits)
    refuse_bad_links(opened.git_dir, change.base_tree, change.patched_tree)
    notes = opened.notes + uncommitted(opened) + chosen.notes
    found = Base(tree=opened.named, commit=chosen.commit, reason=chosen.reason, notes=notes)
    return found, change, list_arches(opened.git_dir, chosen.commit)
