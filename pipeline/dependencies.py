# SPDX-License-Identifier: GPL-2.0-or-later
"""What a series says it is based on: from a Message-ID to the series that the mail is of."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from pipeline.model import CrosscheckError, Series
from pipeline.series import mbox
from pipeline.series.mail import parse
from pipeline.series.sources import Fetcher
from pipeline.series.threads import postings_in


def known_by(fetch: Fetcher) -> Callable[[str], Series | None]:
    """What gives the series of a Message-ID, whole, out of the thread that FETCH gives; or None."""

    def known(message_id: str) -> Series | None:
        try:
            thread, _ = fetch(message_id)
            raws = mbox.split(BytesIO(thread))
            mails = [parse(b"".join(lines), message_id) for lines in raws]
        except CrosscheckError:
            return None
        posted = (p for p in postings_in(mails, source=message_id) if message_id in p.ids)
        return next((p.series for p in posted if p.series), None)

    return known
