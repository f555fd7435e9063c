# SPDX-License-Identifier: GPL-2.0-or-later
"""Is what was assembled of a thread what was sent? What is refused never is wrong."""

from __future__ import annotations

from pipeline.model import InputError, Series
from pipeline.series import mbox
from pipeline.series.assemble import assemble
from pipeline.series.hunks import cut_diff
from pipeline.series.mail import parse
from pipeline.series.threads import Posted, postings_in
from tests.mail_threads import Sent, Thread, Truth, as_mbox


def read(thread: Thread) -> tuple[Series | None, tuple[Posted, ...], int]:
    """What is assembled of THREAD, all postings in it, and how many of its mails are refused."""
    parsed, refused = [], 0
    for n, lines in enumerate(mbox.split(as_mbox(thread.arrived).splitlines(keepends=True))):
        try:
            parsed.append(parse(b"".join(lines), f"mail {n}"))
        except InputError:
            refused += 1
    try:
        series = assemble(parsed, source="thread")
    except InputError:
        series = None
    return series, postings_in(parsed), refused


def wrong(thread: Thread, series: Series | None, posted: tuple[Posted, ...]) -> list[str]:
    """What of SERIES and POSTED is not as THREAD was sent; empty if nothing is."""
    complete = [p.series for p in posted if p.series]
    found = [_wrong(thread, one) for one in (*complete, *([series] if series else []))]
    found += [_missed(thread, posted)]
    return [what for what in found if what]


def _wrong(thread: Thread, series: Series) -> str:  # noqa: PLR0911 (each says what)
    sent: list[Sent] = []
    mails = [m for truth in thread.postings for m in truth.mails if m.n]
    for patch, raw in zip(series.patches, series.mails, strict=True):
        diff = cut_diff(b"".join(next(mbox.split(raw.splitlines(keepends=True)))))
        same = [m for m in mails if cut_diff(m.diff.encode()) == diff]
        lost = [
            m
            for m in mails
            if m.lost and f"<{patch.letter.message_id}>" == m.headers.get("Message-ID")
        ]
        if not same and not lost:
            own = [m for m in thread.answers if m.diff and cut_diff(m.diff.encode()) == diff]
            if any(m.lost for m in [*mails, *thread.answers]) or (own and len(series.patches) == 1):
                return ""
            return (
                f"patch {patch.n} {patch.letter.subject!r} is none that was sent: {diff[:3000]!r}"
            )
        sent += (lost or same)[:1] if not same else [
            next((m for m in same if f"<{patch.letter.message_id}>" == m.headers.get("Message-ID")), same[0])
        ]  # fmt: skip
    if len(sent) == 1 and sent[0].lost:
        return ""  # its number may be what was lost
    truths = {m.posting for m in sent}
    bases = {thread.postings[t].of if thread.postings[t].resend else t for t in truths}
    if len(bases) != 1:
        return f"patches of several postings were mixed: {sorted(truths)}"
    truth = thread.postings[bases.pop()]
    if truth.part and truth.total == 1:
        before = thread.postings[truth.of].mails
        if not all(m.whole for m in truth.mails) or not any(m.whole for m in before):
            return ""  # nobody can know that it was one of several
    if [m.n for m in sent] != list(range(1, truth.total + 1)) or truth.part:
        return f"of {truth.total} patches {[m.n for m in sent]} were taken"
    if series.version != truth.version and not any(m.lost for m in sent):
        return f"version {truth.version} was taken for {series.version}"
    return ""


def _missed(thread: Thread, posted: tuple[Posted, ...]) -> str:
    """The first posting that is whole and was not found."""
    whole = [
        t for t in thread.postings
        if not t.part and all(m.whole for m in t.mails) and not _unclear(t, thread)
    ]  # fmt: skip
    titles = {
        frozenset(p.letter.message_id for p in one.series.patches) for one in posted if one.series
    }
    for truth in whole:
        ids = {m.headers["Message-ID"].strip("<>") for m in truth.mails if m.n}
        if not any(len(ids & found) >= truth.total - 1 for found in titles):
            return f"a whole posting was not found: {truth.mails[0].headers['Subject']!r}"
    return ""


def _unclear(truth: Truth, thread: Thread) -> bool:
    """Whether another posting of the same author has the same version, or TRUTH may be taken for
    a part of one that is not whole: then much is refused.
    """
    others = [p for p in thread.postings if p is not truth and p.author == truth.author]
    return any(
        other.version == truth.version
        or (truth.total == 1 and not all(mail.whole for mail in other.mails))
        for other in others
    )
