# SPDX-License-Identifier: GPL-2.0-or-later
"""Which checks there are: the modules of `workers.checks`, by name."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from pipeline.model import InfraError
from workers import checks
from workers.check import Check


def names() -> tuple[str, ...]:
    """The names of all checks that this worker can run, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(checks.__path__)))


@cache
def check(name: str) -> Check:
    """The check of that NAME; InfraError if this worker does not know it."""
    if name not in names():
        raise InfraError(f"This worker has no check {name!r}; it has {', '.join(names())}.")
    module = importlib.import_module(f"{checks.__name__}.{name}")
    return Check(
        name=name,
        version=module.VERSION,
        seen=module.Seen,
        probe=module.probe,
        judge=module.judge,
        keeps_build=module.KEEPS_BUILD,
        boots=module.BOOTS,
    )
