# SPDX-License-Identifier: GPL-2.0-or-later
"""Removes directories that a hostile build may have written: of any depth, with any mode.

rm(1) and chmod(1) walk without recursion and follow no links; `shutil.rmtree` ends in a
RecursionError some thousand directories deep.
"""

from __future__ import annotations

import subprocess
from pathlib import Path


def remove(directory: Path) -> None:
    """Remove DIRECTORY and all that is in it, as far as that can be done."""
    if not _removed(directory):
        _quietly("chmod", "-R", "u+rwX", "--", str(directory))
        _removed(directory)


def _removed(directory: Path) -> bool:
    return _quietly("rm", "-rf", "--", str(directory)) == 0


def _quietly(*command: str) -> int:
    return subprocess.run(command, capture_output=True, check=False).returncode
