# SPDX-License-Identifier: GPL-2.0-or-later
"""The artifact store: files by their content, in a directory.

A file is written beside its place and renamed into it, so that whoever finds it finds it
whole. Only references travel through Redis and the database.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import Artifact, InfraError


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """Files under ROOT, named by the SHA-256 of their content."""

    root: Path

    def path(self, artifact: Artifact) -> Path:
        """Where ARTIFACT's content is; raises InfraError if it is not there any more."""
        digest = artifact.ref.removeprefix("sha256:")
        path = self.root / digest[:2] / digest[2:]
        if not path.exists():
            raise InfraError(
                f"The artifact {artifact.name} ({artifact.ref}) is not in {self.root} any more:"
                " run again with --no-cache."
            )
        return path

    def has(self, artifact: Artifact) -> bool:
        """Whether ARTIFACT's content is still there."""
        digest = artifact.ref.removeprefix("sha256:")
        return (self.root / digest[:2] / digest[2:]).exists()

    def keep(self, name: str, source: Path) -> Artifact:
        """Copy SOURCE into the store under NAME."""
        with source.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = source.stat().st_size
        place = self.root / digest[:2] / digest[2:]
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            handle, partial = tempfile.mkstemp(dir=place.parent, prefix=".partial-")
            os.close(handle)
            try:
                shutil.copyfile(source, partial)
                Path(partial).chmod(0o644)
                Path(partial).replace(place)
            except OSError as error:
                Path(partial).unlink(missing_ok=True)
                raise InfraError(f"Cannot keep {name} in {self.root}: {error.strerror}.") from error
        return Artifact(name=name, ref=f"sha256:{digest}", size_bytes=size)

    def keep_text(self, name: str, text: str) -> Artifact:
        """Keep TEXT, as UTF-8, under NAME."""
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self.root) as stream:
            stream.write(text)
            stream.flush()
            return self.keep(name, Path(stream.name))
