# SPDX-License-Identifier: GPL-2.0-or-later
"""Is that the address of a service, and what of it may people see? Pure.

A password whose special characters are not escaped ends early: the rest of it is taken for a host,
a port or a path, which everybody shows. So nothing here quotes what it refuses. The database's
address is SQLAlchemy's to read (`pipeline.store.address`).
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pipeline.model import InputError

_ESCAPES = "%40 for an @, %2F for a /, %23 for a #, %3F for a ? and %3B for a ;"


def _apart(url: str) -> tuple[str, str, str]:
    """The user with the password, the host with the port, and what follows, of URL."""
    rest = url.partition("://")[2]
    server = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user, _, host = server.rpartition("@")
    return user, host, rest[len(server) :]


def _is_torn(url: str) -> bool:
    """Whether URL looks as if a password were in it that ends early."""
    user, host, after = _apart(url)
    no_port = ":" in host and not re.search(r"(:\d*|\])$", host)
    return "@" in after and (no_port or ":" in user)


def shown(url: str) -> str:
    """URL as it may be shown to people: without the password and options in it."""
    scheme, is_url, _ = url.partition("://")
    if not is_url:
        return url.partition("?")[0]
    if _is_torn(url):
        return f"{scheme}://..."
    _, host, after = _apart(url)
    return f"{scheme}://{host}{after.partition('?')[0]}"


def redis_address(url: str) -> str:
    """URL. Raises InputError if it is neither "" nor what Celery reads as the address of a Redis,
    for which a ; begins another address.
    """
    if url and not _is_redis(url):
        raise InputError(
            "CROSSCHECK_REDIS_URL is no address of a Redis: write it as"
            f" redis://:PASSWORD@HOST:6379/0, with {_ESCAPES} in the password."
        )
    return url


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if parts.fragment or ";" in url or _is_torn(url):
        return False
    if parts.scheme == "redis+socket":
        return bool(parts.path)
    is_number = re.fullmatch(r"/?\d*", parts.path) is not None
    return parts.scheme in ("redis", "rediss") and is_number and "@" not in parts.query


def git_address(url: str) -> str:
    """URL. Raises InputError if a password in it ends early."""
    if _is_torn(url):
        raise InputError(f"CROSSCHECK_GIT_URL: write {_ESCAPES} in the password.")
    return url
