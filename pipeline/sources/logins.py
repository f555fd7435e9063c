# SPDX-License-Identifier: GPL-2.0-or-later
"""Which user and password has a server? Effects: reads netrc, as curl and git do.

The file is the one that NETRC names, else ~/.netrc: `machine HOST login USER password WORD`.
"""

from __future__ import annotations

import netrc
import os
from pathlib import Path
from urllib.parse import SplitResult, unquote

from pipeline.model import InfraError, InputError


def login(url: SplitResult) -> tuple[str, str] | None:
    """The user and password for URL; None if there are none and it names no user.

    Raises InputError if netrc cannot be read or lacks the user that URL names.
    """
    user, host = unquote(url.username or ""), url.hostname or ""
    file = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    try:
        found = netrc.netrc(str(file)).authenticators(host) if file.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read {file}, where passwords are.") from error
    except netrc.NetrcParseError:
        # What it complains about may be a password, and its line may be the next.
        raise InputError(f"{file} is not as netrc(5) has it.") from None
    if found and user in ("", found[0]):
        return found[0], found[2] or ""
    if user:
        raise InputError(f"{file} has no password of {user} for {host}.")
    return None


def is_local(host: str) -> bool:
    """Whether what is sent to HOST stays on this machine."""
    return host in ("localhost", "127.0.0.1", "::1")


def unprotected(url: SplitResult) -> InfraError:
    """What to raise rather than send a password in the clear."""
    return InfraError(
        f"{url.hostname} offers no encryption, and the password is not sent without:"
        f" name the source as {url.scheme}s://."
    )
