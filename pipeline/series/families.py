# SPDX-License-Identifier: GPL-2.0-or-later
"""Which postings are versions of one series, and which merely answer one? Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pipeline.series.answers import Threads
from pipeline.series.pieces import parent
from pipeline.series.postings import Posting


class Families:
    """What POSTINGS are to each other; each is named by its place among them."""

    def __init__(self, postings: Sequence[Posting], threads: Threads) -> None:
        self.postings = tuple(postings)
        self._threads = threads
        self._of_mail = {i: n for n, posting in enumerate(postings) for i in posting.ids}
        self._at = {i: i for i in self._of_mail}
        self._first = {p.mails[0].letter.message_id for p in postings if p.sender}
        self._parts = {
            (posting.sender, mail.subject.title.lower())
            for posting in postings
            if posting.total > 1
            for _, mail in posting.patches
        }
        self._gaps: dict[str, int] = {}  # the lowest version of a sender's that is incomplete
        for posting in postings:
            if posting.missing:
                lowest = self._gaps.get(posting.sender, posting.version)
                self._gaps[posting.sender] = min(lowest, posting.version)
        self._answered = self._find_answered()
        self._top: dict[int, int] = {}
        self._depth = [0] * len(self.postings)
        self._climb()

    def stray(self, n: int) -> bool:
        """Whether posting N answers somebody else's, or its own author's without being another
        version of it: it corrects it, or replaces one patch of it.
        """
        above, here = self.above(n), self.postings[n]
        if self._replaces_one(here):
            return True
        if above is None:
            return False
        if self.postings[self._top[n]].sender not in {here.sender, ""}:
            return True
        return self.postings[above].sender == here.sender and self._corrects(n, above)

    def is_answer(self, n: int) -> bool:
        """Whether posting N is a stray that is no series by itself."""
        here, above = self.postings[n], self.above(n)
        if self._replaces_one(here):
            return True
        if above is None or not self.stray(n):
            return False
        other = self.postings[above]
        if other.sender == here.sender:
            return self._corrects(n, above)
        begun = here.cover is not None or (bool(here.patches) and here.patches[0][0] == 1)
        return here.total <= 1 or not begun

    def above(self, n: int) -> int | None:
        """The posting that N answers, directly or through replies."""
        mail = self._answered[n]
        return None if mail is None else self._of_mail[mail]

    def depth(self, n: int) -> int:
        """How many postings N answers, one above the other."""
        return self._depth[n]

    def families(self) -> list[list[int]]:
        """The postings that are no strays, by series: one author, and a thread or a title."""
        roots = [n for n in range(len(self.postings)) if not self.stray(n)]
        group = list(range(len(self.postings)))

        def leader(n: int) -> int:
            while group[n] != n:
                group[n] = group[group[n]]
                n = group[n]
            return n

        first: dict[tuple[str, str], int] = {}
        for n in roots:
            for key in self._keys(self.postings[n]):
                group[leader(n)] = leader(first.setdefault(key, n))
        found: defaultdict[int, list[int]] = defaultdict(list)
        for n in roots:
            found[leader(n)].append(n)
        return list(found.values())

    def _keys(self, posting: Posting) -> set[tuple[str, str]]:
        if not posting.sender:
            return {("", "")}
        threads = {self._threads.thread(i) for i in posting.ids}
        names = {f"in {t}" for t in threads} | {f"of {t}" for t in posting.titles}
        return {(posting.sender, name) for name in names}

    def _find_answered(self) -> list[str | None]:
        """For each posting the mail of another posting that it answers."""
        known: dict[str, str | None] = {}
        found = []
        for n, posting in enumerate(self.postings):
            mail = self._threads.nearest(posting.mails[0], self._at, known)
            found.append(None if mail is None or self._of_mail[mail] == n else mail)
        return found

    def _climb(self) -> None:
        """Find for each posting the topmost one that it answers, and how many are between."""
        for n in range(len(self.postings)):
            path: list[int] = []
            at = n
            while at not in self._top:
                path.append(at)
                self._top[at] = at  # for who answers himself, in a circle
                up = self.above(at)
                if up is None:
                    break
                at = up
            for below in reversed(path):
                up = self.above(below)
                if up is not None and below != self._top[at]:
                    self._top[below] = self._top[at]
                    self._depth[below] = self._depth[up] + 1

    def _replaces_one(self, posting: Posting) -> bool:
        """Whether POSTING, one patch without number, is another version of one of several of its
        author's: called as it, or in answer to a mail that may be it and is not there.
        """
        first = posting.mails[0]
        up = parent(first)
        if posting.total != 1 or not first.subject.counters_inferred or not up:
            return False
        if up in self._first:
            return False
        known = (posting.sender, first.subject.title.lower()) in self._parts
        gap = self._gaps.get(posting.sender)
        answered = self._of_mail.get(up)
        absent = answered is None or not self.postings[answered].sender
        return known or (absent and gap is not None and gap <= posting.version)

    def _corrects(self, n: int, above: int) -> bool:
        """Whether N is no version of ABOVE, its author's own, but changes something in it."""
        here, other = self.postings[n], self.postings[above]
        if here.resend:
            return False
        if here.version == other.version:
            if here.total > 1 and here.total == other.total and not _overlap(here, other):
                return False  # pieces of one, between which mails are missing
            return not here.titles & other.titles or here.total <= 1 < other.total
        if here.total > 1 or other.total <= 1:
            return False
        first = other.mails[0]
        if self._answered[n] != first.letter.message_id:
            return True
        return other.cover is None and first.subject.title.lower() in here.titles


def _overlap(one: Posting, other: Posting) -> bool:
    numbers = {n for n, _ in one.patches}
    return any(n in numbers for n, _ in other.patches) or bool(one.cover and other.cover)
