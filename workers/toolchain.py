# SPDX-License-Identifier: GPL-2.0-or-later
"""Which compilers, linkers and machines this worker has: part of what an observation is of."""

from __future__ import annotations

import subprocess
from functools import cache

from pipeline.model import InfraError, Target


@cache
def version(tool: str) -> str:
    """The first line of what TOOL says of its version; InfraError if it is not there."""
    try:
        said = subprocess.run(
            (tool, "--version"), capture_output=True, text=True, check=False, timeout=30
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise InfraError(
            f"{tool} cannot be run; `crosscheck doctor` says what to install."
        ) from error
    return said.stdout.partition("\n")[0].strip()


def identity(target: Target) -> tuple[str, ...]:
    """The versions of all that turns TARGET's sources into an observation."""
    return (
        version(f"{target.cross_compile}gcc"),
        version(f"{target.cross_compile}ld"),
        version(target.machine.qemu[0]),
    )
