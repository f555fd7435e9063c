# SPDX-License-Identifier: GPL-2.0-or-later
"""Which run does somebody mean?"""

from __future__ import annotations

from pipeline.model import InputError
from pipeline.store import Store


def run_named(store: Store, run: str) -> str:
    """RUN, or the latest one if it is empty; may be shortened to what is unique."""
    every = [line.run for line in store.runs(limit=10_000)]
    matching = [name for name in every if name.startswith(run)]
    if run in every or (matching and not run):
        return run or matching[0]
    if len(matching) == 1:
        return matching[0]
    raise InputError(
        f"There is no run {run!r}; `crosscheck runs` lists them."
        if not matching
        else f"{run!r} is the beginning of {len(matching)} runs; give more of the name."
    )
