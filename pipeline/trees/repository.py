# SPDX-License-Identifier: GPL-2.0-or-later
"""The user's source tree as our own bare repository knows it. Effects, all under our cache.

Ours borrows the objects of the user's repositories (gitrepository-layout(5),
objects/info/alternates) and gets whatever is new: imported trees, patched commits. The
user's tree is read and never written to.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file PATH against other processes of ours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def open_tree(path: Path, settings: Settings, progress: Callable[[str], None]) -> Tree:
    """The tree at PATH: a git repository of any kind, a directory in one, or plain files.

    Raises InputError if it is none, or holds no kernel.
    """
    if not path.is_dir():
        raise InputError(f"There is no directory {path}: give a kernel source tree with --tree.")
    ensure(settings.git_dir)
    top = history_of(path)
    if top is None:
        return _unpacked(path, settings, progress)
    _refuse_unusable(top, path)
    head = attempt(top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head.code:
        raise InputError(f"{path} has no commit yet: commit the kernel source first.")
    objects = git(top, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    _borrow(settings.git_dir, objects.decode().removesuffix("\n"))
    commit = head.out.decode().strip()
    refuse_no_kernel(settings.git_dir, commit, str(path))
    return Tree(str(path), settings.git_dir, commit, top)


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


def uncommitted(tree: Tree) -> tuple[str, ...]:
    """A note if files that git tracks differ from HEAD; the index is not refreshed."""
    if tree.history is None:
        return ()
    bare = git(tree.history, "rev-parse", "--is-bare-repository") == b"true\n"
    if bare:
        return ()
    listed = git(
        tree.history, "status", "--porcelain", "-z", "-uno", "--no-renames",
        "--ignore-submodules=all",
    )  # fmt: skip
    count = listed.count(b"\0")
    if not count:
        return ()
    files = "file has" if count == 1 else "files have"
    return (f"{count} {files} uncommitted changes in {tree.named}; they are ignored.",)


def history_of(path: Path) -> Path | None:
    """The top of the git repository that PATH stands for; None if it is plain files.

    A directory that merely lies in a repository, untracked, is plain files.
    """
    kind = attempt(path, "rev-parse", "--is-bare-repository", "--is-inside-git-dir")
    if kind.code:
        if "not a git repository" in kind.err and not (path / ".git").exists():
            return None
        raise InputError(f"git cannot use {path}: {kind.complaint}.")
    if b"true" in kind.out:
        return path
    top = Path(git(path, "rev-parse", "--show-toplevel").decode().removesuffix("\n"))
    prefix = git(path, "rev-parse", "--show-prefix").decode().removesuffix("\n").rstrip("/")
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
    if attempt(top, "config", "--get", "extensions.partialClone").out.strip():
        raise InputError(
            f"{named} is a partial clone, whose files are not all there: run"
            f" `git -C {named} fetch --refetch --no-filter`, or give a full clone."
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
    alternates = git_dir / "objects" / "info" / "alternates"
    with locked(git_dir.with_name(git_dir.name + ".lock")):
        known = alternates.read_text().splitlines() if alternates.exists() else []
        wanted = [line for line in known if line != objects and Path(line).is_dir()] + [objects]
        if wanted != known:
            alternates.parent.mkdir(parents=True, exist_ok=True)
            fresh = alternates.with_name("alternates.new")
            fresh.write_text("".join(f"{line}\n" for line in wanted))
            fresh.replace(alternates)
