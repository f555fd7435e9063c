# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a series stays in its tree, by what it says: names, links and submodules. Pure.

What it comes to is judged by `pipeline.trees.links`. git apply(1) refuses most of this too;
here it is refused before git sees the patch, and with a sentence that says what is wrong.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from pipeline.model import InputError
from pipeline.trees.diff import FileDiff
from pipeline.trees.extract import PatchFile

SYMLINK = "120000"
_SUBMODULE = "160000"
_MAX_NAME_BYTES, _MAX_PATH_BYTES = 255, 1024  # what file systems take, and what is sane
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
            if file.new_mode and file.new_mode != SYMLINK and file.new_mode[:-3] != "100":
                raise _leaves(patch, f"{file.change.path} has mode {file.new_mode}, as no file has")


def patch_paths(file: FileDiff) -> tuple[str, ...]:
    """The paths in the tree that FILE is about."""
    return tuple(p for p in (file.change.path, file.change.old_path) if p)


def leads_out(path: str, target: str) -> bool:
    """Whether a symbolic link PATH to TARGET leads out of the tree, or into its .git."""
    if target.startswith("/"):
        return True
    there = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return there == ".." or there.startswith("../") or has_dot_git(there)


def _refuse_name(name: str, patch: PatchFile) -> None:
    if name == "/dev/null":
        return
    if name.startswith("/") or ".." in name.split("/"):
        raise _leaves(patch, f"it names {name}")
    if has_dot_git(name):
        raise _leaves(patch, f"it names {name}, which is git's own")
    if _CONTROL.search(name):
        raise _leaves(patch, f"it names {name!r}, which has control characters")
    parts = [len(part.encode("utf-8", "replace")) for part in name.split("/")]
    if max(parts) > _MAX_NAME_BYTES or sum(parts) + len(parts) > _MAX_PATH_BYTES:
        raise _leaves(patch, f"it names {name[:60]}…, which is too long for a file")


def has_dot_git(name: str) -> bool:
    """Whether a part of NAME is git's own directory, on any file system."""
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
