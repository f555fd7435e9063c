# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails of a folder on a mail server: `imap://user@host/FOLDER`, `imaps://…`. Effects: asks the
server, and only looks: nothing is marked as read.

Mails have UIDs that rise as long as the folder's UIDVALIDITY stays; a position holds both, and
when the server got its mail, for the day that it changes. IDLE says when there is more.
RFC 9051, RFC 2177.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from urllib.parse import SplitResult, unquote

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

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

_TROUBLE = (OSError, IMAPClientError)
#: How long one IDLE takes; servers hang up on who is silent for 30 minutes.
_ROUND_S = 60.0
#: How long is waited when there is no connection to wait on.
_PAUSE_S = 10.0


class Folder:
    """A `MailSource`."""

    def __init__(self, url: SplitResult) -> None:
        self._url = url
        self._folder = unquote(url.path.strip("/")) or "INBOX"
        self._server: IMAPClient | None = None

    def read(self, position: str) -> Iterator[Arrival]:
        """As `MailSource` says; the very first call yields mails of the last day."""
        try:
            server, validity, following = self._select()
            if not position:
                uids = _since(server, time.time() - LOOK_BACK_S)[-LOOK_BACK:]
                start = (uids[0] if uids else following) - 1
                yield Arrival(b"", f"{validity} {start} {int(time.time())}")
            else:
                uids = self._new(server, validity, position)
            uids = uids[:BATCH]
            told = server.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"]) if uids else {}
            for uid in uids:
                about = told.get(uid, {})
                got_at = about.get(b"INTERNALDATE", datetime.now(UTC)).timestamp()
                raw = self._mail(server, uid, about.get(b"RFC822.SIZE", 0))
                yield Arrival(raw, f"{validity} {uid} {int(got_at)}")
        except LoginError as error:
            self.close()
            raise InfraError(f"The mail server {self._url.hostname} refuses the login.") from error
        except _TROUBLE as error:
            self.close()
            raise InfraError(
                f"The mail server {self._url.hostname} did not give {self._folder}: {error}."
            ) from error

    def wait(self, limit_s: float) -> None:
        """As `MailSource` says: IDLE, if the server can."""
        until = time.monotonic() + limit_s
        try:
            if self._server is not None and self._server.has_capability("IDLE"):
                _idle(self._server, until)
                return
        except _TROUBLE as error:
            LOG.info("%s hung up: %s", self._url.hostname, error)
            self.close()
            limit_s = min(limit_s, _PAUSE_S)
        time.sleep(limit_s)

    def close(self) -> None:
        """As `MailSource` says."""
        server, self._server = self._server, None
        if server is not None:
            with suppress(*_TROUBLE):
                server.shutdown()

    def _select(self) -> tuple[IMAPClient, int, int]:
        """The server, the folder's UIDVALIDITY and the UID that its next mail gets."""
        if self._server is not None:
            try:
                about = self._server.select_folder(self._folder, readonly=True)
            except _TROUBLE:  # it hung up on us, who were silent for long
                self.close()
            else:
                return self._server, about[b"UIDVALIDITY"], about.get(b"UIDNEXT", 1)
        self._server = self._connect()
        about = self._server.select_folder(self._folder, readonly=True)
        return self._server, about[b"UIDVALIDITY"], about.get(b"UIDNEXT", 1)

    def _connect(self) -> IMAPClient:
        host, credentials = self._url.hostname or "", logins.login(self._url)
        encrypted = self._url.scheme == "imaps"
        server = IMAPClient(host, self._url.port, ssl=encrypted, timeout=TIMEOUT_S)
        if not encrypted and not logins.is_local(host):
            if server.has_capability("STARTTLS"):
                server.starttls()
            elif credentials:
                raise logins.unprotected(self._url)
        server.login(*(credentials or ("anonymous", "crosscheck")))
        return server

    def _new(self, server: IMAPClient, validity: int, position: str) -> list[int]:
        was_valid, uid, got_at = (int(part) for part in position.split(" "))
        if was_valid == validity:
            # `n:*` names the last mail even when its UID is lower.
            return sorted(u for u in server.search(["UID", f"{uid + 1}:*"]) if u > uid)
        LOG.warning("%s has new UIDs: its last mails are read again", self._folder)
        return _since(server, got_at - LOOK_BACK_S)

    def _mail(self, server: IMAPClient, uid: int, size_bytes: int) -> bytes:
        """The mail; b"" if it is too large or not there any more."""
        if size_bytes > MAX_MAIL_BYTES:
            return skipped(f"Mail {uid} of {self._folder}", size_bytes)
        raw: bytes = server.fetch([uid], ["BODY.PEEK[]"]).get(uid, {}).get(b"BODY[]") or b""
        return raw.replace(b"\r\n", b"\n")


def _since(server: IMAPClient, at: float) -> list[int]:
    """The UIDs of mails that the server got on the day of AT or later."""
    return sorted(server.search(["SINCE", date.fromtimestamp(at)]))  # noqa: DTZ012 (the server's day)


def _idle(server: IMAPClient, until: float) -> None:
    """Return when the server says that there is more, or at UNTIL (monotonic)."""
    told = server.noop()[1]
    while not any(b"EXISTS" in response for response in told):
        left = until - time.monotonic()
        if left <= 0:
            return
        server.idle()
        # What came together with the answer to IDLE lies in a buffer where nobody looks: it is
        # seen when IDLE ends.
        told = server.idle_check(timeout=min(left, _ROUND_S))
        told += server.idle_done()[1]
