# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails of a public-inbox v2 repository: `inbox:/path`. Effects: asks git; writes nothing.

The directory has git/0.git, git/1.git and so on, or is one of these. Each commit adds a mail as
the file m, or says with the file d that one was deleted. Mails are removed for good by writing
history anew, so that a position holds, besides epoch and commit, how many commits led there.
public-inbox-v2-format(5).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import InfraError
from pipeline.series.sources import MAX_MAIL_BYTES
from pipeline.sources.contract import BATCH, LOG, LOOK_BACK, LOOK_BACK_S, Arrival, skipped
from pipeline.trees.git import attempt, git, text


@dataclass(frozen=True, slots=True)
class _Place:
    """In EPOCH, COUNT commits are done, COMMIT the last of them."""

    epoch: int
    commit: str
    count: int

    def encode(self) -> str:
        return f"{self.epoch}:{self.commit}:{self.count}"

    @classmethod
    def decode(cls, position: str) -> _Place:
        epoch, commit, count = position.split(":")
        return cls(int(epoch), commit, int(count))


class Epochs:
    """A `MailSource`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, position: str) -> Iterator[Arrival]:
        """As `MailSource` says; the very first call yields mails of the last day."""
        epochs = self._epochs()
        place = _Place.decode(position) if position else _beginning(epochs)
        if not position:
            yield Arrival(b"", place.encode())
        if place.epoch > max(epochs):
            LOG.warning(
                "%s has fewer epochs than before: its last mails are read again", self._path
            )
            place = _look_back(epochs)
        left = BATCH
        for epoch in sorted(n for n in epochs if n >= place.epoch):
            if epoch > place.epoch:
                place = _Place(epoch, "", 0)
            for place, raw in _mails(epochs[epoch], place, left):  # noqa: B020 (it goes on from it)
                yield Arrival(raw, place.encode())
                left -= 1
            if not left:
                return

    def wait(self, limit_s: float) -> None:
        """As `MailSource` says."""
        time.sleep(limit_s)

    def close(self) -> None:
        """As `MailSource` says."""

    def _epochs(self) -> dict[int, Path]:
        """The repositories by their number."""
        try:
            if (self._path / "git").is_dir():
                found = {
                    int(name[1]): path
                    for path in (self._path / "git").iterdir()
                    if (name := re.fullmatch(r"(\d+)\.git", path.name))
                }
            else:
                found = {0: self._path} if (self._path / "objects").is_dir() else {}
        except OSError as error:
            raise InfraError(f"Cannot read {self._path}: {error.strerror}.") from error
        if not found:
            raise InfraError(f"There is no public-inbox repository (version 2) at {self._path}.")
        return found


def _head(repository: Path) -> str:
    return attempt(repository, "rev-parse", "-q", "--verify", "HEAD^{commit}").out.decode().strip()


def _count(repository: Path, commit: str) -> int:
    return int(text(repository, "rev-list", "--count", commit)) if commit else 0


def _beginning(epochs: dict[int, Path]) -> _Place:
    """Before what the last epoch got within the look-back."""
    since = f"--since={int(time.time()) - LOOK_BACK_S}"
    return _look_back(epochs, since)


def _look_back(epochs: dict[int, Path], *limits: str) -> _Place:
    last = max(epochs)
    repository, head = epochs[last], _head(epochs[last])
    if not head:
        return _Place(last, "", 0)
    lately = text(repository, "rev-list", f"--max-count={LOOK_BACK}", *limits, head).split()
    count = _count(repository, head) - len(lately)
    before = attempt(repository, "rev-parse", "-q", "--verify", f"{head}~{len(lately)}")
    return _Place(last, before.out.decode().strip() if count else "", count)


def _mails(repository: Path, place: _Place, most: int) -> Iterator[tuple[_Place, bytes]]:
    """What comes after PLACE: each mail, and the place after it."""
    count, commits = _commits(repository, place)
    commits = commits[:most]
    asked = "".join(f"{commit}:m\n" for commit in commits).encode()
    told = git(repository, "cat-file", "--batch-check", stdin=asked).decode().splitlines()
    for n, (commit, line) in enumerate(zip(commits, told, strict=True), start=1):
        blob, kind, size = line.split(" ") if line.count(" ") == 2 else ("", line, "0")
        raw = b""
        if kind == "blob" and int(size) > MAX_MAIL_BYTES:
            raw = skipped(f"The mail of {commit} in {repository}", int(size))
        elif kind == "blob":
            raw = git(repository, "cat-file", "blob", blob).replace(b"\r\n", b"\n")
        yield _Place(place.epoch, commit, count + n), raw


def _commits(repository: Path, place: _Place) -> tuple[int, list[str]]:
    """How many commits are done, and the others, oldest first."""
    head = _head(repository)
    if not head or head == place.commit:
        return place.count, []
    if not place.commit:
        return 0, text(repository, "rev-list", "--reverse", head).split()
    ancestor = attempt(repository, "merge-base", "--is-ancestor", place.commit, head)
    if ancestor.code == 0:
        new = text(repository, "rev-list", "--reverse", f"{place.commit}..{head}").split()
        return place.count, new
    LOG.warning("%s was written anew: its last mails are read again", repository)
    common = attempt(repository, "merge-base", place.commit, head).out.decode().strip()
    total = _count(repository, head)
    done = max(_count(repository, common), min(place.count, total) - LOOK_BACK)
    new = text(repository, "rev-list", f"--max-count={total - done}", head).split()
    return done, new[::-1]
