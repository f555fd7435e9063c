# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a series stays in its tree: names, symbolic links and submodules. Pure, but for
`refuse_bad_links`, which asks git about the result.

git apply(1) refuses most of this too; here it is refused before git sees the patch, and
with a sentence that says what is wrong.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.model import InputError
from pipeline.trees.diff import FileDiff
from pipeline.trees.extract import PatchFile
from pipeline.trees.git import git

SYMLINK = "120000"
_SUBMODULE = "160000"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: What file systems that fold names take for `.git`: git's core.protectNTFS and protectHFS.
_DOT_GIT = re.compile(r"(?:\.git|git~\d)[ .]*(?::.*)?", re.IGNORECASE)
_IGNORED_BY_HFS = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), 0xFEFF])


def refuse_escapes(patches: Iterable[PatchFile]) -> None:
    """Raise InputError if one of PATCHES names a place outside the tree, or makes a way there."""
    links: set[str] = set()
    for patch in patches:
        for file in patch.files:
            for name in (*file.names, *patch_paths(file)):
                _refuse_name(name, patch)
            _refuse_through(file, links, patch)
            if file.new_mode == SYMLINK:
                _refuse_target(file, patch)
                links.add(file.change.path)
            elif file.change.status == "D" or file.new_mode:
                links.discard(file.change.path)
            if file.new_mode == _SUBMODULE:
                raise _leaves(patch, f"it makes {file.change.path} a git submodule")


def patch_paths(file: FileDiff) -> tuple[str, ...]:
    """The paths in the tree that FILE is about."""
    return tuple(p for p in (file.change.path, file.change.old_path) if p)


def refuse_bad_links(git_dir: Path, base_tree: str, patched_tree: str) -> None:
    """Raise InputError if PATCHED_TREE has a new link out of the tree, or a new submodule."""
    listed = git(git_dir, "diff-tree", "-r", "-z", "--no-renames", base_tree, patched_tree)
    fields = listed.decode("utf-8", "replace").split("\0")[:-1]
    for info, path in zip(fields[::2], fields[1::2], strict=True):
        _, mode, _, blob, _ = info.split(" ")
        if mode == _SUBMODULE:
            raise InputError(f"The series leaves its tree: it makes {path} a git submodule.")
        if mode == SYMLINK:
            target = git(git_dir, "cat-file", "blob", blob).decode("utf-8", "replace")
            if leads_out(path, target):
                raise InputError(
                    f"The series leaves its tree: its symbolic link {path} points to {target}."
                )


def leads_out(path: str, target: str) -> bool:
    """Whether a symbolic link PATH to TARGET leads out of the tree, or into its .git."""
    if target.startswith("/"):
        return True
    there = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return there == ".." or there.startswith("../") or _has_dot_git(there)


def _refuse_name(name: str, patch: PatchFile) -> None:
    if name == "/dev/null":
        return
    if name.startswith("/") or ".." in name.split("/"):
        raise _leaves(patch, f"it names {name}")
    if _has_dot_git(name):
        raise _leaves(patch, f"it names {name}, which is git's own")
    if _CONTROL.search(name):
        raise _leaves(patch, f"it names {name!r}, which has control characters")


def _has_dot_git(name: str) -> bool:
    parts = name.translate(_IGNORED_BY_HFS).split("/")
    return any(_DOT_GIT.fullmatch(part) for part in parts)


def _refuse_through(file: FileDiff, links: set[str], patch: PatchFile) -> None:
    for path in patch_paths(file):
        through = next((link for link in links if path.startswith(link + "/")), None)
        if through:
            raise _leaves(patch, f"it writes {path} through the symbolic link {through}")


def _refuse_target(file: FileDiff, patch: PatchFile) -> None:
    target = "".join(line for hunk in file.change.hunks for line in hunk.added)
    if leads_out(file.change.path, target):
        raise _leaves(patch, f"its symbolic link {file.change.path} points to {target}")


def _leaves(patch: PatchFile, how: str) -> InputError:
    name = patch.name
    return InputError(f"{name[0].upper()}{name[1:]} leaves its tree: {how}.")
