# SPDX-License-Identifier: GPL-2.0-or-later
"""How is a mail of ours written: its headers, how they are folded, its text? Pure.

RFC 5322 for the headers, RFC 3834 for Auto-Submitted. The text is plain, 8 bit UTF-8; no line
of it is longer than a mail's may be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from typing import Any

from pipeline.model import Letter, Reply
from pipeline.report.addressing import thread
from pipeline.report.wording import one_line

#: RFC 5322 2.1.1: a line has at most so many bytes.
LINE_BYTES = 998


class _Mail(EmailPolicy):
    """Message-IDs stand as they are, one on a line: the library would encode long ones.

    An encoded In-Reply-To breaks threading. Other headers are folded as usual.
    """

    _identifiers = frozenset({"message-id", "in-reply-to", "references"})

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in self._identifiers:
            return f"{name}: {f'{self.linesep} '.join(str(value).split())}{self.linesep}".encode()
        return super().fold_binary(name, value)


def _fitting(line: str) -> str:
    """LINE, cut off where it is longer than a line of mail may be."""
    raw = line.encode("utf-8", "replace")
    if len(raw) <= LINE_BYTES:
        return raw.decode()
    return raw[: LINE_BYTES - 4].decode("utf-8", "ignore") + " ..."


def _subject(answered: str) -> str:
    subject = one_line(answered)
    return subject if re.match(r"re:", subject, re.IGNORECASE) else f"Re: {subject}"


def _message_id(name: str, sender: Address) -> str:
    """Follows from NAME: a mail that is sent twice is one mail to every mail reader."""
    return f"<crosscheck.{re.sub(r'[^A-Za-z0-9._-]', '-', name)}@{sender.domain}>"


def answering(
    letter: Letter,
    text: str,
    *,
    name: str,
    sender: Address,
    to: Sequence[Address],
    cc: Sequence[Address] = (),
    now: float,
) -> Reply:
    """A mail with TEXT that answers LETTER, or stands alone where that has no Message-ID.

    NAME is unique among our mails; NOW is in seconds since the epoch.
    """
    references = thread(letter)
    message = EmailMessage(policy=_Mail())
    message["From"] = sender
    if to:
        message["To"] = to
    if cc:
        message["Cc"] = cc
    message["Subject"] = _subject(letter.subject)
    message["Date"] = datetime.fromtimestamp(now, UTC)
    message["Message-ID"] = _message_id(name, sender)
    if references:
        message["In-Reply-To"] = references[-1]
        message["References"] = " ".join(references)
    message["Auto-Submitted"] = "auto-replied"
    message.set_content("".join(f"{_fitting(line)}\n" for line in text.splitlines()), cte="8bit")
    return Reply(message.as_bytes())
