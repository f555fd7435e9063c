# SPDX-License-Identifier: GPL-2.0-or-later
"""The thread of one mail, out of a public-inbox archive on the web. Effects: HTTP.

https://public-inbox.org/design_www.html has the addresses.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pipeline.addresses import shown
from pipeline.model import InfraError, InputError
from pipeline.series.sources import MAX_TOTAL_BYTES, Fetcher
from pipeline.sources.web import Page, Web, joined, said, unpacked

#: What an address may have after the Message-ID.
_VIEWS = ("", "T", "t", "raw", "t.mbox.gz", "t.mbox", "t.atom")
_GZIP = b"\x1f\x8b"
_SAVE = "save the thread as mbox and give that file"


def fetcher(lore_url: str, say: Callable[[str], None]) -> Fetcher:
    """What fetches the thread of a Message-ID from LORE_URL, or of a mail's address in whichever
    archive it is; SAY is told.
    """

    def fetch(argument: str) -> tuple[bytes, str]:
        archive, message_id = named(argument, lore_url)
        say(f"fetching the thread of {message_id} from {shown(archive)}")
        return fetch_thread(archive, message_id), message_id

    return fetch


def named(argument: str, lore_url: str) -> tuple[str, str]:
    """The archive and the Message-ID that ARGUMENT, an address or a Message-ID, means.

    An address without an archive in it means that of LORE_URL, and /r/, lore's short form, the
    archive all. Raises InputError if it names no mail.
    """
    if "://" not in argument:
        return lore_url, argument.removeprefix("<").removesuffix(">")
    url = urlsplit(argument)
    parts = url.path.split("/")[1:]
    while len(parts) > 1 and parts[-1] in _VIEWS:
        parts.pop()
    at = next((n for n, part in enumerate(parts) if "@" in unquote(part)), None)
    if at is None and len(parts) < 2:
        raise InputError(
            f"{shown(argument)} names no mail: give https://HOST/LIST/MESSAGE-ID/, or its"
            " Message-ID."
        )
    inbox, message_id = parts[:at], unquote(parts[-1 if at is None else at])
    inbox = parts[:-1] if at is None else inbox
    if not inbox:
        return lore_url, message_id
    path = "/all" if inbox == ["r"] else "/" + "/".join(inbox)
    return urlunsplit((url.scheme, url.netloc, path, "", "")), message_id


def mail_url(archive: str, message_id: str) -> str:
    """Where ARCHIVE has a mail; its views are below."""
    return f"{archive.rstrip('/')}/{quote(message_id, safe='@')}"


def fetch_thread(archive: str, message_id: str) -> bytes:
    """All mails of ARCHIVE in the thread of MESSAGE_ID, as mboxrd.

    Raises InputError if it has no such mail, or too much of it; InfraError if it does not answer
    as an archive does.
    """
    web = Web()
    try:
        page = web.get(f"{mail_url(archive, message_id)}/t.mbox.gz", MAX_TOTAL_BYTES)
    finally:
        web.close()
    refuse(page, archive, message_id)
    if not page.body.startswith(_GZIP):
        raise InfraError(f"What {shown(archive)} sent as thread is not compressed mail: {_SAVE}.")
    try:
        return joined(unpacked([page.body]), MAX_TOTAL_BYTES, f"The thread of {message_id}")
    except zlib.error as error:
        raise InfraError(f"What {shown(archive)} sent as thread does not unpack.") from error


def refuse(page: Page, archive: str, message_id: str) -> None:
    """Raise if PAGE has not what was asked for."""
    if page.status in (300, 404):  # 300: several have a similar id
        raise InputError(f"The archive {shown(archive)} has no mail {message_id}.")
    if page.is_html:
        raise InfraError(
            f"{shown(archive)} answers with a page for browsers ({said(page.status)}), not with"
            f" mail: {_SAVE}."
        )
    if page.status != 200:
        raise InfraError(f"{shown(archive)} does not give its mail: {said(page.status)}.")
