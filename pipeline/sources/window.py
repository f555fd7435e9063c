# SPDX-License-Identifier: GPL-2.0-or-later
"""How far was a source read whose mails carry times, but come in no sure order? Pure.

Everything before FLOOR is done; since then, what is in SEEN. So a mail that comes late is new
as long as it is no more than `SLACK_S` late. What was seen is remembered longer than needed,
by a short hash, since mails may get a later time (a maildir's, when flags change).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

SLACK_S = 600
#: Of more than this many, those seen longest ago are forgotten, and the floor rises.
MOST = 2000
#: So many are remembered although they lie before the floor.
REMEMBERED = 500


def _hash(name: str) -> str:
    return blake2b(name.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class Window:
    """Times are whole seconds since the epoch."""

    floor: int
    seen: Mapping[str, int] = field(default_factory=dict)  # hashes, in the order seen, with times

    @classmethod
    def decode(cls, position: str) -> Window:
        """What `encode` made."""
        floor, seen = json.loads(position)
        return cls(floor, seen)

    def encode(self) -> str:
        """It as a position."""
        return json.dumps([self.floor, self.seen], separators=(",", ":"))

    def is_new(self, name: str, at: int) -> bool:
        """Whether the mail NAME of the time AT was not seen."""
        return at >= self.floor and _hash(name) not in self.seen

    def after(self, name: str, at: int, *, done: int) -> Window:
        """It when NAME of the time AT was seen too, and everything before DONE."""
        seen = dict(self.seen)
        seen.pop(_hash(name), None)
        seen[_hash(name)] = at
        floor = max(self.floor, done - SLACK_S)
        if len(seen) > MOST:
            floor = max(floor, min(done, sorted(seen.values())[-MOST]))
        spare = len(seen) - REMEMBERED
        kept = {h: t for n, (h, t) in enumerate(seen.items()) if t >= floor or n >= spare}
        return Window(floor, kept)
