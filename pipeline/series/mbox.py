# SPDX-License-Identifier: GPL-2.0-or-later
"""How mails lie in a file: an mbox taken apart, and one mail put into mboxrd. Pure.

mboxrd (what public-inbox writes and `git am --patch-format=mboxrd` reads) quotes each line
`>*From ` with one more `>`. mboxo quotes only `From `, which undoes the same way. What
`git format-patch --stdout` writes quotes nothing; its separators carry a commit id and a
magic date. git-mailsplit(1), git-format-patch(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: What git-mailsplit (is_from_line) wants at the end of a separator: a time and a year.
_TIME_AND_YEAR = re.compile(rb"\d.\d\d:\d\d\s*(\d{1,9})")
_FORMAT_PATCH = re.compile(rb"From [0-9a-f]{40,64} Mon Sep 17 00:00:00 2001\r?\n?$")
_QUOTED = re.compile(rb">+From ")
_TO_QUOTE = re.compile(rb"^(>*From )", re.MULTILINE)


def is_separator(line: bytes) -> bool:
    """Whether LINE starts a mail of an mbox, as git-mailsplit sees it."""
    if not line.startswith(b"From "):
        return False
    seconds = line.rfind(b":", 5, len(line) - 2)
    found = _TIME_AND_YEAR.match(line, seconds - 4) if seconds >= 9 else None
    return found is not None and int(found[1]) > 90


def split(lines: Iterable[bytes], *, quoted: bool | None = None) -> Iterator[list[bytes]]:
    """The mails in LINES (which keep their ends), each as its lines, unquoted.

    Without a separator at the start it is one mail, taken as it is. QUOTED says whether
    `>From ` is quoting; by default the separator of each mail tells.
    """
    mail: list[bytes] = []
    undo = False
    in_mbox: bool | None = None
    for line in lines:
        if in_mbox is None:
            if not line.strip():
                continue
            in_mbox = is_separator(line)
        if in_mbox and is_separator(line):
            if mail:
                yield mail
            mail = []
            undo = not _FORMAT_PATCH.match(line) if quoted is None else quoted
        else:
            mail.append(line[1:] if undo and _QUOTED.match(line) else line)
    if mail:
        yield mail


def quote(raw: bytes) -> bytes:
    """RAW, one mail, as an mboxrd of one mail."""
    body = raw if raw.endswith(b"\n") else raw + b"\n"
    return b"From mboxrd@z Thu Jan  1 00:00:00 1970\n" + _TO_QUOTE.sub(rb">\1", body)
