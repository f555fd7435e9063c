# SPDX-License-Identifier: GPL-2.0-or-later
"""What did the perf program measure? Pure: a console's lines in, its measurements out.

printk writes to the same console, into the middle of a line too. A line that is not whole is no
measurement: how many rounds there are stands at its end. Of a name with several different ones
none is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NAME = r"[a-z][a-z0-9_]*"
_MEASURED = re.compile(
    rf"measured (?P<name>{_NAME}) operations=(?P<operations>[1-9]\d{{0,8}})"
    r" ns=(?P<ns>\d{1,18}(?:,\d{1,18})*) rounds=(?P<rounds>[1-9]\d{0,2})",
    re.ASCII,
)
_UNMEASURED = re.compile(rf"unmeasured (?P<name>{_NAME}) (?P<reason>[ -~]+)")


@dataclass(frozen=True, slots=True)
class Measurement:
    """A case: how long each round of so many OPERATIONS took, by the guest's clock."""

    name: str
    operations: int
    rounds_ns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What one boot says, by name."""

    measured: tuple[Measurement, ...]
    unmeasured: tuple[tuple[str, str], ...]  # (name, why this kernel has no such thing)


def parse(lines: Iterable[str]) -> Report:
    """What a console's clean LINES say."""
    said: dict[str, set[Measurement | str]] = {}
    for line in lines:
        if found := _MEASURED.fullmatch(line):
            rounds = tuple(int(each) for each in found["ns"].split(","))
            if len(rounds) != int(found["rounds"]):
                continue
            each: Measurement | str = Measurement(found["name"], int(found["operations"]), rounds)
        elif found := _UNMEASURED.fullmatch(line):
            each = found["reason"]
        else:
            continue
        said.setdefault(found["name"], set()).add(each)
    believed = [(name, word) for name, words in said.items() if len(words) == 1 for word in words]
    return Report(
        tuple(word for _, word in believed if isinstance(word, Measurement)),
        tuple((name, word) for name, word in believed if isinstance(word, str)),
    )
