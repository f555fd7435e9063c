# SPDX-License-Identifier: GPL-2.0-or-later
"""A `Change` from the texts of files, as git's diff of them would be read."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from itertools import pairwise

from pipeline.model import Change, FileChange, Hunk, PatchDiff

Tree = Mapping[str, str]  # a file's text by its path


def hunks(old: str, new: str) -> tuple[Hunk, ...]:
    """The hunks, without context, that lead from OLD to NEW."""
    before, after = old.splitlines(), new.splitlines()
    return tuple(
        Hunk(
            old_start=a + 1 if b > a else a,
            old_count=b - a,
            new_start=c + 1 if d > c else c,
            new_count=d - c,
            removed=tuple(before[a:b]),
            added=tuple(after[c:d]),
        )
        for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        if tag != "equal"
    )


def diff(old: Tree, new: Tree, renamed: Mapping[str, str] | None = None) -> tuple[FileChange, ...]:
    """What leads from the tree OLD to NEW; RENAMED has old names by new ones."""
    was = dict(renamed or {})
    changed = []
    for path in sorted({*old, *new}):
        before = was.get(path, path)
        if path in was.values() or old.get(before) == new.get(path):
            continue
        status = (
            "R" if path in was else "A" if before not in old else "D" if path not in new else "M"
        )
        found = hunks(old.get(before, ""), new.get(path, ""))
        changed.append(FileChange(path, "" if status == "A" else before, status, found))
    return tuple(changed)


def series(*trees: Tree) -> Change:
    """The change of a series whose patches lead from each of TREES to the next one."""
    steps = pairwise(trees)
    return Change(
        base_commit="0" * 40,
        base_tree="1" * 40,
        patched_commit="2" * 40,
        patched_tree="3" * 40,
        files=diff(trees[0], trees[-1]),
        patches=tuple(PatchDiff(n, diff(old, new)) for n, (old, new) in enumerate(steps, 1)),
    )
