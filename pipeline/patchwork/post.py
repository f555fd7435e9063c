# SPDX-License-Identifier: GPL-2.0-or-later
"""Have a Patchwork server show what is to be said of each patch, once. Effects: asks, posts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.patchwork.client import Patchwork
from pipeline.report.patchwork import PatchCheck


@dataclass(frozen=True, slots=True)
class Posted:
    """How many checks were posted, how many were there already, and mails that it lacks."""

    new: int
    there: int
    unknown: tuple[str, ...]


def post(server: Patchwork, checks: Iterable[PatchCheck]) -> Posted:
    """Post those of CHECKS that SERVER does not show yet. May be done again at any time."""
    new = there = 0
    unknown = []
    for check in checks:
        patches = server.patches(check.message_id)
        if not patches:
            unknown.append(check.message_id)
        for patch in patches:
            if server.says(patch, check):
                there += 1
            else:
                server.post(patch, check)
                new += 1
    return Posted(new, there, tuple(unknown))
