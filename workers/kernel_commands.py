# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a kernel build's `.X.cmd` files are, of which kbuild leaves one for each thing made.

The tree's own code wrote there: plain files only, and only so many and so large.
"""

from __future__ import annotations

import stat
from pathlib import Path

from pipeline.model import InfraError
from pipeline.walk import walk

#: More than any `.X.cmd` file of a kernel has: the largest are about 100 kB.
COMMAND_BYTES = 4 << 20
#: An allmodconfig kernel has about 30,000 of them, in 2 GB.
MOST_COMMANDS = 200_000
TOTAL_BYTES = 8 << 30


def commands(build: Path) -> tuple[Path, ...]:
    """The `.X.cmd` files under BUILD, sorted; what cannot be read is not looked at.

    Raises InfraError where there are too many.
    """
    found: list[Path] = []
    total_bytes = 0
    for entry in walk(build):
        if entry.name.startswith(".") and entry.name.endswith(".cmd"):
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode) and status.st_size <= COMMAND_BYTES:
                found.append(Path(entry.path))
                total_bytes += status.st_size
                if len(found) > MOST_COMMANDS or total_bytes > TOTAL_BYTES:
                    raise InfraError("The build left more .cmd files than a kernel has.")
    return tuple(sorted(found))


def made_by(command: Path) -> Path:
    """The thing that COMMAND, a `.X.cmd` file, says of how it was made."""
    return command.with_name(command.name.removeprefix(".").removesuffix(".cmd"))


def command_of(made: Path) -> Path:
    """The `.X.cmd` file of the thing MADE."""
    return made.with_name(f".{made.name}.cmd")
