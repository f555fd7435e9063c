# SPDX-License-Identifier: GPL-2.0-or-later
"""Source trees and build directories of jobs on this machine.

A source tree is checked out once for each git tree id, is never changed afterwards, and is
shared by all jobs, which see it read-only. One that is seen as changed from another starts as
hard links to that, and has its own checkout: the times of its files tell what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.kept import Kept
from pipeline.model import FileChange, InfraError
from pipeline.removal import remove
from pipeline.settings import Settings
from pipeline.trees.changes import differing
from pipeline.trees.checkout import checkout, checkout_from


@contextmanager
def _source(
    directory: Path, name: str, make: Callable[[Path], None], doing: Callable[[str], None]
) -> Iterator[Path]:
    """The source tree NAME, made by MAKE if it is not there; kept while the context lasts."""
    kept = Kept(directory / name)

    def fill(place: Path) -> None:
        doing("checking out the source tree")
        make(place)

    with kept.held(fill, lambda: doing("waiting for the source tree")) as place:
        yield place


@dataclass(frozen=True, slots=True)
class Sources:
    """Source trees, kept under DIRECTORY; DOING is told what is being done."""

    git_dir: Path
    directory: Path
    doing: Callable[[str], None]

    @contextmanager
    def whole(self, tree: str, like: str = "") -> Iterator[Path]:
        """TREE, checked out and not to be written to; all its files are old.

        Where LIKE is not empty it names a tree that TREE differs little from. Raises InfraError
        when it cannot be checked out.
        """
        git_dir = self.git_dir

        def make(directory: Path) -> None:
            if like in {"", tree}:
                checkout(git_dir, tree, directory)
                return
            with self.whole(like) as other:
                checkout_from(git_dir, tree, like, other, directory, whole=True)

        with _source(self.directory, tree, make, self.doing) as place:
            yield place

    @contextmanager
    def changed(self, tree: str, since: str, like: str = "") -> Iterator[Path]:
        """As `whole`, but files that differ from the tree SINCE are newer than any kept build."""
        with self.whole(since, like) as other:
            if since == tree:
                yield other
                return

            def make(directory: Path) -> None:
                checkout_from(self.git_dir, tree, since, other, directory)

            with _source(self.directory, f"{tree}-since-{since}", make, self.doing) as place:
                yield place

    def differing(self, old: str, new: str) -> tuple[FileChange, ...]:
        """What the tree NEW changes relative to OLD."""
        return differing(self.git_dir, old, new)


def mark(log: Path, what: str) -> None:
    """Say in LOG that what follows is of another build."""
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"--- {what} ---\n")


@contextmanager
def build_directory(settings: Settings, run: str, job: str, attempt: int) -> Iterator[Path]:
    """A directory for one attempt of a job, with an empty `build` in it; removed at the end."""
    directory = settings.builds_dir / run / f"{job.replace('/', '-')}-{attempt}"
    remove(directory)
    try:
        (directory / "build").mkdir(parents=True)
        yield directory
    except OSError as error:
        place = error.filename or directory
        raise InfraError(
            f"Cannot work in {place} ({error.strerror}): see that it may be written to and that"
            " its disk has room."
        ) from error
    finally:
        remove(directory)
