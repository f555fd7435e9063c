# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mail does a reply answer, and to whom does it go? Pure.

What cannot stand in a header by RFC 5322 (no address, no Message-ID) is left out: a reply
with a recipient less is better than one that no server takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import getaddresses

from pipeline.model import InputError, Letter, Series, Verdict
from pipeline.report.digest import guilty
from pipeline.report.wording import clipped, header_text, one_line

# RFC 5322 3.6.4, loosely: what list archives and mail readers take as one identifier. With
# its brackets and the header's name it must stay on a line of 998 bytes. `=?` would begin an
# encoded word.
_MESSAGE_ID = re.compile(r"(?!.*=\?)[!-;=?-~]{1,900}")
#: So many of them say to which thread a mail belongs.
_MOST_REFERENCES = 40
# RFC 5321 4.1.2 without quoted strings, which nobody has, and 4.5.3.1.3 for its length.
_ADDRESS = re.compile(r"(?=.{3,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+")
_NAME_COLUMNS = 120
#: A series that went to more people is answered to its author and its list.
MOST_RECIPIENTS = 100


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom an answer is for."""

    author_only: bool = False
    list_address: str = ""  # of the mailing list that is watched; "": it is for none


EVERYONE = Audience()


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
        if not _ADDRESS.fullmatch(spec):
            continue
        try:
            address = Address(clipped(header_text(name), _NAME_COLUMNS), addr_spec=spec)
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


def _got_by(address: str, series: Series) -> bool:
    """Whether any mail of SERIES went to ADDRESS."""
    covers = (series.cover,) if series.cover else ()
    letters = (*covers, *(patch.letter for patch in series.patches))
    went = addresses(header for letter in letters for header in (*letter.to, *letter.cc))
    return address in {each.addr_spec.lower() for each in went}


def recipients(
    letter: Letter,
    author: str,
    sender: Address,
    audience: Audience = EVERYONE,
    series: Series | None = None,
) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """To and Cc of an answer to LETTER: who asked for replies or wrote it, and all the rest.

    AUTHOR is the series', used where LETTER (of a git range) names none; SENDER gets no copy. The
    list that is watched gets one if it got any mail of SERIES.
    """
    wrote = addresses([letter.author]) or addresses([author])
    asked = addresses(letter.reply_to)
    everyone = addresses((*letter.to, *letter.cc))
    if audience.author_only:
        # A list that everyone replies to, or that put itself into Reply-To, is not the author.
        others = {each.addr_spec.lower() for each in everyone} | {audience.list_address}
        private = tuple(each for each in asked if each.addr_spec.lower() not in others)
        return (private or wrote)[:1], ()
    to = asked or wrote
    if len(to) + len(everyone) > MOST_RECIPIENTS:
        to = to[:1]
        everyone = tuple(e for e in everyone if e.addr_spec.lower() == audience.list_address)
    elif series and audience.list_address and _got_by(audience.list_address, series):
        everyone = addresses((*letter.to, *letter.cc, audience.list_address))
    passed_over = {address.addr_spec.lower() for address in (*to, sender)}
    return to, tuple(each for each in everyone if each.addr_spec.lower() not in passed_over)


def thread(letter: Letter) -> tuple[str, ...]:
    """Message-IDs for References, oldest first, in brackets; the last is In-Reply-To.

    () if LETTER has none of its own, as in a git range: nothing can be answered then.
    """
    if not _MESSAGE_ID.fullmatch(letter.message_id):
        return ()
    older = (mid for mid in letter.references if _MESSAGE_ID.fullmatch(mid))
    earlier = tuple(mid for mid in dict.fromkeys(older) if mid != letter.message_id)
    if len(earlier) >= _MOST_REFERENCES:
        earlier = (earlier[0], *earlier[2 - _MOST_REFERENCES :])
    return tuple(f"<{mid}>" for mid in (*earlier, letter.message_id))
