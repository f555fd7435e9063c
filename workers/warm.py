# SPDX-License-Identifier: GPL-2.0-or-later
"""Finished builds of bases, from which other builds start: make redoes what differs.

make finds every file of the base's source older than the copy that it starts from, and every
file that differs from the base's newer (`pipeline.trees.checkout`). The order of times within a
build stays, their values do not matter. A kept build is never written to.
"""

from __future__ import annotations

import filecmp
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.codec import dumps, loads
from pipeline.kept import Kept
from pipeline.model import FileChange, InfraError
from pipeline.removal import remove
from pipeline.walk import walk
from workers.kernel_commands import COMMAND_BYTES, command_of, commands, made_by
from workers.reach import Named, Stale, Unseen, stale

#: Of a source that differs in more files so much is made anew that a start gains nothing.
MOST_FILES = 5000


@dataclass(frozen=True, slots=True)
class Notes:
    """What is remembered of a finished build: what was said of how it is CONFIGURED, what make
    SAID of what it made, and what it did not see.
    """

    configured: tuple[str, ...]
    said: tuple[str, ...]
    unseen: Unseen


@dataclass(frozen=True, slots=True)
class Warm:
    """The kept build of one base: of the source TREE, under DIRECTORY, which is for all that
    are built in the same way.
    """

    directory: Path
    tree: str

    @property
    def _it(self) -> Kept:
        return Kept(self.directory / self.tree)

    @property
    def kept(self) -> bool:
        """Whether there is one."""
        return self._it.there

    def nearest(self, differ: Callable[[str], int | None]) -> Warm | None:
        """The kept build whose source is most like this one's; None if none is near.

        DIFFER says in how many files a tree differs from this one, None if nobody knows.
        """
        kept = [p.name for p in self.directory.glob("*") if p.is_dir() and not p.suffix]
        known = ((differ(tree), tree) for tree in kept)
        near = [(many, tree) for many, tree in known if many is not None and many <= MOST_FILES]
        return Warm(self.directory, min(near)[1]) if near else None

    def keep(self, build: Path, notes: Notes) -> None:
        """Keep the finished build directory BUILD, which is taken away, and NOTES on it.

        It is there whole or not at all, whenever this process is killed. Raises InfraError.
        """

        def fill(directory: Path) -> None:
            directory.mkdir()
            build.rename(directory / "build")
            (directory / "notes").write_text(dumps(notes), encoding="utf-8")

        self._it.make(fill)

    def begin(
        self, build: Path, files: Iterable[FileChange], source: Path, arch: str
    ) -> Notes | None:
        """Copy the kept build into BUILD, which is empty, for SOURCE, which differs in FILES.

        What is remembered of it; None if there is none, or none of it could be used: then
        BUILD is left empty. Raises InfraError if it cannot be copied.
        """
        with self._it.used() as there:
            notes = self._notes() if there else None
            gone = stale(files, notes.unseen, arch, self._has) if notes else None
            if gone is not None:
                self._copy(build)
        if there and notes is None:
            self.drop()  # it is damaged
        if notes is None or gone is None:
            return None
        _settle_times(build, before_s=int(source.stat().st_mtime))
        _take_away(build, gone, notes.unseen.asking)
        return notes

    def named(self) -> Named | None:
        """What was read of it unseen; None if it is gone, or damaged."""
        with self._it.used() as there:
            notes = self._notes() if there else None
        return notes.unseen.named if notes else None

    def _notes(self) -> Notes | None:
        """None if what is kept is not whole."""
        place = self._it.place
        try:
            notes = loads(Notes, (place / "notes").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return notes if (place / "build" / ".config").is_file() else None

    def _has(self, name: str) -> bool:
        """Whether the build has something of that NAME, with or without a suffix."""
        place = self._it.place / "build" / name
        return os.path.lexists(place) or any(_products(place))

    def _copy(self, build: Path) -> None:
        copied = subprocess.run(
            ["cp", "-a", "--reflink=auto", "--", f"{self._it.place / 'build'}/.", build],
            capture_output=True,
            check=False,
        )
        if copied.returncode:
            complaint = copied.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
            raise InfraError(
                f"Cannot copy a kept build ({complaint}): make room, or remove what is kept with"
                " `crosscheck cache --prune --all`."
            )

    def reads_more(self, build: Path, name: str) -> bool:
        """Whether the thing NAME was made in BUILD of a generated header of which it was not here.

        A header that the file which it is made from includes is not there in a build from nothing.
        """
        before, now = (
            _generated(command_of(place / name)) for place in (self._it.place / "build", build)
        )
        return bool(now - before)

    def drop(self) -> None:
        """Remove it, when nobody uses it any more."""
        self._it.drop()

    def changed(self, build: Path, objects: Iterable[str]) -> tuple[str, ...] | None:
        """Those of OBJECTS that are in BUILD not what they are here, sorted; None if it is gone."""
        with self._it.used() as there:
            if not there:
                return None
            kept = self._it.place / "build"
            return tuple(sorted(name for name in objects if not _same(build, kept, name)))


def _generated(command: Path) -> set[str]:
    """The generated headers that COMMAND, a `.X.cmd` file, names."""
    if command.is_symlink() or not command.is_file():
        return set()
    with command.open(encoding="utf-8", errors="replace") as stream:
        words = stream.read(COMMAND_BYTES).split()
    return {word for word in words if word.startswith("include/generated/")}


def _same(build: Path, kept: Path, name: str) -> bool:
    """Whether both directories have the same file NAME; links are none."""
    ours, theirs = build / name, kept / name
    if any(path.is_symlink() or not path.is_file() for path in (ours, theirs)):
        return False
    return filecmp.cmp(ours, theirs, shallow=False)


@dataclass(frozen=True, slots=True)
class Start:
    """A kept build to start from, for a source that differs from its source in FILES."""

    warm: Warm
    files: tuple[FileChange, ...]


def _settle_times(build: Path, *, before_s: int) -> None:
    """Make all times in BUILD lie in the second before BEFORE_S, in the order that they have."""
    times = {e.path: e.stat(follow_symlinks=False).st_mtime_ns for e in walk(build)}
    rank = {time: place for place, time in enumerate(sorted(set(times.values())))}
    for path, time in times.items():
        at = (before_s - 1) * 10**9 + rank[time] * 1000
        os.utime(path, ns=(at, at), follow_symlinks=False)


def _take_away(build: Path, gone: Stale, asking: Iterable[str]) -> None:
    """Remove from BUILD what has GONE, and where files are new or gone what is ASKING for some.

    The base's own code made it, and links in it lead out.
    """
    top = build.resolve()
    for directory in gone.directories:
        if _is_below(build / directory, top):
            remove(build / directory)
    for stem in gone.stems:
        place = build / stem
        if _is_below(place, top):
            for path in tuple(_products(place)):
                remove(path)
    if gone.names:
        made = [build / name for name in asking]
        for path in (*made, *_made_from_one_of(gone.names, build)):
            if _is_below(path, top):
                remove(path)
                remove(command_of(path))


def _products(stem: Path) -> Iterator[Path]:
    """What there is that is called as STEM, with a suffix."""
    if stem.parent.is_dir():
        for path in stem.parent.iterdir():
            if path.name.removeprefix(".").startswith(f"{stem.name}."):
                yield path


def _is_below(path: Path, top: Path) -> bool:
    """Whether no link leads from PATH's directory out of TOP."""
    return path.parent.resolve().is_relative_to(top)


def _made_from_one_of(names: frozenset[str], build: Path) -> Iterator[Path]:
    """What was made in BUILD from a file that is called as one in NAMES."""
    for command in commands(build):
        words = command.read_text(encoding="utf-8", errors="replace").split()
        if any(word.rpartition("/")[2] in names for word in words):
            yield made_by(command)
