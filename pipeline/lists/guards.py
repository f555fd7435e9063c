# SPDX-License-Identifier: GPL-2.0-or-later
"""May this mail be answered at all? Pure.

Two programs that answer each other never end (RFC 3834): mails of ours, of other programs, and
reports about mails are not answered. Who is in doubt is a program.
"""

from __future__ import annotations

import re
from email.errors import MessageError
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parseaddr

from liblore.utils import clean_header

#: Which programs write to kernel lists: their addresses, or what these begin or end with.
BOTS = (
    "lkp@intel.com",
    "oliver.sang@intel.com",
    "@syzkaller.appspotmail.com",
    "patchwork-bot+",
    "bot@kernelci.org",
    "lkft@linaro.org",
    "cki-project@redhat.com",
    "ci_notify@linaro.org",
    "bugzilla-daemon@",
    "tip-bot2@",
    "regressions-bot@",
    "gregkh-bot@",
)
_BOT_WORDS = frozenset(("bot", "robot", "buildbot", "syzbot", "regzbot", "lkp", "daemon", "cron"))
_BOT_NAME = re.compile(r"\b(?:robot|buildbot|syzbot|regzbot|\w+-bot\d*)\b", re.IGNORECASE)
_BOUNCER = re.compile(
    r"mailer-daemon|postmaster|bounces?|.*[-+.]bounces?(?:[-+=].*)?|bounces?[-+=].*"
)
_NO_REPLY = re.compile(r"(?:.*[-+._])?(?:no-?_?reply|do-?_?not-?_?reply|devnull)(?:[-+._].*)?")
_LIST_HEADERS = ("List-Id", "List-Post", "List-Unsubscribe", "X-Mailing-List", "Mailing-List")
#: Only programs set them (the first also for those that were told to be silent).
_ROBOT_HEADERS = ("X-Autoreply", "X-Autorespond", "X-Auto-Reply-From", "X-Failed-Recipients")


def _header(message: Message, name: str) -> str:
    """The header NAME, in one line; "" if there is none."""
    return " ".join(clean_header(str(message.get(name, ""))).split())


def _senders(message: Message) -> tuple[tuple[str, str], ...]:
    """(name, address) of whoever says to have written or sent it."""
    written = [_header(message, name) for name in ("From", "Sender")]
    return tuple((name, address.lower()) for name, address in getaddresses(written) if address)


def _answered(message: Message) -> str:
    """The address that an answer would go to."""
    asked = parseaddr(_header(message, "Reply-To"))[1] or parseaddr(_header(message, "From"))[1]
    return asked.lower()


def _is_bot(name: str, address: str) -> bool:
    local = address.partition("@")[0]
    known = any(
        address.endswith(bot) if bot.startswith("@") else address.startswith(bot) for bot in BOTS
    )
    words = {word.rstrip("0123456789") for word in re.split(r"[._+-]", local)}
    return known or bool(words & _BOT_WORDS) or _BOT_NAME.search(name) is not None


def _ours(message: Message, senders: tuple[tuple[str, str], ...], sender: str) -> bool:
    ours = parseaddr(sender)[1].lower()
    own = _header(message, "Message-ID").strip("<> ").lower()
    looped = ours in _header(message, "X-Loop").lower().split()
    # People may share our domain; a beginning like ours has only another crosscheck.
    return looped or own.startswith("crosscheck.") or ours in {each[1] for each in senders}


def _automatic(message: Message) -> str:
    """Which header says that a program made it, "" if none does."""
    submitted = _header(message, "Auto-Submitted").lower()
    if submitted and re.split(r"[;\s(]", submitted, maxsplit=1)[0] != "no":
        return "Auto-Submitted"
    suppressed = set(re.split(r"[,\s]+", _header(message, "X-Auto-Response-Suppress").lower()))
    if suppressed & {"all", "autoreply"}:
        return "X-Auto-Response-Suppress"
    precedence = _header(message, "Precedence").lower()
    # Lists say bulk of all that they pass on; of what no list passed on only programs do.
    passed_on = any(name in message for name in _LIST_HEADERS)
    if precedence in ("junk", "auto_reply") or (precedence == "bulk" and not passed_on):
        return "Precedence"
    return next((name for name in _ROBOT_HEADERS if name in message), "")


def why_not(raw: bytes, sender: str) -> str:
    """Why the mail RAW may not be answered by us, who are SENDER (`Name <address>`); "": it may."""
    try:
        message = BytesHeaderParser().parsebytes(raw.replace(b"\r\n", b"\n"))
        senders = _senders(message)
        return _why_not(message, senders, sender)
    except (MessageError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "its headers cannot be read"  # what the standard parser raises on hostile ones


def _why_not(message: Message, senders: tuple[tuple[str, str], ...], sender: str) -> str:
    answered = _answered(message)
    local, _, domain = answered.partition("@")
    if not parseaddr(_header(message, "From"))[1] or not domain:
        return "it does not say from whom it is"
    if _ours(message, senders, sender):
        return "it is from crosscheck itself"
    if program := _program(message, senders):
        return program
    if _NO_REPLY.fullmatch(local) or "noreply" in domain.split("."):
        return f"nobody reads answers to {answered}"
    return ""


def _program(message: Message, senders: tuple[tuple[str, str], ...]) -> str:
    """What shows that no person wrote it, as a sentence; "" if nothing does."""
    if _header(message, "Return-Path") == "<>" or message.get_content_type() == "multipart/report":
        return "it reports about another mail"
    if any(_BOUNCER.fullmatch(address.partition("@")[0]) for _, address in senders):
        return "it is from a mail server"
    if bot := next((address for name, address in senders if _is_bot(name, address)), ""):
        return f"it is from a program, {bot}"
    if header := _automatic(message):
        return f"a program made it: its {header} says so"
    return ""
