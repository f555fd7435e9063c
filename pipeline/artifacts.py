# SPDX-License-Identifier: GPL-2.0-or-later
"""The artifact store: files by their content, in a directory.

A file is written beside its place and renamed into it, so that whoever finds it finds it
whole. Only references travel through Redis and the database.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.model import Artifact, InfraError

_PARTIAL = "partial-"
#: No file takes this long to copy: whoever wrote it was killed.
_STALE_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """Files under ROOT, named by the SHA-256 of their content."""

    root: Path

    def _place(self, artifact: Artifact) -> Path:
        digest = artifact.ref.removeprefix("sha256:")
        return self.root / digest[:2] / digest[2:]

    def path(self, artifact: Artifact) -> Path:
        """Where ARTIFACT's content is; raises InfraError if it is not there any more."""
        path = self._place(artifact)
        if not path.exists():
            raise InfraError(
                f"The artifact {artifact.name} ({artifact.ref}) is not in {self.root} any more:"
                " run again with --no-cache."
            )
        return path

    def has(self, artifact: Artifact) -> bool:
        """Whether ARTIFACT's content is still there, and not cut off by a crash."""
        try:
            return self._place(artifact).stat().st_size == artifact.size_bytes
        except FileNotFoundError:
            return False

    def keep(self, name: str, source: Path) -> Artifact:
        """Copy SOURCE into the store under NAME. Raises InfraError if that cannot be."""
        try:
            with source.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            artifact = Artifact(name, f"sha256:{digest}", source.stat().st_size)
            if not self.has(artifact):
                self._copy(source, self._place(artifact))
        except OSError as error:
            raise self._full(name, error) from error
        return artifact

    def _copy(self, source: Path, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.root, prefix=_PARTIAL) as directory:
            partial = Path(directory, "file")
            shutil.copyfile(source, partial)
            partial.chmod(0o644)
            partial.replace(place)

    def keep_text(self, name: str, text: str) -> Artifact:
        """Keep TEXT, as UTF-8, under NAME. Raises InfraError if that cannot be."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=self.root, prefix=_PARTIAL) as directory:
                file = Path(directory, "text")
                file.write_text(text, encoding="utf-8")
                return self.keep(name, file)
        except OSError as error:
            raise self._full(name, error) from error

    def _full(self, name: str, error: OSError) -> InfraError:
        return InfraError(
            f"Cannot keep {name} in {self.root} ({error.strerror}): see that its disk has room."
        )

    def sweep(self) -> None:
        """Remove what was left unfinished by processes that were killed."""
        for left in self.root.glob(f"{_PARTIAL}*"):
            try:
                stale = time.time() - left.stat().st_mtime > _STALE_S
            except FileNotFoundError:
                continue
            if stale:
                shutil.rmtree(left, ignore_errors=True)
