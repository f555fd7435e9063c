# SPDX-License-Identifier: GPL-2.0-or-later
"""What is asked of every source of mail."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

#: How many mails one call of `read` yields at most.
BATCH = 200
#: What a source that is read for the first time looks back to, and where it starts again when
#: its server has forgotten how far it was read: so many mails, and for the first time one day.
LOOK_BACK = 200
LOOK_BACK_S = 24 * 3600
#: How long a server may be silent.
TIMEOUT_S = 60

LOG = logging.getLogger("crosscheck.sources")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail, and the position to go on from after it.

    RAW is the mail with LF line ends. It is b"" where there is no mail to keep and only the
    position moves on: at the beginning of a source without mails, after a mail that is too
    large, and after one that was deleted.
    """

    raw: bytes
    position: str


class MailSource(Protocol):
    """One source. Its mails come at least once: twice after a restart, or after its server has
    numbered them anew, but none is left out. A Message-ID tells copies.
    """

    def read(self, position: str) -> Iterator[Arrival]:
        """What came after POSITION, oldest first, at most `BATCH`.

        Any position that was yielded can be gone on from, by any process. "" begins: with what
        came lately, at most `LOOK_BACK` mails. Raises InfraError, one sentence, when the
        source is away; whoever called tries again later.
        """

    def wait(self, limit_s: float) -> None:
        """Return when there may be new mail, after LIMIT_S at the latest. Raises nothing."""

    def close(self) -> None:
        """Let go of connections; `read` makes new ones."""


def skipped(what: str, size_bytes: int) -> bytes:
    """Log that WHAT is too large; the raw of its `Arrival`."""
    LOG.warning("%s is passed over: %d MB are too large for a mail", what, size_bytes >> 20)
    return b""
