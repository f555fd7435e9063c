# SPDX-License-Identifier: GPL-2.0-or-later
"""What a mail says: of its MIME parts the message and the one diff, byte by byte as meant. Pure.

What mailers and lists do on the way is undone where that can be done exactly: transfer
encodings, charsets, CRLF, format=flowed (RFC 3676), footers in parts of their own. Of the
letters in a diff nobody can tell more than that they are UTF-8, or not.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from pipeline.series.hunks import cut_diff, find_damage

_DIFF = re.compile(rb"^(?:diff --git |--- [^\n]+\n\+\+\+ |GIT binary patch$)", re.MULTILINE)
_DIFF_HEADER = re.compile(rb"^(?:diff --git |@@ -\d)[^\n]*\r$", re.MULTILINE)
_PATCH_TYPES = ("text/plain", "text/x-patch", "text/x-diff", "application/x-patch")
_BASE64 = re.compile(rb"[ \t]*([A-Za-z0-9+/]+={0,2})[ \t]*\r?$")
_OF_FORMAT_PATCH = re.compile(rb"\s*From [0-9a-f]{40,64} [^\n]*\n(?=[A-Z][A-Za-z-]*: )")
_SEPARATOR = re.compile(rb"^>?From [0-9a-f]{40,64} Mon Sep 17 00:00:00 2001$", re.MULTILINE)
_OF_MAIL = re.compile(rb"(?:From|Subject|Date): ")
_BOM = b"\xef\xbb\xbf"

#: Codecs by their names in Python. In those of one byte a letter UTF-8 is hardly ever valid.
_ONE_BYTE = re.compile(r"iso8859-\d+|cp125\d|cp437|cp850|cp866|koi8-[rut]|mac-\w+")
_OTHERS = re.compile(
    r"utf-(?:7|16|32)(?:-[lb]e)?|gbk|gb2312|gb18030|big5(?:hkscs)?|euc_\w+|shift_jis\w*|cp9\d\d"
    r"|iso2022_\w+|hz|johab"
)


@dataclass(frozen=True, slots=True)
class Body:
    """CONTENT is UTF-8 wherever that can be told. TROUBLE says why it can be no patch, or is ""."""

    content: bytes
    html: bool  # there is a text/html part
    flowed: bool  # sent with format=flowed
    trouble: str = ""


def read(message: Message) -> Body:
    """The body of MESSAGE; mails that are attached to it are not looked into."""
    html = flowed = False
    contents: list[bytes] = []
    for part in _leaves(message):
        html |= part.get_content_type() == "text/html"
        if _may_hold_patch(part):
            flowed |= _is_flowed(part)
            contents.append(_content(part))
    diffs = [content for content in contents if has_diff(content)]
    content = b"\n".join(contents)
    trouble = ""
    if len({cut_diff(d) for d in diffs}) > 1:
        trouble = f"holds {len(diffs)} different patches: save each in a file of its own"
    elif any(_holds_several(content) for content in diffs):
        trouble = "holds several patches, one after the other: save each in a file of its own"
    elif diffs:
        at = contents.index(diffs[0])
        content = _as_mail(diffs[0]) or b"\n".join(contents[: at + 1])
    return Body(content, html, flowed, trouble)


def has_diff(content: bytes) -> bool:
    """Whether there is a diff in CONTENT, not merely a quoted one."""
    return _DIFF.search(content) is not None


def _holds_several(content: bytes) -> bool:
    """Whether git-format-patch(1) began another patch after the diff in CONTENT."""
    found = _DIFF.search(content)
    return bool(found and _SEPARATOR.search(content, found.end()))


def decode(word: bytes, charset: str) -> str:
    """WORD of a header, which says that it is in CHARSET; what cannot be read is replaced."""
    return _utf8(word, charset).decode("utf-8", "replace")


def _leaves(message: Message) -> Iterator[Message]:
    todo = [message]
    while todo:
        part = todo.pop()
        inner = part.get_payload()
        if part.get_content_maintype() != "multipart":
            if not isinstance(inner, list):
                yield part
        elif isinstance(inner, list):
            todo.extend(p for p in reversed(inner) if isinstance(p, Message))


def _may_hold_patch(part: Message) -> bool:
    name = (part.get_filename() or "").lower()
    return part.get_content_type() in _PATCH_TYPES or name.endswith((".patch", ".diff"))


def _content(part: Message) -> bytes:
    encoding = str(part.get("content-transfer-encoding", "")).strip().lower()
    del part["content-transfer-encoding"]  # else what is not base64 is lost
    payload = part.get_payload(decode=True)
    content = payload if isinstance(payload, bytes) else b""
    if encoding == "base64":
        content = _from_base64(content)
    elif encoding == "quoted-printable":
        content = binascii.a2b_qp(content)
    content = _utf8(content, str(part.get_content_charset() or "")).removeprefix(_BOM)
    if _DIFF_HEADER.search(content) or not has_diff(content):  # git ends these lines with LF
        content = content.replace(b"\r\n", b"\n")
    return _flowing(content, part) if _is_flowed(part) else content


def _from_base64(content: bytes) -> bytes:
    """CONTENT decoded, and what a list wrote below it as it is."""
    lines = content.split(b"\n")
    words: list[bytes] = []
    at = 0
    while at < len(lines) and (not lines[at].strip() or _BASE64.match(lines[at])):
        found = _BASE64.match(lines[at])
        if found:
            words.append(found[1])
        elif words:
            break
        at += 1
    text = b"".join(words)
    try:
        decoded = binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        decoded = b""
    rest = b"\n".join(lines[at:])
    return decoded + (b"\n" + rest if rest.strip() else b"")


def _utf8(text: bytes, charset: str) -> bytes:
    """TEXT, which says that it is in CHARSET, in UTF-8; as it is where that is wrong or unknown."""
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        return text
    if _ONE_BYTE.fullmatch(name):
        if _is_utf8(text):
            return text
    elif not _OTHERS.fullmatch(name):
        return text
    try:
        return text.decode(name).encode()
    except UnicodeError:
        return text


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _as_mail(content: bytes) -> bytes:
    """CONTENT if it is a mail itself, as git-mailinfo(1) reads one in a body; else nothing."""
    found = _OF_FORMAT_PATCH.match(content)
    inner = content[found.end() :] if found else content.lstrip()
    return inner if found or _OF_MAIL.match(inner) else b""


def _is_flowed(part: Message) -> bool:
    return "flowed" in str(part.get_param("format", "")).lower()


def _flowing(content: bytes, part: Message) -> bytes:
    """CONTENT with its lines as they were.

    Some mailers say that they let text flow, and do not: it stays as it is where only then its
    diff is whole, and no blank was put before all that begin with one.
    """
    undone = _unflow(content, joined="yes" not in str(part.get_param("delsp", "")).lower())
    if not has_diff(content) or not _damaged(undone) or _damaged(content):
        return undone
    context = [line for line in cut_diff(content).split(b"\n") if line.startswith(b" ")]
    stuffed = context and all(line[:2] in {b"  ", b" "} for line in context)
    return undone if stuffed else content


def _damaged(content: bytes) -> bool:
    return bool(find_damage(content.decode("utf-8", "replace")))


def _unflow(content: bytes, *, joined: bool) -> bytes:
    """CONTENT, sent with format=flowed, as git-mailinfo(1) has it; blanks stay where JOINED."""
    lines: list[bytes] = []
    open_line: list[bytes] = []
    for line in content.split(b"\n"):
        plain = line if line == b"-- " else line.removeprefix(b" ")
        if line != b"-- " and plain.endswith(b" "):
            open_line.append(plain if joined else plain[:-1])
            continue
        if line == b"-- " and open_line:
            lines.append(b"".join(open_line))
            open_line = []
        lines.append(b"".join([*open_line, plain]))
        open_line = []
    return b"\n".join([*lines, b"".join(open_line)] if open_line else lines)
