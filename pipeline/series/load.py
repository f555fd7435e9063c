# SPDX-License-Identifier: GPL-2.0-or-later
"""SERIES arguments to a `Series`: the one front of this package. Effects: reads what is named."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import BinaryIO

from pipeline.model import Series
from pipeline.series.assemble import assemble
from pipeline.series.mail import parse
from pipeline.series.sources import Exporter, read


def load(
    arguments: Sequence[str],
    *,
    export: Exporter,
    version: int | None = None,
    stdin: BinaryIO | None = None,
) -> Series:
    """The series that ARGUMENTS name; EXPORT (`pipeline.trees.ranges`) reads git ranges.

    Raises InputError for whatever is wrong with them, in one sentence.
    """
    source = read(arguments, stdin=stdin or sys.stdin.buffer, export=export)
    mails = (parse(mail.raw, mail.origin) for mail in source.mails)
    return assemble(mails, source=shlex.join(arguments), version=version, parent=source.parent)
