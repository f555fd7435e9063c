# SPDX-License-Identifier: GPL-2.0-or-later
"""What did the kernel complain of on its console? Pure.

A splat is a report with a headline and usually a trace: WARN(), BUG(), an oops of any
architecture, a sanitizer, lockdep, an RCU stall, a panic. `key` is what two boots of two
kernels can be compared by: no addresses, numbers, processors or line numbers in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from workers.parsers import splat_kinds
from workers.parsers.console import INIT_END, INIT_START, is_panic_end, message, running
from workers.parsers.splat_kinds import Headline

_CUT_HERE = re.compile(r"^-+\[ cut here \]-+$")
_END_TRACE = re.compile(r"^---\[ end trace ")
_RESULT = re.compile(r"^(?:not )?ok \d+ ")

#: More lines than this are another matter: a full trace with registers has about 60.
_LONGEST = 100

#: What comes after a WARN()'s headline when it has no message of its own.
_NO_MESSAGE = re.compile(r"^(?:Modules linked in|CPU:|Hardware name|pc :|epc :|[RE]?IP|Call Trace)")

_NUMBERS = (
    (splat_kinds.COPY, ""),
    (re.compile(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?"), ""),  # an offset into a function
    (re.compile(r"\bpfn:[0-9a-f]+"), "pfn:N"),
    (
        re.compile(r"(?<!exitcode=)\b0x[0-9a-f]+\b|\b[0-9a-f]{8,}\b", re.IGNORECASE),
        "ADDR",
    ),
    (re.compile(r"(?<![A-Za-z0-9_])\d+(?:(?=(?:[mun]?s)\b)|(?![A-Za-z0-9_]))"), "N"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True, slots=True)
class Splat:
    """One report. FILE and LINE are where the kernel says it was raised, if it does."""

    kind: str  # as `splat_kinds` has them: warning, bug, oops, kasan, lockdep, panic, …
    title: str  # the headline without whatever differs from boot to boot
    function: str  # that it happened in; "" if not known or not telling
    headline: str  # as printed
    trace: tuple[str, ...]  # all lines, the headline among them
    file: str = ""
    line: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two splats the same, but for where they were raised.

        A lockup or a stall says where the machine was when somebody noticed: they are alike.
        """
        if self.kind in splat_kinds.OF_TIME:
            return self.kind, "", ""
        title = self.title.replace(self.file, "FILE") if self.file else self.title
        return self.kind, normalise(title), self.function


def normalise(text: str) -> str:
    """TEXT without addresses, offsets, numbers and superfluous blanks."""
    for pattern, instead in _NUMBERS:
        text = pattern.sub(instead, text)
    return text.strip()


def _title(headline: Headline, block: list[str], at: int) -> str:
    """What is said of the headline at block[AT]; a WARN()'s message is a line of its own."""
    if headline.kind != "warning":
        return normalise(headline.text)
    before = [line for line in block[:at] if not _CUT_HERE.match(line)]
    after = [line for line in block[at + 1 : at + 2] if not _NO_MESSAGE.match(line)]
    return normalise(" ".join(before or after)) or "WARN_ON()"


def _made(block: list[str], at: int, headline: Headline) -> Splat:
    function = headline.function
    if not function and headline.kind not in splat_kinds.ANYWHERE:
        function = splat_kinds.function_of(block[at:])
    return Splat(
        kind=headline.kind,
        title=_title(headline, block, at),
        function=function,
        headline=headline.text.strip(),
        trace=tuple(block),
        file=headline.file,
        line=headline.line,
    )


class _Reader:
    """Cuts a console into blocks, each with the first headline in it."""

    def __init__(self) -> None:
        self.splats: list[Splat] = []
        self.block: list[str] = []
        self.headline: tuple[int, Headline] | None = None
        self.cut = False  # the block began with "cut here", so it has an end mark too

    def close(self) -> None:
        if self.block and (self.headline or self.cut):
            said = (i for i, x in enumerate(self.block) if x.strip() and not _CUT_HERE.match(x))
            first = next(said, 0)
            at, headline = self.headline or (first, Headline("warning", self.block[first]))
            self.add(_made(self.block, at, headline))
        self.block, self.headline, self.cut = [], None, False

    def add(self, splat: Splat) -> None:
        """A panic that only follows from the report before it belongs to that one."""
        cause = self.splats[-1] if self.splats and splat.kind == "panic" else None
        if cause and splat_kinds.is_consequence(splat.headline, cause.kind):
            self.splats[-1] = replace(cause, trace=cause.trace + splat.trace)
        else:
            self.splats.append(splat)

    def open(self, line: str, headline: Headline | None) -> None:
        self.close()
        self.block, self.cut = [line], headline is None
        self.headline = (0, headline) if headline else None

    def headed(self, line: str, headline: Headline) -> None:
        """A headline opens a block, unless it goes on with the one that is open."""
        if self.block and self.headline is None:
            self.headline = (len(self.block), headline)
        elif not (self.headline and self.headline[1].goes_on_with(headline)):
            self.open(line, headline)
            return
        self.block.append(line)

    def read(self, line: str) -> None:
        if _CUT_HERE.match(line):
            self.open(line, None)
        elif self.block and is_panic_end(line):  # it repeats the headline
            self.block.append(line)
            self.close()
        elif headline := splat_kinds.headline(line):
            self.headed(line, headline)
        elif line.startswith((INIT_START, INIT_END)) or running(line) or _RESULT.match(line):
            if not self.cut:
                self.close()
        elif self.block:
            self.block.append(line)
            if _END_TRACE.match(line) or len(self.block) >= _LONGEST:
                self.close()


def parse(lines: Iterable[str]) -> tuple[Splat, ...]:
    """The splats in a console's clean LINES, in order; of equal ones the first."""
    reader = _Reader()
    for line in lines:
        reader.read(message(line))
    reader.close()
    unique: dict[tuple[tuple[str, str, str], str, int | None], Splat] = {}
    for splat in reader.splats:
        unique.setdefault((splat.key, splat.file, splat.line), splat)
    return tuple(unique.values())
