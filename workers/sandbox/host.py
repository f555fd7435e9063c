# SPDX-License-Identifier: GPL-2.0-or-later
"""Which versions do the programs of this machine have?"""

from __future__ import annotations

import subprocess
from functools import cache

from pipeline.model import InfraError


@cache
def version(tool: str) -> str:
    """The first line of what TOOL says of its version; InfraError if it is not there."""
    try:
        said = subprocess.run(
            (tool, "--version"), capture_output=True, text=True, check=False, timeout=30
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise InfraError(
            f"{tool} cannot be run; `crosscheck doctor --target TARGET` says what to install."
        ) from error
    return said.stdout.partition("\n")[0].strip()
