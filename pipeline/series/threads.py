# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands in one thread for whoever watches it: every author's every posting. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parseaddr
from enum import StrEnum
from itertools import islice

from pipeline.model import InputError, Series
from pipeline.series import hazards
from pipeline.series.answers import Threads
from pipeline.series.assemble import resent
from pipeline.series.build import build
from pipeline.series.families import Families
from pipeline.series.mail import Mail
from pipeline.series.pieces import sent
from pipeline.series.postings import Posting, collect, is_patch, is_pull_request, unique


class State(StrEnum):
    """What a posting is to us."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"  # what is missing may still come
    NOT_FOR_US = "not for us"


@dataclass(frozen=True, slots=True)
class Posted:
    """A posting. SERIES is there when it is complete, REASON, a sentence, when not."""

    message_id: str  # of its first mail that is there: the cover, else the lowest patch
    author: str  # the address that it was sent from
    version: int
    subject: str  # without prefix
    state: State
    series: Series | None = None
    missing: tuple[int, ...] = ()
    reason: str = ""
    ids: frozenset[str] = frozenset()  # of all its mails that are there


def postings_in(mails: Iterable[Mail], *, source: str = "") -> tuple[Posted, ...]:
    """Every posting among MAILS, all of one thread, in their order; the SERIES say SOURCE.

    What holds no patch is none: a discussion may come before the series that it is about.
    """
    there = unique(mails)
    threads = Threads(there)
    marked = [mail for mail in there if is_patch(mail)]
    postings = collect(marked, threads)
    families = Families(postings, threads)
    completed = _completed(families)
    found = [_posted(families, n, completed, source) for n in range(len(postings))]
    found += [
        _other(mail, "It is a pull request, which holds no patches.")
        for mail in there
        if is_pull_request(mail)
    ]
    found += [
        _other(mail, "It is beyond the last patch of its series.")
        for mail in there
        if mail.subject.is_patch
        and not mail.subject.is_reply
        and mail.subject.counter > mail.subject.expected
    ]
    if not found:
        others = (mail for mail in there if mail.has_diff)
        found = [_other(mail, "It holds a diff, but is no patch.") for mail in islice(others, 1)]
    place = {mail.letter.message_id: n for n, mail in reversed(tuple(enumerate(there)))}
    return tuple(sorted(found, key=lambda posted: place.get(posted.message_id, 0)))


@dataclass(frozen=True, slots=True)
class Likeness:
    """What of a series tells whether another is a version of it."""

    author: str  # the address
    version: int
    message_id: str
    sent_at: float
    names: frozenset[str]  # subjects, in lower case
    change_id: str  # that b4 gives all versions of a series, of its cover; "" if it has none
    ids: frozenset[str]  # of its mails
    answers: frozenset[str]  # what its first mail answers


def likeness(series: Series) -> Likeness:
    """That of SERIES."""
    first = series.cover or series.patches[0].letter
    letters = [p.letter for p in series.patches] + ([series.cover] if series.cover else [])
    subjects = (series.subject, *(patch.subject for patch in series.patches))
    return Likeness(
        author=_address(first.author),
        version=series.version,
        message_id=series.message_id,
        sent_at=sent(first) or 0.0,
        names=frozenset(subject.lower() for subject in subjects),
        change_id=_change_id(series),
        ids=frozenset(letter.message_id for letter in letters),
        answers=frozenset(first.references),
    )


def is_later(new: Likeness, old: Likeness) -> bool:
    """Whether NEW is of a later version of the series that OLD is of, by the same author.

    They are one series if they share their change-id, a subject, or NEW answers OLD.
    """
    if new.author != old.author or not _related(new, old):
        return False
    if new.version != old.version:
        return new.version > old.version
    if new.message_id == old.message_id:
        return False
    if new.answers & old.ids or old.answers & new.ids:
        return bool(new.answers & old.ids)
    return new.sent_at > old.sent_at


def _completed(families: Families) -> dict[int, Posting]:
    """What patches that were sent again complete, by the posting that lacked them."""
    found: dict[int, Posting] = {}
    for family in families.families():
        by_kind: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for n in family:
            posting = families.postings[n]
            by_kind[posting.version, posting.total].append(n)
        for same in by_kind.values():
            whole = resent([families.postings[n] for n in same])
            first = next((n for n in same if not families.postings[n].resend), None)
            if whole and first is not None and families.postings[first].missing:
                found[first] = whole
                found |= {n: whole for n in same if families.postings[n].missing}
    return found


def _posted(families: Families, n: int, completed: dict[int, Posting], source: str) -> Posted:
    posting = families.postings[n]
    first = posting.mails[0]
    named = (first.letter.message_id, _address(first.letter.author), posting.version)
    ids = posting.ids
    title = first.subject.title if posting.cover else first.title
    if families.is_answer(n):
        reason = f"{posting.name} answers in the thread and is no series by itself."
        return Posted(*named, title, State.NOT_FOR_US, reason=reason, ids=ids)
    if posting.resend and n in completed:
        reason = f"{posting.name} was sent again for the rest of its series."
        return Posted(*named, title, State.NOT_FOR_US, reason=reason, ids=ids)
    whole = completed.get(n, posting)
    if whole.trouble:
        return Posted(*named, title, State.NOT_FOR_US, reason=whole.trouble, ids=ids)
    if whole.missing:
        reason = f"{len(whole.missing)} of {whole.total} patches are missing."
        missing = whole.missing
        return Posted(*named, title, State.INCOMPLETE, missing=missing, reason=reason, ids=ids)
    try:
        for _, mail in whole.patches:
            hazards.refuse_damage(mail)
    except InputError as error:
        return Posted(*named, title, State.NOT_FOR_US, reason=str(error), ids=ids)
    of = build(whole, source=source)
    return Posted(*named, title, State.COMPLETE, series=of, ids=whole.ids | ids)


def _other(mail: Mail, reason: str) -> Posted:
    letter, subject = mail.letter, mail.subject
    return Posted(
        letter.message_id,
        _address(letter.author),
        subject.version,
        subject.title,
        State.NOT_FOR_US,
        reason=reason,
        ids=frozenset((letter.message_id,)),
    )


def _address(author: str) -> str:
    return parseaddr(author)[1].lower()


def _related(new: Likeness, old: Likeness) -> bool:
    if new.change_id and old.change_id:
        return new.change_id == old.change_id
    return bool(new.names & old.names or new.answers & old.ids)


def _change_id(series: Series) -> str:
    body = series.cover.body if series.cover else ""
    said = [line for line in body.splitlines() if line.lower().startswith("change-id: ")]
    return said[-1].split(":", 1)[1].strip() if said else ""
