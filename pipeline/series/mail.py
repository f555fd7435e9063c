# SPDX-License-Identifier: GPL-2.0-or-later
"""What one mail is: its letter, its [PATCH …] prefix, its text, whether it holds a diff. Pure.

The standard library takes the mail apart, within limits. What `git am` is given is written anew
(`pipeline.series.written`) from what was read here, so that what is judged is what is applied.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Policy, compat32
from email.utils import getaddresses, parseaddr

from liblore.series import PatchSubject
from liblore.utils import format_addrs

from pipeline.model import InputError, Letter
from pipeline.series import body
from pipeline.series.subjects import is_puzzling, is_resent, prefixed, read_subject

_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")
_BARE_ID = re.compile(r"[^<>\s@]+@[^<>\s@]+")
_IN_BODY = re.compile(r"(From|Subject|Date):[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)\n")
#: What git-mailinfo(1) passes over, or takes for a Subject:, among those.
_SEPARATOR = re.compile(r">From [0-9a-f]{40,64} Mon Sep 17 00:00:00 2001\n")
_SUBJECT = re.compile(r"(\[PATCH\][ \t][^\n]*)\n")
#: Parsing a header takes more than linear time: nobody writes longer ones than this, all told.
MAX_HEADER_BYTES = 128 << 10
_MAX_LINE_BYTES = 8 << 10  # of a header that is no list of addresses or mails
_LISTS = {"to", "cc", "references", "received", "dkim-signature", "authentication-results"}
_MAX_PARTS = 64
_MAX_WORK_BYTES = 32 << 20  # parts times size: each line is held against the end of each part
_MAX_VERSION = 9999
_MAX_NESTED = 20  # comments in comments: for each, the standard parser calls itself
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail. ORIGIN says where it was read, for messages: `thread.mbox, mail 3`."""

    origin: str
    letter: Letter
    subject: PatchSubject
    content: bytes  # the message and the diff, decoded, with LF line ends
    html: bool  # there is a text/html part
    flowed: bool  # sent with format=flowed (RFC 3676)
    trouble: str = ""  # why it can be no patch

    @property
    def text(self) -> str:
        """CONTENT, to be read."""
        return self.content.decode("utf-8", "replace")

    @property
    def has_diff(self) -> bool:
        """Whether there is a diff in it, not merely a quoted one."""
        return body.has_diff(self.content)

    @property
    def sender(self) -> str:
        """Who sent it, to tell people apart: an address.

        A list that sends in the name of others gives all of them its own.
        """
        name, address = parseaddr(self.letter.author)
        through = re.search(r" via (?!B4 Relay)", name)
        return f"{name} <{address}>".lower() if through else address.lower()

    @property
    def author(self) -> str:
        """Who wrote the patch: an in-body `From:` outranks the header, as in git-am(1)."""
        named = self._in_body.get("From", "")
        return _author(named) if "@" in named else self.letter.author

    @property
    def title(self) -> str:
        """The subject without its prefix; an in-body `Subject:` outranks the header."""
        named = self._in_body.get("Subject", "")
        return (_plain(prefixed(named).title) if named else "") or self.subject.title

    @property
    def resend(self) -> bool:
        """Whether its prefix says that it was sent before."""
        return is_resent(self.subject)

    @property
    def _in_body(self) -> dict[str, str]:
        """The headers at the beginning of the text, as git-mailinfo(1) reads them."""
        text = self.content[:_MAX_LINE_BYTES].decode("utf-8", "replace").lstrip()
        found: dict[str, str] = {}
        at = 0
        while True:
            if (header := _IN_BODY.match(text, at)) and header[1] not in found:
                found[header[1]] = " ".join(_decoded(header[2]).split())
            elif header := _SUBJECT.match(text, at):
                found["Subject"] = " ".join(_decoded(header[1]).split())
            elif not (header := _SEPARATOR.match(text, at)):
                return found
            at = header.end()


