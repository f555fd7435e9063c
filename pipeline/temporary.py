# SPDX-License-Identifier: GPL-2.0-or-later
"""Where do temporary files go, and who removes those of a process that was killed?

Each process has a directory of its own in the cache, whose name says whose it is. It goes when the
process ends; if that was killed, when another one of this host begins, sweeps or ends.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from pipeline.model import InfraError
from pipeline.owner import is_dead, owner
from pipeline.settings import Settings

#: Neither is in a hostname, a number or a boot's id; no variable TMPDIR should hold the left ones.
_AS_FILE = str.maketrans(" :", "+=")
_AS_OWNER = str.maketrans("+=", " :")


def use_temporary_dir(settings: Settings) -> None:
    """Have this process, and what it starts, make its temporary files under our cache.

    Raises InfraError when nothing can be written there.
    """
    own = settings.temporary_dir / owner().translate(_AS_FILE)
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InfraError(
            f"Cannot write to {settings.cache_dir} ({error.strerror}): set XDG_CACHE_HOME."
        ) from error
    tempfile.tempdir = os.environ["TMPDIR"] = str(own)
    sweep_temporary(settings)
    atexit.register(_leave, settings, own, os.getpid())


def sweep_temporary(settings: Settings) -> None:
    """Remove what processes of this host left that are gone."""
    for place in settings.temporary_dir.glob("*+*+*"):
        if is_dead(place.name.translate(_AS_OWNER)):
            shutil.rmtree(place, ignore_errors=True)


def _leave(settings: Settings, own: Path, pid: int) -> None:
    if os.getpid() == pid:  # no copy of the process: it has our files still
        shutil.rmtree(own, ignore_errors=True)
        sweep_temporary(settings)
