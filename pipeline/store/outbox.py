# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails of ours: each is there once, and is taken, handed over and settled once.

    held → ready → claimed → handing → sent
                 ↖ ready again, parked, written ↙

Whoever sends a mail claims it, says so here before a server hears of its text, and settles it. Of
a sender that died, a claim shows what it may have done: nothing yet, or nobody knows. A mail of
which nobody knows is parked: none at all is better than two.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from pipeline.store.database import Database, storable
from pipeline.store.records import MailState, OutMail
from pipeline.store.tables import OUTBOX

#: How long a sender may take for a step; longer than a server may take to answer
#: (RFC 5321 4.5.3.2: ten minutes).
LEASE_S = 1800.0

UNSURE = "its sender was lost while it handed the mail over: it may have been sent, or not"

#: From which people may take a mail.
DROPPABLE = (MailState.HELD, MailState.READY, MailState.PARKED)
OPEN = (*DROPPABLE, MailState.CLAIMED, MailState.HANDING)
_OVER = (MailState.SENT, MailState.WRITTEN, MailState.PARKED, MailState.DROPPED)

_LINE = tuple(column for column in OUTBOX.c if column.name != "message")


def _mail(row: sa.Row[Any]) -> OutMail:
    values = dict(row._mapping)  # noqa: SLF001
    values["list_name"] = values.pop("list")
    values["recipients"] = tuple(json.loads(values["recipients"]))
    values["state"] = MailState(values["state"])
    return OutMail(**{"message": b""} | values)


