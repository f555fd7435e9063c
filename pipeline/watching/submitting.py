# SPDX-License-Identifier: GPL-2.0-or-later
"""What do the mails of a thread mean for what is to be run? Pure.

A series is run once, however many lists and sources bring it; a newer version of it takes its
place; one that is incomplete is waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from email.utils import getaddresses

from pipeline.lists.config import MailList
from pipeline.model import Letter
from pipeline.series.threads import Posted, State
from pipeline.store import Submission
from pipeline.store.submissions import ENDED

_INCOMPLETE = "incomplete: "


@dataclass(frozen=True, slots=True)
class Move:
    """A submission that becomes another; OLD is None for a new one."""

    old: Submission | None
    new: Submission


def list_of(letter: Letter, lists: Iterable[MailList], arrived_on: str) -> MailList | None:
    """The list whose rules hold for a series: the first of the file that it was sent to.

    The same, whichever of its lists brought it first. None if it arrived on a list of old.
    """
    lists = tuple(lists)
    sent_to = {address.lower() for _, address in getaddresses([*letter.to, *letter.cc])}
    named = (each for each in lists if each.address in sent_to)
    arrived = (each for each in lists if each.name == arrived_on)
    return next(iter((*named, *arrived)), None)


def may_start(author: str, mail_list: MailList) -> bool:
    """Whether series of AUTHOR (a bare address) are run by themselves."""
    domain = author[author.rfind("@") :]
    return not mail_list.start_for or bool({author, domain} & set(mail_list.start_for))


def move_of(
    posted: Posted,
    there: Iterable[Submission],
    *,
    thread: str,
    mail_list: MailList,
    now: float,
) -> Move | None:
    """What becomes of POSTED, of THREAD; THERE are the author's submissions. None: nothing new."""
    # The first mail of what is incomplete may be another when the rest has come.
    old = next((each for each in there if each.message_id in posted.ids), None)
    if old is None:
        if any(e.state == "stopped" and e.thread == thread for e in there):
            new = _submission(posted, thread, mail_list, now)
            return Move(None, replace(new, state="left", reason="its thread was stopped"))
        return Move(None, _submission(posted, thread, mail_list, now))
    new = replace(_submission(posted, thread, mail_list, now), created_at=old.created_at)
    waited = old.state == "waiting" or (
        old.state == "left" and old.reason.startswith(_INCOMPLETE) and new.state == "ready"
    )
    if not waited or (new.state, new.reason) == (old.state, old.reason):
        return None
    return Move(old, replace(new, due_at=old.due_at) if new.state == "waiting" else new)


def _submission(posted: Posted, thread: str, mail_list: MailList, now: float) -> Submission:
    state, reason = "left", posted.reason
    if posted.state is State.INCOMPLETE:
        state = "waiting"
    elif posted.state is State.COMPLETE and may_start(posted.author, mail_list):
        state = "ready"
    elif posted.state is State.COMPLETE:
        reason = f"{mail_list.name} starts nothing by itself for {posted.author}"
    return Submission(
        message_id=posted.message_id,
        list=mail_list.name,
        thread=thread,
        subject=posted.subject,
        author=posted.author,
        version=posted.version,
        state=state,
        reason=reason,
        due_at=now + mail_list.wait_s if state == "waiting" else now,
        created_at=now,
    )


def overdue(waiting: Iterable[Submission], now: float) -> tuple[Move, ...]:
    """Those that were WAITING for long enough."""
    return tuple(
        Move(each, replace(each, state="left", reason=_INCOMPLETE + each.reason))
        for each in waiting
        if each.due_at <= now
    )


def superseded(older: Iterable[Submission], version: int) -> tuple[Move, ...]:
    """Of OLDER versions, those that nobody needs since VERSION is there."""
    return tuple(
        Move(each, replace(each, state="superseded", reason=f"version {version} is there"))
        for each in older
        if each.state not in ENDED
    )
