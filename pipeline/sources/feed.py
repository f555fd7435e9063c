# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails of a public-inbox archive on the web: `https://host/inbox/`. Effects: HTTP.

`new.atom?t=TIME-` names 25 mails or so that the archive got since TIME, the oldest first; if
there are fewer it names the newest, which are more. Each is then read as the archive keeps it.
Mails come in order of when they say that they were received, not of when the archive got them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from pipeline.addresses import shown
from pipeline.model import InfraError, InputError
from pipeline.series import mbox
from pipeline.series.sources import MAX_MAIL_BYTES
from pipeline.sources.archive import mail_url, refuse
from pipeline.sources.contract import BATCH, LOG, LOOK_BACK_S, Arrival, skipped
from pipeline.sources.web import TooLargeError, Web, said
from pipeline.sources.window import Window

_ATOM = "{http://www.w3.org/2005/Atom}"
#: An entry has the text of its mail.
_MAX_FEED_BYTES = 64 << 20
#: What mails may hold and XML may not.
_NOT_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:x[0-9a-fA-F]+|[0-9]+);")


@dataclass(frozen=True, slots=True)
class _Entry:
    at: int
    message_id: str


class Feed:
    """A `MailSource`."""

    def __init__(self, url: str) -> None:
        self._archive = url.partition("?")[0].rstrip("/")
        self._web = Web()

    def read(self, position: str) -> Iterator[Arrival]:
        """As `MailSource` says; the very first call yields what the feed shows of the last day."""
        now = int(time.time())
        if position:
            window = Window.decode(position)
            new = self._since(window)
        else:
            shown_now = self._entries("new.atom")
            window = Window(max([now - LOOK_BACK_S, *(entry.at for entry in shown_now[:1])]))
            new = _new(shown_now, window)
            yield Arrival(b"", window.encode())
        for entry in sorted(new, key=lambda entry: entry.at)[:BATCH]:
            raw = self._mail(entry.message_id)
            window = window.after(entry.message_id, entry.at, done=min(entry.at, now))
            yield Arrival(raw, window.encode())

    def wait(self, limit_s: float) -> None:
        """As `MailSource` says."""
        time.sleep(limit_s)

    def close(self) -> None:
        """As `MailSource` says."""
        self._web.close()

    def _since(self, window: Window) -> dict[_Entry, None]:
        """What is new to WINDOW: all of it, or the first that is."""
        since = window.floor
        new: dict[_Entry, None] = {}
        while len(new) < BATCH:
            page = self._entries(f"new.atom?t={_stamp(since)}-")
            new |= _new(page, window)
            if not page or page[0].at < since:
                break
            latest = page[-1].at
            if latest == since:  # the page may be full of mails of one second
                found = self._entries(f"?q=rt:{since}..{since}&x=A")
                new |= _new(found, window)
            since = max(latest, since + 1)
        return new

    def _entries(self, view: str) -> list[_Entry]:
        """The mails that VIEW names, oldest first."""
        url = f"{self._archive}/{view}"
        page = self._web.get(url, _MAX_FEED_BYTES)
        if page.status == 404 and (b"No feed found" in page.body or view.startswith("?")):
            return []
        if page.status != 200 or page.is_html:
            kind = "a page for browsers" if page.is_html else "no feed"
            raise InfraError(
                f"{shown(self._archive)} answers with {kind} ({said(page.status)}): is there a"
                " public-inbox archive?"
            )
        try:
            # expat bounds by itself how far entities unfold.
            feed = ET.fromstring(_NOT_XML.sub(b"", page.body))  # noqa: S314
        except ET.ParseError as error:
            raise InfraError(f"The feed {shown(url)} is damaged: {error}.") from error
        found = (_entry(element) for element in feed.iter(f"{_ATOM}entry"))
        entries = [entry for entry in found if entry]
        if entries and entries[0].at >= entries[-1].at:
            entries.reverse()
        return sorted(entries, key=lambda entry: entry.at)

    def _mail(self, message_id: str) -> bytes:
        """The mail; b"" if it is too large or not there any more."""
        try:
            # mbox quoting makes it a little larger.
            page = self._web.get(f"{mail_url(self._archive, message_id)}/raw", MAX_MAIL_BYTES)
            refuse(page, self._archive, message_id)
        except TooLargeError:
            return skipped(f"{message_id} of {shown(self._archive)}", MAX_MAIL_BYTES)
        except InputError as error:
            LOG.warning("%s", error)
            return b""
        mail = next(mbox.split(page.body.splitlines(keepends=True), quoted=True), [])
        return b"".join(mail).removesuffix(b"\n")


def _new(entries: list[_Entry], window: Window) -> dict[_Entry, None]:
    """Those that are new to WINDOW, in their order."""
    return dict.fromkeys(e for e in entries if window.is_new(e.message_id, e.at))


def _entry(element: ET.Element) -> _Entry | None:
    link, updated = element.find(f"{_ATOM}link"), element.findtext(f"{_ATOM}updated", "")
    try:
        at = int(datetime.fromisoformat(updated).timestamp())
    except ValueError:
        return None
    href = link.get("href", "") if link is not None else ""
    message_id = unquote(href.rstrip("/").rpartition("/")[2])
    return _Entry(at, message_id) if message_id else None


def _stamp(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y%m%d%H%M%S")
