# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a mail cannot be a patch: what mailers, archives and hands do to diffs. Pure.

The format of hunks: git-diff(1) "Generating patch text with -p"; a context line may have
lost its only blank, which git-apply(1) tolerates, but no other line may.
"""

from __future__ import annotations

import re

from pipeline.model import InputError
from pipeline.series.mail import Mail

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_NEXT = re.compile(r"diff --git |--- |\+\+\+ |@@ -|index [0-9a-f]+\.\.|-- ?$")
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


def find_damage(text: str) -> str:
    """What is broken in the first broken hunk of TEXT; "" if all hunks add up."""
    lines = text.split("\n")
    file, at = "", 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("+++ "):
            file = line[4:].split("\t")[0].removeprefix("b/")
        header = _HUNK.match(line) if file else None
        if header:
            at, broken = _walk_hunk(lines, at, int(header[1] or 1), int(header[2] or 1))
            if broken:
                return f"{broken} in the hunk {header[0]} of {_printable(file)}"
        elif line.startswith("diff --git "):
            file = ""
    return ""


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def _walk_hunk(lines: list[str], at: int, old: int, new: int) -> tuple[int, str]:
    """The index after a hunk of OLD and NEW lines that starts at AT, and what is wrong in it."""
    while old > 0 or new > 0:
        line = lines[at] if at < len(lines) else None
        kind = " " if line == "" else (line or "@")[0]
        if kind == "\\":
            at += 1
            continue
        if line is None or kind not in " +-":
            if line is None or _NEXT.match(line) or lines[at - 1].rstrip() == "--":
                return at, "lines are missing"
            return at, f"whitespace was destroyed or lines were wrapped ({line.strip()[:60]!r})"
        old -= kind in " -"
        new -= kind in " +"
        at += 1
        if old < 0 or new < 0:
            return at, "the lines are not as many as it says"
    after = lines[at] if at < len(lines) else ""
    if after[:1] in ("+", "-") and not _NEXT.match(after):
        return at, "there are more lines than it says"
    return at, ""
