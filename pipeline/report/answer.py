# SPDX-License-Identifier: GPL-2.0-or-later
"""What is answered to commands that came by mail? Pure.

An answer says in a line each what is done, or why not; a refusal goes to nobody but who gave
the commands. Both are one mail for one mail of commands, however often they are written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.lists.commands import (
    MOST,
    Command,
    Help,
    OnBase,
    PassedOver,
    Rerun,
    Retest,
    Stop,
    Unknown,
    Unrelated,
)
from pipeline.model import Letter, Reply, Series
from pipeline.report.addressing import (
    EVERYONE,
    Audience,
    addresses,
    recipients,
    sender_address,
)
from pipeline.report.mailing import answering
from pipeline.report.wording import count, listed, one_line, wrapped

#: Indented, so that no line of a mail of ours is a command.
HELP = """\
Commands stand at the beginning of a line, before any patch:

  #crosscheck test [ARCH...]        test the series again, on all that it
                                    affects or on these architectures
  #crosscheck rerun                 do again what was done last
  #crosscheck base TREE COMMIT      test it on a branch or commit of TREE
  #crosscheck stop                  no more tests of it, no more mails
  #crosscheck unrelated ID          finding ID is not the series' doing
  #crosscheck help                  this
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a command. TROUBLE, a sentence, says why it was not carried out."""

    command: Command
    trouble: str = ""
    about: str = ""  # the summary of the finding that UNRELATED named


def _sentence(done: Done, series: Series) -> str:
    """What is said of one command; "" for those that the help text answers."""
    version = f"v{series.version}"
    result = "the result comes as another mail in this thread."
    said = ""
    match done.command:
        case Retest(arches):
            on = f"{listed(arches)} of " if arches else ""
            said = f"Testing {on}{version} again; {result}"
        case Rerun():
            said = f"Doing the last run of {version} again; {result}"
        case OnBase(tree, revision):
            said = f"Testing {version} on {revision} of {tree}; {result}"
        case Stop():
            said = f"Stopped: nothing more is tested or said of {version}, unless it is asked for."
        case Unrelated(finding):
            said = f"Finding {finding} ({done.about}) is known from now on, and not counted."
        case Unknown(text):
            said = f"There is no command `{text}`."
        case PassedOver(more):
            said = f"{count(more, 'more command')} passed over: {MOST} are heeded in one mail."
    return done.trouble or said


def _name(letter: Letter) -> str:
    """Follows from the mail that is answered."""
    digest = hashlib.sha256(letter.message_id.encode("utf-8", "replace")).hexdigest()[:20]
    return f"command.{digest}"


def to_answer(
    letter: Letter,
    done: Iterable[Done],
    series: Series,
    *,
    sender: str,
    now: float,
    audience: Audience = EVERYONE,
) -> Reply:
    """The mail from SENDER that answers LETTER, which gave the commands, to all who got that.

    NOW is in seconds since the epoch. Raises InputError if SENDER is no address.
    """
    done = tuple(done)
    said = [wrapped(sentence) for each in done if (sentence := _sentence(each, series))]
    if any(isinstance(each.command, Help | Unknown) for each in done):
        said.append(HELP.rstrip("\n"))
    ours = sender_address(sender)
    to, cc = recipients(letter, letter.author, ours, audience, series)
    text = "\n\n".join(said) + "\n"
    return answering(letter, text, name=_name(letter), sender=ours, to=to, cc=cc, now=now)


def to_refusal(letter: Letter, reason: str, *, sender: str, now: float) -> Reply:
    """The mail that tells the sender of LETTER alone that its commands are not heeded."""
    return _alone(letter, f"Nothing was done. {reason}", name=_name(letter), sender=sender, now=now)


def to_failure(letter: Letter, reason: str, *, sender: str, now: float) -> Reply:
    """The mail that tells the sender of LETTER alone why what it asked for came to nothing."""
    name = f"{_name(letter)}.failed"
    return _alone(letter, f"It could not be tested. {reason}", name=name, sender=sender, now=now)


def _alone(letter: Letter, text: str, *, name: str, sender: str, now: float) -> Reply:
    ours, to = sender_address(sender), addresses([letter.author])
    text = wrapped(one_line(text)) + "\n"
    return answering(letter, text, name=name, sender=ours, to=to, cc=(), now=now)
