# SPDX-License-Identifier: GPL-2.0-or-later
"""Who watches? One process of all that share a database: two would start and send side by side."""

from __future__ import annotations

from pipeline.model import InfraError
from pipeline.owner import is_dead, owner
from pipeline.store import Store

#: Who was not seen for so long is gone, or will find that somebody else does it.
STALE_S = 120.0


def take_watch(store: Store, now: float) -> float:
    """Become the one who watches; until when somebody did before (0: nobody ever).

    Raises InfraError if somebody else watches.
    """
    me = owner()
    there = store.watch(me, now)
    if there is None:
        return 0.0
    gone = is_dead(there.position) or now - there.read_at > STALE_S
    if gone and store.watch(me, now, over=there.position) is None:
        return there.read_at
    host, pid, _ = there.position.rsplit(" ", 2)
    raise InfraError(
        f"Lists are watched already, by process {pid} on {host}: only one may, for each database."
    )


def keep_watch(store: Store, now: float) -> None:
    """Say that we still do. Raises InfraError if another took over, since we were away."""
    if store.watch(owner(), now) is not None:
        raise InfraError("Another process watches the lists now: this one was away for too long.")
