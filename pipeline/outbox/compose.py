# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mail goes out, to whom, and does somebody see it first? Pure.

Whether there is to be an answer at all is decided before: `pipeline.lists.guards.why_not`, and
`MailList.answers`.
"""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

from pipeline.lists.config import MailList, Mode
from pipeline.model import Reply, Verdict
from pipeline.report.addressing import Audience, addresses, answered
from pipeline.report.reply import to_reply
from pipeline.store.records import MailState, OutMail


def audience(mail_list: MailList) -> Audience:
    """Whom answers for MAIL_LIST are for."""
    return Audience(author_only=mail_list.mode is Mode.AUTHOR, list_address=mail_list.address)


def compose(verdict: Verdict, mail_list: MailList, sender: str, now: float) -> OutMail:
    """The answer that VERDICT is, from SENDER (`Name <address>`), for MAIL_LIST.

    Its Message-ID follows from the run. Raises InputError if SENDER is no address.
    """
    reply = to_reply(verdict, sender, now=now, audience=audience(mail_list))
    author = answered(verdict).author or verdict.series.author
    return outgoing(reply, mail_list, run=verdict.run, author=author, now=now)


def outgoing(reply: Reply, mail_list: MailList, *, run: str, author: str, now: float) -> OutMail:
    """REPLY, of whatever kind, on its way to people of MAIL_LIST; AUTHOR is whom it answers.

    It was made for the `audience` of MAIL_LIST.
    """
    message = message_from_bytes(reply.message, EmailMessage, policy=policy.default)
    # The envelope is what the headers say, as whoever gets it reads them.
    headers = [str(message[name] or "") for name in ("To", "Cc")]
    envelope = tuple(address.addr_spec for address in addresses(headers))
    state = MailState.HELD if mail_list.mode is Mode.MODERATE else MailState.READY
    return OutMail(
        message_id=str(message["Message-ID"]).strip("<>"),
        run=run,
        list_name=mail_list.name,
        mode=str(mail_list.mode),
        author=next((each.addr_spec.lower() for each in addresses([author])), ""),
        subject=str(message["Subject"]),
        recipients=envelope,
        message=reply.message,
        state=state if envelope else MailState.PARKED,
        said="" if envelope else "it names nobody to whom it could go",
        due_at=now,
        created_at=now,
    )
