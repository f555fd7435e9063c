# SPDX-License-Identifier: GPL-2.0-or-later
"""How much memory does a kernel say that it has? Pure.

mm/mm_init.c, mem_init_print_info(): `Memory: 250596K/262144K available (2268K kernel code, …)`.
That is before it frees its init sections and the initramfs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workers.parsers.console import message

_MEMORY = re.compile(r"Memory: (\d{1,15})K/(\d{1,15})K available\b")


@dataclass(frozen=True, slots=True)
class Memory:
    """AVAILABLE_KIB of TOTAL_KIB are free for use."""

    available_kib: int
    total_kib: int


def memory(lines: Iterable[str]) -> Memory | None:
    """What the first such line of a console says; None if there is none, or one that is damaged."""
    for line in lines:
        if said := _MEMORY.match(message(line)):
            available, total = int(said[1]), int(said[2])
            return Memory(available, total) if available <= total else None
    return None
