# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mails were sent together: a heap of mails as postings. Pure.

A posting is one version of a series as one person sent it, complete or not. This module
reports what is there; choosing among postings is `pipeline.series.assemble`'s business.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pipeline.series.answers import Threads
from pipeline.series.hunks import cut_diff, find_damage
from pipeline.series.mail import Mail
from pipeline.series.pieces import put_together, sent
from pipeline.series.subjects import asks_to_pull, is_marked

#: What prefixes say besides for which tree a series is.
_NO_TREE = {"rfc", "rft", "rfc/rft", "resend", "resent", "repost", "wip"}

_REQUEST = tuple(
    re.compile(words, re.MULTILINE | re.IGNORECASE)
    for words in (
        rb"^The following changes since commit [0-9a-f]{7}",
        rb"^[ \t]*are available in the (?:git )?repository at",
    )
)


@dataclass(frozen=True, slots=True)
class Posting:
    """PATCHES by their number, in order; some of 1 to TOTAL may be missing."""

    sender: str  # "" where no mail has a Message-ID: then there are no threads either
    version: int
    total: int
    resend: bool
    cover: Mail | None
    patches: tuple[tuple[int, Mail], ...]
    trouble: str = ""  # why nobody can say what it is

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers that should be there and are not."""
        there = {n for n, _ in self.patches}
        return tuple(n for n in range(1, self.total + 1) if n not in there)

    @property
    def mails(self) -> tuple[Mail, ...]:
        """Cover and patches."""
        return ((self.cover,) if self.cover else ()) + tuple(mail for _, mail in self.patches)

    @property
    def ids(self) -> frozenset[str]:
        """The Message-IDs in it."""
        return frozenset(mail.letter.message_id for mail in self.mails) - {""}

    @property
    def titles(self) -> frozenset[str]:
        """The subjects in it, without their prefixes."""
        return frozenset(mail.subject.title.lower() for mail in self.mails)

    @property
    def name(self) -> str:
        """How to call it in a message: its first subject and its sender."""
        first = self.mails[0]
        return f"{first.letter.subject!r} by {first.letter.author or 'somebody'}"

    @property
    def trees(self) -> frozenset[str]:
        """What its first prefix says besides number and version: for which tree it is."""
        return frozenset(p.lower() for p in self.mails[0].subject.prefixes) - _NO_TREE

    @property
    def sent(self) -> float:
        """When its first mail says that it was sent, in seconds; 0 if it does not."""
        return sent(self.mails[0].letter) or 0.0

    @property
    def diffs(self) -> tuple[bytes, ...]:
        """What its patches change."""
        return tuple(cut_diff(mail.content) for _, mail in self.patches)


def unique(mails: Iterable[Mail]) -> tuple[Mail, ...]:
    """MAILS without copies: of those with one Message-ID the one that lists changed least.

    Without any, mails are copies of each other that say the same.
    """
    copies: defaultdict[object, list[Mail]] = defaultdict(list)
    for mail in mails:
        copies[mail.letter.message_id or _contents(mail)].append(mail)
    return tuple(one[0] if len(one) == 1 else _best(one) for one in copies.values())


def _best(copies: list[Mail]) -> Mail:
    """Of COPIES of one mail a whole one; with trouble if they are different patches."""
    if not any(mail.has_diff for mail in copies):
        return copies[0]
    whole = [m for m in copies if m.has_diff and not m.trouble and not find_damage(m.text)]
    whole = [m for m in whole if not m.subject.is_reply] or whole or copies
    best = min(whole, key=lambda m: (" via " in m.letter.author, len(m.letter.subject)))
    other = next((m for m in whole if not _same(m, best)), None)
    if other is None:
        return best
    return replace(
        best, trouble=f"and {other.origin} have one Message-ID, but differ: leave only one of them"
    )


def _same(one: Mail, other: Mail) -> bool:
    """Whether two mails are the same patch: lists change what stands around."""
    return _contents(one) == _contents(other)


def _contents(mail: Mail) -> object:
    """What a mail is, whatever stands around it."""
    subject, diff = mail.subject, cut_diff(mail.content)
    number = (subject.version, subject.counter, subject.expected, subject.is_reply)
    return number, mail.title, diff or mail.content


def collect(mails: Iterable[Mail], threads: Threads) -> tuple[Posting, ...]:
    """The postings among MAILS; replies and stray diffs in them are none."""
    everything = tuple(mails)
    patches = [mail for mail in everything if is_patch(mail)]
    if not patches:  # patches without any prefix, as `git format-patch -k` writes them
        patches = [
            m
            for m in everything
            if m.has_diff and not m.subject.is_reply and not is_pull_request(m)
        ]
    by_mail = any(mail.letter.message_id for mail in everything)
    groups: defaultdict[tuple[str, int, int, bool], list[Mail]] = defaultdict(list)
    for mail in patches:
        total = 0 if mail.subject.counters_inferred else mail.subject.expected
        sender = mail.sender if by_mail else ""
        groups[sender, mail.subject.version, total, mail.resend].append(mail)
    return tuple(
        posting
        for (sender, version, total, resend), group in groups.items()
        for posting in _postings(Posting(sender, version, total, resend, None, ()), group, threads)
    )


def is_patch(mail: Mail) -> bool:
    """Whether MAIL, by its subject, is a patch or a cover letter."""
    subject = mail.subject
    if subject.is_reply or subject.counter > subject.expected or is_pull_request(mail):
        return False
    if subject.counters_inferred:
        return (is_marked(subject) or subject.version > 1) and mail.has_diff
    return is_marked(subject) or mail.has_diff or not subject.counter


def is_pull_request(mail: Mail) -> bool:
    """Whether MAIL asks that a branch be pulled; git-request-pull(1) may show what is in it."""
    if mail.subject.is_reply:
        return False
    shown = mail.has_diff and all(words.search(mail.content) for words in _REQUEST)
    return shown or asks_to_pull(mail.subject)


def _postings(empty: Posting, group: list[Mail], threads: Threads) -> Iterator[Posting]:
    if empty.total and not empty.sender:
        yield _numbered(empty, group)
    elif empty.total:
        for part in put_together(group, threads):
            yield _numbered(empty, part)
    elif empty.sender:  # each [PATCH] mail is a series of its own
        for mail in group:
            yield replace(empty, total=1, patches=((1, mail),))
    else:  # patch files: together they are one series, in the order given
        yield replace(empty, total=len(group), patches=tuple(enumerate(group, start=1)))


def _numbered(empty: Posting, mails: list[Mail]) -> Posting:
    by_number: dict[int, Mail] = {}
    trouble = ""
    for mail in mails:
        n = mail.subject.counter
        if n in by_number and not trouble and not _same(by_number[n], mail):
            trouble = (
                f"Patch {n}/{empty.total} of version {empty.version} is there twice and differs"
                f" ({by_number[n].origin} and {mail.origin}): leave only one of them."
            )
        by_number.setdefault(n, mail)
    cover = by_number.pop(0, None)
    patches = tuple(sorted(by_number.items(), key=lambda item: item[0]))
    return replace(empty, cover=cover, patches=patches, trouble=trouble)
