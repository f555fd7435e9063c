# SPDX-License-Identifier: GPL-2.0-or-later
"""What an earlier build said about that which a later one did not make again. Pure.

A build that starts from a finished one is silent about what it leaves as it is, and a warning
in there is still one of this kernel's. kbuild names each thing that it makes (`  CC      a.o`);
with `--output-sync` what is said about it follows at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from workers.parsers.diag_lines import MAKE, STEP
from workers.sandbox.contract import BUILD, SOURCE

#: `mm/Makefile:3: warning: overriding recipe`: make says so whenever it reads that.
_RULES = re.compile(r"^(?=[^\s:]{1,1000}:\d+: )[^\s:]*(?:Makefile|Kbuild)")


def _steps(lines: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(object, its lines, the first one names it) for each step of make's output in LINES.

    What make itself says between two steps belongs to neither: it says that every time.
    """
    made = ""
    said: list[str] = []
    for line in lines:
        step = STEP.match(line)
        if step or MAKE.match(line) or _RULES.match(line):
            if made:
                yield made, tuple(said)
            made, said = step["object"].removeprefix(f"{BUILD}/") if step else "", []
        if made:
            said.append(line)
    if made:
        yield made, tuple(said)


def remade(lines: Iterable[str]) -> frozenset[str]:
    """The objects that make's output in LINES names, relative to the build directory."""
    return frozenset(made for made, _ in _steps(lines))


def worth_keeping(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines of those steps about which something was said."""
    return tuple(line for _, said in _steps(lines) if len(said) > 1 for line in said)


def before_last_step(lines: Iterable[str]) -> tuple[str, ...]:
    """LINES before the last step: what follows the last one that made conf, conf said, not it."""
    lines = tuple(lines)
    return lines[: _last_step(lines)]


def after_last_step(lines: Iterable[str]) -> tuple[str, ...]:
    """What conf said: LINES after the last step, or all of them."""
    lines = tuple(lines)
    at = _last_step(lines)
    return lines[at + 1 :] if at < len(lines) else lines


def _last_step(lines: Sequence[str]) -> int:
    """Where the last step is in LINES; their end if there is none."""
    return next((n for n in reversed(range(len(lines))) if STEP.match(lines[n])), len(lines))


def still_true(
    before: Iterable[str], now: Iterable[str], is_there: Callable[[str], bool]
) -> tuple[str, ...]:
    """What was said BEFORE about objects that make did not make again NOW and that ARE THERE.

    Of a step that is named by a file of the source (`  CALL    /src/scripts/checksyscalls.sh`)
    nobody knows what it made; it counts as there.
    """
    again = remade(now)
    return tuple(
        line
        for made, said in _steps(before)
        if made not in again and (made.startswith(f"{SOURCE}/") or is_there(made))
        for line in said
    )
