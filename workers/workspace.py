# SPDX-License-Identifier: GPL-2.0-or-later
"""Source trees and build directories of jobs on this machine.

A source tree is checked out once for each git tree id, is never changed afterwards, and is
shared by all jobs, which see it read-only. One that is seen as changed from another starts as
hard links to that, and has its own checkout: the times of its files tell what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.kept import Kept
from pipeline.model import InfraError
from pipeline.removal import remove
from pipeline.settings import Settings
from pipeline.trees.checkout import checkout, checkout_from


@contextmanager
def _source(
    settings: Settings, name: str, make: Callable[[Path], None], doing: Callable[[str], None]
) -> Iterator[Path]:
    """The source tree NAME, made by MAKE if it is not there; kept while the context lasts."""
    kept = Kept(settings.sources_dir / name)

    def fill(directory: Path) -> None:
        doing("checking out the source tree")
        make(directory)

    while True:
        with kept.used() as there:
            if there:
                yield kept.place
                return
        doing("waiting for the source tree")
        kept.make(fill)


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
