# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the patched kernel leave less memory? Pure.

What is measured is what the kernel takes of the machine's memory before anything runs, so that
a limit in percent does not depend on how much memory the machine has. Every boot counts: the
least that the patched kernel took is held against the most that base took.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from pipeline.limits import exceeded
from pipeline.model import Case, Fact, Finding, Target
from workers.guest.boots import Boot
from workers.guest.compare import Difference, only_patch
from workers.parsers.memory_line import Memory

_MEASURE = "memory"


def memory(case: Case, target: Target, base: Sequence[Boot], patched: Sequence[Boot]) -> Difference:
    """The finding that the limits of the matrix ask for, if any."""
    before, after = _said(base), _said(patched)
    if not before or not after:
        return Difference()
    whole = max(said.total_kib for said in before)
    was = whole - min(said.available_kib for said in before)
    now = whole - max(said.available_kib for said in after)
    beyond = exceeded(case.limits, "boot", target.name, _MEASURE, base=was, patched=now)
    if not beyond:
        return Difference()
    finding = Finding(
        kind=_MEASURE,
        severity=beyond.limit.severity,
        summary=f"{now - was} KiB less memory is available at boot, the kernel takes {now}"
        f" instead of {was} KiB: {beyond.words}",
        patch=only_patch(case),
        symbol=_MEASURE,
    )
    return Difference((finding,))


def facts(base: Sequence[Boot], patched: Sequence[Boot]) -> tuple[Fact, ...]:
    """What the last boots that said it said."""
    before, after = _said(base), _said(patched)
    if not before or not after:
        return ()
    return ((_MEASURE, {"base": _json(before[-1]), "patched": _json(after[-1])}),)


def _said(boots: Sequence[Boot]) -> list[Memory]:
    return [boot.memory for boot in boots if boot.memory]


def _json(said: Memory) -> JsonValue:
    return {"available_kib": said.available_kib, "total_kib": said.total_kib}
