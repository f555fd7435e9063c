# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mails were sent together: a heap of mails as postings, and which answer which. Pure.

A posting is one version of a series as one person sent it, complete or not. This module
reports what is there; choosing among postings is `pipeline.series.assemble`'s business.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.model import InputError
from pipeline.series.mail import Mail


@dataclass(frozen=True, slots=True)
class Posting:
    """PATCHES by their number, in order; some of 1 to TOTAL may be missing."""

    sender: str  # "" for mails without a Message-ID, which carry no thread either
    version: int
    total: int
    resend: bool
    cover: Mail | None
    patches: tuple[tuple[int, Mail], ...]

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


class Threads:
    """Who answers whom among mails, whatever they are, through ids that are absent too."""

    def __init__(self, mails: Iterable[Mail]) -> None:
        self._parents: dict[str, tuple[str, ...]] = {}
        self._root: dict[str, str] = {}
        for mail in mails:
            own = mail.letter.message_id
            if not own:
                continue
            self._parents[own] = mail.letter.references
            for parent in mail.letter.references:
                self._root[self.thread(own)] = self.thread(parent)

    def thread(self, message_id: str) -> str:
        """A name that all mails of one thread share."""
        seen = []
        while (up := self._root.get(message_id, message_id)) != message_id:
            seen.append(message_id)
            message_id = up
        self._root.update(dict.fromkeys(seen, message_id))
        return message_id

    def above(self, posting: Posting) -> frozenset[str]:
        """The ids of all mails that POSTING was sent in answer to, however far up."""
        seen: set[str] = set()
        todo = [r for mail in posting.mails for r in mail.letter.references]
        while todo:
            parent = todo.pop()
            if parent not in seen:
                seen.add(parent)
                todo.extend(self._parents.get(parent, ()))
        return frozenset(seen - posting.ids)


def unique(mails: Iterable[Mail]) -> tuple[Mail, ...]:
    """MAILS without copies: of those with one Message-ID the first."""
    seen: set[str] = set()
    kept = []
    for mail in mails:
        if not mail.letter.message_id or mail.letter.message_id not in seen:
            kept.append(mail)
        seen.add(mail.letter.message_id)
    return tuple(kept)


def collect(mails: Iterable[Mail]) -> tuple[Posting, ...]:
    """The postings among MAILS; replies and stray diffs in them are none.

    Raises InputError when one number of one posting is there twice, differently.
    """
    everything = tuple(mails)
    patches = [mail for mail in everything if _is_patch(mail)]
    if not patches:  # patches without any prefix, as `git format-patch -k` writes them
        patches = [m for m in everything if m.has_diff and not m.subject.is_reply]
    groups: defaultdict[tuple[str, int, int, bool], list[Mail]] = defaultdict(list)
    for mail in patches:
        sender = mail.sender if mail.letter.message_id else ""
        total = 0 if mail.subject.counters_inferred else mail.subject.expected
        resend = any(p.upper() == "RESEND" for p in mail.subject.prefixes)
        groups[sender, mail.subject.version, total, resend].append(mail)
    return tuple(
        posting
        for (sender, version, total, resend), group in groups.items()
        for posting in _postings(sender, version, total, resend=resend, group=group)
    )


def _is_patch(mail: Mail) -> bool:
    subject = mail.subject
    if subject.is_reply or subject.counter > subject.expected:
        return False
    marked = subject.is_patch or any(p.upper() == "RFC" for p in subject.prefixes)
    return marked and (mail.has_diff or not subject.counters_inferred)


def _postings(
    sender: str, version: int, total: int, *, resend: bool, group: list[Mail]
) -> Iterator[Posting]:
    if total:
        parts = [group] if not _clashes(group) else _components(group)
        for part in parts:
            yield _numbered(Posting(sender, version, total, resend, None, ()), part)
    elif sender:  # each [PATCH] mail is a series of its own
        for mail in group:
            yield Posting(sender, version, 1, resend, None, ((1, mail),))
    else:  # patch files: together they are one series, in the order given
        numbered = tuple(enumerate(group, start=1))
        yield Posting(sender, version, len(group), resend, None, numbered)


def _clashes(group: list[Mail]) -> bool:
    return len({mail.subject.counter for mail in group}) < len(group)


def _components(group: list[Mail]) -> list[list[Mail]]:
    """GROUP, in which a series was sent more than once, by who refers to whom in it."""
    ids = {mail.letter.message_id for mail in group}
    tops: defaultdict[str, list[Mail]] = defaultdict(list)
    for mail in group:
        above = [r for r in mail.letter.references if r in ids]
        tops[above[0] if above else mail.letter.message_id].append(mail)
    return list(tops.values())


def _numbered(empty: Posting, mails: list[Mail]) -> Posting:
    by_number: dict[int, Mail] = {}
    for mail in mails:
        n = mail.subject.counter
        if n in by_number and by_number[n].text != mail.text:
            raise InputError(
                f"Patch {n}/{empty.total} of version {empty.version} is there twice and differs"
                f" ({by_number[n].origin} and {mail.origin}): leave only one of them."
            )
        by_number.setdefault(n, mail)
    cover = by_number.pop(0, None)
    return Posting(
        empty.sender,
        empty.version,
        empty.total,
        empty.resend,
        cover,
        tuple(sorted(by_number.items(), key=lambda item: item[0])),
    )
