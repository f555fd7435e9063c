# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mail does a reply answer, and to whom does it go? Pure.

What cannot stand in a header by RFC 5322 (no address, no Message-ID) is left out: a reply
with a recipient less is better than one that no server takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import getaddresses

from pipeline.model import InputError, Letter, Verdict
from pipeline.report.digest import guilty
from pipeline.report.wording import one_line

# RFC 5322 3.6.4, loosely: what list archives and mail readers take as one identifier. With
# its brackets and the header's name it must stay on a line of 998 bytes.
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,900}")


def answered(verdict: Verdict) -> Letter:
    """The mail of the one guilty patch, else the cover letter, else the first patch."""
    series = verdict.series
    n = guilty(verdict)
    blamed = next((patch.letter for patch in series.patches if patch.n == n), None)
    return blamed or series.cover or series.patches[0].letter


def addresses(headers: Iterable[str]) -> tuple[Address, ...]:
    """The addresses in HEADERS, each once, in their order."""
    found: dict[str, Address] = {}
    for name, spec in getaddresses([one_line(header) for header in headers]):
        if not spec.isascii() or "@" not in spec:
            continue
        try:
            address = Address(display_name=name, addr_spec=spec)
        except (MessageError, ValueError, IndexError):  # IndexError: bpo-39100 and its kind
            continue
        found.setdefault(spec.lower(), address)
    return tuple(found.values())


def sender_address(sender: str) -> Address:
    """SENDER (`Name <address>`) as the one address it must be."""
    found = addresses([sender])
    if len(found) != 1:
        raise InputError(f"The sender {one_line(sender)!r} is no mail address: write `Name <a@b>`.")
    return found[0]


def recipients(
    letter: Letter, author: str, sender: Address
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """To and Cc of a reply to everyone: who asked for replies or wrote it, and all the rest.

    AUTHOR is the series', used where LETTER (of a git range) names none; SENDER gets no copy.
    """
    to = addresses(letter.reply_to) or addresses([letter.author]) or addresses([author])
    passed_over = {address.addr_spec.lower() for address in (*to, sender)}
    everyone = addresses((*letter.to, *letter.cc))
    return to, tuple(a for a in everyone if a.addr_spec.lower() not in passed_over)


def thread(letter: Letter) -> tuple[str, ...]:
    """Message-IDs for References, oldest first, in brackets; the last is In-Reply-To.

    () if LETTER has none of its own, as in a git range: nothing can be answered then.
    """
    if not _MESSAGE_ID.fullmatch(letter.message_id):
        return ()
    older = (mid for mid in letter.references if _MESSAGE_ID.fullmatch(mid))
    earlier = tuple(mid for mid in dict.fromkeys(older) if mid != letter.message_id)
    return tuple(f"<{mid}>" for mid in (*earlier, letter.message_id))
