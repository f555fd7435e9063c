# SPDX-License-Identifier: GPL-2.0-or-later
"""The series as commits on its base, as `git am -3` makes them. Effects, all under our cache.

git works in a scratch repository that shares our objects, with a sparse checkout of the
touched paths: 95,000 files stay where they are. Committer and date are fixed, so that the
same mails on the same base become the same commits.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import CrosscheckError, InfraError, InputError
from pipeline.settings import Settings
from pipeline.trees.extract import PatchFile
from pipeline.trees.git import Ran, attempt, git
from pipeline.trees.refusal import explain

_CONFIG = """\
[core]
\trepositoryformatversion = 0
\tbare = false
\tsparseCheckout = true
[index]
\tsparse = false
"""
_STALE_S = 24 * 3600.0  # a scratch repository this old belongs to a process that was killed


class AlreadyThereError(InputError):
    """What a patch changes is so in the base."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A repository of its own for one series; its objects are ours."""

    worktree: Path
    env: dict[str, str]

    def attempt(self, *arguments: str | Path, stdin: bytes = b"") -> Ran:
        """Run git in it."""
        return attempt(self.worktree, *arguments, stdin=stdin, env=self.env)

    def head(self) -> str:
        """The commit that it is at."""
        return git(self.worktree, "rev-parse", "HEAD", env=self.env).decode().strip()


def apply(
    base: str,
    patches: Sequence[PatchFile],
    settings: Settings,
    progress: Callable[[str], None],
) -> tuple[str, ...]:
    """The commits, in our repository, that PATCHES become on the commit BASE, in order.

    Raises InputError, naming patch, file and hunk, for one that does not apply.
    """
    paths = sorted({path for patch in patches for path in patch.paths})
    commits = []
    with _scratch(settings, base, paths) as scratch:
        before = base
        for patch in patches:
            progress(f"applying patch {patch.n}/{patch.of}")
            after = _apply_one(scratch, patch, base, before)
            commits.append(after)
            before = after
    return tuple(commits)


def _apply_one(scratch: Scratch, patch: PatchFile, base: str, before: str) -> str:
    mail = scratch.worktree.with_name("mail")
    mail.write_bytes(patch.mail)
    ran = scratch.attempt(
        "am", "--quiet", "-3", "--no-gpg-sign", "--no-rerere-autoupdate", "--no-scissors",
        "--patch-format=mboxrd", mail,
    )  # fmt: skip
    if ran.code:
        raise _why_not(scratch, patch, base, ran)
    after = scratch.head()
    if after == before:
        raise AlreadyThereError(_already(patch, base))
    return after


def _why_not(scratch: Scratch, patch: PatchFile, base: str, ran: Ran) -> CrosscheckError:
    """What to say about PATCH, which `git am` did not take."""
    scratch.attempt("read-tree", "HEAD")  # what a failed merge left in the index
    check = scratch.attempt("apply", "--check", "--cached", "-", stdin=patch.diff)
    if check.code:
        undone = scratch.attempt("apply", "--check", "--cached", "--reverse", "-", stdin=patch.diff)
        if not undone.code:
            return AlreadyThereError(_already(patch, base))
        return InputError(explain(patch, base, check.err))
    header = re.search(r"invalid date format.*|empty ident name.*|Patch is empty.*", ran.err)
    if header:
        return InputError(f"git am does not take {patch.name}: {header[0]}.")
    return InfraError(f"git am failed on {patch.name}: {ran.complaint}.")


def _already(patch: PatchFile, base: str) -> str:
    name = patch.name
    return (
        f"{name[0].upper()}{name[1:]} is already in the base {base[:12]}: give the commit before"
        " it with --base, or leave the patch out."
    )


@contextmanager
def _scratch(settings: Settings, commit: str, paths: Sequence[str]) -> Iterator[Scratch]:
    place = settings.cache_dir / "scratch"
    place.mkdir(parents=True, exist_ok=True)
    for old in place.iterdir():
        if old.stat().st_mtime < time.time() - _STALE_S:
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=place) as directory:
        repository, worktree = Path(directory) / "git", Path(directory) / "tree"
        for made in (worktree, repository / "info", repository / "refs"):
            made.mkdir(parents=True)
        (repository / "HEAD").write_text(f"{commit}\n")
        (repository / "config").write_text(_CONFIG)
        (repository / "info" / "sparse-checkout").write_text("".join(map(_pattern, paths)))
        shutil.copyfile(settings.git_dir / "info/attributes", repository / "info/attributes")
        env = {
            "GIT_DIR": str(repository),
            "GIT_WORK_TREE": str(worktree),
            "GIT_OBJECT_DIRECTORY": str(settings.git_dir / "objects"),
        }
        git(worktree, "read-tree", "-m", "-u", "HEAD", env=env)
        yield Scratch(worktree, env)


def _pattern(path: str) -> str:
    """The sparse-checkout pattern of exactly PATH, gitignore(5)."""
    return "/" + re.sub(r"([\\*?\[\] ])", r"\\\1", path) + "\n"
