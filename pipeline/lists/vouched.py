# SPDX-License-Identifier: GPL-2.0-or-later
"""Which domains sign for the sender of a mail, and which does a server vouch for? Pure.

RFC 6376 for signatures, RFC 8601 for what servers say of them in Authentication-Results. Both
stand among headers that anybody may have written; headers are added at the top, so that what
stands above is newer. A mail that can be read in two ways is not vouched for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.utils import getaddresses

import authres
from authres.core import AuthResError
from dkim import MessageFormatError, rfc822_parse
from dkim.util import InvalidTagValueList, parse_tag_value

#: Nobody writes longer ones, and taking them apart takes more than linear time.
_MAX_RESULTS_BYTES = 8 << 10

_ADDRESS = re.compile(
    r"[\w.!#$%&'*+/=?^`{|}~-]+@((?:[a-z0-9_-]+\.)+[a-z0-9-]+)", re.ASCII | re.IGNORECASE
)
_COMMENT = re.compile(r"\([^()]*\)")
_RECEIVED_BY = re.compile(r"\s*(?:from\s+\S+\s+)?by\s+([^\s;]+)", re.IGNORECASE)
_SERVER = re.compile(r"\s*([^\s;]+)")


@dataclass(frozen=True, slots=True)
class Proof:
    """Who sent a mail, and the domain that vouches for it.

    ADDRESS, in small letters, is "" where the mail names no sender, or more than one. DOMAIN is
    "" where nobody vouches for it; REASON says why, to go on from "the mail". OPEN: somebody may
    vouch for it, and who knows did not answer.
    """

    address: str
    domain: str = ""
    reason: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """A DKIM-Signature header, as it claims. NUMBER counts them from the top, from 0."""

    number: int
    domain: str
    sound: bool  # it has the whole body and From under it, with an algorithm that still counts


@dataclass(frozen=True, slots=True)
class Heads:
    """The headers of a mail, newest first, as (name in small letters, unfolded value)."""

    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> tuple[str, ...]:
        """The values of the headers NAME."""
        return tuple(value for each, value in self.fields if each == name)


def heads(raw: bytes) -> Heads:
    """The headers of RAW, by the reader that verifies signatures; none if it refuses them."""
    try:
        fields, _ = rfc822_parse(raw)
    except (MessageFormatError, IndexError):
        return Heads(())
    return Heads(
        tuple(
            (
                name.decode("ascii", "replace").lower(),
                " ".join(value.decode("utf-8", "replace").split()),
            )
            for name, value in fields
        )
    )


def sender(found: Heads) -> str:
    """The one address in the one From header, in small letters; "" if it is not so simple."""
    written = found.all("from")
    if len(written) != 1:
        return ""
    try:
        addresses = [address for _, address in getaddresses([written[0]])]
    except RecursionError:  # comments in comments
        return ""
    single = len(addresses) == 1 and _ADDRESS.fullmatch(addresses[0])
    return addresses[0].lower() if single else ""


def aligned(domain: str, address: str) -> bool:
    """Whether DOMAIN may speak for ADDRESS: it is the address's domain or above that.

    A single label, as of a country, speaks for nobody.
    """
    own = address.rpartition("@")[2]
    return "." in domain and (own == domain or own.endswith(f".{domain}"))


def signatures(found: Heads) -> tuple[Signature, ...]:
    """The signatures that a mail carries, genuine or not."""
    return tuple(
        _signature(number, value) for number, value in enumerate(found.all("dkim-signature"))
    )


def _signature(number: int, value: str) -> Signature:
    try:
        tags = parse_tag_value(value.encode())
    except (InvalidTagValueList, IndexError):
        return Signature(number, "", sound=False)
    signed = re.split(rb"\s*:\s*", tags.get(b"h", b"").strip().lower())
    sound = b"l" not in tags and b"from" in signed and tags.get(b"a") != b"rsa-sha1"
    return Signature(number, tags.get(b"d", b"").decode("ascii", "replace").lower(), sound)


def _without_comments(value: str) -> str:
    while (less := _COMMENT.sub("", value)) != value:
        value = less
    return value


def _passed_on_by(received: str, hosts: Iterable[str]) -> bool:
    """Whether the server that wrote RECEIVED is one of HOSTS, or below one of them."""
    by = _RECEIVED_BY.match(_without_comments(received))
    name = by[1].lower() if by else ""
    return any(name == host or name.endswith(f".{host}") for host in hosts)


def _trusted(found: Heads, server: str, hosts: tuple[str, ...]) -> Iterator[str]:
    """The Authentication-Results of SERVER where it took the mail from outside.

    Above there are only HOSTS, which passed it on; what stands below the next Received was
    there before the server saw the mail, whatever it says.
    """
    began = False
    for name, value in found.fields:
        if name == "received" and (began or not _passed_on_by(value, hosts)):
            return
        if name == "authentication-results":
            named = _SERVER.match(_without_comments(value))
            if named and named[1].lower() == server:
                began = True
                yield value


def _results(written: str) -> list[tuple[str, bool]] | None:
    """(domain, whether it passed) of each signature that WRITTEN speaks of; None if unreadable."""
    if len(written) > _MAX_RESULTS_BYTES:
        return None
    try:
        results = authres.parse_value(written).results
    except (AuthResError, RecursionError):
        return None
    return [
        (
            next(
                (str(p.value).lower() for p in r.properties if (p.type, p.name) == ("header", "d")),
                "",
            ),
            str(r.result).lower() == "pass",
        )
        for r in results
        if str(r.method).lower() == "dkim"
    ]


def vouched(found: Heads, servers: tuple[str, ...]) -> Proof:
    """What the first of SERVERS says of the mail; the others are hosts that passed it on.

    A server takes away headers that claim to be its own (RFC 8601, 5). Where one does not, a
    forged one is found out all the same: the signature that it speaks of must be in the mail,
    so that the server has said what it makes of it, and there are two headers.
    """
    address = sender(found)
    server, *_ = servers
    written = list(_trusted(found, server, servers))
    read = [_results(each) for each in written]
    about = [results for results in read if results]
    if None in read or len(about) > 1:
        return Proof(address, reason=f"has contradictory results of {server}")
    passed: dict[str, bool] = {}
    for domain, well in about[0] if about else ():
        passed[domain] = well and passed.get(domain, True)
    sound = {s.domain: True for s in signatures(found)}
    for signature in signatures(found):
        sound[signature.domain] &= signature.sound
    for domain, well in passed.items():
        if well and aligned(domain, address) and sound.get(domain):
            return Proof(address, domain)
    return Proof(address, reason=f"has no valid DKIM signature of {_domain(address)} by {server}")


def _domain(address: str) -> str:
    return address.rpartition("@")[2] or "its sender"
