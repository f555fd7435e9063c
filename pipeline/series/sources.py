# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user named as SERIES, as raw mails. Effects: reads files, stdin and, through
functions that it is given, git and mail archives.

Reading is bounded: a mail of more than `MAX_MAIL_BYTES`, or more than `MAX_TOTAL_BYTES` of
mails, is refused without having been read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pipeline.model import InputError
from pipeline.series import hazards, mbox

MAX_MAIL_BYTES = 25 << 20
MAX_TOTAL_BYTES = 64 << 20
_MAIL_SUFFIXES = (".patch", ".eml", ".mbox", ".mbx", ".mail", ".diff")
_MESSAGE_ID = re.compile(r"<[^<>\s@]+@[^<>\s@]+>|[^<>\s@/]+@[^<>\s@/{}]+")

#: Gives for a git range or revision an mboxrd of its patches and the commit before them;
#: None for what is neither.
Exporter = Callable[[str], tuple[bytes, str] | None]
#: Gives for a Message-ID, or the address of a mail in an archive, an mboxrd of its thread, and
#: its Message-ID.
Fetcher = Callable[[str], tuple[bytes, str]]


@dataclass(frozen=True, slots=True)
class RawMail:
    """The bytes of one mail, and where they were: `thread.mbox, mail 3`."""

    origin: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """All mails of one SERIES argument. PARENT is the commit before a git range, else "";
    MESSAGE_ID is of the mail that names its thread, else "".
    """

    name: str
    mails: tuple[RawMail, ...]
    parent: str = ""
    message_id: str = ""


def no_archive(argument: str) -> tuple[bytes, str]:
    """A `Fetcher` that asks nobody."""
    raise InputError(f"{argument} is in no file: save the thread as mbox and give that file.")


def read(
    arguments: Sequence[str], *, stdin: BinaryIO, export: Exporter, fetch: Fetcher = no_archive
) -> Source:
    """The mails that ARGUMENTS name: files, directories, maildirs, `-`, one git range, or the
    thread of one mail in an archive.

    Raises InputError for what is not there, is no mail, or is too large.
    """
    name = " ".join(arguments)
    if len(arguments) == 1 and arguments[0] != "-" and not _is_there(arguments[0]):
        return _from_afar(arguments[0], export, fetch)
    mails: list[RawMail] = []
    reader = _Reader()
    for argument in arguments:
        if argument == "-":
            mails.extend(reader.mails(stdin, "standard input"))
            continue
        if not _is_there(argument):
            raise InputError(
                f"There is no file or directory {_short(argument)}: give files, or one git range."
            )
        for file in _files(Path(argument)):
            mails.extend(_read_file(reader, file))
    if not mails:
        raise InputError(f"{_shown(name)} is empty: there is no patch in it.")
    return Source(name, tuple(mails))


def _is_there(argument: str) -> bool:
    """Whether ARGUMENT is a file or directory. Raises InputError if that cannot be found out."""
    if not argument:
        raise InputError("SERIES is empty: name an mbox, patch files, or a git range.")
    try:
        return Path(argument).exists()
    except OSError as error:
        raise InputError(f"Cannot read {_short(argument)}: {error.strerror}.") from error


def _short(argument: str) -> str:
    return argument if len(argument) < 200 else f"{argument[:200]}…"


def _shown(name: str) -> str:
    return "standard input" if name == "-" else name


def _from_afar(argument: str, export: Exporter, fetch: Fetcher) -> Source:
    """What git or else an archive has. What may be a revision is asked of git first."""
    parent = message_id = ""
    is_url = re.match(r"https?://", argument)
    exported = None if is_url else export(argument)
    if exported is not None:
        patches, parent = exported
    elif is_url or _MESSAGE_ID.fullmatch(argument):
        patches, message_id = fetch(argument)
    else:
        raise InputError(
            f"There is no file, directory, git range or revision {_short(argument)}, and it is no"
            " Message-ID."
        )
    mails = _Reader().mails(BytesIO(patches), argument, quoted=True)
    return Source(argument, tuple(mails), parent, message_id)


def _read_file(reader: _Reader, file: Path) -> Iterator[RawMail]:
    try:
        with file.open("rb") as stream:
            yield from reader.mails(stream, str(file))
    except OSError as error:
        raise InputError(f"Cannot read {file}: {error.strerror}.") from error


def _files(path: Path) -> list[Path]:
    """PATH itself, or the mails of a maildir, or the patches of a directory, by name."""
    if not path.is_dir():
        return [path]
    try:
        if (path / "cur").is_dir() and (path / "new").is_dir():
            found = [file for part in ("cur", "new") for file in (path / part).iterdir()]
            kind = "an empty maildir"
        else:
            found = [f for f in path.iterdir() if f.suffix in _MAIL_SUFFIXES]
            kind = f"a directory without patches ({', '.join(_MAIL_SUFFIXES[:4])})"
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror}.") from error
    files = sorted(f for f in found if f.is_file() and not f.name.startswith("."))
    if not files:
        raise InputError(f"{path} is {kind}.")
    return files


class _Reader:
    """Splits streams into mails and counts all of their bytes."""

    def __init__(self) -> None:
        self._total_bytes = 0

    def mails(self, stream: BinaryIO, origin: str, *, quoted: bool | None = None) -> list[RawMail]:
        """The mails in STREAM. Raises InputError for a binary file or one that is too large."""
        raws = [b"".join(m) for m in mbox.split(self._lines(stream, origin), quoted=quoted)]
        if len(raws) == 1:
            return [RawMail(origin, raws[0])]
        return [RawMail(f"{origin}, mail {n}", raw) for n, raw in enumerate(raws, start=1)]

    def _lines(self, stream: BinaryIO, origin: str) -> Iterator[bytes]:
        mail_bytes, fresh = 0, True
        while line := stream.readline(MAX_MAIL_BYTES + 1):
            hazards.refuse_binary(line, origin, first=fresh)
            fresh = False
            mail_bytes = len(line) if mbox.is_separator(line) else mail_bytes + len(line)
            self._total_bytes += len(line)
            if mail_bytes > MAX_MAIL_BYTES:
                raise _too_large(f"A mail in {origin}", MAX_MAIL_BYTES)
            if self._total_bytes > MAX_TOTAL_BYTES:
                raise _too_large(origin, MAX_TOTAL_BYTES)
            yield line


def _too_large(what: str, limit_bytes: int) -> InputError:
    return InputError(
        f"{what} is larger than {limit_bytes >> 20} MB: give the mbox of this series alone."
    )
