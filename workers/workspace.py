# SPDX-License-Identifier: GPL-2.0-or-later
"""Source trees and build directories of jobs on this machine.

A source tree is checked out once for each git tree id, is never changed afterwards, and is
shared by all jobs, which see it read-only. One that is seen as changed from another starts as
hard links to that, and has its own checkout: the times of its files tell what differs.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.model import InfraError
from pipeline.removal import remove
from pipeline.settings import Settings
from pipeline.trees.checkout import checkout, checkout_from
from workers.locks import locked


@contextmanager
def _source(
    settings: Settings, name: str, make: Callable[[Path], None], doing: Callable[[str], None]
) -> Iterator[Path]:
    """The source tree NAME, made by MAKE if it is not there; kept while the context lasts."""
    place = settings.sources_dir / name
    lock = settings.sources_dir / f"{name}.lock"
    while True:
        with locked(lock, exclusive=False):
            if place.is_dir():
                os.utime(lock)  # when it was last used, for whoever makes room
                yield place
                return
        doing("waiting for the source tree")
        with locked(lock, exclusive=True):
            if not place.is_dir():
                doing("checking out the source tree")
                _make(place, make)


def _make(place: Path, make: Callable[[Path], None]) -> None:
    """Have MAKE write PLACE, which is there only once it is whole.

    It is written under another name each time: the git of a worker that was killed may
    still be writing when the next one begins.
    """
    for left in place.parent.glob(f"{place.name}.*.partial"):
        remove(left)
    try:
        partial = Path(tempfile.mkdtemp(".partial", f"{place.name}.", place.parent))
        try:
            make(partial / "tree")
            (partial / "tree").rename(place)
        finally:
            remove(partial)
    except OSError as error:
        raise InfraError(f"Cannot check out {place}: {error.strerror}.") from error


@contextmanager
def source(
    settings: Settings, tree: str, since: str, doing: Callable[[str], None]
) -> Iterator[Path]:
    """The source tree TREE, checked out and not to be written to.

    If SINCE is not empty, it names a tree too, and files that differ from that one's are newer
    than any kept build of it. Raises InfraError when it cannot be checked out.
    """

    def whole(directory: Path) -> None:
        checkout(settings.git_dir, since or tree, directory)

    with _source(settings, since or tree, whole, doing) as plain:
        if since in {"", tree}:
            yield plain
            return

        def differing(directory: Path) -> None:
            checkout_from(settings.git_dir, tree, since, plain, directory)

        with _source(settings, f"{tree}-from-{since}", differing, doing) as other:
            yield other


@contextmanager
def build_directory(settings: Settings, run: str, job: str, attempt: int) -> Iterator[Path]:
    """A directory for one attempt of a job, with an empty `build` in it; removed at the end."""
    directory = settings.builds_dir / run / f"{job.replace('/', '-')}-{attempt}"
    remove(directory)
    try:
        (directory / "build").mkdir(parents=True)
        yield directory
    except OSError as error:
        raise InfraError(
            f"Cannot work in {directory} ({error.strerror}): see that its disk has room."
        ) from error
    finally:
        remove(directory)
