# SPDX-License-Identifier: GPL-2.0-or-later
"""The coordinator's side of the exchange: pushes what a run needs, takes it back at its end.

Effects: refs and objects in the repository at CROSSCHECK_GIT_URL, which is best one of its own
(git compares a push with all refs that are there); new objects in ours. See
`pipeline.trees.exchange`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.model import InfraError
from pipeline.owner import is_dead, owner
from pipeline.settings import Settings
from pipeline.trees.exchange import (
    HASTY,
    PATIENT,
    Exchange,
    Patience,
    Published,
    commit_of,
    present,
)
from pipeline.trees.fetch import note
from pipeline.trees.git import git

#: How many bases stay there for the next ones to be compared with.
_BASES = 16
#: No run takes this long: its coordinator was lost, with its machine.
_LOST_S = 7 * 24 * 3600.0
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
#: The tree without files, which git knows in every repository; its commit is never pushed.
_EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_PUSH = (
    *("push", "--quiet", "--no-verify", "--no-follow-tags", "--no-signed"),
    *("--no-force-with-lease", "--recurse-submodules=no"),
)


def publish(settings: Settings, run: str, trees: Sequence[str]) -> None:
    """Push TREES, the base's first, for the workers that will do RUN's jobs.

    Raises InfraError when the repository does not take them.
    """
    git_dir = settings.git_dir
    _note_owner(settings, run)
    with _exchange(settings, PATIENT) as exchange:
        # What both sides have is compared by commits: have those of trees that are here.
        for tree in present(git_dir, {entry.tree for entry in exchange.published()}):
            commit_of(git_dir, tree)
        refs = [Published("bases", run, trees[0]), *(Published("runs", run, t) for t in trees)]
        exchange.move(_PUSH, [f"+{commit_of(git_dir, e.tree)}:{e.ref}" for e in refs])
    note(settings, trees)  # for workers of this machine


def withdraw(settings: Settings, *runs: str) -> None:
    """Remove the refs of RUNS, which are over, if that can be done soon; the latest bases stay.

    If not, a later command of this machine does it (`left_published`).
    """
    if not (settings.git_url and runs):
        return
    with suppress(InfraError), _exchange(settings, HASTY) as exchange:
        gone = outdated(exchange.published(), runs, time.time())
        if gone:
            exchange.move(_PUSH, [f":{entry.ref}" for entry in gone])
        for run in runs:
            _noted(settings, run).unlink(missing_ok=True)


def left_published(settings: Settings) -> tuple[str, ...]:
    """Runs whose refs may still be there, although the process that pushed them is gone.

    It may have been killed before the run was in the database, or the repository been away.
    """
    left = []
    for file in settings.published_dir.glob("[0-9]*"):
        with suppress(FileNotFoundError):
            if is_dead(file.read_text()):
                left.append(file.name)
    return tuple(left)


def _noted(settings: Settings, run: str) -> Path:
    """The file that says who pushes for RUN; no other name there begins with a digit."""
    return settings.published_dir / run


def _note_owner(settings: Settings, run: str) -> None:
    settings.published_dir.mkdir(parents=True, exist_ok=True)
    partial = settings.published_dir / f".{run}"
    partial.write_text(owner())
    partial.replace(_noted(settings, run))


def outdated(
    there: Iterable[Published], runs: Collection[str], now: float
) -> tuple[Published, ...]:
    """What nobody needs of all that is THERE when RUNS end: pure. Their names tell their time."""
    lost = time.strftime("%Y%m%d-%H%M%S", time.localtime(now - _LOST_S))
    bases: set[str] = set()
    gone = []
    for entry in sorted(there, key=lambda entry: entry.run, reverse=True):
        if entry.kind == "runs":
            if entry.run in runs or entry.run < lost:
                gone.append(entry)
        elif entry.tree in bases or len(bases) == _BASES:
            gone.append(entry)
        else:
            bases.add(entry.tree)
    return tuple(gone)


@contextmanager
def _exchange(settings: Settings, patience: Patience) -> Iterator[Exchange]:
    """With a shallow repository that has our objects, and no refs."""
    git_dir = settings.git_dir
    with tempfile.TemporaryDirectory(prefix="crosscheck-push-") as directory:
        where = Path(directory)
        (where / "refs").mkdir()
        (where / "HEAD").write_text("ref: refs/heads/none\n")
        (where / "config").write_text(_CONFIG)
        git(git_dir, "hash-object", "-t", "tree", "-w", "/dev/null")
        (where / "shallow").write_text(f"{commit_of(git_dir, _EMPTY)}\n")
        env = {"GIT_DIR": directory, "GIT_OBJECT_DIRECTORY": str(git_dir / "objects")}
        yield Exchange(settings.git_url, where, env, patience)
