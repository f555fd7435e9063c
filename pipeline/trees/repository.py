# SPDX-License-Identifier: GPL-2.0-or-later
"""The user's source tree as our own bare repository knows it. Effects, all under our cache.

Ours borrows the objects of the user's repositories (gitrepository-layout(5),
objects/info/alternates) and gets whatever is new: imported trees, patched commits. The
user's tree is read and never written to.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.kept import locked
from pipeline.model import InputError
from pipeline.settings import Settings
from pipeline.trees.git import attempt, git
from pipeline.trees.unpacked import import_tree

#: Files come out of our repository, and go in, as their very bytes: whatever attributes a
#: tree or a patch declares. gitattributes(5): this file outranks all others.
_ATTRIBUTES = "* -text !eol !ident !filter !working-tree-encoding !diff !merge\n"


@dataclass(frozen=True, slots=True)
class Tree:
    """A source tree. HISTORY is where the user's own git answers; None without one."""

    named: str  # as the user wrote it
    git_dir: Path  # our repository
    head: str  # a full commit id
    history: Path | None
    notes: tuple[str, ...] = ()
    branch: str = ""  # whose head HEAD is; "" is the repository's own

    @property
    def tip(self) -> str:
        """How to call HEAD in a message."""
        return self.branch or "HEAD"

    @property
    def label(self) -> str:
        """How to tell it from others."""
        return f"{self.named} ({self.branch})" if self.branch else self.named


