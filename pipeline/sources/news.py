# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails of a news group: `nntp://host/group`, `nntps://host/group`. Effects: asks the server.

Articles have numbers that rise; a server may number them anew, so that a position holds the
Message-ID of its article too. RFC 3977; nntplib is the standard library's until Python 3.12 and
the package standard-nntplib since.
"""

from __future__ import annotations

import nntplib
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import IO, cast
from urllib.parse import SplitResult, unquote

from pipeline.model import InfraError
from pipeline.series.sources import MAX_MAIL_BYTES
from pipeline.sources import logins
from pipeline.sources.contract import (
    BATCH,
    LOG,
    LOOK_BACK,
    LOOK_BACK_S,
    TIMEOUT_S,
    Arrival,
    skipped,
)

#: How many numbers are asked about at once.
_STEP = 1000
_TROUBLE = (OSError, EOFError, nntplib.NNTPError)
#: Codes for what is not there: no such number, no such id, no articles in the range.
_ABSENT = ("420", "423", "430")


class _LongLines:
    """nntplib refuses lines of more than 2048 bytes, which mails have."""

    file: IO[bytes]

    def _getline(self, strip_crlf: bool = True) -> bytes:  # noqa: FBT001, FBT002 (as nntplib calls it)
        line = self.file.readline(MAX_MAIL_BYTES + 1)
        if not line:
            raise EOFError
        if len(line) > MAX_MAIL_BYTES:
            raise nntplib.NNTPDataError("a line is too long")
        return line.rstrip(b"\r\n") if strip_crlf else line


class _Plain(_LongLines, nntplib.NNTP):
    pass


class _Encrypted(_LongLines, nntplib.NNTP_SSL):
    pass


class _Bounded(BytesIO):
    """Takes no more than a mail may have, and counts the rest."""

    size_bytes = 0

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.size_bytes += len(data)
        return super().write(data) if self.size_bytes <= MAX_MAIL_BYTES else len(data)


class NewsGroup:
    """A `MailSource`."""

    def __init__(self, url: SplitResult) -> None:
        self._url = url
        self._group = unquote(url.path.strip("/"))
        self._server: nntplib.NNTP | None = None

    def read(self, position: str) -> Iterator[Arrival]:
        """As `MailSource` says; the very first call yields mails of the last day."""
        try:
            server, first, last = self._select()
            if position:
                done = _place(server, position, first, last)
            else:
                done = _beginning(server, first, last)
                yield Arrival(b"", f"{done} {_id_of(server, done)}")
            left = BATCH
            for number, message_id in _listed(server, done, last):
                yield Arrival(self._article(server, number), f"{number} {message_id}")
                left -= 1
                if not left or self._server is None:
                    return
        except _TROUBLE as error:
            self.close()
            raise InfraError(
                f"The news server {self._url.hostname} did not give {self._group}:"
                f" {str(error) or 'it hung up'}."
            ) from error

    def wait(self, limit_s: float) -> None:
        """As `MailSource` says."""
        time.sleep(limit_s)

    def close(self) -> None:
        """As `MailSource` says."""
        server, self._server = self._server, None
        if server is not None:
            with suppress(*_TROUBLE):
                server.quit()

    def _select(self) -> tuple[nntplib.NNTP, int, int]:
        """The server, and the first and last number of the group."""
        if self._server is not None:
            try:
                _, _, first, last, _ = self._server.group(self._group)
            except _TROUBLE:  # it hung up on us, who were silent for long
                self.close()
            else:
                return self._server, first, last
        self._server = self._connect()
        _, _, first, last, _ = self._server.group(self._group)
        return self._server, first, last

    def _connect(self) -> nntplib.NNTP:
        host, credentials = self._url.hostname or "", logins.login(self._url)
        context = ssl.create_default_context()
        if self._url.scheme == "nntps":
            port = self._url.port or nntplib.NNTP_SSL_PORT
            server: nntplib.NNTP = _Encrypted(host, port, ssl_context=context, timeout=TIMEOUT_S)
        else:
            server = _Plain(host, self._url.port or nntplib.NNTP_PORT, timeout=TIMEOUT_S)
            encrypted = "STARTTLS" in server.getcapabilities() and not logins.is_local(host)
            if encrypted:
                server.starttls(context)
            elif credentials and not logins.is_local(host):
                raise logins.unprotected(self._url)
        if credentials:
            server.login(*credentials, usenetrc=False)
        return server

    def _article(self, server: nntplib.NNTP, number: int) -> bytes:
        """The mail; b"" if it is too large or not there any more."""
        into = _Bounded()
        try:
            server.article(number, file=into)
        except nntplib.NNTPTemporaryError as error:
            if not _is_absent(error):
                raise
            return b""
        except nntplib.NNTPDataError:
            self.close()  # what follows on the connection is the rest of that line
            return skipped(f"Article {number} of {self._group}", MAX_MAIL_BYTES)
        if into.size_bytes > MAX_MAIL_BYTES:
            return skipped(f"Article {number} of {self._group}", into.size_bytes)
        return into.getvalue().replace(b"\r\n", b"\n")


def _is_absent(error: nntplib.NNTPError) -> bool:
    return str(error).startswith(_ABSENT)


def _number_of(server: nntplib.NNTP, message_id: str) -> int:
    """The number that MESSAGE_ID has in the group; 0 if it has none, or the server tells none."""
    try:
        return server.stat(message_id)[1]
    except nntplib.NNTPTemporaryError as error:
        if not _is_absent(error):
            raise
    except nntplib.NNTPPermanentError:  # an id that only mail may have, with blanks in it
        LOG.info("the server does not know what %s is", message_id)
    return 0


def _id_of(server: nntplib.NNTP, number: int) -> str:
    found = _headers(server, "message-id", number, number) if number > 0 else []
    return found[0][1] if found else ""


def _headers(server: nntplib.NNTP, name: str, start: int, end: int) -> list[tuple[int, str]]:
    try:
        _, found = server.xhdr(name, f"{start}-{end}")
    except nntplib.NNTPTemporaryError as error:
        if not _is_absent(error):
            raise
        return []
    pairs = cast("list[tuple[str, str] | str]", found)  # a line that it cannot read stays a str
    return [(int(pair[0]), pair[1]) for pair in pairs if isinstance(pair, tuple)]


def _listed(server: nntplib.NNTP, done: int, last: int) -> Iterator[tuple[int, str]]:
    """The numbers above DONE that exist, and their Message-IDs."""
    for start in range(done + 1, last + 1, _STEP):
        yield from _headers(server, "message-id", start, min(start + _STEP - 1, last))


def _beginning(server: nntplib.NNTP, first: int, last: int) -> int:
    """The number before the first article of the last day, as they say themselves."""
    start = max(first, last - LOOK_BACK + 1, 1)
    for number, date in _headers(server, "date", start, last):
        with suppress(ValueError, TypeError, OverflowError):
            if parsedate_to_datetime(date).timestamp() >= time.time() - LOOK_BACK_S:
                return number - 1
    return last


def _place(server: nntplib.NNTP, position: str, first: int, last: int) -> int:
    """The number up to which articles are done; they once were up to POSITION."""
    was, _, message_id = position.partition(" ")
    number = int(was)
    if not message_id and number <= last:
        return max(number, first - 1)
    if message_id and _id_of(server, number) == message_id:
        return number
    moved = _number_of(server, message_id) if message_id else 0
    LOG.warning("article %d is not %s any more: the last are read again", number, message_id)
    return max(min(moved or number, last) - LOOK_BACK, first - 1)
