# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a patched tree has links out of it that its base has not. Effects: asks git.

A link is followed as the kernel would, through the other links of the tree: `a/..` is not
where `a` is, if `a` is a link itself. That a base has such links is not the series' doing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.model import InputError
from pipeline.trees.git import git
from pipeline.trees.paths import SYMLINK, has_dot_git

_SUBMODULE = "160000"
_MAX_LINKS = 40  # followed for one path, path_resolution(7)


def refuse_bad_links(git_dir: Path, base_tree: str, patched_tree: str) -> None:
    """Raise InputError if PATCHED_TREE has a new link out of the tree, or a new submodule."""
    listed = git(git_dir, "diff-tree", "-r", "-z", "--no-renames", base_tree, patched_tree)
    fields = listed.decode("utf-8", "replace").split("\0")[:-1]
    changed = [(info.split(" ")[1], path) for info, path in _pairs(fields)]
    submodule = next((path for mode, path in changed if mode == _SUBMODULE), None)
    if submodule:
        raise InputError(f"The series leaves its tree: it makes {submodule} a git submodule.")
    if all(mode != SYMLINK for mode, _ in changed):
        return
    before, after = _links(git_dir, base_tree), _links(git_dir, patched_tree)
    known = {path for path in before if leads_out(path, before)}
    bad = next((path for path in sorted(after) if path not in known and leads_out(path, after)), "")
    if bad:
        raise InputError(
            f"The series leaves its tree: its symbolic link {bad} points to {after[bad]}."
        )


def leads_out(path: str, links: Mapping[str, str]) -> bool:
    """Whether PATH leads out of the tree with LINKS (path to target), or into its .git."""
    here: list[str] = []
    todo = path.split("/")[::-1]
    followed = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return True
            here.pop()
            continue
        target = links.get("/".join([*here, part]))
        if target is None:
            here.append(part)
            continue
        followed += 1
        if target.startswith("/"):
            return True
        if followed > _MAX_LINKS:
            return False  # it leads nowhere
        todo += target.split("/")[::-1]
    return has_dot_git("/".join(here))


def _links(git_dir: Path, tree: str) -> dict[str, str]:
    """Every symbolic link of TREE, and its target."""
    listed = git(git_dir, "ls-tree", "-r", "-z", tree).decode("utf-8", "replace")
    entries = [line.partition("\t") for line in listed.split("\0") if line.startswith(SYMLINK)]
    return {
        path: git(git_dir, "cat-file", "blob", info.split(" ")[2]).decode("utf-8", "replace")
        for info, _, path in entries
    }


def _pairs(fields: list[str]) -> list[tuple[str, str]]:
    return list(zip(fields[::2], fields[1::2], strict=True))
