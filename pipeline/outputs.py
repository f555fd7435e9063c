# SPDX-License-Identifier: GPL-2.0-or-later
"""Can the files be written that were asked for? Effects: tries, and says why not in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.model import InfraError, InputError


@contextmanager
def writing() -> Iterator[None]:
    """Turn what keeps a file from being written into one sentence."""
    try:
        yield
    except OSError as error:
        what = error.filename or "a file"
        raise InfraError(f"Cannot write {what}: {error.strerror}.") from error


def writable(*files: Path | None) -> None:
    """Refuse now what could not be written in an hour: what is no pipe or device is opened."""
    for file in files:
        if file is None or (file.exists() and not file.is_file()):
            continue
        new = not file.exists()
        try:
            file.open("ab").close()
            if new:
                file.unlink()
        except FileNotFoundError:
            raise InputError(f"Cannot write {file}: make its directory first.") from None
        except OSError as error:
            raise InputError(f"Cannot write {file}: {error.strerror}.") from error
