# SPDX-License-Identifier: GPL-2.0-or-later
"""What `git am` will see in each mail: its diff, taken out by git itself. Effects: runs git.

Mails are encoded, nested and folded in many ways. git-mailsplit(1) and git-mailinfo(1) are
what `git am` runs, so that what is judged here is what is applied there.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import InputError, Series
from pipeline.trees.diff import FileDiff, parse
from pipeline.trees.git import attempt


@dataclass(frozen=True, slots=True)
class PatchFile:
    """Patch N of the series: its mail (an mboxrd), its diff, and what the diff says."""

    n: int
    of: int
    subject: str
    mail: bytes
    diff: bytes
    files: tuple[FileDiff, ...]

    @property
    def name(self) -> str:
        """How to call it in a message."""
        return f'patch {self.n}/{self.of} "{self.subject}"'

    @property
    def paths(self) -> frozenset[str]:
        """Every path that it names, before and after it."""
        changes = [f.change for f in self.files]
        return frozenset(p for c in changes for p in (c.path, c.old_path) if p)


def extract(series: Series) -> tuple[PatchFile, ...]:
    """The patches of SERIES. Raises InputError for one in which git finds no diff."""
    found = []
    for patch, mail in zip(series.patches, series.mails, strict=True):
        diff, why = _diff(mail)
        files = parse(diff.decode("utf-8", "replace"))
        file = PatchFile(patch.n, len(series.patches), patch.subject, mail, diff, files)
        if not files:
            because = f" ({why})" if why else ""
            raise InputError(
                f"git finds no diff in {file.name}{because}: ask for it as plain text."
            )
        found.append(file)
    return tuple(found)


def _diff(mail: bytes) -> tuple[bytes, str]:
    """The diff in MAIL, or what git says if it cannot read the mail."""
    with tempfile.TemporaryDirectory(prefix="crosscheck-mail-") as directory:
        place = Path(directory)
        (place / "mbox").write_bytes(mail)
        split = attempt(place, "mailsplit", "--mboxrd", f"-o{place}", "mbox")
        if split.code or split.out.strip() != b"1":
            return b"", split.complaint
        raw = (place / "0001").read_bytes()
        read = attempt(place, "mailinfo", "message", "patch", stdin=raw)
        if read.code:
            return b"", read.complaint
        return (place / "patch").read_bytes(), ""
