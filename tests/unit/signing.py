# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails that are really signed, and DNS that has their keys."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from functools import cache

import dkim
from nacl.signing import SigningKey

MAIL = (
    b"From: Ann Thor <Ann@example.org>\n"
    b"To: list@example.net\n"
    b"Subject: Re: [PATCH v2 0/3] mm: all the changes\n"
    b"Message-ID: <reply@example.org>\n"
    b"In-Reply-To: <cover@example.org>\n"
    b"Date: Tue, 10 Feb 2026 12:07:00 +0000\n"
    b"\n"
    b"#crosscheck rerun\n"
)
SIGNED = (b"from", b"to", b"subject", b"date", b"message-id", b"in-reply-to")


@cache
def _key(domain: str) -> SigningKey:
    return SigningKey(domain.encode().ljust(32, b".")[:32])


@dataclass
class Dns:
    """Has the keys of all domains that `signed` signs for; ASKED are the names it was asked."""

    domains: tuple[str, ...] = ("example.org", "evil.example")
    asked: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> bytes | None:
        self.asked.append(name)
        domain = name.removeprefix("s._domainkey.").removesuffix(".")
        if domain not in self.domains:
            return None
        public = base64.b64encode(bytes(_key(domain).verify_key))
        return b"v=DKIM1; k=ed25519; p=" + public


def signed(mail=MAIL, domain="example.org", headers=SIGNED, **more) -> bytes:
    """MAIL with a signature of DOMAIN on top."""
    signature = dkim.sign(
        mail,
        b"s",
        domain.encode(),
        base64.b64encode(bytes(_key(domain))),
        signature_algorithm=b"ed25519-sha256",
        include_headers=list(headers),
        **more,
    )
    return signature.replace(b"\r\n", b"\n") + mail
