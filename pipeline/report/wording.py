# SPDX-License-Identifier: GPL-2.0-or-later
"""How is it put into words? Untrusted text, times, figures, line ranges, lists. Pure.

What mails, compilers and consoles say ends up on terminals and in mails of ours; it may
move no cursor, end no header and hide nothing.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

#: Prose of a mail; `Documentation/process/submitting-patches.rst` asks for 75 at most.
PROSE_COLUMNS = 72

# ECMA-48: control sequences, and strings such as a terminal's title.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
# Unicode's explicit directional marks: they show text in another order than it has.
_DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _shown(char: str) -> str:
    if char in "\n\t":
        return char
    category = unicodedata.category(char)
    if category == "Cs":
        return "\ufffd"
    if category in ("Zl", "Zp"):
        return " "
    return "" if category == "Cc" or char in _DIRECTIONS else char


def clean(text: str) -> str:
    """TEXT without control characters and escape sequences; lines end with LF."""
    text = _ESCAPES.sub("", text.replace("\r\n", "\n"))
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def one_line(text: str) -> str:
    """TEXT as one clean line, blanks run together."""
    return " ".join(clean(text).split())


def header_text(text: str) -> str:
    """TEXT as it may stand in a header: encoded words (RFC 2047) in it are no more than text.

    They could hide line ends, which Python's library writes out when it decodes them
    (CVE-2024-6923).
    """
    return one_line(text).replace("=?", "= ?")


def clipped(line: str, columns: int) -> str:
    """LINE, its end cut off where it is longer than COLUMNS."""
    return line if len(line) <= columns else f"{line[: columns - 4]} ..."


def snippet(text: str, most: int, columns: int = 240) -> tuple[str, ...]:
    """The first lines of TEXT, MOST of them; the last says how many are not shown."""
    lines = [clipped(line.rstrip(), columns) for line in clean(text).strip("\n").split("\n")]
    if lines == [""]:
        return ()
    if len(lines) <= most:
        return tuple(lines)
    return (*lines[:most], f"[{count(len(lines) - most, 'more line')}]")


def wrapped(text: str, indent: str = "", hanging: str | None = None) -> str:
    """Prose in lines of 72 columns at most; what has no blank is not broken."""
    return textwrap.fill(
        one_line(text),
        PROSE_COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def count(number: int, noun: str) -> str:
    """`1 warning`, `2 warnings`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def line_ranges(ranges: Iterable[tuple[int, int]], most: int = 12) -> str:
    """`lines 3, 7-9`; of more than MOST ranges only the first."""
    pairs = tuple(ranges)
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in pairs[:most]]
    if len(pairs) > most:
        shown.append(f"and {count(len(pairs) - most, 'more place')}")
    single = len(pairs) == 1 and pairs[0][0] == pairs[0][1]
    return f"{'line' if single else 'lines'} {', '.join(shown)}"


def figure(number: float) -> str:
    """How many instructions: `1,042`, and `95.3` where a tenth says something."""
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"


def percent(number: float, *, sign: bool = True) -> str:
    """`+33.4 %`; two digits that say something of less than 1 %."""
    digits = 1 if abs(number) >= 1 else 2
    number = round(number, digits) or 0.0  # no -0
    return f"{number:{'+' if sign and number else ''},.{digits}f} %"


def clock(seconds: float) -> str:
    """A time that passed, as `0:43` or `1:02:03`."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
