# SPDX-License-Identifier: GPL-2.0-or-later
"""The artifact store: files by their content, shared by all hosts of a fleet.

They are in a directory (`pipeline.artifact_files`). Where CROSSCHECK_ARTIFACTS_URL names object
storage (`pipeline.object_storage`), what is kept is stored there too, what is not in the directory
is fetched from there, and the directory is a cache of it. Only references travel through Redis and
the database. Whatever is handed out was read through and is what its name says.

A file goes when nobody used it for CROSSCHECK_KEEP_DAYS (0: never). A run that refers to it began
before that, or has asked for it since: what was seen of a base is looked at anew when its files
are gone, and the log of an old run is said to be gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from pipeline.artifact_files import ArtifactFiles, WrongContentError
from pipeline.model import Artifact, InfraError
from pipeline.settings import Settings

_DAY_S = 24 * 3600.0


class Remote(Protocol):
    """Where all hosts find files by their content. Methods raise InfraError when it fails."""

    @property
    def named(self) -> str:
        """As it may be shown to anybody."""

    def reach(self) -> None:
        """Do nothing, if it answers and lets us in."""

    def has(self, artifact: Artifact) -> bool:
        """Whether it is there, of its full size; if so, it stays for long."""

    def send(self, artifact: Artifact, file: Path) -> None:
        """Store FILE, which has ARTIFACT's content."""

    def fetch(self, artifact: Artifact, place: Path) -> bool:
        """Write what is there of that name to PLACE; False if it is not there."""

    def remove(self, artifact: Artifact) -> bool:
        """Remove what is there of that name; False if that is not allowed."""


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """Files under ROOT, named by the SHA-256 of their content, and those of REMOTE if any."""

    root: Path
    remote: Remote | None = None

    @property
    def _files(self) -> ArtifactFiles:
        return ArtifactFiles(self.root)

    def reach(self) -> None:
        """Raise InfraError if all hosts share it and it cannot be reached from here."""
        if self.remote is not None:
            self.remote.reach()

    def path(self, artifact: Artifact) -> Path:
        """Where ARTIFACT's content is, which was checked.

        Raises InfraError if it is not there any more, or not what its name says.
        """
        with self._room(artifact.name):
            try:
                if not self._files.check(artifact) and not self._fetch(artifact):
                    raise InfraError(self._gone(artifact))
            except WrongContentError:
                if not self._fetch(artifact):
                    raise InfraError(
                        f"{_called(artifact)} was damaged in {self.root} and is removed: run"
                        " again, and see that its disk is sound."
                    ) from None
        return self._files.place(artifact)

    def _fetch(self, artifact: Artifact) -> bool:
        """Bring ARTIFACT here from where all hosts find it; False if it is not there."""
        if self.remote is None:
            return False
        remote, found = self.remote, True

        def fill(place: Path) -> None:
            nonlocal found
            found = remote.fetch(artifact, place)
            if not found:
                raise WrongContentError

        try:
            self._files.take(artifact, fill)
        except WrongContentError:
            if found:
                raise InfraError(self._wrong(remote, artifact)) from None
        return found

    def _gone(self, artifact: Artifact) -> str:
        return (
            f"{_called(artifact)} is not in {self.remote.named if self.remote else self.root} any"
            " more: it was not used for longer than files are kept, or was removed; run again."
        )

    @staticmethod
    def _wrong(remote: Remote, artifact: Artifact) -> str:
        """What to say of what is there instead of ARTIFACT; nobody needs it."""
        what = f"{_called(artifact)} is damaged in {remote.named}"
        if remote.remove(artifact):
            return f"{what} and is removed there: run again."
        return f"{what} and may not be removed by us: remove it there, and run again."

    def has(self, artifact: Artifact) -> bool:
        """Whether ARTIFACT's content is there for all hosts, and not cut off by a crash.

        If so, it stays for long. Raises InfraError when that cannot be found out.
        """
        with self._room(artifact.name):
            if self.remote is None:
                return self._files.has(artifact)
            if self.remote.has(artifact):
                return True
            try:
                ours = self._files.check(artifact)
            except WrongContentError:
                return False
            if ours:  # the others have lost it
                self.remote.send(artifact, self._files.place(artifact))
            return ours

    def keep(self, name: str, source: Path) -> Artifact:
        """Copy SOURCE into the store under NAME. Raises InfraError if that cannot be."""
        with self._room(name):
            artifact = self._files.keep(name, source)
            if self.remote is not None and not self.remote.has(artifact):
                self.remote.send(artifact, self._files.place(artifact))
        return artifact

    def keep_text(self, name: str, text: str) -> Artifact:
        """Keep TEXT, as UTF-8, under NAME. Raises InfraError if that cannot be."""
        with self._room(name), TemporaryDirectory() as directory:
            file = Path(directory, "text")
            file.write_text(text, encoding="utf-8")
            return self.keep(name, file)

    @contextmanager
    def _room(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InfraError(
                f"Cannot keep {name} in {self.root} ({error.strerror}): see that its disk has room."
            ) from error

    def sweep(self, keep_days: float = 0) -> None:
        """Remove from the directory what was left unfinished by processes that were killed, and
        what was not used for KEEP_DAYS; 0 is for ever.
        """
        self._files.sweep(keep_days * _DAY_S)


def _called(artifact: Artifact) -> str:
    return f"The artifact {artifact.name} ({artifact.ref})"


def open_artifacts(settings: Settings) -> ArtifactStore:
    """The store that SETTINGS ask for. Raises InputError for one that cannot be meant."""
    if not settings.artifacts_url:
        return ArtifactStore(settings.artifacts_dir)
    from pipeline.object_storage import open_storage  # noqa: PLC0415 (takes half a second)

    return ArtifactStore(settings.artifacts_dir, open_storage(settings.artifacts_url))
