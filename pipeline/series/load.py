# SPDX-License-Identifier: GPL-2.0-or-later
"""SERIES arguments to a `Series`: the one front of this package. Effects: reads what is named."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from pipeline.model import Series
from pipeline.series.assemble import assemble
from pipeline.series.mail import Mail, parse
from pipeline.series.sources import Exporter, Fetcher, no_archive, read


def load(
    arguments: Sequence[str],
    *,
    export: Exporter,
    fetch: Fetcher = no_archive,
    version: int | None = None,
    stdin: BinaryIO | None = None,
) -> Series:
    """The series that ARGUMENTS name; EXPORT (`pipeline.trees.ranges`) reads git ranges, FETCH
    (`pipeline.sources.archive`) threads. A Message-ID means the series that it is of.

    Raises InputError for whatever is wrong with them, in one sentence.
    """
    source = read(arguments, stdin=stdin or sys.stdin.buffer, export=export, fetch=fetch)
    mails = [parse(mail.raw, mail.origin) for mail in source.mails]
    message_id = source.message_id if version is None else ""
    if message_id:
        version = _version_of(message_id, mails)
    return assemble(
        mails,
        source=shlex.join(arguments),
        version=version,
        message_id=message_id,
        parent=source.parent,
    )


def _version_of(message_id: str, mails: Iterable[Mail]) -> int | None:
    """The version that the mail MESSAGE_ID is of, or answers; None if its subject tells none."""
    for mail in mails:
        subject = mail.subject
        marked = subject.is_patch or any(p.upper() == "RFC" for p in subject.prefixes)
        if mail.letter.message_id == message_id and (marked or not subject.version_inferred):
            return subject.version
    return None
