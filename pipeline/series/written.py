# SPDX-License-Identifier: GPL-2.0-or-later
"""A patch as `git am --patch-format=mboxrd` is given it: one part, UTF-8, nothing encoded. Pure.

The letter's headers stay, so that what is kept of a run can be read again as the same series.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from pipeline.model import Letter
from pipeline.series import mbox
from pipeline.series.mail import Mail

_LAST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


def write(mail: Mail) -> bytes:
    """MAIL as an mboxrd of one mail."""
    headers = "".join(f"{name}: {value}\n" for name, value in _headers(mail.letter) if value)
    return mbox.quote(headers.encode("utf-8", "replace") + b"\n" + mail.content)


def date(said: str) -> str:
    """The date that a mail SAID, as git reads it.

    Without one `git am` would take today's, and the same mail would become another commit.
    """
    try:
        found = parsedate_to_datetime(said)
        if 0 <= found.timestamp() < _LAST:
            return format_datetime(found)
    except (ValueError, TypeError, OverflowError):
        pass
    return "Thu, 1 Jan 1970 00:00:00 +0000"


def _headers(letter: Letter) -> tuple[tuple[str, str], ...]:
    *older, parent = [f"<{r}>" for r in letter.references] or [""]
    return (
        ("From", letter.author),
        ("To", ", ".join(letter.to)),
        ("Cc", ", ".join(letter.cc)),
        ("Reply-To", ", ".join(letter.reply_to)),
        ("Date", date(letter.date)),
        ("Subject", letter.subject),
        ("Message-ID", f"<{letter.message_id}>" if letter.message_id else ""),
        ("In-Reply-To", parent),
        ("References", " ".join([*older, parent])),
        ("MIME-Version", "1.0"),
        ("Content-Type", "text/plain; charset=UTF-8"),
        ("Content-Transfer-Encoding", "8bit"),
    )
