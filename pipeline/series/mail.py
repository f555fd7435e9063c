# SPDX-License-Identifier: GPL-2.0-or-later
"""What one mail is: its letter, its [PATCH …] prefix, its text, whether it holds a diff. Pure.

The standard library takes the mail apart; liblore, which has the corner cases of the kernel
lists from b4, reads headers and subjects. The raw bytes are kept for `git am`: a mail that
a library has written again is not the mail that was sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime

from liblore.series import PatchSubject, parse_patch_subject
from liblore.utils import clean_header, format_addrs, parse_message

from pipeline.model import InputError, Letter

_DIFF = re.compile(r"^(?:diff --git |--- [^\n]+\n\+\+\+ |GIT binary patch$)", re.MULTILINE)
_PATCH_TYPES = ("text/plain", "text/x-patch", "text/x-diff", "application/x-patch")
_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")
_IN_BODY_FROM = re.compile(r"\s*From: *([^\n@]+@[^\n]+)\n")
#: Parsing a header takes more than linear time: nobody writes longer ones than this, all told.
MAX_HEADER_BYTES = 128 << 10
_MAX_VERSION = 9999
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail. ORIGIN says where it was read, for messages: `thread.mbox, mail 3`."""

    origin: str
    raw: bytes  # without the mbox separator and its quoting
    letter: Letter
    subject: PatchSubject
    text: str  # the plain text and the attached patches, decoded, with LF line ends
    html: bool  # there is a text/html part
    flowed: bool  # sent with format=flowed (RFC 3676)

    @property
    def has_diff(self) -> bool:
        """Whether there is a diff in it, not merely a quoted one."""
        return _DIFF.search(self.text) is not None

    @property
    def sender(self) -> str:
        """The address that it came from, to tell people apart."""
        return getaddresses([self.letter.author])[0][1].lower()

    @property
    def author(self) -> str:
        """Who wrote the patch: an in-body `From:` outranks the header, as in git-am(1)."""
        named = _IN_BODY_FROM.match(self.text)
        return _author(named[1]) if named else self.letter.author


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
        message = parse_message(raw)
        parts = [part for part in message.walk() if not part.is_multipart()]
        mail = Mail(
            origin=origin,
            raw=raw,
            letter=_letter(message),
            subject=parse_patch_subject(_header(message, "subject")),
            text="\n".join(_text(part) for part in parts if _may_hold_patch(part)),
            html=any(part.get_content_type() == "text/html" for part in parts),
            flowed=any(_is_flowed(part) for part in parts),
        )
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError) as error:
        # What the standard parser raises on hostile structure and headers.
        raise InputError(
            f"{origin} cannot be read as a mail: save it again as raw mbox."
        ) from error
    if mail.subject.version > _MAX_VERSION:
        raise InputError(f"{origin} names a version above {_MAX_VERSION} in its subject.")
    return mail


def dated(raw: bytes, date: str) -> bytes:
    """RAW with a Date that git can read: without one `git am` would take today's, or refuse."""
    try:
        if parsedate_to_datetime(date).timestamp() >= 0:
            return raw
    except (ValueError, TypeError, OverflowError):
        pass
    head, blank, body = raw.partition(b"\n\n")
    pattern = rb"^Date:[^\n]*\n(?:[ \t][^\n]*\n)*"
    kept = re.sub(pattern, b"", head + b"\n", flags=re.MULTILINE | re.IGNORECASE)
    return b"Date: Thu, 1 Jan 1970 00:00:00 +0000\n" + kept.removesuffix(b"\n") + blank + body


def _raw_header(message: EmailMessage, name: str) -> str:
    """The header NAME as it was sent, raw UTF-8 in it decoded; "" if there is none."""
    raw = next((str(v) for n, v in message.raw_items() if n.lower() == name), "")
    return _plain(raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _header(message: EmailMessage, name: str) -> str:
    """The header NAME, which holds no address, unfolded and decoded."""
    return _plain(clean_header(_raw_header(message, name)))


def _plain(text: str) -> str:
    """TEXT without what would steer a terminal that shows it; encoded words may hide it."""
    return _CONTROL.sub("", text)


def _letter(message: EmailMessage) -> Letter:
    references = _MESSAGE_ID.findall(_header(message, "references"))
    parents = _MESSAGE_ID.findall(_header(message, "in-reply-to"))[:1]
    found = _MESSAGE_ID.search(_header(message, "message-id"))
    return Letter(
        message_id=found[1] if found else "",
        subject=_header(message, "subject"),
        author=_author(_raw_header(message, "from")),
        to=_addresses(_raw_header(message, "to")),
        cc=_addresses(_raw_header(message, "cc")),
        reply_to=_addresses(_raw_header(message, "reply-to")),
        references=tuple(r for r in references if r not in parents) + tuple(parents),
        date=_header(message, "date"),
    )


def _addresses(written: str) -> tuple[str, ...]:
    """The addresses of a header, each as `Name <address>`, decoded."""
    found = getaddresses([re.sub(r"\s+", " ", written)])
    return tuple(_plain(format_addrs([pair])) for pair in found if pair[1])


def _author(written: str) -> str:
    return next(iter(_addresses(written)), _plain(clean_header(written)))


def _may_hold_patch(part: EmailMessage) -> bool:
    name = (part.get_filename() or "").lower()
    return part.get_content_type() in _PATCH_TYPES or name.endswith((".patch", ".diff"))


def _text(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    try:
        text = payload.decode(part.get_content_charset() or "utf-8", "replace")
    except LookupError:  # a charset that does not exist
        text = payload.decode("utf-8", "replace")
    text = text.replace("\r\n", "\n")
    return _unflow(text) if _is_flowed(part) else text


def _is_flowed(part: EmailMessage) -> bool:
    return "flowed" in str(part.get_param("format", "")).lower()


def _unflow(text: str) -> str:
    """TEXT, sent with format=flowed (RFC 3676), as git-mailinfo(1) has it."""
    lines: list[str] = []
    open_line = ""
    for line in text.split("\n"):
        if line != "-- ":
            plain = line.removeprefix(" ")
            if plain.endswith(" "):
                open_line += plain
                continue
            line = open_line + plain  # noqa: PLW2901
        elif open_line:
            lines.append(open_line)
        lines.append(line)
        open_line = ""
    return "\n".join([*lines, open_line] if open_line else lines)
