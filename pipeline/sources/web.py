# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages of web servers, politely: who we are is said, what they ask to wait is waited, and nothing
is read without bounds. Effects: HTTP.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from pipeline.addresses import shown
from pipeline.model import InfraError
from pipeline.sources.contract import TIMEOUT_S

_TRIES = 3
#: A server that asks for more than this is left alone; what was wanted of it is given up.
_PATIENCE_S = 20.0
#: However slowly a server sends, a page must be there by then.
_PAGE_S = 600
_BUSY = (429, 502, 503, 504)
_CHUNK_BYTES = 64 << 10


class TooLargeError(InfraError):
    """A page is larger than whoever wants it allows."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a server answered."""

    status: int
    kind: str  # its Content-Type
    body: bytes

    @property
    def is_html(self) -> bool:
        """Whether it is for people: also what stands between a browser and an archive."""
        start = self.body[:200].lstrip().lower()
        return "html" in self.kind or start.startswith((b"<!doctype html", b"<html"))


class Web:
    """Keeps connections, and until when a server wants to be left alone."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"crosscheck/{version('crosscheck')}"
        self._closed_until: dict[str, float] = {}

    def get(self, url: str, limit_bytes: int) -> Page:
        """The page at URL. Statuses of 400 and more are for whoever asks to judge, except those
        of a server that is too busy. Raises InfraError, TooLargeError among them.
        """
        host = urlsplit(url).netloc.rpartition("@")[2]
        tries = 0
        while True:
            left = self._closed_until.get(host, 0.0) - time.monotonic()
            if left > 0:
                raise InfraError(f"{host} asks to be left alone for {left:.0f} seconds.")
            page, delay_s = self._try(url, host, limit_bytes)
            if page.status not in _BUSY:
                return page
            tries += 1
            delay_s = 2.0**tries if delay_s is None else delay_s
            if delay_s > _PATIENCE_S:
                self._closed_until[host] = time.monotonic() + delay_s
            elif tries == _TRIES:
                raise InfraError(f"{host} is too busy: {said(page.status)}.")
            else:
                time.sleep(delay_s)

    def close(self) -> None:
        """Let go of connections."""
        self._session.close()

    def _try(self, url: str, host: str, limit_bytes: int) -> tuple[Page, float | None]:
        """What the server says to one request, and how long it asks to wait."""
        try:
            with self._session.get(url, stream=True, timeout=TIMEOUT_S) as answer:
                wait_s = _seconds(answer.headers.get("Retry-After", ""))
                kind = answer.headers.get("Content-Type", "").lower()
                chunks: Iterable[bytes] = answer.raw.stream(_CHUNK_BYTES, decode_content=False)
                if answer.headers.get("Content-Encoding", "").lower() in ("gzip", "x-gzip"):
                    chunks = unpacked(chunks)
                body = _bounded(chunks, limit_bytes, shown(url), time.monotonic() + _PAGE_S)
                return Page(answer.status_code, kind, body), wait_s
        except requests.exceptions.SSLError as error:
            raise InfraError(f"{host} cannot be trusted: its certificate does not hold.") from error
        except (requests.Timeout, TimeoutError) as error:
            raise InfraError(f"{host} does not answer.") from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise InfraError(f"Cannot reach {host}: is there a network?") from error
        except zlib.error as error:
            raise InfraError(f"What {host} sent is damaged: it does not unpack.") from error


def said(status: int) -> str:
    """STATUS with its meaning."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What the gzip file in CHUNKS holds, in pieces of bounded size. Raises zlib.error."""
    unpack = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        data = chunk
        while data and not unpack.eof:
            yield unpack.decompress(data, _CHUNK_BYTES)
            data = unpack.unconsumed_tail
    while not unpack.eof:
        rest = unpack.decompress(unpack.unconsumed_tail, _CHUNK_BYTES)
        if not rest:
            raise zlib.error("it ends too early")
        yield rest


def joined(chunks: Iterable[bytes], limit_bytes: int, what: str) -> bytes:
    """CHUNKS of WHAT together. Raises TooLargeError at more than LIMIT_BYTES."""
    return _bounded(chunks, limit_bytes, what, float("inf"))


def _bounded(chunks: Iterable[bytes], limit_bytes: int, what: str, until: float) -> bytes:
    parts, size = [], 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size > limit_bytes:
            raise TooLargeError(f"{what} is larger than {limit_bytes >> 20} MB.")
        if time.monotonic() > until:
            raise TimeoutError
    return b"".join(parts)


def _seconds(retry_after: str) -> float | None:
    """What a Retry-After header asks for: seconds or a date (RFC 9110, 10.2.3)."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return None
    return max(0.0, (until - datetime.now(UTC)).total_seconds()) if until.tzinfo else None
