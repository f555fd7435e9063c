# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mailing lists are watched, and how each is treated? Reads the file CROSSCHECK_LISTS.

Its keys are explained in docs/lists.md. Everything wrong with it is an InputError that names
file, line and key.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, StringConstraints

from pipeline.model import Outcome
from pipeline.yaml_source import Strict, not_empty, one_or_many, read


class Mode(StrEnum):
    """What becomes of an answer."""

    FOLDER = "folder"  # written to a directory; nothing is sent
    MODERATE = "moderate"  # waits until somebody approves it, then to everyone
    AUTHOR = "author"  # sent to the author of the series alone
    ALL = "all"  # sent to everyone who got the series


@dataclass(frozen=True, slots=True)
class ListTree:
    """A tree that series of a list may be based on: a branch of a git repository."""

    path: Path
    branch: str  # "" is its HEAD


@dataclass(frozen=True, slots=True)
class QuietHours:
    """FROM and TO in minutes of the day in ZONE; over midnight if TO is earlier."""

    start: int
    end: int
    zone: str

    def hold(self, now: float) -> bool:
        """Whether NOW (seconds since the epoch) lies in them."""
        local = datetime.fromtimestamp(now, ZoneInfo(self.zone))
        minute = 60 * local.hour + local.minute
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


@dataclass(frozen=True, slots=True)
class MailList:
    """One list."""

    name: str
    address: str  # its own mail address
    sources: tuple[str, ...]  # URLs that `pipeline.sources` reads
    trees: tuple[ListTree, ...]
    targets: tuple[str, ...]  # (): those that a series affects
    checks: tuple[str, ...]  # (): all
    mode: Mode
    answers: frozenset[Outcome]  # verdicts that are answered
    allow: tuple[str, ...]  # addresses that may command besides authors and maintainers
    start_for: tuple[str, ...]  # addresses (or @domain) whose series are started; (): all
    quiet: QuietHours | None  # nothing is sent
    wait_s: float  # how long an incomplete series is waited for
    author_hourly: int  # answers to one author, at most
    list_hourly: int


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Address = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,]+@[^\s@<>,]+$")]
Who = Annotated[str, StringConstraints(pattern=r"^[^\s@<>,]*@[^\s@<>,]+$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\n]+$")]

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)(?: ([A-Za-z/_+0-9-]+))?")


def _hours(text: str) -> str:
    found = _HOURS.fullmatch(text)
    if not found:
        raise ValueError('must be hours, as in "22:00-07:00 Europe/Paris"')
    try:
        ZoneInfo(found[5] or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: Europe is a directory
        raise ValueError(f"there is no time zone {found[5]}") from None
    return text


class ListEntry(Strict):
    """A list as it stands in the file."""

    address: Address
    sources: Annotated[tuple[Line, ...], one_or_many, not_empty]
    trees: Annotated[tuple[Line, ...], one_or_many, not_empty]
    targets: Annotated[tuple[Name, ...], one_or_many] = ()
    checks: Annotated[tuple[Name, ...], one_or_many] = ()
    answer: Literal["folder", "moderate", "author", "all"] = "folder"
    answers: Annotated[tuple[Literal["PASS", "WARN", "FAIL"], ...], one_or_many] = ("WARN", "FAIL")
    allow: Annotated[tuple[Address, ...], one_or_many] = ()
    start_for: Annotated[tuple[Who, ...], one_or_many] = ()
    quiet: Annotated[str, AfterValidator(_hours)] | None = None
    wait_minutes: Annotated[float, Field(ge=0, le=10_080)] = 60
    author_hourly: Annotated[int, Field(ge=0)] = 4
    list_hourly: Annotated[int, Field(ge=0)] = 20


class ListsFile(Strict):
    """The whole file."""

    lists: Annotated[dict[Name, ListEntry], not_empty]


def _tree(text: str) -> ListTree:
    path, _, branch = text.partition("#")
    return ListTree(Path(path).expanduser(), branch)


def _quiet(text: str) -> QuietHours:
    found = _HOURS.fullmatch(text)
    assert found is not None  # noqa: S101 (the schema saw to it)
    hour, minute, to_hour, to_minute = (int(found[n]) for n in range(1, 5))
    return QuietHours(60 * hour + minute, 60 * to_hour + to_minute, found[5] or "UTC")


def load(path: Path) -> tuple[MailList, ...]:
    """The lists in PATH, in its order; raises InputError `FILE:LINE:COLUMN: key: what is wrong`."""
    source = read(path)
    file = source.parse(ListsFile)
    named: dict[str, str] = {}
    for name, entry in file.lists.items():
        other = named.setdefault(entry.address.lower(), name)
        if other != name:
            what = f"is the address of {other} as well: one list, with all its sources and trees"
            raise source.fault(("lists", name, "address"), what)
    return tuple(_list(name, entry) for name, entry in file.lists.items())


def _list(name: str, entry: ListEntry) -> MailList:
    return MailList(
        name=name,
        address=entry.address.lower(),
        sources=entry.sources,
        trees=tuple(_tree(text) for text in entry.trees),
        targets=entry.targets,
        checks=entry.checks,
        mode=Mode(entry.answer),
        answers=frozenset(Outcome(word) for word in entry.answers),
        allow=tuple(address.lower() for address in entry.allow),
        start_for=tuple(who.lower() for who in entry.start_for),
        quiet=_quiet(entry.quiet) if entry.quiet else None,
        wait_s=60 * entry.wait_minutes,
        author_hourly=entry.author_hourly,
        list_hourly=entry.list_hourly,
    )
