# SPDX-License-Identifier: GPL-2.0-or-later
"""The mails that a thread's series may be made of, and the series in them. Reads the store.

Mails that lost their In-Reply-To are no part of the thread: their author sent them within minutes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from math import inf

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
    lacking = [parts for parts in _series_in(mails).values() if _lacks(parts)]
    more: dict[str, ThreadMail] = {}
    for sender in {parts[0].mail.sender for parts in lacking}:
        own = [parts for parts in lacking if parts[0].mail.sender == sender]
        since, until = _around(each.stored.arrived_at for parts in own for each in parts)
        near = _series_in(readable(store.mails_by(sender, since, until)))
        for parts in own:
            others = near.get(_series(parts[0].mail), [])
            more |= {each.stored.message_id: each for each in _lost(parts, others)}
    return (*mails, *more.values())


def _lacks(parts: list[ThreadMail]) -> bool:
    """Whether some patch of the series that PARTS are of is not among them."""
    numbers = {each.mail.subject.counter for each in parts}
    return not numbers.issuperset(range(1, parts[0].mail.subject.expected + 1))


def _series_in(mails: Iterable[ThreadMail]) -> dict[tuple[object, ...], list[ThreadMail]]:
    """Those of MAILS that are parts of something, by what they say of it."""
    found: defaultdict[tuple[object, ...], list[ThreadMail]] = defaultdict(list)
    for each in mails:
        if _is_part(each.mail):
            found[_series(each.mail)].append(each)
    return dict(found)


def _series(mail: Mail) -> tuple[object, ...]:
    return mail.sender, mail.subject.version, mail.subject.expected


def _lost(parts: list[ThreadMail], others: list[ThreadMail]) -> Iterator[ThreadMail]:
    """Those of OTHERS that are alone and may be of the series that PARTS, of a thread, are of."""
    # A source may bring at once what was sent on several days.
    since, until = _around(at for each in parts if (at := sent(each.mail.letter)) is not None)
    often = Counter(each.stored.thread for each in others)
    for other in others:
        lost = other.stored.thread != parts[0].stored.thread and not other.mail.letter.references
        at = sent(other.mail.letter)
        if lost and often[other.stored.thread] == 1 and (at is None or since <= at <= until):
            yield other


def _around(times: Iterable[float]) -> tuple[float, float]:
    """From so long before the first of TIMES to so long after the last one; without any, ever."""
    known = sorted(times) or [-inf, inf]
    return known[0] - _SENDING_S, known[-1] + _SENDING_S


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
