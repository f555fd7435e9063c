# SPDX-License-Identifier: GPL-2.0-or-later
"""A posting, whole, as the `Series` that it is; what its trailers say of its base. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import unquote

from pipeline.model import Letter, Patch, Series
from pipeline.series.mail import Mail
from pipeline.series.postings import Posting
from pipeline.series.written import write

_BASE_COMMIT = re.compile(r"^base-commit: ([0-9a-f]{12,64})\s*$", re.MULTILINE)
_PREREQUISITE = re.compile(r"^prerequisite-patch-id: ([0-9a-f]{40,64})\s*$", re.MULTILINE)
_BASED_ON = re.compile(
    r"^(?:Based-on|Depends-on|prerequisite-message-id):[ \t]*(\S[^\n]{0,500})$",
    re.MULTILINE | re.IGNORECASE,
)
#: As people write it: "This series is based on [1] https://lore.kernel.org/…".
_BASED_IN_PROSE = re.compile(
    r"\b(?:based|depends)\s(?:up)?on\s[^\n.]{0,80}(?:\n[^\n.]{0,80})?"
    r"(https?://[^\s<>\")\]]{1,500})",
    re.IGNORECASE,
)
_ARCHIVES = r"https?://(?:[\w.-]*lore\.kernel\.org|patch\.msgid\.link|lkml\.kernel\.org)/"
_IN_URL = re.compile(_ARCHIVES + r"(?:[^/\s@]+/)?([^/\s@]+@[^/\s#?>]+)")
_ID = re.compile(r"<?([^<>\s/@]+@[^<>\s/@]+)>?$")
_MOST_BASES = 10
_PROSE_CHARS = 64 << 10


def build(
    posting: Posting, *, source: str = "", parent: str = "", notes: tuple[str, ...] = ()
) -> Series:
    """The series that POSTING, of which nothing is missing, is.

    PARENT is the commit before a git range.
    """
    cover, mails = posting.cover, tuple(mail for _, mail in posting.patches)
    first = posting.mails[0]
    texts = [mail.text for mail in posting.mails]
    trailer = next((found[1] for text in texts if (found := _BASE_COMMIT.search(text))), "")
    needed = tuple(dict.fromkeys(i for text in texts for i in _PREREQUISITE.findall(text)))
    if needed:
        patches = "patch" if len(needed) == 1 else "patches"
        notes += (f"It names {len(needed)} prerequisite {patches}, which must be in the base.",)
    if not first.letter.message_id and len(mails) > 1 and mails[0].subject.counters_inferred:
        notes += (f"The {len(mails)} patches are not numbered: they are taken in the order given.",)
    return Series(
        subject=first.subject.title if cover else first.title,
        version=posting.version,
        message_id=first.letter.message_id,
        author=cover.letter.author if cover else first.author,
        patches=tuple(_patch(n, mail) for n, mail in posting.patches),
        cover=_cover_letter(cover) if cover else None,
        base_commit=parent or trailer,
        source=source,
        notes=notes,
        mails=tuple(write(mail) for mail in mails),
        prerequisites=() if parent else needed,
        based_on=() if parent else _based_on(texts, posting.ids),
    )


def _patch(n: int, mail: Mail) -> Patch:
    return Patch(n=n, subject=mail.title, author=mail.author, letter=mail.letter)


def _cover_letter(cover: Mail) -> Letter:
    return replace(cover.letter, body=cover.text)


def _based_on(texts: Iterable[str], own: frozenset[str]) -> tuple[str, ...]:
    """The Message-IDs of the series that TEXTS, of which the first introduces, are based on."""
    found: list[str] = []
    for n, text in enumerate(texts):
        prose = text[:_PROSE_CHARS].partition("\ndiff --git ")[0]
        said = list(_BASED_ON.findall(prose))
        said += _BASED_IN_PROSE.findall(prose) if n == 0 else []
        found += [message_id for value in said if (message_id := _message_id(value))]
    return tuple(i for i in dict.fromkeys(found) if i not in own)[:_MOST_BASES]


def _message_id(said: str) -> str:
    """The Message-ID that SAID, an id or the address of a mail in an archive, names."""
    said = said.strip()
    in_url = _IN_URL.match(said)
    if in_url:
        return unquote(in_url[1])
    found = _ID.match(said)
    return found[1] if found else ""
