# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose later version ends a run: with mails that are really signed, and a DNS that may be away."""

from __future__ import annotations

import pytest

from pipeline.lists.dkim import DNSError
from pipeline.series.mail import parse
from pipeline.settings import load
from pipeline.store import Incoming, Store, Submission
from pipeline.watching import proving
from tests.unit.signing import MAIL, Dns, signed

TRICK = b"From: " + b"(" * 21 + b"Ann@example.org" + b")" * 21 + b" <a@evil.example>"


class Away(Dns):
    def __call__(self, name: str) -> bytes | None:
        raise DNSError("nobody answers")


def posted(store: Store, name: str, raw: bytes) -> Submission:
    """What a watch makes of RAW as NAME: by whomever the assembler takes for its author."""
    author = parse(raw, name).sender
    store.take_in("s", name, [Incoming(name, (), "l", author, raw)], 0.0)
    return Submission(
        message_id=name, list="l", thread=name, subject="x", author=author, version=1,
        state="ready", reason="", due_at=0.0, created_at=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mails", "dns", "replaces"),
    [
        ((signed(), signed()), Dns(), True),
        ((signed(), MAIL), Dns(), False),
        ((MAIL, MAIL), Dns(), True),
        ((MAIL, signed()), Dns(), True),
        ((signed(), MAIL), Away(), False),  # nobody knows whether the old one is
        ((signed(), signed()), Away(), False),
        ((MAIL, MAIL), Away(), True),
    ],
)
def test_who_is_proved_no_less_takes_the_place(tmp_path, monkeypatch, mails, dns, replaces):
    monkeypatch.setattr(proving, "resolver", dns)
    store = Store(f"sqlite:///{tmp_path}/db")
    pair = [posted(store, name, raw) for name, raw in zip(("old", "new"), mails, strict=True)]
    assert proving.may_replace(load({}), store, *pair) == replaces


def test_a_signature_for_somebody_else_proves_nothing(tmp_path, monkeypatch):
    """Of a From that can be read in two ways, the signer's domain is that of one alone."""
    monkeypatch.setattr(proving, "resolver", Dns())
    store = Store(f"sqlite:///{tmp_path}/db")
    old = posted(store, "old", signed())
    raw = MAIL.replace(b"From: Ann Thor <Ann@example.org>", TRICK)
    new = posted(store, "new", signed(raw, domain="evil.example"))
    assert not proving.may_replace(load({}), store, old, new)
