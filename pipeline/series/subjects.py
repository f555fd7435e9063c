# SPDX-License-Identifier: GPL-2.0-or-later
"""What does a subject say of its mail: which patch of how many, of which version? Pure.

liblore, which has the corner cases of the kernel lists from b4, reads prefixes; those of other
habits (Mercurial's `1 of 2`, Patchwork's `net,v2,1/2`, `(1/3)`, `PATCH-v2`) are told to it in its
own words. A prefix that counts in a way that nobody is sure of makes no patch.
"""

from __future__ import annotations

import re
from dataclasses import replace
from email.errors import MessageError

from liblore.series import PatchSubject, parse_patch_subject
from liblore.utils import strip_reply_prefixes

_PREFIXES = re.compile(r"\s*(?:\[[^\]]*\]\s*)+")
_WORD = r"(?:patch|rfc|rft|resend|resent|repost|pull|git|wip)"
_COUNT = r"\d{1,4}/\d{1,4}(?![.\w])"
_IN_OTHER_WORDS = (
    (re.compile(r"[,;]"), " "),
    (re.compile(r"\b(\d{1,4})\s*of\s*(\d{1,4})\b", re.IGNORECASE), r"\1/\2"),
    (re.compile(rf"\b({_WORD})/(?={_WORD}\b)", re.IGNORECASE), r"\1 "),
    (re.compile(r"\b(patch|rfc|rft|resend)[-_.]?(v\d+)\b(?!\.)", re.IGNORECASE), r"\1 \2"),
    (re.compile(rf"\b(v\d+)[-_](?={_COUNT})|\b(patch)[-_.]?(?={_COUNT})", re.IGNORECASE), r"\1\2 "),
    (re.compile(rf"(?<![#(])[#(]{{1,2}}({_COUNT})\)?(?=[\s\]])"), r"\1"),
)

#: What somebody may have counted with: `v2/3`, `1/N`, `2a/5`; `5.10/5.15` are versions of Linux.
_COUNTS = re.compile(
    r"(?:^|[^\w.-])v?\d{1,4}(?:\.\d+)?[a-z]?\s?[/\\|\u2044\u2215\uff0f]\s?"
    r"(?:\d{1,4}(?![\w.])|[nx](?!\w)|\?)|^\W?\d{1,3}-\d{1,3}\W?$",
    re.IGNORECASE,
)
_COUNTS_FIRST = re.compile(r"[(\[#]{0,2}(\d{1,3})[/\\](\d{1,3})(?:[)\]]|:)")
_RESENT = frozenset({"RESEND", "RESENT", "REPOST"})
_MARKS = _RESENT | {"RFC", "RFT"}
_PULL = frozenset({"PULL", "GITPULL", "GIT-PULL", "PULL-REQUEST", "PULLREQUEST"})


def read_subject(subject: str) -> PatchSubject:
    """What SUBJECT says; a list may have put its tag before `Re:`."""
    found = prefixed(subject)
    title, answers = strip_reply_prefixes(found.title)
    if answers and not found.is_patch:
        return replace(prefixed(title), is_reply=True)
    return found


def prefixed(subject: str) -> PatchSubject:
    """What liblore reads in SUBJECT; it takes half an encoded word with an address for a header."""
    found = _PREFIXES.match(subject)
    if found:
        prefixes = found[0]
        for pattern, words in _IN_OTHER_WORDS:
            prefixes = pattern.sub(words, prefixes)
        # git-mailinfo(1) takes a colon for a part of the prefix.
        subject = f"{prefixes} {subject[found.end() :].lstrip(': ')}"
    try:
        return parse_patch_subject(subject)
    except (ValueError, LookupError, MessageError, RecursionError):
        return parse_patch_subject(subject.replace("=?", ""))


def is_puzzling(subject: PatchSubject) -> bool:
    """Whether SUBJECT seems to say which patch it is, in a way that cannot be read."""
    if not subject.counters_inferred:
        return False
    first = _COUNTS_FIRST.match(subject.title)
    return any(map(_COUNTS.search, subject.prefixes)) or bool(first and _counts(*first.groups()))


def _counts(n: str, of: str) -> bool:
    return int(n) <= int(of)


def is_marked(subject: PatchSubject) -> bool:
    """Whether SUBJECT calls its mail a patch, without saying so by a number alone."""
    return subject.is_patch or not _MARKS.isdisjoint(p.upper() for p in subject.prefixes)


def is_resent(subject: PatchSubject) -> bool:
    """Whether SUBJECT says that its mail was sent before."""
    return not _RESENT.isdisjoint(p.upper() for p in subject.prefixes)


def asks_to_pull(subject: PatchSubject) -> bool:
    """Whether SUBJECT calls its mail a pull request."""
    return not _PULL.isdisjoint(p.upper() for p in subject.prefixes)
