# SPDX-License-Identifier: GPL-2.0-or-later
"""What is due goes out: claimed, handed over and settled, each step known before the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pipeline.lists.config import MailList
from pipeline.outbox import folder
from pipeline.outbox.smtp import Came, Given, Server, UnreachableError, connected, give, server
from pipeline.outbox.when import HOUR_S, TRIED_DAYS, Way, next_try, waits, way
from pipeline.owner import is_dead, owner
from pipeline.report.addressing import sender_address
from pipeline.settings import Settings
from pipeline.store import MailState, OutMail, Store

#: How the word about a mail begins that not everybody got; it stays to the end.
_PARTLY = "not for all: "
_AND_NOW = " | "


@dataclass(frozen=True, slots=True)
class _Sender:
    """What one round of sending has to do with."""

    settings: Settings
    store: Store
    clock: Callable[[], float]
    say: Callable[[str], None]
    who: str


def deliver(
    settings: Settings,
    store: Store,
    lists: Iterable[MailList],
    clock: Callable[[], float],
    say: Callable[[str], None],
) -> int:
    """Send, or write, what may go at CLOCK's time (`Store.clock`); how many mails went.

    A process does this in one thread; any number of processes may. SAY hears of each mail. Raises
    InputError for settings with which nothing can be sent.
    """
    here = _Sender(settings, store, clock, say, owner())
    by_name = {mail_list.name: mail_list for mail_list in lists}
    _take_back(here)
    went = 0
    waiting = []
    for mail in store.due_mails(clock()):
        mail_list = by_name.get(mail.list_name)
        if mail_list is None:
            continue  # `crosscheck outbox` says so
        match way(mail, mail_list):
            case Way.WRITE:
                went += _write(here, mail)
            case Way.HOLD:
                if store.hold_mail(mail, f"it was made for mode {mail.mode}"):
                    say(f"{mail.message_id} is held: the list's mode is {mail_list.mode} now")
            case Way.SEND:
                waiting.append((mail, mail_list))
    return went + _send_all(here, waiting)


def _take_back(here: _Sender) -> None:
    """What a sender left that is lost; of this process, what it broke off."""
    for mail in here.store.out_mails((MailState.CLAIMED, MailState.HANDING)):
        by, now = mail.claimed_by, here.clock()
        if by != here.who and not is_dead(by) and now < mail.due_at:
            continue
        if here.store.give_up(mail, now) is MailState.PARKED:
            here.say(f"{mail.message_id} is parked: its sender was lost while it sent it")


def _write(here: _Sender, mail: OutMail) -> bool:
    mine = here.store.claim_mail(mail, here.who, here.clock())
    if mine is None:
        return False
    try:
        file = folder.write(mine, here.settings.outbox_dir)
    except OSError as error:
        said = f"cannot write {error.filename}: {error.strerror}"
        _settle(here, mine, Given(Came.LATER, said, mine.recipients))
        return False
    here.store.settle_mail(mine, MailState.WRITTEN, here.clock(), said=str(file))
    here.say(f"wrote {file}")
    return True


def _send_all(here: _Sender, waiting: list[tuple[OutMail, MailList]]) -> int:
    """Send those that do not wait; how many went."""
    if not waiting:
        return 0
    if not here.settings.smtp_url:
        wait = "1 answer waits" if len(waiting) == 1 else f"{len(waiting)} answers wait"
        here.say(f"{wait}: set CROSSCHECK_SMTP_URL to a server that sends")
        return 0
    to = server(here.settings.smtp_url)
    went = 0
    for mail, mail_list in waiting:
        if _waits(here, mail, mail_list):
            continue
        mine = here.store.claim_mail(mail, here.who, here.clock())
        if mine is None:
            continue
        if _waits(here, mine, mail_list):  # others claimed meanwhile
            here.store.settle_mail(mine, MailState.READY, here.clock(), said=mail.said)
            continue
        try:
            went += _send(here, mine, to)
        except UnreachableError as error:
            _settle(here, mine, Given(Came.LATER, str(error), mine.recipients))
            break  # to the others it would say the same
    return went


def _waits(here: _Sender, mail: OutMail, mail_list: MailList) -> str:
    now = here.clock()
    return waits(mail, mail_list, here.store.gone_since(now - HOUR_S), now)


def _send(here: _Sender, mail: OutMail, to: Server) -> bool:
    """Whether the server TO has MAIL now. Raises UnreachableError."""
    if not mail.recipients:
        return _settle(here, mail, Given(Came.REFUSED, "it names nobody to whom it could go"))
    sender = sender_address(here.settings.sender).addr_spec
    with connected(to) as session:
        given = give(session, mail, sender, lambda: here.store.hand_over(mail, here.clock()))
        return _settle(here, mail, given)  # before anybody says goodbye, which takes time


def _settle(here: _Sender, mail: OutMail, given: Given) -> bool:
    """Say what came of MAIL, to the database first; whether anybody got it."""
    now = here.clock()
    state, said, due_at = MailState.PARKED, given.said, now
    known = mail.said.partition(_AND_NOW)[0] if mail.said.startswith(_PARTLY) else ""
    if given.left and given.left != mail.recipients:
        said = f"{known}; {said}" if known else f"{_PARTLY}{said}"
    elif known:
        said = f"{known}{_AND_NOW}{said}"
    match given.came:
        case Came.TOO_LATE:
            return False
        case Came.UNSURE:
            said = f"it may have been sent, or not: {said}"
        case Came.TAKEN if not given.left:
            state = MailState.SENT
        case Came.TAKEN | Came.LATER:
            again = next_try(mail, now)
            if again is None:
                said = f"tried for {TRIED_DAYS} days: {said}"
            else:
                state, due_at = MailState.READY, again
    here.store.settle_mail(
        mail, state, now, said=said, due_at=due_at, recipients=given.left or mail.recipients
    )
    names = {MailState.READY: "is to be tried again", MailState.SENT: "is sent"}
    here.say(f"{mail.message_id} {names.get(state, 'is parked')}: {said}")
    return given.came is Came.TAKEN