def parse(raw: bytes, origin: str) -> Mail:
    """The mail in RAW. Raises InputError if it is nested or mangled beyond reading.

    CRLF line ends become LF, as `git am` without --keep-cr has it.
    """
    raw = raw.replace(b"\r\n", b"\n")
    if len(raw.partition(b"\n\n")[0]) > MAX_HEADER_BYTES:
        raise InputError(
            f"{origin} has more than {MAX_HEADER_BYTES >> 10} KB of headers, as no patch has: give"
            " the mbox of this series alone."
        )
    try:
        message = BytesParser(_bounded(len(raw)), policy=compat32).parsebytes(raw)
        letter = _letter(message)
        read = body.read(message)
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError, MessageError) as e:
        # What the standard parser raises on hostile structure and headers.
        raise InputError(f"{origin} cannot be read as a mail: save it again as raw mbox.") from e
    subject = read_subject(letter.subject)
    if subject.version > _MAX_VERSION:
        raise InputError(f"{origin} names a version above {_MAX_VERSION} in its subject.")
    trouble = read.trouble
    if is_puzzling(subject):
        trouble = f"is called {subject.title!r}, and its prefix does not say which patch it is"
    return Mail(origin, letter, subject, read.content, read.html, read.flowed, trouble)


def _bounded(size_bytes: int) -> Callable[..., Message]:
    """A class of messages for one mail: ValueError at more parts or longer headers than allowed."""
    made = 0
    most = min(_MAX_PARTS, max(4, _MAX_WORK_BYTES // size_bytes)) if size_bytes else 1

    class Bounded(Message):
        def __init__(self, policy: Policy = compat32) -> None:
            nonlocal made
            made += 1
            if made > most + 1:  # the parser makes one to try it
                raise ValueError("too many parts")
            self._left = MAX_HEADER_BYTES
            super().__init__(policy)

        def set_raw(self, name: str, value: str) -> None:
            size = len(value)
            self._left -= size
            if self._left < 0 or (name.lower().startswith("content-") and size > _MAX_LINE_BYTES):
                raise ValueError("a header is too long")
            super().set_raw(name, value)

    return Bounded


def _raw_header(message: Message, name: str) -> str:
    """The header NAME as it was sent, on one line, raw UTF-8 in it decoded; "" if there is none."""
    raw = next((str(v) for n, v in message.raw_items() if n.lower() == name), "")
    text = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return text if name in _LISTS else text[:_MAX_LINE_BYTES]


def _decoded(text: str) -> str:
    """TEXT without encoded words (RFC 2047); those that are broken stay as they are."""
    if "=?" in text:
        try:
            words = decode_header(text)
        except (MessageError, ValueError):
            words = []
        if words:
            text = "".join(
                w if isinstance(w, str) else body.decode(w, charset or "utf-8")
                for w, charset in words
            )
    return _plain(re.sub(r"\s+", " ", text).strip())


def _plain(text: str) -> str:
    """TEXT without what would steer a terminal that shows it; encoded words may hide it."""
    return _CONTROL.sub("", text)


def _letter(message: Message) -> Letter:
    references = _MESSAGE_ID.findall(_raw_header(message, "references"))
    parents = _MESSAGE_ID.findall(_raw_header(message, "in-reply-to"))[:1]
    own = _plain(_raw_header(message, "message-id")).strip()
    found = _MESSAGE_ID.search(own)
    bare = own if _BARE_ID.fullmatch(own) else ""
    return Letter(
        message_id=_plain(found[1]) if found else bare,
        subject=_decoded(_raw_header(message, "subject")),
        author=_author(_raw_header(message, "from")),
        to=_addresses(_raw_header(message, "to")),
        cc=_addresses(_raw_header(message, "cc")),
        reply_to=_addresses(_raw_header(message, "reply-to")),
        references=tuple(dict.fromkeys(_plain(r) for r in references if r not in parents))
        + tuple(_plain(p) for p in parents),
        date=_decoded(_raw_header(message, "date")),
    )


def _addresses(written: str) -> tuple[str, ...]:
    """The addresses of a header, each as `Name <address>`, decoded."""
    found = getaddresses([_shallow(re.sub(r"\s+", " ", written))])
    return tuple(_shown(_decoded(name), _plain(address)) for name, address in found if address)


def _shown(name: str, address: str) -> str:
    if address.isascii():
        return _plain(format_addrs([(name, address)]))
    plain = re.sub(r'["\\]', "", name)
    return f'"{plain}" <{address}>' if plain else address


def _author(written: str) -> str:
    return next(iter(_addresses(written)), _shallow(_decoded(written)))


def _shallow(text: str) -> str:
    """TEXT, without parentheses if they are nested deeper than in any header of a person.

    Whether the standard parser reads those would depend on who calls it.
    """
    depth = 0
    for bracket in re.findall(r"[()]", text):
        depth = depth + 1 if bracket == "(" else max(0, depth - 1)
        if depth > _MAX_NESTED:
            return re.sub(r"[()]", " ", text)
    return text
