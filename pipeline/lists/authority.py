# SPDX-License-Identifier: GPL-2.0-or-later
"""Are the commands of a mail heeded? Pure.

Commanded may crosscheck be by the author of the series, by who maintains or reviews what it
touches, and by those whom the list names; only in a mail that is proved to be theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parseaddr

from pipeline.lists.commands import Command
from pipeline.lists.config import MailList
from pipeline.lists.vouched import Proof
from pipeline.model import Series


@dataclass(frozen=True, slots=True)
class Thread:
    """What is known of the thread in which the mail came.

    RESPONSIBLE is who maintains or reviews the files of the series by MAINTAINERS of its base
    (`pipeline.lists.maintainers`): of the patched tree, a patch would make maintainers.
    REFUSED are those who were told no in this thread. Addresses are in small letters.
    """

    author: str  # of the series; `Name <address>` or an address
    responsible: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Heeded:
    """COMMANDS are to be carried out; BY (an address) gave them."""

    commands: tuple[Command, ...]
    by: str


@dataclass(frozen=True, slots=True)
class Refused:
    """BY (an address) is told REASON, a sentence, once."""

    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing is done and nothing said; REASON is for the log."""

    reason: str


Decision = Heeded | Refused | Ignored


def author_of(series: Series) -> str:
    """Who sent the series: the From of its first mail, not of a patch that they pass on."""
    return (series.cover or series.patches[0].letter).author


def decide(
    proof: Proof, commands: tuple[Command, ...], thread: Thread, mail_list: MailList
) -> Decision:
    """What becomes of COMMANDS in a mail of which PROOF says who sent it."""
    if not commands:
        return Ignored("no commands")
    if not proof.address:
        return Ignored("the mail names no sender")
    refusal = _refusal(proof, thread, mail_list)
    if not refusal:
        return Heeded(commands, proof.address)
    if proof.address in thread.refused:
        return Ignored(f"{proof.address} was refused in this thread before")
    return Refused(refusal, proof.address)


def _refusal(proof: Proof, thread: Thread, mail_list: MailList) -> str:
    author = parseaddr(thread.author)[1].lower()
    if proof.address not in {author, *thread.responsible, *mail_list.allow}:
        return (
            "Commands are heeded from the author of the series, from the maintainers and reviewers"
            " of the files that it touches, and from those whom the operator allows;"
            f" {proof.address} is none of them."
        )
    if not proof.domain:
        return f"Commands are heeded from who proves to be their sender; this mail {proof.reason}."
    return ""
