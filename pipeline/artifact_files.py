# SPDX-License-Identifier: GPL-2.0-or-later
"""Files by their content in a directory of this machine: written whole, checked, let go by age.

A file is named by its SHA-256, written beside its place and renamed into it, so that whoever
finds it finds it whole. Its time is that of its last use. Whoever uses a file sets its time, and
whoever lets old ones go looks at it again, under one lock (flock(2)): what was just asked for
does not go.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.kept import locked
from pipeline.model import Artifact

_PARTIAL = "partial-"
#: No file takes this long to copy: whoever wrote it was killed.
_STALE_S = 24 * 3600.0
#: How often it is looked which files are too old: all of them are looked at.
_LOOK_S = 3600.0
_CHUNK_BYTES = 1 << 20


class WrongContentError(Exception):
    """A file is not what its name says."""


@dataclass(frozen=True, slots=True)
class ArtifactFiles:
    """Files under ROOT. All methods raise OSError, and InfraError where ROOT cannot be locked."""

    root: Path

    def place(self, artifact: Artifact) -> Path:
        """Where ARTIFACT's content is, if it is here."""
        digest = artifact.ref.removeprefix("sha256:")
        return self.root / digest[:2] / digest[2:]

    @property
    def _lock(self) -> Path:
        return self.root / "lock"

    def has(self, artifact: Artifact) -> bool:
        """Whether it is here, of its full size; if so, this is a use of it."""
        place = self.place(artifact)
        with locked(self._lock, exclusive=False):
            try:
                whole = place.stat().st_size == artifact.size_bytes
            except FileNotFoundError:
                return False
            with suppress(PermissionError):
                os.utime(place)
        return whole

    def check(self, artifact: Artifact) -> bool:
        """Whether it is here with its very content, which is read; if so, this is a use of it.

        Raises WrongContentError if what is here is another content; that is removed.
        """
        place = self.place(artifact)
        with locked(self._lock, exclusive=False):
            try:
                stream = place.open("rb")
            except FileNotFoundError:
                return False
            with suppress(PermissionError):
                os.utime(place)
        with stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            read = os.fstat(stream.fileno())
        if f"sha256:{digest}" == artifact.ref and read.st_size == artifact.size_bytes:
            return True
        with locked(self._lock), suppress(FileNotFoundError):
            if os.path.samestat(place.stat(), read):  # else somebody has mended it
                place.unlink()
        raise WrongContentError

    def keep(self, name: str, source: Path) -> Artifact:
        """Copy SOURCE here. What is named is what was copied, whoever else writes to SOURCE."""
        self.root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.root, prefix=_PARTIAL) as directory:
            partial = Path(directory, "file")
            digest = hashlib.sha256()
            with source.open("rb") as stream, partial.open("wb") as copy:
                while chunk := stream.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    copy.write(chunk)
            artifact = Artifact(name, f"sha256:{digest.hexdigest()}", partial.stat().st_size)
            self._move(partial, artifact)
        return artifact

    def take(self, artifact: Artifact, fill: Callable[[Path], None]) -> None:
        """Have FILL write ARTIFACT's content to a new file, and keep it here.

        Raises WrongContentError if it is not that, and what FILL raises.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.root, prefix=_PARTIAL) as directory:
            partial = Path(directory, "file")
            fill(partial)
            with partial.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if f"sha256:{digest}" != artifact.ref or partial.stat().st_size != artifact.size_bytes:
                raise WrongContentError
            self._move(partial, artifact)

    def _move(self, partial: Path, artifact: Artifact) -> None:
        """Put PARTIAL in its place; one that is there has the same content, or is damaged."""
        place = self.place(artifact)
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.chmod(0o644)
        with locked(self._lock, exclusive=False):
            partial.replace(place)

    def sweep(self, keep_s: float) -> None:
        """Remove what processes that were killed left unfinished, and what was not used for KEEP_S
        seconds; 0 is for ever.
        """
        for left in self.root.glob(f"{_PARTIAL}*"):
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > _STALE_S:
                    shutil.rmtree(left, ignore_errors=True)
        if not keep_s or not self.root.is_dir():
            return
        looked = self.root / "looked"
        with locked(self.root / "looked.lock", wait=False) as alone, suppress(PermissionError):
            if alone and not _is_younger(looked, _LOOK_S):
                looked.touch()
                self._expire(keep_s)

    def _expire(self, keep_s: float) -> None:
        for place in self.root.glob("??/*"):
            if not _is_younger(place, keep_s):
                with locked(self._lock):
                    if not _is_younger(place, keep_s):
                        place.unlink(missing_ok=True)


def _is_younger(path: Path, age_s: float) -> bool:
    """Whether PATH was written or used less than AGE_S seconds ago."""
    try:
        return time.time() - path.stat().st_mtime < age_s
    except FileNotFoundError:
        return False
