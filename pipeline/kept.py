# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories that this machine keeps for later: whole or not there, shared, and bounded.

Each has a lock beside it (flock(2): locks end with their process), whose text is the
directory's size and whose time is that of its last use. What was used longest ago goes first,
and nothing goes that is in use.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import InfraError
from pipeline.removal import remove
from pipeline.walk import walk

_PARTIAL = ".partial"
_BLOCK_BYTES = 512  # of st_blocks, whatever the file system's own are


@contextmanager
def locked(path: Path, *, exclusive: bool = True, wait: bool = True) -> Iterator[bool]:
    """Hold the lock PATH, alone or with others that do not want it alone.

    False if it cannot be had without waiting and we do not WAIT.
    """
    how = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a")
    except OSError as error:
        raise _cannot(f"lock {path}", error) from error
    with handle:
        try:
            fcntl.flock(handle, how | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


@dataclass(frozen=True, slots=True)
class Kept:
    """The directory at PLACE, if it is there."""

    place: Path

    @property
    def lock(self) -> Path:
        """Beside it, and there for good."""
        return self.place.with_name(f"{self.place.name}.lock")

    @property
    def there(self) -> bool:
        """Whether it is there at this moment."""
        return self.place.is_dir()

    @contextmanager
    def used(self) -> Iterator[bool]:
        """Whether it is there; if so, it stays as long as the context lasts."""
        with locked(self.lock, exclusive=False):
            if self.there:
                os.utime(self.lock)
            yield self.there

    @contextmanager
    def held(
        self, fill: Callable[[Path], None], wait: Callable[[], None] = lambda: None
    ) -> Iterator[Path]:
        """Its place, which stays as long as the context lasts; FILL writes it if it is not there.

        WAIT is called before somebody else's work on it may have to be waited for.
        """
        while True:
            with self.used() as there:
                if there:
                    yield self.place
                    return
            wait()
            self.make(fill)

    def measure(self) -> None:
        """Say anew how large it is, if it is there."""
        with self.used() as there, suppress(OSError):
            if there:
                self.lock.write_text(str(_own_bytes(self.place)))

    def drop(self) -> None:
        """Remove it, when nobody uses it any more."""
        with locked(self.lock):
            if self.there:
                _remove_whole(self.place)

    def make(self, fill: Callable[[Path], None]) -> None:
        """Have FILL write it, unless it is there; whoever wants it meanwhile waits.

        FILL writes another path each time: the programs of a worker that was killed may still
        be writing when the next one begins. Raises InfraError for what the disk does not take.
        """
        try:
            with locked(self.lock):
                if self.there:
                    return
                for left in self.place.parent.glob(f"{self.place.name}.*{_PARTIAL}"):
                    remove(left)
                partial = Path(tempfile.mkdtemp(_PARTIAL, f"{self.place.name}.", self.place.parent))
                try:
                    fill(partial / "it")
                    self.lock.write_text(str(_own_bytes(partial)))
                    (partial / "it").rename(self.place)
                finally:
                    remove(partial)
        except OSError as error:
            raise _cannot(f"keep {self.place}", error) from error


def _cannot(what: str, error: OSError) -> InfraError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        remedy = "make room on its disk, or allow the cache less with --cache-size"
    else:
        remedy = "see that it may be written to"
    return InfraError(f"Cannot {what} ({error.strerror}): {remedy}.")


def _own_bytes(directory: Path) -> int:
    """What DIRECTORY takes on the disk, without files that other directories have too."""
    blocks = 0
    for entry in walk(directory):
        status = entry.stat(follow_symlinks=False)
        if entry.is_dir(follow_symlinks=False) or status.st_nlink == 1:
            blocks += status.st_blocks
    return blocks * _BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept directory in a list. USED_AT is in seconds since the epoch."""

    place: Path
    size_bytes: int
    used_at: float


def entries(roots: Iterable[Path]) -> tuple[Entry, ...]:
    """What is kept anywhere below ROOTS, the latest used first."""
    found = []
    for root in roots:
        for place, names, files in os.walk(root):
            ours = [name for name in names if f"{name}.lock" in files]
            # What is in there, finished or not, is not ours to look at.
            names[:] = [n for n in names if n not in ours and not n.endswith(_PARTIAL)]
            for kept in (Kept(Path(place, name)) for name in ours):
                with suppress(FileNotFoundError):
                    used_at = kept.lock.stat().st_mtime
                    found.append(Entry(kept.place, _said_bytes(kept.lock), used_at))
    return tuple(sorted(found, key=lambda entry: -entry.used_at))


def _said_bytes(lock: Path) -> int:
    """The size that LOCK says; 0 if it says none."""
    try:
        said = lock.read_bytes()
    except OSError:
        return 0
    return int(said) if said.isdigit() else 0


def limit_bytes(roots: Iterable[Path], asked_bytes: int) -> int:
    """How much may be kept below ROOTS: what was asked for, else half of what the disk has left
    for it.
    """
    if asked_bytes:
        return asked_bytes
    roots = tuple(roots)
    top = next(p for p in (roots[0], *roots[0].parents) if p.exists())
    return (shutil.disk_usage(top).free + sum(e.size_bytes for e in entries(roots))) // 2


def make_room(roots: Iterable[Path], limit: int) -> tuple[Entry, ...]:
    """Remove what was used longest ago until what is kept below ROOTS takes LIMIT bytes at most.

    What was removed. What is in use stays, so that more than LIMIT may be left.
    """
    roots = tuple(roots)
    kept = entries(roots)
    total = sum(entry.size_bytes for entry in kept)
    gone = []
    for entry in reversed(kept):
        if total <= limit:
            break
        with locked(Kept(entry.place).lock, wait=False) as alone:
            if alone and _remove_whole(entry.place):
                total -= entry.size_bytes
                gone.append(entry)
    for root in roots:
        _sweep(root)
    return tuple(gone)


def keep_within(roots: Iterable[Path], asked_bytes: int) -> None:
    """Make room below ROOTS if that can be done; for ASKED_BYTES see `limit_bytes`."""
    roots = tuple(roots)
    with suppress(InfraError, OSError):  # whoever asks has what he wanted kept
        make_room(roots, limit_bytes(roots, asked_bytes))


def _remove_whole(place: Path) -> bool:
    """Remove PLACE; if we are killed meanwhile, nobody takes what is left for all of it.

    False if it cannot be removed.
    """
    doomed = place.with_name(f"{place.name}.gone{_PARTIAL}")
    remove(doomed)
    try:
        place.rename(doomed)
    except OSError:
        return False
    remove(doomed)
    return True


def _sweep(root: Path) -> None:
    """Remove what processes that were killed left unfinished."""
    for partial in (*root.glob(f"*{_PARTIAL}"), *root.glob(f"*/*/*{_PARTIAL}")):
        name = partial.name.rsplit(".", 2)[0]
        with locked(partial.with_name(f"{name}.lock"), wait=False) as alone:
            if alone:
                remove(partial)
