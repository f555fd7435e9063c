# SPDX-License-Identifier: GPL-2.0-or-later
"""Source trees and build directories of jobs on this machine.

A source tree is checked out once for each git tree id, is never changed afterwards, and is
shared by all jobs, which see it read-only. A patched tree starts as hard links to its base;
it is one for each base, since the times of its files tell what differs.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.model import Change, InfraError, Step
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
    settings: Settings, change: Change, side: Step, doing: Callable[[str], None]
) -> Iterator[Path]:
    """The source tree of SIDE of CHANGE, checked out and not to be written to.

    Raises InfraError when it cannot be checked out.
    """

    def whole(directory: Path) -> None:
        checkout(settings.git_dir, change.base_tree, directory)

    with _source(settings, change.base_tree, whole, doing) as base:
        if side is Step.BASE or change.patched_tree == change.base_tree:
            yield base
            return

        def differing(directory: Path) -> None:
            checkout_from(settings.git_dir, change.patched_tree, change.base_tree, base, directory)

        name = f"{change.patched_tree}-from-{change.base_tree}"
        with _source(settings, name, differing, doing) as patched:
            yield patched


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