class Outbox(Database):
    """The part of the store that knows mails of ours."""

    def post(self, mail: OutMail) -> bool:
        """Put MAIL in; False if there is one of that Message-ID, which stays as it is."""
        values = {
            "message_id": mail.message_id,
            "run": mail.run,
            "list": mail.list_name,
            "mode": mail.mode,
            "author": storable(mail.author),
            "subject": storable(mail.subject),
            "recipients": json.dumps(mail.recipients),
            "message": mail.message,
            "state": str(mail.state),
            "tries": 0,
            "due_at": mail.due_at,
            "claimed_by": "",
            "said": storable(mail.said),
            "created_at": mail.created_at,
            "ended_at": mail.created_at if mail.state in _OVER else None,
        }
        return self._add(
            OUTBOX,
            values,
            OUTBOX.c.message_id == mail.message_id,
            OUTBOX.c.created_at == mail.created_at,
            OUTBOX.c.message == mail.message,
        )

    def out_mails(self, states: tuple[MailState, ...], limit: int = 10_000) -> tuple[OutMail, ...]:
        """Those in STATES, the oldest first, of more than LIMIT the latest; without their text."""
        query = (
            sa.select(*_LINE)
            .where(OUTBOX.c.state.in_(states))
            .order_by(OUTBOX.c.created_at.desc(), OUTBOX.c.message_id.desc())
            .limit(limit)
        )
        return tuple(reversed([_mail(row) for row in self._rows(query)]))

    def out_mail(self, message_id: str) -> OutMail | None:
        """The mail of that Message-ID, with its text."""
        row = self._one(sa.select(OUTBOX).where(OUTBOX.c.message_id == message_id))
        return _mail(row) if row else None

    def due_mails(self, now: float) -> tuple[OutMail, ...]:
        """Those that may be claimed, the oldest first; without their text."""
        query = (
            sa.select(*_LINE)
            .where(OUTBOX.c.state == MailState.READY, OUTBOX.c.due_at <= now)
            .order_by(OUTBOX.c.created_at, OUTBOX.c.message_id)
        )
        return tuple(_mail(row) for row in self._rows(query))

    def gone_since(self, since: float) -> tuple[OutMail, ...]:
        """Those that went, or may have, at SINCE or later, and those that are going."""
        going = OUTBOX.c.state.in_((MailState.CLAIMED, MailState.HANDING))
        gone = OUTBOX.c.state.in_((MailState.SENT, MailState.PARKED)) & (OUTBOX.c.ended_at >= since)
        query = sa.select(*_LINE).where(OUTBOX.c.tried_at.is_not(None), going | gone)
        return tuple(_mail(row) for row in self._rows(query))

    def _turn(self, mail: OutMail, states: tuple[MailState, ...], **values: Any) -> bool:
        """Whether MAIL, claimed as often as was seen and in one of STATES, has VALUES now.

        If the database went away during the commit, it has, if it has all those VALUES: a claim is
        one process's, which makes each step of it once.
        """
        seen = {"message_id": mail.message_id, "claimed_by": mail.claimed_by, "tries": mail.tries}
        update = (
            OUTBOX.update()
            .where(*(OUTBOX.c[name] == value for name, value in seen.items()))
            .where(OUTBOX.c.state.in_(states))
            .values(**values)
        )
        made = sa.select(OUTBOX.c.message_id).where(
            *(OUTBOX.c[name] == value for name, value in (seen | values).items())
        )
        return self._do(
            lambda connection: bool(connection.execute(update).rowcount),
            in_doubt=lambda connection: connection.execute(made).first() is not None,
        )

    def claim_mail(self, mail: OutMail, who: str, now: float) -> OutMail | None:
        """Take MAIL, which is ready and due, for the process WHO; None if others were faster."""
        taken = mail.due_at <= now and self._turn(
            mail,
            (MailState.READY,),
            state=MailState.CLAIMED,
            claimed_by=who,
            tries=mail.tries + 1,
            due_at=now + LEASE_S,
            tried_at=now if mail.tried_at is None else mail.tried_at,
        )
        mine = self.out_mail(mail.message_id) if taken else None
        return mine if mine and (mine.claimed_by, mine.tries) == (who, mail.tries + 1) else None

    def hand_over(self, mail: OutMail, now: float) -> bool:
        """From here on a server may have MAIL; False if the claim was given up: do not send it."""
        return self._turn(mail, (MailState.CLAIMED,), state=MailState.HANDING, due_at=now + LEASE_S)

    def settle_mail(
        self,
        mail: OutMail,
        state: MailState,
        now: float,
        *,
        said: str = "",
        due_at: float | None = None,
        recipients: tuple[str, ...] | None = None,
    ) -> bool:
        """Say what came of the claim of MAIL; READY is to be tried again at DUE_AT.

        RECIPIENTS are those who do not have it yet. Whoever made the claim knows better than who
        gave it up, if nobody has decided on the mail since.
        """
        return self._turn(
            mail,
            (MailState.CLAIMED, MailState.HANDING, MailState.PARKED),
            state=state,
            said=storable(said),
            due_at=now if due_at is None else due_at,
            recipients=json.dumps(mail.recipients if recipients is None else recipients),
            ended_at=now if state in _OVER else None,
        )

    def give_up(self, mail: OutMail, now: float) -> MailState | None:
        """What becomes of MAIL, whose sender is lost; None if it has moved on meanwhile."""
        if self._turn(mail, (MailState.CLAIMED,), state=MailState.READY, due_at=now, claimed_by=""):
            return MailState.READY
        parked = {"state": MailState.PARKED, "said": UNSURE, "ended_at": now}
        return MailState.PARKED if self._turn(mail, (MailState.HANDING,), **parked) else None

    def hold_mail(self, mail: OutMail, said: str) -> bool:
        """Have MAIL wait until somebody approves it."""
        return self._turn(mail, (MailState.READY,), state=MailState.HELD, said=storable(said))

    def approve_mail(self, mail: OutMail, mode: str, now: float) -> bool:
        """Somebody has read MAIL, which was held: it goes by MODE."""
        return self._turn(
            mail, (MailState.HELD,), state=MailState.READY, mode=mode, said="approved", due_at=now
        )

    def drop_mail(self, mail: OutMail, now: float) -> bool:
        """Somebody does not want MAIL to go."""
        return self._turn(mail, DROPPABLE, state=MailState.DROPPED, ended_at=now)

    def retry_mail(self, mail: OutMail, now: float) -> bool:
        """Somebody wants MAIL, which was parked, to be sent, whether it was before or not."""
        return self._turn(
            mail,
            (MailState.PARKED,),
            state=MailState.READY,
            said="to be sent again, as somebody asked",
            due_at=now,
            claimed_by="",
            tried_at=None,
            ended_at=None,
        )
