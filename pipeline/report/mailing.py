# SPDX-License-Identifier: GPL-2.0-or-later
"""How is a mail of ours written: its headers, how they are folded, its text? Pure.

RFC 5322 for the headers, RFC 3834 for Auto-Submitted; there is no Precedence, which is in no
standard, and of which lists and filters make what they like. Nothing that others wrote can add a
header: what could is cleaned, or left out, before the library sees it. The text is plain, 8 bit
UTF-8; neither a line of it nor all of it is longer than a mail's may be.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.charset import QP, Charset
from email.header import Header
from email.headerregistry import Address, AddressHeader
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import formataddr
from typing import Any

from pipeline.model import Letter, Reply
from pipeline.report.addressing import thread
from pipeline.report.wording import clipped, count, header_text

#: RFC 5322 2.1.1: a line has at most so many bytes.
LINE_BYTES = 998
#: vger.kernel.org takes no mail of more than 100,000 bytes; headers take some of them.
TEXT_BYTES = 90_000
_SUBJECT_COLUMNS = 500
_UTF8 = Charset("utf-8")
_UTF8.header_encoding = QP  # of most names, more can be read than of base64
_HEADER_COLUMNS = 78  # RFC 5322 2.1.1
# A dot-atom (RFC 5322 3.2.3); of what is none, a digest tells similar ones apart.
_PLAIN_NAME = re.compile(r"(?=.{1,100}$)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


def _written(address: Address) -> str:
    name = address.display_name
    if not name.isascii():
        name = " ".join(Header(name, _UTF8).encode().split())
        return f"{name} <{address.addr_spec}>"
    return formataddr((name, address.addr_spec))


def _filled(name: str, words: Sequence[str]) -> list[str]:
    """The lines of the header NAME, whose WORDS are never broken."""
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _HEADER_COLUMNS and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return lines


class _Mail(EmailPolicy):
    """Message-IDs stand as they are, one on a line: the library would encode long ones.

    An encoded In-Reply-To breaks threading. After some names the library encodes the comma before
    the next address, which then is none. Other headers are folded as usual.
    """

    _identifiers = frozenset({"message-id", "in-reply-to", "references"})

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in self._identifiers:
            first, *more = str(value).split()
            lines = [f"{name}: {first}", *(f" {word}" for word in more)]
        elif isinstance(value, AddressHeader):
            *some, last = map(_written, value.addresses)
            lines = _filled(name, [*(f"{each}," for each in some), last])
        else:
            return super().fold_binary(name, value)
        return "".join(f"{line}{self.linesep}" for line in lines).encode()


def _fitting(line: str) -> str:
    """LINE, cut off where it is longer than a line of mail may be."""
    raw = line.encode("utf-8", "replace")
    if len(raw) <= LINE_BYTES:
        return raw.decode()
    return raw[: LINE_BYTES - 4].decode("utf-8", "ignore") + " ..."


def _fitted(text: str, end: str) -> str:
    """TEXT, as much of it as fits, then END."""
    lines = [_fitting(line) for line in text.splitlines()]
    last = [_fitting(line) for line in end.splitlines()]
    left = TEXT_BYTES - sum(len(line.encode()) + 1 for line in last)
    for number, line in enumerate(lines):
        left -= len(line.encode()) + 1
        if left < 0:
            lines[number:] = [f"[{count(len(lines) - number, 'more line')}: too much for a mail]"]
            break
    return "".join(f"{line}\n" for line in (*lines, *last))


def _subject(answered: str) -> str:
    subject = clipped(header_text(answered), _SUBJECT_COLUMNS)
    return subject if re.match(r"re:", subject, re.IGNORECASE) else f"Re: {subject}"


def _message_id(name: str, sender: Address) -> str:
    """Follows from NAME: a mail that is sent twice is one mail to every mail reader."""
    if not _PLAIN_NAME.fullmatch(name):
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        name = f"{re.sub(r'[^A-Za-z0-9_]+', '-', name)[:100]}-{digest}"
    return f"<crosscheck.{name}@{sender.domain}>"


def answering(
    letter: Letter,
    text: str,
    *,
    end: str = "",
    name: str,
    sender: Address,
    to: Sequence[Address],
    cc: Sequence[Address] = (),
    now: float,
) -> Reply:
    """A mail with TEXT that answers LETTER, or stands alone where that has no Message-ID.

    END comes last, whatever of TEXT is too much. NAME is unique among our mails; NOW is in
    seconds since the epoch.
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
    message.set_content(_fitted(text, end), cte="8bit")
    return Reply(message.as_bytes())
