# SPDX-License-Identifier: GPL-2.0-or-later
"""Which commands does a reply give? Pure.

A command is a line that begins with `#crosscheck`. What is quoted is never heeded: neither
lines behind `>`, nor anything after a signature separator, the head of a forwarded or quoted
mail, or the beginning of a patch. Those go on to the end of the mail as far as anybody can
tell, so commands stand before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Commands that are heeded in one mail; of more, nobody wrote each.
MOST = 10
#: A longer line is no command, but something that went wrong.
LINE_CHARS = 200


@dataclass(frozen=True, slots=True)
class Retest:
    """Test the series again, on targets of ARCHES only; (): on all that it affects."""

    arches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rerun:
    """Do again what was done."""


@dataclass(frozen=True, slots=True)
class OnBase:
    """Test the series on REVISION of TREE: one of the list's trees, by its name."""

    tree: str
    revision: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Test and say nothing more of the series."""


@dataclass(frozen=True, slots=True)
class Unrelated:
    """FINDING (the first digits of its fingerprint) is not the series' doing."""

    finding: str


@dataclass(frozen=True, slots=True)
class Help:
    """Say which commands there are."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What stands after `#crosscheck` is no command."""

    text: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """COUNT more commands than are heeded in one mail."""

    count: int


Command = Retest | Rerun | OnBase | Stop | Unrelated | Help | Unknown | PassedOver

_COMMAND = re.compile(r"#crosscheck(?!\S)(.*)", re.IGNORECASE)
#: From here on nothing is what the sender wrote to us.
_END = re.compile(
    r"-- ?$"  # RFC 3676 4.3; some mail readers take the blank away
    r"|diff --git |--- \S|\+\+\+ \S|@@ -\d|Index: \S|GIT binary patch|---$"
    r"|-{5,} ?[^-].*-{5,} *$"  # "-----Original Message-----", in whatever language
    r"|[-<>8%=~ ]*(?:8<|>8)[-<>8%=~ ]*$"  # scissors, git-mailinfo(1)
    r"|_{20,} *$|Begin forwarded message:|From: .*@"
)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.IGNORECASE)
#: No option of git's, no range of commits.
_REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][\w./+~^-]*", re.ASCII)
_FINDING = re.compile(r"[0-9a-f]{6,16}", re.IGNORECASE)


def _understood(text: str) -> Command:
    """The command in TEXT, which is what stands after `#crosscheck`."""
    keyword, *words = text.split() or ["help"]
    command: Command | None = None
    match keyword.lower(), words:
        case "test", _:
            command = _testing([name for word in words for name in word.split(",") if name])
        case "rerun", []:
            command = Rerun()
        case "base", [tree, revision] if _NAME.fullmatch(tree) and _REVISION.fullmatch(revision):
            command = OnBase(tree, revision)
        case "stop", []:
            command = Stop()
        case "unrelated", [finding] if _FINDING.fullmatch(finding):
            command = Unrelated(finding.lower())
        case "help", []:
            command = Help()
    said = " ".join(text.split())
    return command if command and len(text) <= LINE_CHARS else Unknown(said[:LINE_CHARS])


def _testing(names: list[str]) -> Retest | None:
    if not all(_NAME.fullmatch(name) for name in names):
        return None
    return Retest(tuple(dict.fromkeys(name.lower() for name in names)))


def _own(text: str) -> Iterator[str]:
    """The lines of TEXT that its sender wrote."""
    for line in text.split("\n"):
        if _END.match(line):
            return
        yield line


def given(text: str) -> tuple[Command, ...]:
    """The commands in TEXT, the decoded text of a mail, in their order; MOST of them."""
    found = [match[1] for line in _own(text) if (match := _COMMAND.match(line))]
    commands = tuple(_understood(words) for words in found[:MOST])
    return (*commands, PassedOver(len(found) - MOST)) if len(found) > MOST else commands
