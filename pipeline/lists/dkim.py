# SPDX-License-Identifier: GPL-2.0-or-later
"""Who vouches for the sender of a mail: a server of ours, or a signature that we check? Effects.

Checking a signature takes a public key from DNS (RFC 6376). What cannot be checked does not pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import dkim
from dkim.dnsplug import get_txt

from pipeline.lists.vouched import Proof, aligned, heads, sender, signatures, vouched

#: The text at a name in DNS; None if there is none. Raises DNSError if nobody can be asked.
Lookup = Callable[[str], bytes | None]

#: A mail may carry many signatures, and each costs a question to a stranger's server.
_MOST = 4
_TIMEOUT_S = 5
_SMALLEST_KEY_BITS = 1024  # RFC 8301


class DNSError(Exception):
    """DNS does not answer."""


def resolver(name: str) -> bytes | None:
    """The text at NAME, by the resolver of this machine."""
    try:
        text: bytes | None = get_txt(name.encode(), _TIMEOUT_S)
    except (dkim.DnsTimeoutError, OSError) as error:
        raise DNSError(str(error)) from error
    return text


@dataclass
class _Asked:
    """A lookup as dkimpy wants it; it swallows faults of DNS, which are to be told."""

    lookup: Lookup
    failed: bool = False

    def __call__(self, name: bytes, timeout: int = _TIMEOUT_S) -> bytes | None:
        del timeout
        try:
            return self.lookup(name.decode("ascii", "replace"))
        except DNSError:
            self.failed = True
            return None


def checked(raw: bytes, lookup: Lookup) -> Proof:
    """What the signatures of the mail RAW say of its sender."""
    found = heads(raw)
    address = sender(found)
    domain = address.rpartition("@")[2]
    ours = [s for s in signatures(found) if aligned(s.domain, address)]
    if not ours:
        return Proof(address, reason=f"has no DKIM signature of {domain or 'its sender'}")
    asked = _Asked(lookup)
    for signature in [each for each in ours if each.sound][:_MOST]:
        if _verifies(raw, signature.number, asked):
            return Proof(address, signature.domain)
    if asked.failed:
        why = f"has a DKIM signature of {domain} that cannot be checked: DNS does not answer"
        return Proof(address, reason=why, open=True)
    return Proof(address, reason=f"has no valid DKIM signature of {domain}")


def _verifies(raw: bytes, number: int, asked: _Asked) -> bool:
    try:
        message = dkim.DKIM(raw, minkey=_SMALLEST_KEY_BITS, timeout=_TIMEOUT_S)
        return bool(message.verify(number, dnsfunc=asked))
    except Exception:  # noqa: BLE001 (strangers wrote mail and key, and dkimpy lets much through)
        return False


def proof(raw: bytes, servers: tuple[str, ...], lookup: Lookup | None) -> Proof:
    """Who vouches for the sender of the mail RAW.

    SERVERS (`Settings.authserv`, may be empty) are asked first, by what they wrote into the
    mail; then its signatures are checked, unless LOOKUP is None.
    """
    told = vouched(heads(raw), servers) if servers else None
    if told and told.domain:
        return told
    if lookup:
        own = checked(raw, lookup)
        return (
            replace(own, reason=f"{told.reason}, and {own.reason}") if told and own.reason else own
        )
    return told or Proof(sender(heads(raw)), reason="cannot be proved to be its sender's")
