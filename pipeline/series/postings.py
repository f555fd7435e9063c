# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mails were sent together: a heap of mails as postings. Pure.

A posting is one version of a series as one person sent it, complete or not. This module
reports what is there; choosing among postings is `pipeline.series.assemble`'s business.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

from pipeline.model import Letter
from pipeline.series.answers import Threads
from pipeline.series.hunks import cut_diff, find_damage
from pipeline.series.mail import Mail

#: Mails of one posting that do not answer each other are sent within this time.
_TOGETHER_S = 3600.0
_SEND_EMAIL = re.compile(r"(\d{14}\.\d+)-\d+-")
_MANY = 20_000  # ways to put pieces together: nobody needs so many
#: What prefixes say besides for which tree a series is.
_NO_TREE = {"rfc", "rft", "rfc/rft", "resend", "resent", "repost", "wip"}


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


def sent(letter: Letter) -> float | None:
    """When LETTER says that it was sent, in seconds; None if it does not."""
    try:
        return parsedate_to_datetime(letter.date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def unique(mails: Iterable[Mail]) -> tuple[Mail, ...]:
    """MAILS without copies: of those with one Message-ID the one that lists changed least."""
    copies: defaultdict[str, list[Mail]] = defaultdict(list)
    for n, mail in enumerate(mails):
        copies[mail.letter.message_id or f" {n}"].append(mail)
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
    numbers = {(m.subject.version, m.subject.counter, m.subject.expected) for m in (one, other)}
    return (
        len(numbers) == 1
        and one.title == other.title
        and cut_diff(one.content) == cut_diff(other.content)
    )


def collect(mails: Iterable[Mail], threads: Threads) -> tuple[Posting, ...]:
    """The postings among MAILS; replies and stray diffs in them are none."""
    everything = tuple(mails)
    patches = [mail for mail in everything if is_patch(mail)]
    if not patches:  # patches without any prefix, as `git format-patch -k` writes them
        patches = [m for m in everything if m.has_diff and not m.subject.is_reply]
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
    marked = subject.is_patch or any(p.upper() == "RFC" for p in subject.prefixes)
    return marked and (mail.has_diff or not subject.counters_inferred)


def is_pull_request(mail: Mail) -> bool:
    """Whether MAIL asks that a branch be pulled."""
    return not mail.subject.is_reply and any(p.upper() == "PULL" for p in mail.subject.prefixes)


def _postings(empty: Posting, group: list[Mail], threads: Threads) -> Iterator[Posting]:
    if empty.total and not empty.sender:
        yield _numbered(empty, group)
    elif empty.total:
        for part in _parts(group, threads):
            yield _numbered(empty, part)
    elif empty.sender:  # each [PATCH] mail is a series of its own
        for mail in group:
            yield replace(empty, total=1, patches=((1, mail),))
    else:  # patch files: together they are one series, in the order given
        yield replace(empty, total=len(group), patches=tuple(enumerate(group, start=1)))


def _parts(group: list[Mail], threads: Threads) -> list[list[Mail]]:
    """GROUP, the mails of one sender with one version and one number of patches, as postings.

    A patch answers the cover, the first patch, or the one before it. One that answers what is
    not of this posting may replace another, and one that answers nothing has lost that.
    """
    by_id = {m.letter.message_id: n for n, m in enumerate(group) if m.letter.message_id}
    once = _distinct(group)
    keys: dict[int, str] = {}
    for n in sorted(range(len(group)), key=lambda n: group[n].subject.counter):
        mail = group[n]
        up = parent(mail)
        above = by_id.get(up)
        if (
            above is not None
            and group[above].subject.counter < mail.subject.counter
            and (once or _near([mail], [group[above]]))
        ):
            keys[n] = keys[above]
        elif up and up not in by_id and mail.subject.counter and not _within(mail, by_id):
            keys[n] = f"answers {up}"
        else:
            keys[n] = f"is {n}"
    parts: defaultdict[str, list[Mail]] = defaultdict(list)
    for n, key in keys.items():
        parts[key].append(group[n])
    pieces = [piece for part in parts.values() for piece in _clusters(part, by_id)]
    anew = [p for p in pieces if parent(p[0]) in by_id]  # they answer what they replace
    return anew + _joined([p for p in pieces if parent(p[0]) not in by_id], threads)


def _distinct(mails: list[Mail]) -> bool:
    """Whether each number is there once."""
    return len({mail.subject.counter for mail in mails}) == len(mails)


def _clusters(part: list[Mail], group: dict[str, int]) -> list[list[Mail]]:
    """PART, by when its mails were sent if all that they have in common is not there."""
    if parent(part[0]) in {"", *group}:
        return [part]
    found: list[list[Mail]] = []
    for mail in sorted(part, key=lambda m: sent(m.letter) or 0.0):
        if found and _near([mail], found[-1]):
            found[-1].append(mail)
        else:
            found.append([mail])
    for cluster in found:
        cluster.sort(key=lambda m: m.subject.counter)
    return found


def _within(mail: Mail, group: dict[str, int]) -> bool:
    """Whether what MAIL answers, and is not there, answers somebody in GROUP itself."""
    return any(r in group for r in mail.letter.references[:-1])


def _joined(parts: list[list[Mail]], threads: Threads) -> list[list[Mail]]:
    """PARTS, of which those are put together that can only belong together."""
    if len(parts) < 2:
        return parts
    parts.sort(key=lambda part: (part[0].subject.counter, -len(part)))
    often = Counter(mail.subject.counter for part in parts for mail in part)
    once = max(often.values()) == 1
    wholes = [part for part in parts if len(part) > 1 or not part[0].subject.counter]
    if once:
        wholes = (wholes or parts)[:1]
    if len(wholes) * len(parts) > _MANY:
        return parts
    rest = [part for part in parts if not any(part is whole for whole in wholes)]
    loose = Counter(mail.subject.counter for part in rest for mail in part)
    fitting = [[w for w in wholes if _fits(part, w, threads)] for part in rest]
    # What answers nothing and fits nowhere was sent with others that answer nothing.
    others = any(not fit and not parent(part[0]) for part, fit in zip(rest, fitting, strict=True))
    left = []
    for part, fit in zip(rest, fitting, strict=True):
        alone = all(loose[mail.subject.counter] == 1 for mail in part)
        sure = once or parent(part[0]) or not others
        if len(fit) == 1 and alone and sure and _fits(part, fit[0], threads):
            fit[0].extend(part)
        else:
            left.append(part)
    return wholes + left


def _fits(part: list[Mail], whole: list[Mail], threads: Threads) -> bool:
    """Whether PART, which does not answer WHOLE, may be what WHOLE lacks."""
    numbers = {mail.subject.counter for mail in whole}
    if numbers & {mail.subject.counter for mail in part}:
        return False
    up, before = parent(part[0]), part[0].subject.counter - 1
    lost = not up
    together = up == parent(whole[0]) and not whole[0].subject.counter
    follows = up not in threads and before > 0 and before not in numbers
    return (lost or together or follows) and _near(part, whole) and _stems_agree(part + whole)


def _stems_agree(mails: list[Mail]) -> bool:
    """Whether git-send-email(1) may have sent MAILS at once, as far as their Message-IDs say."""
    found = (_SEND_EMAIL.match(mail.letter.message_id) for mail in mails)
    return len({stem[1] for stem in found if stem}) <= 1


def parent(mail: Mail) -> str:
    """The Message-ID that MAIL answers; "" if it answers nothing."""
    return mail.letter.references[-1] if mail.letter.references else ""


def _near(part: list[Mail], whole: list[Mail]) -> bool:
    """Whether PART was sent when WHOLE was, as far as their dates say."""
    times = [t for t in (sent(m.letter) for m in whole) if t is not None]
    return not times or all(
        t is None or min(times) - _TOGETHER_S <= t <= max(times) + _TOGETHER_S
        for t in (sent(m.letter) for m in part)
    )


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
