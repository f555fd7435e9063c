# SPDX-License-Identifier: GPL-2.0-or-later
"""Which way does a mail go, may it go now, and when is it tried again? Pure."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

from pipeline.lists.config import MailList, Mode
from pipeline.store.records import OutMail

HOUR_S = 3600.0
#: Between two tries, as long as it was tried already, within these.
_WAIT_S = (300.0, 4 * HOUR_S)
#: RFC 5321 4.5.4.1: four or five days.
TRIED_DAYS = 5


class Way(Enum):
    """What becomes of a mail that is ready."""

    WRITE = auto()
    SEND = auto()
    HOLD = auto()


def way(mail: OutMail, mail_list: MailList) -> Way:
    """Which way MAIL goes; where the list's mode is another now, the one with less noise.

    What was made to be written is never sent; what nobody has approved goes no other way than it
    was made for.
    """
    if Mode.FOLDER in (mail.mode, mail_list.mode):
        return Way.WRITE
    # Ready, and made to be approved: it was.
    return Way.SEND if mail.mode in (Mode.MODERATE, mail_list.mode) else Way.HOLD


def waits(mail: OutMail, mail_list: MailList, gone: Iterable[OutMail], now: float) -> str:
    """Why MAIL, which is to be sent, waits at NOW, "" if it does not.

    GONE are those that went, or may have, in the last hour.
    """
    others = [other for other in gone if other.message_id != mail.message_id]
    if mail_list.quiet and mail_list.quiet.hold(now):
        return f"the quiet hours of {mail_list.name}"
    if sum(other.list_name == mail.list_name for other in others) >= mail_list.list_hourly:
        return f"{mail_list.name} got {mail_list.list_hourly} within an hour"
    if sum(other.author == mail.author for other in others) >= mail_list.author_hourly:
        return f"{mail.author} got {mail_list.author_hourly} within an hour"
    return ""


def next_try(mail: OutMail, now: float) -> float | None:
    """When to try MAIL again, which was not taken; None: it was tried for long enough."""
    tried_s = now - (now if mail.tried_at is None else mail.tried_at)
    least, most = _WAIT_S
    return None if tried_s > TRIED_DAYS * 24 * HOUR_S else now + min(max(tried_s, least), most)
