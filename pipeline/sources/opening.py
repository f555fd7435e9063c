# SPDX-License-Identifier: GPL-2.0-or-later
"""Which source does a URL name?"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.addresses import shown
from pipeline.model import InputError
from pipeline.sources.contract import MailSource
from pipeline.sources.epochs import Epochs
from pipeline.sources.feed import Feed
from pipeline.sources.mailbox import Folder
from pipeline.sources.maildir import Maildir
from pipeline.sources.news import NewsGroup

_KINDS = (
    "https://HOST/LIST/, nntps://HOST/GROUP, imaps://USER@HOST/FOLDER, maildir:/PATH or inbox:/PATH"
)


def open_source(url: str) -> MailSource:
    """The source that URL names; it is first asked when it is read. Raises InputError if URL
    names none, or holds a password.
    """
    scheme, _, rest = url.partition(":")
    if scheme in ("maildir", "inbox") and rest:
        path = Path(rest).expanduser()
        return Maildir(path) if scheme == "maildir" else Epochs(path)
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"{shown(url)} is no URL: {error}.") from error
    if parts.password is not None:
        raise InputError(f"{shown(url)}: leave the password out, and put it into ~/.netrc.")
    if host and scheme in ("http", "https"):
        return Feed(url)
    if host and scheme in ("nntp", "nntps") and re.fullmatch(r"/[^/?#\s]+/?", parts.path):
        return NewsGroup(parts)
    if host and scheme in ("imap", "imaps"):
        return Folder(parts)
    raise InputError(f"{shown(url)} is no source of mail: name it as {_KINDS}.")
