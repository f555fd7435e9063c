# SPDX-License-Identifier: GPL-2.0-or-later
"""A sender is who a domain of theirs says, or nobody: with mails that are really signed."""

from __future__ import annotations

import base64
import shutil
import subprocess

import dkim
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lists.dkim import DNSError, checked, proof
from pipeline.lists.vouched import Proof, aligned, heads, sender
from tests.conftest import missing
from tests.unit.signing import MAIL, SIGNED, Dns, signed

ANN = "ann@example.org"
GOOD = Proof(ANN, "example.org")


def result(text: str) -> bytes:
    return f"Authentication-Results: {text}\n".encode()


def received(text: str) -> bytes:
    return f"Received: {text}; Tue, 10 Feb 2026 12:07:00 +0000\n".encode()


# --- our own check --------------------------------------------------------------------------


def test_a_signed_mail_is_its_senders():
    assert checked(signed(), Dns()) == GOOD
    assert checked(signed().replace(b"\n", b"\r\n"), Dns()) == GOOD


@pytest.fixture(scope="module")
def rsa(tmp_path_factory):
    """A key as most mails are signed with, and what DNS says of it."""
    if not shutil.which("openssl"):
        missing("openssl")
    file = tmp_path_factory.mktemp("key") / "key"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", file, "2048"], check=True)
    public = subprocess.run(
        ["openssl", "rsa", "-in", file, "-pubout", "-outform", "DER"],
        capture_output=True,
        check=True,
    ).stdout
    return file.read_bytes(), b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


@pytest.mark.integration
def test_an_rsa_signature_counts_too(rsa):
    private, public = rsa
    mail = dkim.sign(MAIL, b"s", b"example.org", private, include_headers=list(SIGNED)) + MAIL
    assert checked(mail, lambda name: public) == GOOD
    assert not checked(mail, Dns()).domain


def test_a_parent_domain_may_sign():
    mail = MAIL.replace(b"Ann@example.org", b"ann@dev.example.org")
    assert checked(signed(mail), Dns()) == Proof("ann@dev.example.org", "example.org")


@pytest.mark.parametrize(
    "spoilt",
    [
        signed().replace(b"rerun", b"stop"),
        signed().replace(b"Ann Thor", b"Bob"),
        signed().replace(b"<cover@", b"<other@"),
        signed() + b"#crosscheck stop\n",
        signed(domain="evil.example"),
        signed(domain="nokey.example"),
        MAIL,
        b"From: Bob <bob@evil.example>\n" + signed(),
        signed() .replace(b"\nTo:", b"\nFrom: Bob <bob@evil.example>\nTo:"),
        signed(length=True),
        signed(length=True) + b"#crosscheck stop\n",
    ],
)  # fmt: skip
def test_what_was_changed_or_has_no_signature_of_the_sender_is_not(spoilt):
    assert checked(spoilt, Dns()).domain == ""


def test_from_must_be_signed(monkeypatch):
    with pytest.raises(dkim.ParameterError):
        signed(headers=SIGNED[1:])
    mail = signed().replace(b"h=from : to", b"h=to").replace(b"h=from:to", b"h=to")
    assert b"h=from" not in mail
    dns = Dns()
    assert checked(mail, dns).domain == ""
    assert not dns.asked


@pytest.mark.parametrize(
    "written",
    [
        b"Ann <ann@example.org>, Bob <bob@evil.example>",
        b"ann@example.org, ann@example.org",
        b"<ann@example.org> <bob@evil.example>",
        b'"ann@example.org" <bob@evil.example>',
        b"ann@example.org <bob@evil.example>",
        b"ann(<ann@example.org>)@evil.example",
        b"undisclosed:;",
        b"Ann",
        b"",
    ],
)
def test_a_sender_that_is_not_one_address_is_nobody_or_the_signer(written):
    mail = MAIL.replace(b"Ann Thor <Ann@example.org>", written)
    found = checked(signed(mail, domain="evil.example"), Dns())
    assert not found.domain or found.address.endswith("@evil.example")


def test_the_second_signature_may_be_the_senders():
    assert checked(signed(signed(), domain="evil.example"), Dns()) == GOOD


def test_strangers_are_not_asked_and_nobody_is_asked_often():
    mail = MAIL
    for _ in range(9):
        mail = signed(mail).replace(b"b=", b"b=AAAA", 1)
    dns = Dns()
    checked(signed(mail, domain="evil.example"), dns)
    assert 0 < len(dns.asked) <= 4
    assert set(dns.asked) == {"s._domainkey.example.org."}


def test_dns_that_does_not_answer_is_told():
    def away(name):
        raise DNSError("timeout")

    found = checked(signed(), away)
    assert found.domain == ""
    assert found.reason.endswith("cannot be checked: DNS does not answer")


@pytest.mark.parametrize(
    ("domain", "fits"),
    [
        ("example.org", True),
        ("dev.example.org", True),
        ("a.dev.example.org", False),
        ("org", False),
        ("ample.org", False),
        ("", False),
        (".org", False),
    ],
)
def test_a_domain_speaks_for_itself_and_what_is_below(domain, fits):
    assert aligned(domain, "ann@dev.example.org") is fits


# --- what a server says ---------------------------------------------------------------------

SERVER = ("mx.example.net", "mirrors.example.net")
PASS = "mx.example.net; dkim=pass (2048-bit key) header.d=example.org header.b=abc"
FROM_OUTSIDE = received("from out.example.org (out.example.org [192.0.2.1]) by mx.example.net (P)")
PASSED_ON = received("from mx.example.net by one.mirrors.example.net")
THEIRS = received("by out.example.org (Postfix, from userid 1000)")


def by_server(*above: bytes, mail: bytes | None = None) -> Proof:
    return proof(b"".join(above) + (mail or signed()), SERVER, lookup=None)


