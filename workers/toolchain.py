# SPDX-License-Identifier: GPL-2.0-or-later
"""Which compilers, linkers and machines commands have: part of what an observation is of."""

from __future__ import annotations

from pipeline.model import Target
from workers.sandbox import open_sandbox
from workers.sandbox.contract import Tools


def identity(target: Target, runtime: str) -> tuple[str, ...]:
    """The versions of all that turns TARGET's sources into an observation. Raises InfraError."""
    return open_sandbox(runtime, target.toolchain).versions(
        {
            f"{target.cross_compile}gcc": Tools.BUILD,
            f"{target.cross_compile}ld": Tools.BUILD,
            target.machine.qemu[0]: Tools.QEMU,
        }
    )
