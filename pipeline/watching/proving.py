# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a mail its sender's own, as far as these settings can tell? Reads the store, asks DNS."""

from __future__ import annotations

from pipeline.lists.dkim import proof, resolver
from pipeline.lists.vouched import Proof
from pipeline.settings import Settings
from pipeline.store import Store, Submission


def proved(settings: Settings, raw: bytes) -> Proof:
    """Who vouches for the sender of the mail RAW."""
    return proof(raw, settings.authserv, resolver if settings.check_dkim else None)


def may_replace(settings: Settings, store: Store, old: Submission, new: Submission) -> bool:
    """Whether NEW, by its sender a later version of OLD, is proved no less to be that author's.

    Anybody can write a name into From. Where an author's mails are vouched for, one that is
    not ends nothing of theirs; where they never are, From is all that there is.
    """
    if _is(settings, store, new).domain:
        return True
    before = _is(settings, store, old)
    return not before.domain and not before.open


def _is(settings: Settings, store: Store, submission: Submission) -> Proof:
    """Who vouches that SUBMISSION is its author's. A mail whose sender others read as somebody
    else is nobody's.
    """
    stored = store.mail(submission.message_id)
    found = proved(settings, stored.raw) if stored else Proof("")
    return found if found.address == submission.author else Proof(found.address)