@pytest.mark.parametrize(
    "above",
    [
        (result(PASS), FROM_OUTSIDE),
        (FROM_OUTSIDE, result(PASS)),
        (PASSED_ON, FROM_OUTSIDE, result(PASS)),
        (PASSED_ON, result("other.example; dkim=fail"), FROM_OUTSIDE, result(PASS)),
        (FROM_OUTSIDE, result("mx.example.net; arc=none"), result(PASS), THEIRS),
        (FROM_OUTSIDE, result("MX.example.net 1;\n\tspf=none;\n\tdkim=pass header.d=Example.org")),
        (FROM_OUTSIDE, result("mx.example.net (us) ; dkim=pass header.i=@example.org header.d=example.org")),
        (FROM_OUTSIDE, result("mx.example.net; dkim=fail header.d=evil.example; dkim=pass header.d=example.org")),
    ],
)  # fmt: skip
def test_the_server_vouches(above):
    assert by_server(*above) == GOOD


@pytest.mark.parametrize(
    "above",
    [
        (),
        (FROM_OUTSIDE,),
        (FROM_OUTSIDE, result("mx.example.net; dkim=fail header.d=example.org")),
        (FROM_OUTSIDE, result("mx.example.net; dkim=pass header.d=evil.example")),
        (FROM_OUTSIDE, result("mx.example.net; dkim=pass header.i=@example.org")),
        (FROM_OUTSIDE, result("mx.example.net; spf=pass smtp.mailfrom=example.org")),
        (FROM_OUTSIDE, result("mx.example.net; none")),
        (FROM_OUTSIDE, result("mx.example.net; dkim=neutral header.d=example.org")),
        (FROM_OUTSIDE, result("mx.example.net; dkim=pass (header.d=example.org)")),
        (FROM_OUTSIDE, result('mx.example.net; dkim=none reason="dkim=pass header.d=example.org"')),
        (FROM_OUTSIDE, result('mx.example.net; spf=fail smtp.mailfrom="; dkim=pass header.d=example.org"@x.y')),
        # other servers' word
        (FROM_OUTSIDE, result(PASS.replace("mx.", "mx2."))),
        (FROM_OUTSIDE, result(PASS.replace("mx.example.net", "mx.example.net.evil.example"))),
        (FROM_OUTSIDE, result("(mx.example.net) evil.example; dkim=pass header.d=example.org")),
        (FROM_OUTSIDE, b"ARC-" + result(PASS)),
        # what was there before the server took the mail
        (FROM_OUTSIDE, THEIRS, result(PASS)),
        (received("from a by mx.evil.example"), result(PASS), FROM_OUTSIDE),
        (received("from by mx.example.net (by mx.example.net) by mx.evil.example"), result(PASS)),
        (result("mx.example.net; arc=none"), FROM_OUTSIDE, result(PASS)),
        # forged beside what the server says
        (FROM_OUTSIDE, result(PASS), result(PASS)),
        (FROM_OUTSIDE, result("mx.example.net; dkim=fail header.d=example.org"), result(PASS)),
        (FROM_OUTSIDE, result("mx.example.net; dkim=fail header.d=example.org; dkim=pass header.d=example.org")),
        (FROM_OUTSIDE, result(PASS), result("mx.example.net; dkim=pass ((((")),
        (FROM_OUTSIDE, result(PASS + " x" * 8000)),
        (FROM_OUTSIDE, result("mx.example.net; dkim=pass " + "(" * 5000)),
    ],
)  # fmt: skip
def test_the_server_does_not_vouch(above):
    assert by_server(*above).domain == ""


@pytest.mark.parametrize(
    "mail",
    [
        MAIL,  # the server had nothing to check
        signed(domain="evil.example"),
        signed(length=True),
        b"From: Bob <bob@evil.example>\n" + signed(),
        signed().replace(b"\nTo:", b"\nFrom: Bob <bob@evil.example>\nTo:"),
    ],
)
def test_what_the_server_vouches_for_must_be_in_the_mail(mail):
    assert by_server(FROM_OUTSIDE, result(PASS), mail=mail).domain == ""


def test_the_signature_is_checked_where_the_server_does_not_vouch():
    mail = FROM_OUTSIDE + result("mx.example.net; dkim=fail header.d=example.org") + signed()
    assert proof(mail, SERVER, Dns()) == GOOD
    assert proof(signed(), (), Dns()) == GOOD
    assert proof(signed(), (), None).domain == ""
    told = proof(MAIL, SERVER, Dns()).reason
    assert "by mx.example.net, and has no DKIM signature of example.org" in told


# --- any bytes ------------------------------------------------------------------------------

_PARTS = st.sampled_from(
    [b"From:", b"Authentication-Results:", b" mx.example.net;", b" dkim=pass", b" header.d=", b"\n",
     b"example.org", b"DKIM-Signature:", b"v=1; a=rsa-sha256; d=example.org; s=s; h=from;", b" (",
     b"b=AAAA; bh=AAAA;", b'"', b"Received: by mx.example.net\n", b"\r", b"\xff", b"ann@example.org",
     b"l=", b";", b"=", b":", b"\n\n", b"reason=", b")"]
)  # fmt: skip


@given(st.binary(max_size=200) | st.lists(_PARTS, max_size=40).map(b"".join))
def test_no_mail_is_too_much(raw):
    found = proof(raw, SERVER, lambda name: b"v=DKIM1; k=rsa; p=AAAA")
    assert found.address == sender(heads(raw))
    assert found.reason or found.domain


def test_a_sender_in_endless_comments_is_nobody():
    raw = f"From: {'(' * 3000} <a@b.example>\n\n#crosscheck stop\n".encode()
    assert proof(raw, ("mx.example",), None).address == ""
