# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a series for another project, by its files? Effects: asks git, changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.model import InputError
from pipeline.trees.extract import PatchFile
from pipeline.trees.git import git
from pipeline.trees.repository import Tree

_SHOWN = 3


def refuse_foreign(trees: Sequence[Tree], patches: Iterable[PatchFile]) -> None:
    """Raise InputError if none of TREES has any of the files that PATCHES change, nor even the
    directories of some; for a series that only makes files, of all.
    """
    old, new = _paths(patches)
    asked = {*old, *(path.partition("/")[0] for path in (*old, *new) if "/" in path)}
    there = {name for tree in trees for name in _there(tree, sorted(asked))}
    strange = [p for p in (*old, *new) if "/" in p and p.partition("/")[0] not in there]
    if not strange or (there & set(old)) or (not old and len(strange) < len(new)):
        return
    shown = ", ".join(strange[:_SHOWN])
    more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
    names = " and ".join(tree.named for tree in trees)
    raise InputError(
        f"The series is not for the Linux kernel: not even the directories of {shown}{more} are in"
        f" {names}."
    )


def _paths(patches: Iterable[PatchFile]) -> tuple[list[str], list[str]]:
    """What PATCHES find, and what they make, in their order."""
    made: set[str] = set()
    old: list[str] = []
    for patch in patches:
        for file in patch.files:
            if file.change.old_path and file.change.old_path not in made:
                old.append(file.change.old_path)
            if file.change.path != file.change.old_path:
                made.add(file.change.path)
    return list(dict.fromkeys(old)), sorted(made)


def _there(tree: Tree, names: Sequence[str]) -> set[str]:
    """Those of NAMES that TREE has."""
    asked = "".join(f"{tree.head}:{name}\n" for name in names)
    answers = git(
        tree.git_dir, "cat-file", "--batch-check=%(objecttype)",
        stdin=asked.encode("utf-8", "replace"),
    )  # fmt: skip
    kinds = answers.decode("utf-8", "replace").splitlines()
    return {name for name, kind in zip(names, kinds, strict=False) if kind in {"blob", "tree"}}