def open_tree(
    path: Path, settings: Settings, progress: Callable[[str], None], *, branch: str = ""
) -> Tree:
    """The tree at PATH: a git repository of any kind, a directory in one, or plain files.

    BRANCH is a revision of it. Raises InputError if it is none, or holds no kernel.
    """
    _refuse_no_directory(path)
    ensure(settings.git_dir)
    top = history_of(path)
    if top is None and branch:
        raise InputError(f"{path} is not a git repository, so it has no branch {branch}.")
    if top is None:
        return _unpacked(path, settings, progress)
    _refuse_unusable(top, path)
    tip = f"{branch or 'HEAD'}^{{commit}}"
    head = attempt(top, "rev-parse", "--verify", "--quiet", "--end-of-options", tip)
    if head.code and branch:
        raise InputError(f"There is no branch {branch} in {path}: fetch it first.")
    if head.code:
        if attempt(top, "rev-parse", "--verify", "--quiet", "HEAD").code:
            raise InputError(f"{path} has no commit yet: commit the kernel source first.")
        raise InputError(f"git cannot read HEAD of {path}: `git -C {path} fsck` says more.")
    objects = git(top, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    _borrow(settings.git_dir, os.fsdecode(objects).removesuffix("\n"))
    commit = head.out.decode().strip()
    refuse_no_kernel(settings.git_dir, commit, str(path))
    refuse_missing_files(top, commit, str(path))
    return Tree(str(path), settings.git_dir, commit, top, branch=branch)


def _refuse_no_directory(path: Path) -> None:
    try:
        there = path.is_dir()
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error
    if not there:
        raise InputError(f"There is no directory {path}: give a kernel source tree with --tree.")
    if not os.access(path, os.R_OK | os.X_OK):
        raise InputError(f"Cannot read {path}: {os.strerror(errno.EACCES)}.")


def ensure(git_dir: Path) -> None:
    """Make our repository if it is not there."""
    with locked(git_dir.with_name(git_dir.name + ".lock")):
        attributes = git_dir / "info" / "attributes"
        if not attributes.exists():
            git_dir.mkdir(parents=True, exist_ok=True)
            git(git_dir, "init", "--quiet", "--bare", "--template=", "--object-format=sha1", ".")
            attributes.parent.mkdir(exist_ok=True)
            attributes.write_text(_ATTRIBUTES)


def refuse_no_kernel(git_dir: Path, commit: str, named: str) -> None:
    """Raise InputError if COMMIT is no kernel: a Makefile and a Kconfig at its top."""
    for name in ("Makefile", "Kconfig"):
        if attempt(git_dir, "cat-file", "-e", f"{commit}:{name}").code:
            raise InputError(
                f"{named} is not a kernel source tree: commit {commit[:12]} has no {name}."
            )


def refuse_missing_files(history: Path | None, commit: str, named: str) -> None:
    """Raise InputError if HISTORY is a partial clone that does not hold all files of COMMIT."""
    promised = r"^(extensions\.partialclone|remote\..*\.promisor)$"
    if history is None or attempt(history, "config", "--get-regexp", promised).code:
        return
    walk = ("rev-list", "--objects", "--missing=print", "--no-object-names", "--no-walk")
    listed = git(history, *walk, commit)
    if b"?" in listed:
        raise InputError(
            f"{named} is a partial clone, which lacks files of {commit[:12]}: run"
            f" `git -C {named} fetch --refetch --no-filter`, or give a full clone."
        )


def uncommitted(tree: Tree) -> tuple[str, ...]:
    """A note if files that git tracks differ from HEAD; the index is not refreshed.

    No filter that the tree's configuration names is run: files are compared as they are.
    """
    if tree.history is None or tree.branch:
        return ()
    bare = git(tree.history, "rev-parse", "--is-bare-repository") == b"true\n"
    if bare:
        return ()
    ran = attempt(
        tree.history, "status", "--porcelain", "-z", "-uno", "--no-renames",
        "--ignore-submodules=all", config=_without_filters(tree.history),
    )  # fmt: skip
    if ran.code:
        said = ran.complaint
        return (f"git cannot tell whether {tree.named} has uncommitted changes: {said}.",)
    count = ran.out.count(b"\0")
    if not count:
        return ()
    files = "file has" if count == 1 else "files have"
    return (f"{count} {files} uncommitted changes in {tree.named}; they are ignored.",)


def _without_filters(history: Path) -> dict[str, str]:
    """Settings that take the commands away from every filter driver, gitattributes(5)."""
    drivers = r"^filter\..*\.(clean|smudge|process|required)$"
    listed = attempt(history, "config", "--null", "--name-only", "--get-regexp", drivers)
    keys = [key for key in os.fsdecode(listed.out).split("\0") if key]
    return {key: "false" if key.endswith(".required") else "" for key in keys}


def history_of(path: Path) -> Path | None:
    """The top of the git repository that PATH stands for; None if it is plain files.

    A directory that merely lies in a repository, untracked, is plain files.
    """
    kind = attempt(path, "rev-parse", "--is-bare-repository", "--is-inside-git-dir")
    if kind.code:
        if "not a git repository" in kind.err:
            if not (path / ".git").exists():
                return None
            raise InputError(f"git cannot use {path}/.git: is it whole, and may you read it?")
        raise InputError(f"git cannot use {path}: {kind.complaint}.")
    if b"true" in kind.out:
        return path
    top = Path(os.fsdecode(git(path, "rev-parse", "--show-toplevel")).removesuffix("\n"))
    prefix = os.fsdecode(git(path, "rev-parse", "--show-prefix")).removesuffix("\n").rstrip("/")
    if not prefix:
        return top
    tracked = not attempt(top, "cat-file", "-e", f"HEAD:{prefix}").code
    return top if tracked and (top / "Kconfig").is_file() else None


def _refuse_unusable(top: Path, named: Path) -> None:
    form = git(top, "rev-parse", "--show-object-format").strip()
    if form != b"sha1":
        raise InputError(
            f"{named} is a git repository with {form.decode()} object names, which crosscheck"
            " cannot use: give a sha1 one, or unpacked sources."
        )


def _unpacked(path: Path, settings: Settings, progress: Callable[[str], None]) -> Tree:
    for name in ("Makefile", "Kconfig"):
        if not (path / name).is_file():
            raise InputError(f"{path} is not a kernel source tree: it has no {name} at its top.")
    place = settings.cache_dir / "imports"
    with locked(place / "lock"):
        commit, notes = import_tree(path.resolve(), settings.git_dir, place, progress)
    return Tree(str(path), settings.git_dir, commit, None, notes)


def _borrow(git_dir: Path, objects: str) -> None:
    """Let our repository read the objects in the directory OBJECTS too."""
    if "\n" in objects:
        raise InputError(f"git cannot borrow from {objects!r}: give a path without line breaks.")
    alternates = git_dir / "objects" / "info" / "alternates"
    with locked(git_dir.with_name(git_dir.name + ".lock")):
        known = os.fsdecode(alternates.read_bytes()).splitlines() if alternates.exists() else []
        wanted = [line for line in known if line != objects and Path(line).is_dir()] + [objects]
        if wanted != known:
            alternates.parent.mkdir(parents=True, exist_ok=True)
            fresh = alternates.with_name("alternates.new")
            fresh.write_bytes(os.fsencode("".join(f"{line}\n" for line in wanted)))
            fresh.replace(alternates)
