# SPDX-License-Identifier: GPL-2.0-or-later
"""The mails that a thread's series may be made of, and the series in them. Reads the store.

Mails that lost their In-Reply-To are no part of the thread: their author sent them within minutes.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from pipeline.model import InputError, Series, Verdict
from pipeline.series.mail import Mail, parse
from pipeline.series.pieces import sent
from pipeline.series.postings import is_patch
from pipeline.series.threads import Likeness, Posted, is_later, likeness, postings_in
from pipeline.store import Store, StoredMail, Submission

#: A series is sent within so long of its first mail.
_SENDING_S = 1800.0


@dataclass(frozen=True, slots=True)
class ThreadMail:
    """A mail that can be read, as it came and as it is understood."""

    stored: StoredMail
    mail: Mail


def kin(store: Store, thread: str) -> tuple[ThreadMail, ...]:
    """The mails of THREAD that can be read, then those that its series may lack: their author sent
    them about the same time, and they are in no thread with others of such a series.

    All such are given, also where there are two for one number: nobody knows then which it was.
    """
    mails = readable(store.thread(thread))
    more: dict[str, ThreadMail] = {}
    for each in (each for each in mails if _is_part(each.mail)):
        if not _lacks(each.mail, mails):
            continue
        at = each.stored.arrived_at
        near = store.mails_by(each.mail.sender, at - _SENDING_S, at + _SENDING_S)
        for other in readable(near):
            name = other.stored.message_id
            if name not in more and _may_belong(other, each) and _is_alone(store, other):
                more[name] = other
    return (*mails, *more.values())


def _lacks(mail: Mail, mails: Iterable[ThreadMail]) -> bool:
    """Whether patches of the series that MAIL is of are not in its thread, of MAILS."""
    own = (
        each.mail for each in mails if _is_part(each.mail) and _series(each.mail) == _series(mail)
    )
    numbers = {each.subject.counter for each in own}
    return not numbers.issuperset(range(1, mail.subject.expected + 1))


def _may_belong(other: ThreadMail, each: ThreadMail) -> bool:
    """Whether OTHER lost its thread, and may be of the series that EACH is of."""
    if not _is_part(other.mail) or other.mail.letter.references:
        return False
    if _series(other.mail) != _series(each.mail) or other.stored.thread == each.stored.thread:
        return False
    # A source may bring at once what was sent on several days.
    dates = sent(other.mail.letter), sent(each.mail.letter)
    return None in dates or abs((dates[0] or 0.0) - (dates[1] or 0.0)) <= _SENDING_S


def _is_alone(store: Store, other: ThreadMail) -> bool:
    """Whether nothing else in the thread of OTHER is of such a series."""
    return not any(
        _is_part(each.mail)
        and _series(each.mail) == _series(other.mail)
        and each.stored.message_id != other.stored.message_id
        for each in readable(store.thread(other.stored.thread))
    )


def _series(mail: Mail) -> tuple[object, ...]:
    """What MAIL says of the series that it is of."""
    return mail.sender, mail.subject.version, mail.subject.expected


def readable(mails: Iterable[StoredMail]) -> tuple[ThreadMail, ...]:
    """Those of MAILS that can be read."""
    found = []
    for stored in mails:
        try:
            found.append(ThreadMail(stored, parse(stored.raw, f"<{stored.message_id}>")))
        except InputError:
            continue
    return tuple(found)


def mails_of(store: Store, submission: Submission) -> tuple[StoredMail, ...]:
    """The mails that what was submitted is made of; () if they are not here any more."""
    mails = kin(store, submission.thread)
    posted = _posted(mails, submission)
    own = posted.ids if posted else frozenset()
    return tuple(each.stored for each in mails if each.stored.message_id in own)


def _posted(mails: Iterable[ThreadMail], submission: Submission) -> Posted | None:
    """What was submitted, among MAILS of its thread."""
    found = (p for p in postings_in(m.mail for m in mails) if submission.message_id in p.ids)
    return next(found, None)


def _is_part(mail: Mail) -> bool:
    """Whether it says of itself that it is one of several patches."""
    return is_patch(mail) and mail.subject.expected > 1


def series_of(store: Store, submission: Submission) -> Series | None:
    """What was submitted, from its run or else from its mails; None if neither is there."""
    record = store.run(submission.run) if submission.run else None
    if record is not None:
        return record.case.series
    posted = _posted(kin(store, submission.thread), submission)
    return posted.series if posted else None


def older_versions(store: Store, author: str, new: Series) -> tuple[Submission, ...]:
    """What AUTHOR submitted of which NEW is a later version, the latest first."""
    this = likeness(new)
    there = ((each, _likeness(store, each)) for each in store.earlier(author))
    return tuple(each for each, old in there if old is not None and is_later(this, old))


def _likeness(store: Store, submission: Submission) -> Likeness | None:
    """That of what was submitted; None if it is not there any more."""
    if submission.run:
        with suppress(LookupError):
            return _of_run(store, submission.run)
    series = series_of(store, submission)
    return likeness(series) if series else None


@lru_cache(maxsize=4096)
def _of_run(store: Store, run: str) -> Likeness:
    """Of a run's series, which stays as it is. Raises LookupError if the run is not there."""
    record = store.run(run)
    if record is None:
        raise LookupError(run)
    return likeness(record.case.series)


def verdict_before(store: Store, author: str, new: Series) -> Verdict | None:
    """That of the latest earlier version of NEW that has one which says something of it."""
    verdicts = (store.verdict(e.run) for e in older_versions(store, author, new) if e.run)
    return next((v for v in verdicts if v is not None and not v.error), None)
