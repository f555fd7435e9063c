# SPDX-License-Identifier: GPL-2.0-or-later
"""The workers' side of the exchange: fetches the source trees of a run that are not here yet.

Objects go to our repository. Which trees are here whole, a second one says, by refs, which git
writes when it has seen that nothing is missing; there are also its locks, and what it notes of
shallow commits. One process of a machine fetches at a time, and removes what another one that was
killed has left. Effects: both repositories. See `pipeline.trees.exchange`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.addresses import shown
from pipeline.kept import locked
from pipeline.model import InfraError
from pipeline.settings import Settings
from pipeline.trees.exchange import REFS, Exchange, Published, commit_of, present
from pipeline.trees.git import git
from pipeline.trees.repository import ensure

_TREES = f"{REFS}/trees"
#: With how many trees, the latest used, those that are fetched are compared.
_COMPARED = 32
#: How many trees are said to be here; of others the commits are fetched again.
_KNOWN = 1000
#: No pack takes this long to write: whoever did was killed.
_STALE_S = 24 * 3600.0
_FETCH = (
    *("fetch", "--quiet", "--depth=1", "--no-tags", "--no-prune", "--no-write-fetch-head"),
    *("--no-auto-maintenance", "--no-recurse-submodules", "--update-shallow"),
)


def fetch(settings: Settings, run: str, trees: Sequence[str], doing: Callable[[str], None]) -> None:
    """Have TREES, which RUN's coordinator has pushed, in our repository.

    DOING is told what is being done. Raises InfraError if they cannot be had.
    """
    here = _Here(settings.git_dir, settings.fetched_dir)
    if here.has(trees):
        return
    doing("waiting for the source trees")
    with locked(here.place.with_name(f"{here.place.name}.lock")):
        here.make()
        if here.has(trees):
            return
        doing("fetching the source trees")
        if not here.fetch(settings.git_url, run, trees):
            raise InfraError(
                f"The git repository {shown(settings.git_url)} does not have the source trees of"
                f" run {run} (any more): see that all machines mean the same one with"
                " CROSSCHECK_GIT_URL, and run again."
            )


def note(settings: Settings, trees: Sequence[str]) -> None:
    """Say of TREES, which are in our repository, that they need not be fetched."""
    here = _Here(settings.git_dir, settings.fetched_dir)
    if here.has(trees):
        return
    with locked(here.place.with_name(f"{here.place.name}.lock")):
        here.make()
        here.note(trees)


@dataclass(frozen=True, slots=True)
class _Here:
    """Our repository GIT_DIR, and that at PLACE, which says what has been fetched."""

    git_dir: Path
    place: Path

    @property
    def _env(self) -> dict[str, str]:
        return {
            "GIT_DIR": str(self.place),
            "GIT_OBJECT_DIRECTORY": str(self.git_dir / "objects"),
        }

    def _files(self) -> list[Path]:
        """The refs of trees that are here, as git's files, the latest used first."""
        used = []
        for file in (self.place / _TREES).glob("[0-9a-f]*"):
            with suppress(FileNotFoundError):
                if not file.suffix:
                    used.append((file.stat().st_mtime, file))
        return [file for _, file in sorted(used, reverse=True)]

    def has(self, trees: Sequence[str]) -> bool:
        """Whether all TREES are here, whole; if so, this is a use of them."""
        files = [self.place / _TREES / tree for tree in trees]
        try:
            for file in files:
                os.utime(file)
        except FileNotFoundError:
            return False
        return len(present(self.git_dir, trees)) == len(files)  # a user's may be gone again

    def note(self, trees: Iterable[str]) -> None:
        """Say of TREES that they are here."""
        new = "".join(f"update {_TREES}/{t} {commit_of(self.git_dir, t)}\n" for t in trees)
        git(self.place, "update-ref", "--stdin", stdin=new.encode(), env=self._env)

    def make(self) -> None:
        """Make both repositories if they are not there, and remove what was left unfinished."""
        ensure(self.git_dir)
        if not (self.place / "config").exists():
            self.place.mkdir(parents=True, exist_ok=True)
            git(self.place, "init", "--quiet", "--bare", "--template=", "--object-format=sha1", ".")
        for lock in self.place.rglob("*.lock"):
            lock.unlink()
        # Commits that have no parents are whole; the more are said to be shallow, the more is sent.
        (self.place / "shallow").unlink(missing_ok=True)
        for pack in (self.git_dir / "objects" / "pack").glob("tmp_*"):
            with suppress(FileNotFoundError):
                if time.time() - pack.stat().st_mtime > _STALE_S:
                    pack.unlink()

    def fetch(self, url: str, run: str, trees: Iterable[str]) -> bool:
        """Fetch TREES of RUN from URL; False if they are not there.

        Raises InfraError for one that is not what its name says.
        """
        wanted = {Published("runs", run, tree) for tree in trees}
        exchange = Exchange(url, self.place, self._env)
        if not wanted <= set(exchange.published()):
            return False
        known = self._files()
        whole = set(present(self.git_dir, [file.name for file in known]))
        self.forget(file.name for file in known if file.name not in whole)
        known = [file for file in known if file.name in whole]
        tips = [f"--negotiation-tip={file.read_text().strip()}" for file in known[:_COMPARED]]
        specs = (f"+{entry.ref}:{_TREES}/{entry.tree}" for entry in wanted)
        exchange.move((*_FETCH, *tips), specs)
        self.forget(file.name for file in known[_KNOWN:])
        self._refuse_others(url)
        return True

    def _refuse_others(self, url: str) -> None:
        form = "--format=%(refname:lstrip=3) %(tree)"
        listed = git(self.place, "for-each-ref", form, _TREES, env=self._env).decode()
        wrong = [name for name, *tree in map(str.split, listed.splitlines()) if tree != [name]]
        if wrong:
            self.forget(wrong)
            raise InfraError(
                f"The git repository {shown(url)} has something else under the name of the source"
                f" tree {wrong[0]}: make it anew, for crosscheck alone, and run again."
            )

    def forget(self, trees: Iterable[str]) -> None:
        """Say of TREES that they are not here."""
        gone = "".join(f"delete {_TREES}/{tree}\n" for tree in trees)
        git(self.place, "update-ref", "--stdin", stdin=gone.encode(), env=self._env)
