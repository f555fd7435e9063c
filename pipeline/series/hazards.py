# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a mail cannot be a patch: what mailers, archives and hands do to diffs. Pure."""

from __future__ import annotations

import re

from pipeline.model import InputError
from pipeline.series.hunks import find_damage
from pipeline.series.mail import Mail

_RAW = "save the raw mail (mbox) and give that"

#: How files begin that are taken for mails by mistake.
_FORMATS = (
    (b"\x1f\x8b", "gzip-compressed: unpack it with gunzip"),
    (b"BZh", "bzip2-compressed: unpack it with bunzip2"),
    (b"\xfd7zXZ", "xz-compressed: unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed: unpack it with unzstd"),
    (b"PK\x03\x04", "a zip archive: unpack it"),
    (b"%PDF", "a PDF file, not a mail"),
    (b"\x7fELF", "a program, not a mail"),
)


def refuse_binary(line: bytes, origin: str, *, first: bool) -> None:
    """Raise InputError if LINE, perhaps the FIRST of the file ORIGIN, cannot be of a mail."""
    for magic, what in _FORMATS:
        if first and line.startswith(magic):
            raise InputError(f"{origin} is {what}.")
    if b"\0" in line:
        raise InputError(f"{origin} holds NUL bytes, so it is not a mail: give an mbox or patches.")


def refuse_damage(mail: Mail) -> None:
    """Raise InputError if MAIL's diff was damaged on its way, or is no mail at all."""
    if mail.trouble:
        raise InputError(f"{mail.origin} {mail.trouble}.")
    if not mail.has_diff:
        raise InputError(f"{mail.origin} holds no patch{_why_no_diff(mail)}.")
    damage = find_damage(mail.text)
    if damage:
        flowed = " (it was sent with format=flowed)" if mail.flowed else ""
        raise InputError(f"{mail.origin} is damaged{flowed}: {damage}; {_RAW}.")
    if not mail.letter.subject or not mail.letter.author:
        lacking = "Subject" if mail.letter.author else "From"
        raise InputError(
            f"{mail.origin} is a diff without the header of a mail (no {lacking}): commit it and"
            " give the commit, or export it with git format-patch."
        )


def _why_no_diff(mail: Mail) -> str:
    if mail.html:
        return ": it is an HTML mail; ask for the patch as plain text"
    if re.search(r"^[>|] ?(?:diff --git |@@ -)", mail.text, re.MULTILINE):
        return ": it only quotes one"
    return ""
